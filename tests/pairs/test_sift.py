"""One bad row and its column: where bad rows are left out, the others stay."""

import pyarrow as pa
import pytest
from scored_pairs import pair, turn

from rapo.pairs.door import open_pairs
from rapo.pairs.sift import sifted


@pytest.mark.parametrize(
    ("text", "number"),
    [("9", 9.0), (" 7.5 ", 7.5), ("-1e3", -1000.0), ("9/10", None), ("N/A", None), ("", None), (None, None)],
)
def test_scores_that_are_text_become_numbers_or_missing(text: str | None, number: float | None) -> None:
    found, told = sifted(pa.table({"score_chosen": pa.array([text, "1"])}))
    assert found["score_chosen"].to_pylist() == [number, 1.0]
    assert told == ["column score_chosen: holds text: it is read as numbers, and what is none is left out"]


def test_turns_with_a_further_field_are_missing_and_no_others() -> None:
    named = [turn("user", "q"), {**turn("assistant", "a"), "name": "bob"}]
    found, told = sifted(pa.table({"prompt": [[turn("user", "x")], named, [turn("user", "y")], []]}))
    assert found["prompt"].to_pylist() == [[turn("user", "x")], [], [turn("user", "y")], []]
    assert told == ["column prompt: rows whose turns have a further field (name) are left out"]


def test_what_the_schema_takes_stays_as_it_is() -> None:
    table = pa.Table.from_pylist([pair()])
    assert sifted(table) == (table, [])


def test_the_good_rows_are_read_where_bad_ones_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    rows = [pair(score_chosen="9"), pair(score_chosen="9/10"), pair(score_chosen="8")]
    rows[2]["chosen"] = [{**turn("assistant", "a"), "name": "bob"}]
    with pytest.raises(ValueError, match="holds text, not numbers"):
        open_pairs(rows).read()
    pairs = open_pairs(rows, bad="drop")
    assert pairs.read()["score_chosen"].to_pylist() == [9.0]
    assert pairs.counts.dropped == 2
    assert "column score_chosen: holds text" in caplog.text
