"""How studies make claims: a register in words joined with what was measured, sizes, and claims without a value."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rapo import config
from rapo.claims.claim import KINDS
from rapo.stats.intervals import Interval
from rapo.studies.common import claims as common
from rapo.studies.common.claims import Found, defined, join, register, resting, size

FOUND = Interval(0.5, 0.2, 0.8, n=9, level=0.9)
ZERO = Interval(0.0, 0.0, 0.0, n=2)
REGISTER = """
RA-X: &one
  kind: paper's claim
  statement: RA beats {rival}
  statistic: gold at {recipe[share]:.0%}
  unit: of 10
  paper: "yes"
  figures: [a]
RA-X/{each}:
  <<: *one
  each: {M+: {direction: less, words: {rival: UF}}, b c: {}}
  when: {arms: "{each}"}
  kind: stricter control
  could_fail: false
  statistic: gold of {each}
  threshold: "{limit}"
  premises: {the base is aligned: "{aligned}", on-policy: not met}
"""
RECIPE = {"share": 0.4, "arms": ["M+"]}


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with one study, "x", whose register may be rewritten."""
    file = tmp_path / "studies" / "x" / "claims.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(REGISTER, encoding="utf-8")
    monkeypatch.setattr(common.resources, "files", {"rapo": tmp_path}.__getitem__)
    return file


def test_words_and_numbers_are_joined(registered: Path) -> None:
    found = {"RA-X/M+": FOUND, "RA-X": Found(ZERO, {"rival": "SFT", "n": "2 seeds"}, {"each": [0, 0]})}
    one, other = join("x", found, RECIPE, n="9 seeds", words={"rival": "nobody", "limit": 1.5, "aligned": "met"})
    assert (one.id, one.statement, one.statistic) == ("RA-X", "RA beats SFT", "gold at 40%")
    assert (one.estimate, one.low, one.high, one.level, one.n) == (0, 0, 0, 0.95, "2 seeds")
    assert (one.kind, one.could_fail, one.figures, one.data) == ("paper's claim", True, ("a",), {"each": [0, 0]})
    assert one.note == "Nothing varies in these data."
    assert (other.id, other.statement, other.statistic) == ("RA-X/M-plus", "RA beats UF", "gold of M+")
    assert (other.low, other.high, other.level, other.n, other.note) == (0.2, 0.8, 0.9, "9 seeds", "")
    assert (other.kind, other.could_fail, other.direction, other.threshold) == (
        "stricter control",
        False,
        "less",
        1.5,
    )
    assert other.premises == (
        {"premise": "the base is aligned", "met": "met"},
        {"premise": "on-policy", "met": "not met"},
    )
    assert other.verdict == "holds"


def test_what_the_recipe_has_must_be_measured_and_what_it_lacks_may_be(registered: Path) -> None:
    words = {"rival": "SFT", "limit": 0, "aligned": "met"}
    with pytest.raises(
        ValueError, match=r"x/claims.yaml registers what was not measured: RA-X/M-plus; measure it"
    ):
        join("x", {"RA-X": FOUND}, RECIPE, words=words)
    with pytest.raises(ValueError, match="not measured: RA-X, RA-X/b-c"):
        join("x", {}, {"arms": ["b c"]}, words=words)
    assert [claim.id for claim in join("x", {"RA-X": FOUND}, {**RECIPE, "arms": {}}, words=words)] == ["RA-X"]
    assert len(join("x", {"RA-X": FOUND, "RA-X/b c": FOUND}, {"share": 1, "arms": "b"}, words=words)) == 2


def test_what_is_measured_must_be_registered(registered: Path) -> None:
    with pytest.raises(
        ValueError, match=r"measured but not registered: RA-Y; add them to rapo/studies/x/claims.yaml"
    ):
        join("x", {"RA-X": FOUND, "RA-Y": FOUND}, RECIPE)


