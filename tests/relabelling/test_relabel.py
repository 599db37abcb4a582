import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scored_pairs import many, pair, reward, table, turn

from rapo.pairs import files, writing
from rapo.pairs.check import check
from rapo.pairs.door import open_pairs
from rapo.relabelling.goals import COMPACT, OVERALL
from rapo.relabelling.relabel import Scheme, Tally, relabel, relabel_file

words = st.text(st.characters(blacklist_categories=["Cs"]), max_size=6).map(lambda tail: "x" + tail)

whole_scores = st.integers(2, 20).map(lambda value: value / 2)


@st.composite
def pair_rows(draw: st.DrawFn) -> dict[str, Any]:
    talk = [
        turn("user" if i % 2 == 0 else "assistant", draw(words)) for i in range(2 * draw(st.integers(0, 2)) + 1)
    ]
    if draw(st.booleans()):
        talk.insert(0, turn("system", draw(words)))
    low, high = sorted([draw(whole_scores), draw(whole_scores)])
    responses = {side: [turn("assistant", draw(words))] for side in ("chosen", "rejected")}
    return pair(prompt=talk, **responses, score_chosen=high, score_rejected=low)


def expected(row: dict[str, Any], placement: str, side: str) -> dict[str, Any]:
    """One row by plain Python."""
    goal, prompt = row[f"score_{side}"], [dict(message) for message in row["prompt"]]
    texts = [OVERALL.text(goal)]
    if prompt[0]["role"] == "system":
        texts.append(prompt.pop(0)["content"])
    if placement == "system":
        prompt = [turn("system", "\n\n".join(texts)), *prompt]
    else:
        prompt[0]["content"] = "\n\n".join([*texts, prompt[0]["content"]])
    other = "rejected" if side == "chosen" else "chosen"
    return {
        "prompt": prompt,
        "chosen": row[side],
        "rejected": row[other],
        "goal": goal,
        "goal_source": side,
        "score_chosen": goal,
        "score_rejected": row[f"score_{other}"],
    }


@given(st.lists(pair_rows(), min_size=1, max_size=6), st.sampled_from(["system", "prefix"]))
def test_columns_give_what_row_by_row_python_gives(rows: list[dict[str, Any]], placement: str):
    got = relabel(table(*rows), placement=placement).drop_columns(["pair_id"]).to_pylist()
    told = [row for row in rows if row["score_chosen"] != row["score_rejected"]]
    assert got == [expected(row, placement, side) for side in ("chosen", "rejected") for row in told]


@given(st.lists(pair_rows(), min_size=1, max_size=6), st.sampled_from(["system", "prefix"]))
def test_relabelling_never_edits_a_response_and_prefers_what_the_goal_asks_for(rows: list[Any], placement: str):
    got = relabel(table(*rows), placement=placement).to_pylist()
    sides = {row["goal_source"]: [] for row in got}
    for row in got:
        assert reward(row["goal"], row["score_chosen"]) > reward(row["goal"], row["score_rejected"])
        source = rows[int(row["pair_id"].removeprefix("row-")) - 1]
        ours, theirs = ("chosen", "rejected") if row["goal_source"] == "chosen" else ("rejected", "chosen")
        assert (row["chosen"], row["rejected"]) == (source[ours], source[theirs])
        sides[row["goal_source"]].append(row["pair_id"])
    assert len({tuple(ids) for ids in sides.values()}) <= 1


@given(st.lists(pair_rows(), min_size=1, max_size=6), st.randoms())
def test_shuffling_the_pairs_shuffles_the_rows(rows: list[dict[str, Any]], random: Any):
    order = list(range(len(rows)))
    random.shuffle(order)
    named = [{**row, "pair_id": str(i)} for i, row in enumerate(rows)]
    a = relabel(table(*named), half=True).to_pylist()
    b = relabel(table(*[named[i] for i in order]), half=True).to_pylist()
    key = lambda row: (row["pair_id"], row["goal_source"])  # noqa: E731
    assert sorted(a, key=key) == sorted(b, key=key)


