"""The training preview against TRL's own trainer, and what templates do to texts."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import tiny
from datasets import Dataset
from scored_pairs import of_texts, turn
from trl import DPOConfig, DPOTrainer

from rapo.inspection.audit import audit
from rapo.inspection.report import Report
from rapo.models import tiny as models

THINKS = (
    "{% for m in messages %}<{{ m.role }}> {% if m.role == 'assistant' and loop.last %}w0 w1 {% endif %}"
    "{{ m.content }} <end>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
ASKS = (
    "{% for m in messages %}<{{ m.role }}> {{ m.content }} <end>{% endfor %}"
    "{% if add_generation_prompt %}<assistant> w7 {% endif %}"
)
DROPS = (
    "{% for m in messages %}{% if m.role == 'system' and m.content == 'w5' %}{{ raise_exception('no w5 here') }}"
    "{% endif %}{% if m.role != 'system' %}<{{ m.role }}> {{ m.content.split('w9')[0] }} <end>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def tokenizer(template: str | None = None) -> Any:
    return models.build_tokenizer(tiny.WORDS, **({"chat_template": template} if template else {}))


def words(n: int, *, start: int = 10) -> str:
    """That many words, each a token."""
    return " ".join(f"w{start + i % 20}" for i in range(n))


def looked(rows: list[dict[str, Any]], template: str | None = None, **options: Any) -> Report:
    return audit(rows, tokenizer=tokenizer(template), **options)


# Marks of a turn: <role> and <end>. A prompt of n words has n + 3 tokens with its generation prompt, a response of n
# words n + 1.
ROWS = [
    of_texts(words(4), words(3), words(2)),  # 7 + 4
    of_texts(words(9), words(3), words(2)),  # 12: dropped
    of_texts(words(8), words(3), words(2)),  # 11, of 4 and 3 tokens 1 is kept: 3 and 2 are lost
    of_texts(words(4), words(9), words(4)),  # 7, of 10 and 5 tokens 5 are kept: 5 and 0 are lost
]


def trained_on(rows: list[dict[str, Any]], max_length: int, folder: Path) -> Any:
    """The rows that TRL would train on, and how its collator cuts them."""
    names = ("prompt", "chosen", "rejected")
    return DPOTrainer(
        model=tiny.model(),
        ref_model=tiny.model(),
        args=DPOConfig(
            output_dir=str(folder), max_length=max_length, use_cpu=True, bf16=False, report_to="none",
            activation_checkpointing=False,
        ),
        processing_class=tokenizer(),
        train_dataset=Dataset.from_list([{name: row[name] for name in names} for row in rows]),
    )  # fmt: skip


def test_dropped_and_cut_rows_are_those_of_trl(tmp_path: Path) -> None:
    report = looked(ROWS, max_length=12)
    dropped, cut = report.finding("dropped-by-max-length"), report.finding("cut-by-max-length")
    assert (dropped.count, dropped.n, dropped.level) == (1, 4, "serious")
    assert [(one.row, one.note) for one in dropped.examples] == [("2", "12 tokens")]
    assert (cut.count, cut.n, cut.level) == (2, 3, "serious")
    assert cut.data == {"tokens_lost": 3 + 2 + 5, "tokens": 7 + 7 + 15}
    assert [(one.row, one.note) for one in cut.examples] == [
        ("3", "loses 3 tokens, rejected 2"),
        ("4", "loses 5 tokens, rejected 0"),
    ]
    trainer = trained_on(ROWS, 12, tmp_path)
    assert len(trainer.train_dataset) == 4 - dropped.count
    batch = trainer.data_collator([trainer.train_dataset[i] for i in range(3)])
    kept = int(batch["completion_mask"].sum())
    assert kept == cut.data["tokens"] - cut.data["tokens_lost"]


def test_without_a_length_the_lengths_are_told() -> None:
    report = looked(ROWS)
    assert "all into 17" in report.finding("token-lengths").told  # 7 + 10
    with pytest.raises(KeyError):
        report.finding("dropped-by-max-length")


def test_a_row_at_the_limit_is_kept_and_whole() -> None:
    report = looked([of_texts(words(4), words(4), words(4))], max_length=12)  # 7 + 5
    assert report.finding("dropped-by-max-length").count == 0
    assert report.finding("cut-by-max-length").count == 0
    report = looked([of_texts(words(4), words(4), words(4))], max_length=11)
    assert report.finding("cut-by-max-length").data == {"tokens_lost": 2, "tokens": 10}


def test_a_template_that_begins_the_response() -> None:
    got = looked(ROWS, THINKS).finding("template-begins-the-response")
    assert (got.count, got.n, got.level) == (4, 4, "note")
    assert got.examples[0].note == "the response begins with 'w0 w1'"
    assert looked(ROWS).finding("template-begins-the-response").count == 0


def test_a_prompt_that_is_no_prefix(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        got = looked(ROWS, ASKS).finding("prompt-is-no-prefix")
    assert (got.count, got.n, got.level) == (4, 4, "serious")
    assert got.examples[0].note == "the prompt loses 'w7'"
    assert "no prefix" not in caplog.text, "told once, as a finding"
    assert looked(ROWS).finding("prompt-is-no-prefix").count == 0


def test_texts_that_the_template_loses_and_rows_that_it_refuses() -> None:
    system = ROWS[0] | {"prompt": [turn("system", "w3 w4"), turn("user", "w1")]}
    refused = ROWS[0] | {"prompt": [turn("system", "w5"), turn("user", "w1")]}
    rows = [ROWS[0], of_texts("w1", "w2 w9 w3", "w4"), of_texts("w1", "w9 w3", "w4"), system, refused]
    report = looked(rows, DROPS)
    lost, empty = report.finding("text-lost-by-template"), report.finding("empty-after-template")
    assert (lost.count, lost.n, lost.level) == (3, 4, "serious"), "of the rows that are not refused"
    assert [one.row for one in lost.examples] == ["2", "3", "4"]
    assert "the system turn 'w3 w4'" in lost.examples[2].note
    assert (empty.count, [one.row for one in empty.examples]) == (1, ["3"])
    got = report.finding("refused-by-template")
    assert (got.count, got.n, got.level) == (1, 5, "serious")
    assert [one.row for one in got.examples] == ["5"]
    assert "no w5 here" in got.examples[0].note
    assert looked(ROWS).finding("text-lost-by-template").count == 0


def test_lengths_in_tokens() -> None:
    got = looked(ROWS).finding("chosen-is-longer, tokens")
    assert (got.count, got.n) == (4, 4)
    assert (
        looked(ROWS).finding("length-effect, tokens").told.startswith("chosen responses have 6 tokens on average")
    )


def test_plain_strings_go_without_a_template() -> None:
    row = {
        "prompt": words(4),
        "chosen": f" {words(3)}",
        "rejected": f" {words(2)}",
        "score_chosen": 9,
        "score_rejected": 2,
    }
    report = looked([row, row], max_length=7)  # 4 + 3 + the end of the sequence = 8
    assert report.finding("cut-by-max-length").data == {"tokens_lost": 2, "tokens": 14}


def test_a_sample_is_drawn_from_everywhere_and_told() -> None:
    rows = [of_texts(words(4, start=i % 7), words(2 + (i >= 500)), "w1") for i in range(1000)]
    report = looked(rows, preview_rows=100)
    got = report.finding("chosen-is-longer, tokens")
    assert got.n == 100
    assert "(a sample of 100 rows)" in report.finding("token-lengths").told
    mean = float(report.finding("length-effect, tokens").interval.estimate)
    assert mean > 1
    again = looked(rows, preview_rows=100)
    assert again.findings == report.findings
    whole = looked(rows, preview_rows=0)
    assert whole.finding("chosen-is-longer, tokens").n == 1000
    assert "sample" not in whole.finding("token-lengths").told


def test_a_tokenizer_without_template_is_told_before_anything_is_rendered() -> None:
    bare = tokenizer()
    bare.chat_template = None
    with pytest.raises(ValueError, match="no chat template"):
        audit(ROWS, tokenizer=bare)


def test_the_picture_of_lengths_holds_each_edge_in_the_bar_below_it() -> None:
    # 32, 33 and 64 tokens: prompt words + 3, response words + 1.
    report = looked([of_texts(words(20), words(n), words(2)) for n in (8, 9, 40)])
    (picture,) = [one for one in report.pictures if one.title.startswith("Tokens of prompt")]
    assert dict(zip(picture.labels, picture.series["rows"], strict=True)) == {"32": 1, "64": 2}
    json.dumps(report.to_dict())
