"""Token ids as TRL makes them; long rows are told by name."""

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.models import tiny
from rapo.training.rows import PAIR, keep, tokenise
from rapo.training.settings import Settings

WORDS = ["a", "b", "c", "d"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)


def pair(prompt: str, chosen: str, rejected: str, **more: Any) -> dict[str, Any]:
    said = {
        side: [{"role": "assistant", "content": text}] for side, text in zip(PAIR, (chosen, rejected), strict=True)
    }
    return {"prompt": [{"role": "user", "content": prompt}], **said, **more}


@given(
    st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=4), st.sampled_from(list(tiny.CHAT_TEMPLATES))
)
def test_ids_are_what_the_texts_say(texts: list[tuple[str, str, str]], template: str) -> None:
    tokenizer = tiny.build_tokenizer(WORDS, chat_template=tiny.CHAT_TEMPLATES[template])
    ids = tokenise(tokenizer, [pair(*row) for row in texts], sides=PAIR)
    for i, (prompt, chosen, rejected) in enumerate(texts):
        assert tokenizer.decode(ids["prompt_ids"][i]) == f"<user> {prompt} <end> <assistant>"
        assert tokenizer.decode(ids["chosen_ids"][i]) == f"{chosen} <end>"
        assert tokenizer.decode(ids["rejected_ids"][i]) == f"{rejected} <end>"


def test_a_prompt_that_is_rendered_otherwise_with_an_answer_ends_where_they_part(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # With a generation prompt "<system>" is appended, which the whole does not have in that place.
    template = tiny.CHAT_TEMPLATES["system"].replace("{{ '<assistant>' }}", "{{ '<system>' }}")
    tokenizer = tiny.build_tokenizer(WORDS, chat_template=template)
    with caplog.at_level(logging.WARNING):
        ids = tokenise(tokenizer, [pair("a", "b", "c")], sides=PAIR)
    assert tokenizer.decode(ids["prompt_ids"][0]) == "<user> a <end>"
    assert tokenizer.decode(ids["chosen_ids"][0]) == "<assistant> b <end>"
    assert "in 1 of 1 rows" in caplog.text


def test_no_rows() -> None:
    assert tokenise(tiny.build_tokenizer(WORDS), [], sides=PAIR) == {
        "prompt_ids": [],
        "chosen_ids": [],
        "rejected_ids": [],
    }


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