def test_both_rows_share_the_responses_buffers_with_the_input():
    checked = check(table(*many(10)))
    made = relabel(checked)

    def address(table: pa.Table, column: str, chunk: int) -> int:
        return table[column].chunk(chunk).values.field("content").buffers()[2].address

    for side, other in (("chosen", "rejected"), ("rejected", "chosen")):
        assert address(made, side, 0) == address(checked, side, 0)
        assert address(made, side, 1) == address(checked, other, 0)


def test_the_input_is_left_as_it_was():
    rows = table(*many(3))
    before = rows.to_pylist()
    relabel(rows, half=True)
    assert rows.to_pylist() == before


def test_goals_outside_the_shown_scale_are_told(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        relabel(table(pair(score_chosen=11.0), pair()))
    assert "1 of 4 rows have a goal outside the scale 1-10" in caplog.text


def test_scores_in_the_lower_half_of_the_shown_scale_are_told(caplog: pytest.LogCaptureFixture):
    likert = table(pair(score_chosen=5.0, score_rejected=2.0))
    with caplog.at_level(logging.WARNING):
        relabel(likert)
        assert "no score is above 5, but the goal's text says that the scale is 1 to 10" in caplog.text
        caplog.clear()
        relabel(likert, template=replace(OVERALL, high=5.0))
        relabel(table(pair(score_chosen=6.0)))
        relabel(likert, template=COMPACT)  # shows no scale
    assert not caplog.text


def test_a_path_is_no_table():
    with pytest.raises(TypeError, match=r"takes an Arrow table, not a str; .*rapo\.read_pairs\('pairs\.jsonl'\)"):
        relabel("pairs.jsonl")


dropping = partial(open_pairs, bad="drop")


def key(row: dict[str, Any]) -> tuple[str, str]:
    return row["pair_id"], row["goal_source"]


@pytest.mark.parametrize("source", ["in.jsonl", "in.jsonl.gz", "in.parquet", "in"])
@pytest.mark.parametrize("batch_rows", [3, 100])
@pytest.mark.parametrize("half", [False, True])
def test_a_file_gives_the_same_rows_as_a_table(source: str, batch_rows: int, half: bool, tmp_path: Path):
    rows = table(*many(8), *many(2, score_chosen=2.0))
    writing.write(check(rows), tmp_path / source)
    tally = relabel_file(
        tmp_path / source, tmp_path / "out.parquet", Scheme(half=half, seed=3), batch_rows=batch_rows
    )
    got, whole = files.read(tmp_path / "out.parquet"), relabel(rows, half=half, seed=3)
    assert got.schema == whole.schema
    assert sorted(got.to_pylist(), key=key) == sorted(whole.to_pylist(), key=key)
    assert tally == Tally(pairs=10, ties=2, rows=8 if half else 16)


def test_implicit_goals_of_a_file_are_cut_over_the_whole_file(tmp_path: Path):
    drawn = np.random.default_rng(0).normal(size=(20, 2)).tolist()
    rows = [
        {**row, "implicit_chosen": c, "implicit_rejected": r} for row, (c, r) in zip(many(20), drawn, strict=True)
    ]
    writing.write(table(*rows), tmp_path / "in.jsonl")
    relabel_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl", Scheme(goal="implicit", half=True), batch_rows=3)
    whole = relabel(table(*rows), goal="implicit", half=True)
    assert sorted(files.read(tmp_path / "out.jsonl").to_pylist(), key=key) == sorted(whole.to_pylist(), key=key)


@pytest.mark.parametrize("half", [False, True])
def test_pairs_without_implicit_rewards_are_left_out_where_bad_rows_are(tmp_path: Path, half: bool):
    rewards = [(1.0, 0.5), (None, 0.1), (3.0, -1.0), (2.0, float("nan")), (None, None), (0.2, -2.0)]
    rows = [
        {**row, "implicit_chosen": c, "implicit_rejected": r} for row, (c, r) in zip(many(6), rewards, strict=True)
    ]
    source, target, scheme = tmp_path / "in.parquet", tmp_path / "out.parquet", Scheme(goal="implicit", half=half)
    writing.write(table(*rows), source)
    with pytest.raises(ValueError, match="pair row-2, column implicit_chosen: None is no finite number"):
        relabel_file(dropping(source), target, scheme, batch_rows=2)
    tally = relabel_file(dropping(source), target, scheme, batch_rows=2, bad="drop")
    assert tally.pairs == 3
    kept = relabel(table(*(rows[i] | {"pair_id": f"row-{i + 1}"} for i in (0, 2, 5))), goal="implicit", half=half)
    assert sorted(files.read(target).to_pylist(), key=key) == sorted(kept.to_pylist(), key=key)
    writing.write(table(*rows[1:2], *rows[3:5]), tmp_path / "none.parquet")
    with pytest.raises(ValueError, match="no pair has both implicit rewards"):
        relabel_file(dropping(tmp_path / "none.parquet"), tmp_path / "b.parquet", scheme, bad="drop")


def test_a_bad_row_in_a_file_is_named_and_nothing_is_written(tmp_path: Path):
    writing.write(table(*many(5), pair(score_chosen=None)), tmp_path / "in.parquet")
    with pytest.raises(ValueError, match=r"in\.parquet: column score_chosen: .* in row 6 \(no value\)"):
        relabel_file(tmp_path / "in.parquet", tmp_path / "out.parquet", batch_rows=2)
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]
    tally = relabel_file(dropping(tmp_path / "in.parquet"), tmp_path / "out.parquet", batch_rows=2)
    assert tally.pairs == 5


