from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.relabelling import goals
from rapo.relabelling.goals import COMPACT, OVERALL, GoalTemplate

finite = st.floats(-1e4, 1e4)


def test_overall_ends_with_the_score_and_shows_the_scale():
    text = OVERALL.text(9.0)
    assert text.endswith("\nOverall score: 9.")
    assert "1-10" in text
    assert OVERALL.texts([9.0, 8.5, 10]).to_pylist() == [text, text[:-2] + "8.5.", text[:-2] + "10."]


def test_several_attributes_at_once_one_line_each():
    text = OVERALL.text({"instruction_following": 9, "truth": 7.25})
    assert text.endswith("\nInstruction following: 9.\nTruth: 7.25.")


def test_an_arrow_struct_gives_one_line_an_attribute():
    scores = pa.StructArray.from_arrays([pa.array([1.0, 2.0]), pa.array([3.0, 4.0])], names=["truth", "order"])
    assert COMPACT.texts(scores).to_pylist() == ["truth : 1 . order : 3 .", "truth : 2 . order : 4 ."]


def test_the_best_is_the_top_of_the_scale():
    assert OVERALL.text() == OVERALL.text(10)
    assert COMPACT.best(["truth"]) == "truth : 10 ."
    assert GoalTemplate("five", "{goals} of {high}", high=5).text() == "Overall score: 5. of 5"


def test_an_own_wording_with_literal_braces():
    own = GoalTemplate("own", "Aim {{high}}: {goals} ({low} to {high})", line="<{goal}>", low=0.5, high=2)
    assert own.text(1.5) == "Aim {high}: <1.5> (0.5 to 2)"


@pytest.mark.parametrize(
    ("wording", "line"),
    [
        ("no place", "{goal}"),
        ("{goals} {goals}", "{goal}"),
        ("{goals} {what}", "{goal}"),
        ("{goals}", "{attribute}"),
    ],
)
def test_a_wrong_placeholder_is_named(wording: str, line: str):
    with pytest.raises(ValueError, match="must hold"):
        GoalTemplate("own", wording, line=line)


def test_an_unbalanced_brace_is_told():
    with pytest.raises(ValueError, match="unbalanced braces"):
        GoalTemplate("own", "{goals} {")


def test_an_empty_scale_is_refused():
    with pytest.raises(ValueError, match="low must be below high"):
        GoalTemplate("own", "{goals}", low=3, high=3)


def test_templates_by_name_wording_and_file(tmp_path: Path):
    file = tmp_path / "short.txt"
    file.write_text("Score: {goals}\n", encoding="utf-8")
    assert goals.template("compact") is COMPACT
    assert goals.template(str(file)).wording == "Score: {goals}"
    assert goals.template("aim at {goals}").text(3) == "aim at Overall score: 3."
    with pytest.raises(ValueError, match="use overall, compact, a text file"):
        goals.template("nope")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_goal_that_is_no_number_is_refused(value: float):
    with pytest.raises(ValueError, match="'Overall score' has"):
        OVERALL.texts([1.0, value])


@given(finite)
def test_integers_print_without_decimals_and_others_with_two_at_most(value: float):
    shown = OVERALL.show(value)
    assert float(shown) == pytest.approx(value, abs=0.005 + 1e-9)
    assert not shown.endswith(".0")
    assert "." not in shown or len(shown.split(".")[1]) <= 2
    assert OVERALL.show(float(round(value))) == str(round(value))


@given(st.lists(finite, min_size=1, max_size=20))
def test_texts_of_many_are_the_texts_of_each(values: list[float]):
    assert OVERALL.texts(values).to_pylist() == [OVERALL.text(value) for value in values]


@given(st.lists(finite, min_size=1, max_size=30), st.integers(2, 12))
def test_quantile_goals_are_monotone_and_within_the_scale(values: list[float], levels: int):
    x = np.array(values)
    got = goals.quantile_goals(x, levels=levels)
    assert got.min() >= 1
    assert got.max() <= 10 + 1e-9
    order = np.argsort(x)
    assert (np.diff(got[order]) >= 0).all()
    assert (np.diff(got[order])[np.diff(x[order]) == 0] == 0).all()


def test_quantile_goals_by_hand():
    # pooled 0..9: deciles at 0.9, 1.8, ..., 8.1, so value i falls into class i and gets goal i + 1
    assert goals.quantile_goals(np.arange(10.0)).tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    # edges of another data set: 0.5 lies below 1, and a value on an edge belongs to the upper class
    assert goals.quantile_goals(np.array([0.5, 1.0, 2.5]), edges=np.array([1.0, 2.0])).tolist() == [1, 5.5, 10]


@pytest.mark.parametrize(("values", "levels"), [([], 10), ([np.nan], 10), ([1.0], 1)])
def test_quantiles_of_nothing_are_refused(values: list[float], levels: int):
    with pytest.raises(ValueError, match=r"quantiles need|levels is 1"):
        goals.quantile_edges(np.array(values), levels=levels)
