"""Rows of one response: other names, rows that cannot be trained on, labels."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from rapo.pairs import raw
from rapo.pairs.faults import PairsError
from rapo.training import singles

GOOD = {"prompt": "w1", "completion": "w2", "label": True}


def read(
    rows: list[Any], *, columns: dict[str, str] | None = None, bad: str = "raise", labelled: bool = True
) -> Any:
    """Rows from a file, one a line; a text is a line as it stands."""
    Path("rows.jsonl").write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    )
    found = raw.opened("rows.jsonl", drop=bad == "drop")
    return singles.read(found, columns=columns or {}, bad=bad, labelled=labelled)


@pytest.fixture(autouse=True)
def elsewhere(rapo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(rapo_root)


def test_columns_have_the_names_that_are_given_or_well_known() -> None:
    rows = [{"question": "w1", "answer": "w2", "good": True, "more": 1}]
    found = read(rows, columns={"completion": "answer", "label": "good"})
    assert found.to_pylist() == [GOOD]
    assert read([GOOD], labelled=False).column_names == ["prompt", "completion"]


def test_strings_stay_strings_and_messages_messages() -> None:
    talk = [{"role": "user", "content": "w1"}]
    answer = [{"role": "assistant", "content": "w2"}]
    assert read([{"prompt": talk, "completion": answer}], labelled=False).to_pylist() == [
        {"prompt": talk, "completion": answer}
    ]
    assert read([{"prompt": talk, "completion": "w2"}], labelled=False)["completion"].to_pylist() == [answer]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"completion": None}, r"rows\.jsonl: column completion: empty response in row 2 \(assistant: None\)"),
        ({"completion": " "}, r"column completion: empty response in row 2 \(assistant: ' '\)"),
        ({"prompt": ""}, r"column prompt: blank turn in row 2"),
        ({"label": None}, r"column label: neither true nor false in row 2 \(None\)\. Write true where"),
    ],
)
def test_bad_rows_are_told_or_left_out_and_counted(
    change: dict[str, Any], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [GOOD, GOOD | change, {**GOOD, "label": False}]
    with pytest.raises(PairsError, match=told) as error:
        read(rows)
    assert len(error.value.faults) == 1
    assert not caplog.text
    assert read(rows, bad="drop").to_pylist() == [rows[0], rows[2]]
    assert f"rows.jsonl: dropped 1 row: column {next(iter(change))}: " in caplog.text


def test_messages_that_no_answer_can_be_read_of_are_bad_rows() -> None:
    completions = [[{"role": "assistant", "content": "w2"}], [], [{"role": "user", "content": "w2"}]]
    talks = [{"prompt": "w1", "completion": one} for one in completions]
    with pytest.raises(PairsError, match=r"completion: has no turn in row 2 [\s\S]*not the assistant's in row 3"):
        read(talks, labelled=False)
    assert len(read(talks, bad="drop", labelled=False)) == 1


def test_labels_are_true_or_false_or_one_or_nought() -> None:
    assert read([GOOD | {"label": one} for one in (1, 0, 1.0)])["label"].to_pylist() == [True, False, True]
    for label, shown in (("good", "'good'"), (2, "2"), (0.5, "0.5")):
        with pytest.raises(PairsError, match=rf"column label: neither true nor false in row 1 \({shown}\)"):
            read([GOOD | {"label": label}])


def test_columns_that_are_missing_or_of_a_wrong_type_are_told() -> None:
    bare = [{"prompt": "w1", "completion": "w2"}]
    with pytest.raises(PairsError, match=r"label is missing\. There is prompt, completion; .* --column label="):
        read(bare)
    with pytest.raises(PairsError, match="column completion: holds int64, neither text nor a list"):
        read([{"prompt": "w1", "completion": 3}], labelled=False)
    with pytest.raises(ValueError, match="has no column 'answer'; it has prompt, completion"):
        read(bare, columns={"completion": "answer"})


def test_lines_that_cannot_be_read_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    assert len(read([GOOD, "{", GOOD], bad="drop")) == 2
    assert "rows.jsonl: dropped 1 line that cannot be read: " in caplog.text


def test_rows_are_numbered_through_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(singles, "BATCH_ROWS", 2)
    with pytest.raises(PairsError, match="empty response in row 4"):
        read([GOOD, GOOD, GOOD, GOOD | {"completion": ""}])
    assert pa.types.is_boolean(read([GOOD] * 3).schema.field("label").type)


def test_what_stands_beside_an_instruction_belongs_to_the_prompt() -> None:
    row = {"instruction": "Translate.", "input": "the cat", "output": "die Katze", "system": "S"}
    found = raw.opened([row])
    (got,) = singles.read(found, columns={"completion": "output"}, bad="raise", labelled=False).to_pylist()
    assert [turn["content"] for turn in got["prompt"]] == ["S", "Translate.\nthe cat"]
    assert [turn["content"] for turn in got["completion"]] == ["die Katze"]