def test_a_word_that_nobody_gives_is_named(registered: Path) -> None:
    with pytest.raises(ValueError, match=r"RA-X leaves 'rival' open, which claims.py does not give"):
        join("x", {"RA-X": FOUND}, {**RECIPE, "arms": []})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("unit", "units", r"RA-X has unknown fields \['units'\]"),
        ("  kind: paper's claim\n", "", r"RA-X lacks \['kind'\]"),
        ("paper's claim", "theirs", "kind is 'theirs'"),
    ],
)
def test_a_faulty_register_is_told(registered: Path, old: str, new: str, message: str) -> None:
    registered.write_text(REGISTER.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        join("x", {"RA-X": FOUND, "RA-X/M+": FOUND}, RECIPE, words={"rival": "SFT", "limit": 0, "aligned": "met"})


@pytest.mark.parametrize(
    ("when", "recipe", "made"),
    [
        ("{rounds: 2}", {"rounds": 2}, True),
        ("{rounds: 2}", {"rounds": 1}, False),
        ("{rounds: 2}", {}, False),
        ("{a: {b: 0}}", {"a": {"b": [1, 0]}}, True),
        ("{a: {b: 0}}", {"a": {"b": [1]}}, False),
        ("{a: {axis: x, level: y}}", {"a": [{"axis": "x", "level": "z"}, {"axis": "x", "level": "y"}]}, True),
        ("{a: {axis: x, level: y}}", {"a": [{"axis": "x", "level": "z"}]}, False),
    ],
)
def test_settings_decide_which_claims_are_made(registered: Path, when: str, recipe: dict, made: bool) -> None:
    registered.write_text(f"RA-X: {{kind: ours, statement: s, statistic: t, when: {when}}}", encoding="utf-8")
    if made:
        with pytest.raises(ValueError, match="not measured: RA-X"):
            join("x", {}, recipe)
    else:
        assert join("x", {}, recipe) == []


@pytest.mark.parametrize(
    "study", sorted(file.parent.name for file in Path(common.__file__).parents[1].glob("*/claims.py"))
)
def test_every_register_can_be_read(study: str) -> None:
    if study == "common":
        return
    entries = register(study)
    assert entries
    assert {entry["kind"] for entry in entries.values()} <= set(KINDS)
    raw = config.load_yaml(Path(common.__file__).parents[1] / study / "claims.yaml")
    assert len(entries) == sum(len(entry.get("each", [0])) for entry in raw.values()), "no id is registered twice"


def test_statistics_may_rest_on_something_of_their_own() -> None:
    assert resting("3 models", {"RA-X": FOUND}) == {"RA-X": Found(FOUND, {"n": "3 models"})}


def test_sizes_count_units() -> None:
    frame = pd.DataFrame({"architecture": "llama", "seed": [1, 2], "prompt": ["a", "a"]})
    assert size(frame, ("architecture", "seed", "prompt")) == "1 architecture x 2 seeds x 1 prompt"


def test_claims_without_a_value_are_left_out_and_named(registered: Path, caplog: pytest.LogCaptureFixture) -> None:
    registered.write_text("a: &a {kind: ours, statement: s, statistic: agreement}\nb: *a", encoding="utf-8")
    made = join("x", {"a": Interval(np.nan, np.nan, np.nan, n=0), "b": FOUND}, {})
    with caplog.at_level(logging.WARNING):
        assert [one.id for one in defined(made)] == ["b"]
    assert "claim a is left out: agreement" in caplog.text


def test_an_entry_says_what_the_untrained_base_does(registered: Path) -> None:
    words = {"rival": "UF", "limit": 0.3, "aligned": ""}
    above, around = Interval(1.0, 0.5, 1.5, n=9), Interval(0.2, -0.1, 0.5, n=9)
    bases = (above, around, None)
    made = [
        join("x", {"RA-X": Found(FOUND, base=base)}, {"share": 1, "arms": []}, words=words)[0] for base in bases
    ]
    assert [one.base_meets_it for one in made] == [True, False, None]
    assert made[0].data["base"]["low"] == 0.5
    # Less than 0.3 is claimed: the base, all of it above, does not meet that, whatever the trained model does.
    (_, less) = join("x", {"RA-X": FOUND, "RA-X/M+": Found(FOUND, base=above)}, RECIPE, words=words)
    assert less.base_meets_it is False
    assert less.premises == ({"premise": "on-policy", "met": "not met"},), "what nobody measured is left out"


def test_in_several_worlds_the_hardest_speaks(registered: Path) -> None:
    far, near = Interval(2.0, 1.0, 3.0, n=9), Interval(0.5, 0.1, 0.9, n=9)
    open_, back = Interval(1.0, -0.5, 2.5, n=9), Interval(-0.4, -0.6, -0.2, n=9)
    equal = Interval(0.0, -0.2, 0.2, n=9)  # of 10: within the margin of gold

    def hardest(**found: Interval) -> tuple[Interval, str]:
        one = common.everywhere("x", "RA-X", {world: Found(each, base=each) for world, each in found.items()})
        assert one.base == one.interval
        assert set(one.data) == set(found)
        return one.interval, one.words["where"]

    assert hardest(a=far, b=near) == (near, "holds in both")
    assert hardest(a=far, b=open_) == (open_, "holds in a")
    assert hardest(a=back, b=open_) == (back, "holds in neither"), (
        "behind for certain, though the other reaches lower"
    )
    assert hardest(a=equal, b=far) == (equal, "holds in b")
    without = common.everywhere("x", "RA-X", {"a": Found(far, base=near), "b": Found(near)})
    assert without.base is None
