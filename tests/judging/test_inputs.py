"""Pairs and files of answers as tables of plain texts."""

import json

import pytest

from rapo.judging import inputs
from rapo.pairs.sources import as_pairs

TALK = [
    {"role": "user", "content": "q"},
    {"role": "assistant", "content": "a"},
    {"role": "user", "content": "and?"},
]


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_pairs_become_texts():
    row = {"prompt": TALK, "chosen": "x", "rejected": "y", "score_chosen": 2, "score_rejected": 1}
    found = inputs.of_pairs(as_pairs([row]))
    assert found.to_dict("records") == [
        {"model": "chosen", "baseline": "rejected", "instruction": "row-1", "output_1": "y", "output_2": "x",
         "prompt": "user: q\n\nassistant: a\n\nuser: and?"}
    ]  # fmt: skip


def test_answers_go_by_many_names(tmp_path):
    alpaca = inputs.answers(lines(tmp_path / "a.b.jsonl", {"instruction": "q", "output": "x", "generator": "m"}))
    assert alpaca.select(["instruction", "answer", "model"]).to_pylist() == [
        {"instruction": "q", "answer": "x", "model": "m"}
    ]
    own = inputs.answers(
        lines(tmp_path / "a.b.jsonl", {"messages": TALK[:1], "said": "x"}), columns={"answer": "said"}
    )
    assert own.select(["instruction", "answer", "model"]).to_pylist() == [
        {"instruction": "q", "answer": "x", "model": "a"}
    ]


def test_ids_match_before_texts(tmp_path):
    own = inputs.answers(lines(tmp_path / "own.jsonl", {"id": 7, "prompt": "q", "answer": "x"}))
    base = inputs.answers(
        lines(
            tmp_path / "base.jsonl",
            {"id": 8, "prompt": "q", "answer": "z"},
            {"id": 7, "prompt": "q ", "answer": "y"},
        )
    )
    table, alone = inputs.matched(own, base, names=("own", "base"))
    assert table.to_dict("records") == [
        {"model": "own", "baseline": "base", "instruction": 7, "prompt": "q", "output_1": "y", "output_2": "x"}
    ]
    assert alone == 0


def test_ids_that_are_numbers_here_and_texts_there_match(tmp_path):
    own = inputs.answers(lines(tmp_path / "own.jsonl", {"id": "7", "prompt": "q", "answer": "x"}))
    base = inputs.answers(lines(tmp_path / "base.jsonl", {"id": 7, "prompt": "q", "answer": "y"}))
    table, alone = inputs.matched(own, base, names=("own", "base"))
    assert (table["instruction"].tolist(), alone) == (["7"], 0)


@pytest.mark.parametrize(
    ("own", "base", "message"),
    [
        ([{"prompt": "q", "said": "x"}], [], "has no column 'answer'; it has prompt, said. Say --column answer="),
        (
            [{"prompt": "q", "answer": "x"}, {"prompt": "q", "answer": None}],
            [],
            "column answer, row 2: there is no text",
        ),
        ([{"prompt": "q", "answer": 3}], [], "holds int64, neither texts nor messages"),
        ([{"prompt": "q", "answer": "x"}], [{"prompt": "r", "answer": "x"}], "no instruction is in both files"),
        (
            [{"prompt": "q", "answer": "x"}] * 2,
            [{"prompt": "q", "answer": "x"}],
            "own: 'own' answers instruction 'q' more than once",
        ),
        (
            [{"prompt": "q", "answer": "x"}],
            [{"prompt": "q", "answer": "x"}] * 2,
            "answers instruction 'q' more than once",
        ),
        (
            [{"id": 7, "prompt": "q", "answer": "x"}],
            [{"id": 7, "prompt": "other", "answer": "x"}],
            "id 7 is 'q' in own and 'other' in base; correct the ids",
        ),
        (
            [{"id": "7", "prompt": "q", "answer": "x"}, {"id": None, "prompt": "r", "answer": "x"}],
            [{"id": "7", "prompt": "q", "answer": "x"}],
            "own, row 2 has no id",
        ),
    ],
)
def test_what_is_missing_is_named(tmp_path, own, base, message):
    with pytest.raises(ValueError, match=message):
        inputs.matched(
            inputs.answers(lines(tmp_path / "own.jsonl", *own)),
            inputs.answers(lines(tmp_path / "base.jsonl", *base)),
            names=("own", "base"),
        )


def test_unknown_columns_are_refused(tmp_path):
    with pytest.raises(ValueError, match="of answers there are instruction, answer, model, id"):
        inputs.answers(lines(tmp_path / "a.jsonl", {"prompt": "q", "answer": "x"}), columns={"chosen": "answer"})
