"""Rows as trainers take them; long rows are told by name."""

import logging
from typing import Any

import pytest
import tiny

from rapo.scoring.tokens import PAIR
from rapo.training.rows import joined_pairs, keep, prepare
from rapo.training.settings import Settings


def pair(prompt: str, chosen: str, rejected: str, **more: Any) -> dict[str, Any]:
    said = {
        side: [{"role": "assistant", "content": text}] for side, text in zip(PAIR, (chosen, rejected), strict=True)
    }
    return {"prompt": [{"role": "user", "content": prompt}], **said, **more}


# Lengths: 2 + max(1, 2) = 4, 2 + max(3, 1) = 5, 1 + max(1, 1) = 2; tokens 2 * 2 + 1 + 2 = 7, 8, 2 * 1 + 1 + 1 = 4.
IDS = {
    "prompt_ids": [[7, 7], [7, 7], [7]],
    "chosen_ids": [[8], [8, 8, 8], [8]],
    "rejected_ids": [[9, 9], [9], [9]],
}
ROWS = [pair("a", "b", "c"), pair("a", "b", "c", pair_id="second"), pair("a", "b", "c", prompt_id="third")]


def test_short_rows_are_kept_and_counted() -> None:
    kept = keep(IDS, ROWS, Settings(max_length=5))
    assert (kept.places, kept.lengths, kept.tokens, kept.dropped) == ([0, 1, 2], [4, 5, 2], 7 + 8 + 4, [])
    assert kept.ids == IDS


def test_long_rows_are_an_error_that_names_them() -> None:
    with pytest.raises(ValueError, match=r"2 of 3 rows are longer than max_length=3 tokens: \[0, 'second'\]"):
        keep(IDS, ROWS, Settings(max_length=3))


def test_long_rows_can_be_dropped_and_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        kept = keep(IDS, ROWS, Settings(max_length=4, long_rows="drop"))
    assert (kept.places, kept.lengths, kept.tokens, kept.dropped) == ([0, 2], [4, 2], 7 + 4, ["second"])
    assert kept.ids["chosen_ids"] == [[8], [8]]
    assert "second" in caplog.text


@pytest.mark.parametrize("ids", [IDS, {name: [] for name in IDS}])
def test_nothing_to_train_on(ids: dict[str, list[list[int]]]) -> None:
    rows = ROWS[: len(ids["prompt_ids"])]
    with pytest.raises(ValueError, match="no rows to train on"):
        keep(ids, rows, Settings(max_length=1, long_rows="drop"))


def test_rows_are_tokenised_and_kept() -> None:
    rows = [pair("w1", "w2 w3", "w4"), pair("w1", "w2 " * 9, "w4")]
    kept = prepare(tiny.TOKENIZER, rows, Settings(max_length=8, long_rows="drop"))
    # <user> w1 <end> <assistant>, then w2 w3 <end>; w0 has id 5
    assert kept.ids == {"prompt_ids": [[3, 6, 1, 4]], "chosen_ids": [[7, 8, 1]], "rejected_ids": [[9, 1]]}
    assert kept.dropped == [1]


def test_prompt_and_response_in_one() -> None:
    columns = joined_pairs({"prompt_ids": [[1], [2, 2]], "chosen_ids": [[3], [4]], "rejected_ids": [[5], [6, 6]]})
    assert columns["chosen_input_ids"] == [[1, 3], [2, 2, 4]]
    assert columns["rejected_labels"] == [[-100, 5], [-100, -100, 6, 6]]
    assert columns["rejected_attention_mask"] == [[1, 1], [1, 1, 1, 1]]
    assert columns["prompt_attention_mask"] == [[1], [1, 1]]