def test_ids_count_the_rows_of_the_file_even_where_rows_are_dropped(tmp_path: Path):
    writing.write(table(pair(score_chosen=None), *many(2)), tmp_path / "in.parquet")
    relabel_file(dropping(tmp_path / "in.parquet"), tmp_path / "out.parquet", batch_rows=2)
    assert set(files.read(tmp_path / "out.parquet")["pair_id"].to_pylist()) == {"row-2", "row-3"}


def test_columns_are_mapped_on_the_way(tmp_path: Path):
    row = {"q": "2 + 2 ?", "a": "4", "b": "5", "rm": [9.0, 2.0]}
    writing.write(table(row), tmp_path / "in.jsonl")
    columns = {
        "prompt": "q", "chosen": "a", "rejected": "b", "score_chosen": "max(rm)", "score_rejected": "min(rm)"
    }  # fmt: skip
    relabel_file(open_pairs(tmp_path / "in.jsonl", columns=columns), tmp_path / "out.parquet")
    got = files.read(tmp_path / "out.parquet").drop_columns(["rm"])
    assert got.to_pylist() == relabel(table(pair())).to_pylist()


def test_the_input_is_never_the_output(tmp_path: Path):
    writing.write(table(pair()), tmp_path / "in.jsonl")
    with pytest.raises(ValueError, match="is the input itself"):
        relabel_file(tmp_path / "in.jsonl", tmp_path / "in.jsonl")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.lists(pair_rows(), min_size=1, max_size=6), st.sampled_from(["system", "prefix"]))
def test_a_file_of_json_lines_keeps_every_text(tmp_path: Path, rows: list[dict[str, Any]], placement: str):
    writing.write(check(table(*rows)), tmp_path / "in.jsonl", overwrite=True)
    scheme, whole = Scheme(placement=placement), relabel(table(*rows), placement=placement)
    if not len(whole):
        with pytest.raises(ValueError, match="every pair is a tie; keep them with --ties keep"):
            relabel_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl", scheme, overwrite=True)
        return
    relabel_file(
        tmp_path / "in.jsonl", tmp_path / "out.jsonl", scheme, batch_rows=2, check_scale=False, overwrite=True
    )
    assert sorted(files.read(tmp_path / "out.jsonl").to_pylist(), key=key) == sorted(whole.to_pylist(), key=key)


@pytest.mark.parametrize("scheme", [Scheme(), Scheme(half=True), Scheme(goal="implicit")])
def test_a_file_is_checked_once_and_what_was_dropped_is_told_once(
    scheme: Scheme, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    implicit = {"implicit_chosen": 1.0, "implicit_rejected": -1.0}
    writing.write(table(*many(4, **implicit), pair(score_chosen=None, **implicit)), tmp_path / "in.jsonl")
    with caplog.at_level(logging.WARNING):
        relabel_file(dropping(tmp_path / "in.jsonl"), tmp_path / "out" / "rows.jsonl", scheme)
    assert caplog.text.count("dropped 1 row") == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["rows.jsonl"]
