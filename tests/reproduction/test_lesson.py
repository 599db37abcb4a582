"""What a notebook shows and leaves: figures with captions and verdicts, tables, claims, the answer that is kept."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import IPython.display
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from rapo.claims.claim import Claim
from rapo.reproduction.lesson import Lesson

LONG = "a statement that goes on and on " * 10


def one(name: str, kind: str, figures: tuple[str, ...] = ()) -> Claim:
    return Claim(name, LONG, "a difference", 0.5, 0.2, 0.8, unit="of 10", kind=kind, figures=figures)


@pytest.fixture(autouse=True)
def defaults_stay() -> Iterator[None]:
    """A lesson sets defaults of pandas and matplotlib for its own kernel."""
    with plt.rc_context(), pd.option_context("display.max_columns", 0):
        yield
        pd.reset_option("^display")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Everything that is displayed."""
    found: list[Any] = []
    monkeypatch.setattr(IPython.display, "display", lambda thing, **_: found.append(thing))
    return found


def test_a_figure_is_saved_shown_and_told_with_its_verdicts(rapo_root: Path, shown: list[Any]) -> None:
    lesson = Lesson("quickstart", scale="smoke", config={"seed": 3})
    lesson.claims([one("RA-F2/gold", "paper's claim", ("RA-F2_a",)), one("RA-F2/other", "ours")])
    figure, ax = plt.subplots()
    lesson.figure(ax, "RA-F2_a", data=pd.DataFrame({"x": [1.5]}), alt="One point")
    folder = rapo_root / "build" / "smoke" / "figures"
    sidecar = json.loads((folder / "RA-F2_a.json").read_text())
    assert (sidecar["data"], sidecar["config"], sidecar["alt"]) == ({"x": [1.5]}, {"seed": 3}, "One point")
    assert shown[0] is figure
    assert shown[1].data.startswith("*One point.*")
    assert "**RA-F2/gold** holds: 0.50 of 10 [0.20, 0.80]. a statement" in shown[1].data
    assert "RA-F2/other" not in shown[1].data
    assert not plt.get_fignums(), "it would be drawn again at the end of the cell"


def test_a_figure_of_many_claims_tells_the_first_and_how_many_more_there_are(
    rapo_root: Path, shown: list[Any]
) -> None:
    lesson = Lesson("quickstart", scale="smoke")
    lesson.claims([one(f"RA-F2/{letter}", "ours", ("RA-F2_a",)) for letter in "abcdefgh"])
    lesson.figure(plt.figure(), "RA-F2_a", data=pd.DataFrame({"x": [1]}), alt="Nothing")
    assert shown[1].data.count("**RA-F2/") == 6
    assert shown[1].data.endswith("- and 2 more claims, at the end")


@pytest.mark.parametrize(
    ("n", "foot"), [(None, "n = 4 seeds"), ("9 models", "n = 9 models"), ("", "")], ids=["claim", "own", "none"]
)
def test_a_figure_tells_on_how_many_units_it_rests(
    rapo_root: Path, shown: list[Any], n: str | None, foot: str
) -> None:
    lesson = Lesson("quickstart", scale="smoke")
    lesson.claims([replace(one("RA-F2/gold", "ours"), n="4 seeds")])
    lesson.figure(figure := plt.figure(), "RA-F2_a", data=pd.DataFrame({"x": [1]}), alt="Nothing", n=n)
    assert figure.get_supxlabel() == foot


def test_words_are_shown_plain() -> None:
    page = Lesson.words(pd.DataFrame({"text": ["a\nb"], "gold": [5.0], "none": [float("nan")]})).to_html()
    assert all(f">{cell}</td>" in page for cell in ("a\nb", "5", ""))


def test_a_table_is_saved_and_handed_back(rapo_root: Path) -> None:
    frame = pd.DataFrame({"arm": ["UF"], "gold": [7.0]})
    assert Lesson("quickstart", scale="smoke").table(frame, "RA-F2_t") is frame
    assert (rapo_root / "build/smoke/figures/RA-F2_t.csv").read_text() == "arm,gold\nUF,7.0\n"


def test_verdicts_are_whole_and_the_papers_come_first(rapo_root: Path) -> None:
    lesson = Lesson("quickstart", scale="smoke")
    lesson.claims([one("RA-F2/a", "ours"), one("RA-F2/b", "paper's claim")])
    page = lesson.verdicts().to_html()
    assert page.count(LONG) == 2
    assert page.index("RA-F2/b") < page.index("RA-F2/a")
    saved = json.loads((rapo_root / "build/smoke/figures/claims/RA-F2.a.json").read_text())
    assert (saved["notebook"], saved["verdict"]) == ("quickstart", "holds")


def test_sizes_are_those_of_the_recipe_at_every_scale_that_it_has() -> None:
    sizes = Lesson("more_than_data", scale="smoke").sizes("architecture", "unlearning.seeds", "nothing")
    assert list(sizes.columns) == ["smoke", "small"], "there is no larger scale"
    assert sizes.loc["unlearning.seeds"].tolist() == ["2: 1, 2", "3: 1, 2, 3"]
    assert sizes.loc["nothing"].tolist() == ["", ""]


def test_the_answer_is_what_is_kept(repository: Path, shown: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPO_ROOT", str(repository))
    Lesson("alignment_potential", scale="smoke").answer()
    assert shown[0].data.startswith("**Which pairs are worth training on?** As kept with the project")
    assert "Does alignment potential select better pairs?" in shown[0].data
    assert [type(one).__name__ for one in shown] == ["Markdown", "Figure", "Markdown"]


def test_an_unknown_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="scale is 'tiny'"):
        Lesson("quickstart", scale="tiny")
