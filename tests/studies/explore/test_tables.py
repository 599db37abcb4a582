"""What the sliders show is what the studies count."""

from math import erf, sqrt
from pathlib import Path

import pytest

from rapo.studies.alignment_potential import tables as study
from rapo.studies.explore import tables


@pytest.fixture(autouse=True)
def at_home(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPO_ROOT", str(repository))


def test_right_labels_are_those_of_the_study() -> None:
    found = tables.right_labels(tables.selected(1.0, 0.4))
    counted = study.agreement(tables.pairs(), shares=[0.4]).set_index("metric")["estimate"]
    for metric in ("MAP", "M+", "small Mpi"):
        assert found[metric] == pytest.approx(counted[metric])


def test_at_weight_0_it_is_the_explicit_margin_and_a_share_is_a_share() -> None:
    chosen = tables.selected(0.0, 0.2)
    assert (chosen["MAP"] == chosen["M+"]).all()
    assert chosen["MAP"].mean() == pytest.approx(0.2)


def test_without_noise_every_label_is_right_and_with_much_it_is_a_coin() -> None:
    assert tables.labels(0)["wrong"].sum() == 0
    coin = tables.labels(1000).sum()
    assert coin["right"] == pytest.approx(coin["wrong"], rel=0.01)


def test_a_judge_of_a_kappa_agrees_that_far() -> None:
    spread = tables.noise_of(0.4)
    sizes = tables.pairs()["gold"].abs()
    agreed = [(1 + erf(size / spread / sqrt(2))) / 2 for size in sizes[sizes > 0]]
    assert sum(agreed) / len(agreed) == pytest.approx(0.7)  # (1 + 0.4) / 2


def test_goals_and_noises_are_those_that_were_measured() -> None:
    assert set(tables.goal_answers()["arm"]) == {"base", "RA"}
    assert set(tables.noise_arms()["arm"]) >= {"UF", "UF, g=10", "RA"}
