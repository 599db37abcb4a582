"""Messages that CSV files hold as texts."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rapo.pairs import raw, spelled
from rapo.pairs.door import open_pairs
from rapo.pairs.faults import PairsError

ASKED = [{"role": "system", "content": 'It\'s "so"'}, {"role": "user", "content": "2 + 2 }\n {\\n?"}]
SAID = {said: [{"role": "assistant", "content": said}] for said in ("4", "vier, \u00e9", "5")}
ROWS = [{"prompt": ASKED, "chosen": SAID[said], "rejected": SAID["5"]} for said in ("4", "vier, \u00e9")]
SPELLED = {
    "json": json.dumps,
    "python": str,
    "numpy": lambda turns: str(np.array(turns, dtype=object)),
}


@pytest.mark.parametrize("way", SPELLED)
def test_pairs_in_csv_are_the_pairs_that_were_saved(tmp_path, way):
    texts = pd.DataFrame(ROWS).map(SPELLED[way])
    texts.assign(score_chosen=2, score_rejected=1).to_csv(tmp_path / "pairs.csv", index=False)
    pairs = open_pairs(str(tmp_path / "pairs.csv"))
    assert pairs.read().select(["prompt", "chosen", "rejected"]).to_pylist() == ROWS
    assert any("prompt, chosen, rejected: texts that spell messages out" in line for line in pairs.told)
    assert not pairs.plain


def test_turns_of_from_and_value_in_memory():
    rows = [{"chosen": '[{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]', "rejected": "[]"}]
    table = raw.read(pd.DataFrame(rows))
    assert table["chosen"].to_pylist() == [[{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]]
    assert table["rejected"].to_pylist() == ["[]"]


@pytest.mark.parametrize(
    "text",
    [
        "a text",
        "[]",
        "[1, 2]",
        '["one", "two"]',
        '[{"name": "f", "arguments": "{}"}]',
        '[{"role": "user", "content": 3}]',
        "[{'role': 'user', 'content': open('x')}]",
    ],
)
def test_other_texts_stay_texts(text):
    assert spelled.columns(pa.table({"prompt": [text]})) == {}


def test_a_cell_that_holds_none_is_named_and_an_empty_one_is_missing(tmp_path):
    turns = '[{"role": "user", "content": "q"}]'
    table = pa.table({"prompt": [turns, None, ""]})
    found = spelled.columns(table)
    again = spelled.read(table[1:], found, name="x", row=2)
    assert again.schema == spelled.read(table, found, name="x", row=1).schema
    assert spelled.read(table, found, name="x", row=1)["prompt"].to_pylist() == [
        json.loads(turns),
        None,
        None,
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"prompt": t}) + "\n" for t in [turns] * 30 + ["what?"]))
    with pytest.raises(ValueError, match=r"a\.jsonl, row 31, column prompt: 'what\?' is no list of turns"):
        raw.read(str(tmp_path / "a.jsonl"))


SIDES = {"score_chosen": 9.0, "score_rejected": 2.0}


def spelt(said: Any, **further: Any) -> str:
    return json.dumps([{"role": "user", "content": "q"}, {"role": "assistant", "content": said, **further}])


def test_fields_that_hold_nothing_are_no_reason_to_read_messages_as_text():
    row = {"chosen": spelt("4", tool_calls=None, weight=None), "rejected": spelt("5", weight=None), **SIDES}
    got = open_pairs([row]).read().to_pylist()[0]
    assert got["prompt"] == [{"role": "user", "content": "q"}]
    assert got["chosen"] == [{"role": "assistant", "content": "4"}]


def test_fields_that_hold_something_are_told_as_in_any_other_file_and_calls_are_written():
    row = {"chosen": spelt("4", weight=1), "rejected": spelt("5", weight=0), **SIDES}
    with pytest.raises(ValueError, match="column chosen: has turns with a further field 'weight'"):
        open_pairs([row]).read()
    call = [{"function": {"name": "now", "arguments": {}}}]
    row = {"chosen": spelt("4", tool_calls=call), "rejected": spelt("5"), **SIDES}
    assert "<tool_call>" in open_pairs([row]).read()["chosen"][0][0]["content"].as_py()


def test_content_in_parts_is_its_text_and_pictures_are_a_fault():
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    row = {"chosen": spelt("4"), "rejected": spelt("5"), **SIDES}
    got = open_pairs([{**row, "chosen": spelt(parts)}]).read()
    assert got["chosen"][0][0]["content"].as_py() == "one\n\ntwo"
    rows = [row, {**row, "chosen": spelt([*parts, {"type": "image", "image": "x.png"}])}]
    with pytest.raises(ValueError, match=r"column chosen: .* in row 2"):
        open_pairs(rows).read()
    assert len(open_pairs(rows, bad="drop").read()) == 1


def test_a_cell_that_cannot_be_read_is_left_out_where_that_is_asked():
    rows = [{"chosen": spelt("4"), "rejected": spelt("5"), **SIDES} for _ in range(25)]
    rows[22]["chosen"] = "[{'role': 'user', "
    with pytest.raises(ValueError, match=r"row 23, column chosen: .* leave such rows out with --bad drop"):
        open_pairs(rows).read()
    assert len(open_pairs(rows, bad="drop").read()) == 24


def test_half_of_a_character_is_named():
    rows = [{"chosen": spelt("4"), "rejected": spelt("5"), **SIDES}] * 25 + [{"chosen": spelt("\ud83d"), **SIDES}]
    with pytest.raises(ValueError, match=r"row 26, column chosen: .* is no list of turns"):
        open_pairs(rows).read()
    rows[25] = {
        **rows[25],
        "chosen": r"[{'role': 'user', 'content': 'q'}, {'role': 'assistant', 'content': '\ud83d'}]",
    }
    with pytest.raises(ValueError, match=r"row 26, column chosen: .* is no list of turns"):
        open_pairs(rows).read()


PARTS = [[{"type": "text", "text": "hi"}, {"type": "text", "text": "you"}], [{"type": "text", "text": "a"}]]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv"])
def test_content_in_parts_is_their_texts_in_every_format(tmp_path, suffix):
    prompt = [{"role": "user", "content": PARTS[0]}]
    chosen, rejected = ([{"role": "assistant", "content": [{"type": "text", "text": said}]}] for said in "ab")
    row = {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    if suffix == ".csv":
        pd.DataFrame([row]).map(json.dumps).to_csv(tmp_path / "pairs.csv", index=False)
    elif suffix == ".jsonl":
        (tmp_path / "pairs.jsonl").write_text(json.dumps(row) + "\n")
    else:
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / "pairs.parquet")
    pairs = open_pairs(str(tmp_path / f"pairs{suffix}"), scored=False).read()
    assert pairs["prompt"].to_pylist() == [[{"role": "user", "content": "hi\n\nyou"}]]
    assert pairs["chosen"].to_pylist() == [[{"role": "assistant", "content": "a"}]]


@pytest.mark.parametrize("hull", ["rows", "lines", "one file of JSON"])
def test_some_turns_may_have_parts_and_others_texts(tmp_path, hull):
    chosen, rejected = ([{"role": "assistant", "content": said}] for said in "ab")
    system = {"role": "system", "content": "be brief"}
    asked = [[system, {"role": "user", "content": said}] for said in (PARTS[0], "hi\n\nyou", PARTS[1])]
    rows = [{"prompt": prompt, "chosen": chosen, "rejected": rejected} for prompt in asked]
    source: Any = rows
    if hull != "rows":
        source = str(tmp_path / ("pairs.jsonl" if hull == "lines" else "pairs.json"))
        lines = [json.dumps(row) for row in rows]
        Path(source).write_text("\n".join(lines) if hull == "lines" else f"[{', '.join(lines)}]")
    prompts = open_pairs(source, scored=False).read()["prompt"].to_pylist()
    assert [talk[-1]["content"] for talk in prompts] == ["hi\n\nyou", "hi\n\nyou", "a"]
    assert [talk[0] for talk in prompts] == [system] * 3


def test_a_picture_among_texts_is_told_with_its_row(tmp_path):
    picture = [{"type": "text", "text": "look"}, {"type": "image"}]
    answers = {side: [{"role": "assistant", "content": side}] for side in ("chosen", "rejected")}
    rows = [{"prompt": [{"role": "user", "content": said}], **answers} for said in (picture, "hi", PARTS[0])]
    for source in (rows, str(tmp_path / "pairs.jsonl")):
        (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))
        with pytest.raises(PairsError, match="turn without content in row 1"):
            open_pairs(source, scored=False).read()
        kept = open_pairs(source, scored=False, bad="drop").read()["prompt"].to_pylist()
        assert [talk[0]["content"] for talk in kept] == ["hi", "hi\n\nyou"]


def test_a_part_that_is_no_text_leaves_none_and_other_fields_stay():
    said = [{"type": "text", "text": "what is this?"}, {"type": "image", "text": None}]
    turns = [{"role": "user", "content": said, "name": "x"}, {"role": "tool", "content": None, "name": None}]
    talks = [turns, [], [{"role": "user", "content": PARTS[1]}]]
    rows = [{"prompt": talk, "n": n} for n, talk in enumerate(talks)]
    found = spelled.parted(pa.Table.from_pylist(rows))
    assert [[turn["content"] for turn in talk] for talk in found["prompt"].to_pylist()] == [
        [None, None],
        [],
        ["a"],
    ]
    assert found["prompt"][0][0]["name"].as_py() == "x"
    assert found["n"].to_pylist() == [0, 1, 2]
