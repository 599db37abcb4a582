"""Every slider of the notebook draws at every value, and its titles say the numbers."""

from pathlib import Path

import pytest

from rapo.studies.explore import plots, tables


@pytest.fixture(autouse=True)
def at_home(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPO_ROOT", str(repository))


def titles(figure: object) -> list[str]:
    return [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes]  # type: ignore[attr-defined]


def test_the_goal_asked_for_is_marked_and_told() -> None:
    answers = tables.goal_answers()
    at = answers[(answers["goal"] == 3) & (answers["arm"] == "RA")]["gold"].mean()
    assert f"RA {at:.2f}" in titles(plots.goal(3))[0]


def test_the_share_of_right_labels_is_told() -> None:
    assert titles(plots.noise(0))[0].endswith("100% of labels are right")


def test_how_many_pairs_are_taken_is_told() -> None:
    n = len(tables.pairs())
    assert titles(plots.selection(1.0, 1.0)) == [
        f"M_AP takes {n:,} of {n:,} pairs (green)",
        "M_AP less M_+: +0.0 points of right labels",
    ]


def test_kappa_is_the_slope_of_what_is_seen() -> None:
    figure = plots.kappa(0.5)
    seen = figure.axes[1].lines[1].get_xydata()
    assert seen.tolist() == [[0, 25], [50, 50], [100, 75]]
    assert titles(figure)[1] == "60 % is seen as 55 %: 4 times the judgements"
