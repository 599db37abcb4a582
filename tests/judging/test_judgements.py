"""Judgements of many shapes become one table, or an error that says what to do."""

import gzip
import json
import logging

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from rapo.judging import judgements
from rapo.pairs import writing

OWN = pd.DataFrame(
    {
        "model": ["m", "m", "n"],
        "instruction": [0, 1, 0],
        "preference": [1.0, 2.0, 1.5],
        "length_model": [3, 0, 5],
        "length_baseline": [4, 4, 4],
    }
)
ALPACA = [
    {
        "instruction": text,
        "output_1": "abcd",
        "generator_1": "base",
        "output_2": output,
        "generator_2": model,
        "annotator": "judge",
        "preference": preference,
    }
    for text, output, model, preference in (
        ("one", "äbc", "m", 1.0),
        ("two", "", "m", 1.9),
        ("one", None, "n", 1.5),
    )
]


def test_our_own_columns_need_no_encoding() -> None:
    table = judgements.table(OWN)
    assert table["preference"].tolist() == [1.0, 2.0, 1.5]
    assert table["length_model"].tolist() == [3.0, 0.0, 5.0]


def test_alpaca_evals_columns_are_known_and_lengths_are_characters() -> None:
    table = judgements.table(pd.DataFrame(ALPACA))
    assert table["model"].tolist() == ["m", "m", "n"]
    assert table["instruction"].tolist() == ["one", "two", "one"]
    # "äbc" has 3 characters (4 bytes); an empty and a missing output have none.
    assert table["length_model"].tolist() == [3.0, 0.0, 0.0]
    assert table["length_baseline"].tolist() == [4.0, 4.0, 4.0]
    assert table["baseline"].tolist() == ["base"] * 3


@pytest.mark.parametrize(
    "name", ["a.json", "a.json.gz", "a.jsonl", "a.jsonl.gz", "a.csv", "a.csv.gz", "a.parquet"]
)
def test_every_format_gives_the_same_table(tmp_path, name) -> None:
    frame, path = pd.DataFrame(ALPACA), tmp_path / name
    if ".jsonl" in name:
        text = "\n".join(json.dumps(row) for row in ALPACA)
    elif ".json" in name:
        text = json.dumps(ALPACA)
    else:
        text = frame.to_csv(index=False)
    if name.endswith("parquet"):
        frame.to_parquet(path)
    elif name.endswith("gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    table = judgements.read(path)
    expected = judgements.table(frame)
    for column in expected:
        assert table[column].tolist() == expected[column].tolist(), column


def test_columns_of_other_names_are_mapped_and_their_encoding_must_be_said() -> None:
    frame = pd.DataFrame({"system": ["x", "y"], "task": [1, 1], "winner": ["A", "B"], "answer": ["ab", "abc"]})
    names = {"model": "system", "instruction": "task", "preference": "winner", "length_model": "answer"}
    with pytest.raises(ValueError, match=r"say how preferences are encoded.*'0/1'"):
        judgements.table(frame, columns=names)
    table = judgements.table(frame, columns=names, encoding="A/B/tie")
    assert table.to_dict("list") == {
        "model": ["x", "y"],
        "instruction": [1, 1],
        "preference": [1.0, 2.0],
        "length_model": [2.0, 3.0],
    }


def test_a_mapped_preference_is_never_guessed_even_with_alpaca_evals_columns() -> None:
    frame = pd.DataFrame(ALPACA).assign(verdict=[0, 1, 1])
    with pytest.raises(ValueError, match="say how preferences are encoded"):
        judgements.table(frame, columns={"preference": "verdict"})
    assert judgements.table(frame, columns={"preference": "verdict"}, encoding="0/1")["preference"].tolist() == [
        1,
        2,
        2,
    ]


def test_missing_columns_are_named() -> None:
    with pytest.raises(ValueError, match=r"no column instruction.*--column instruction="):
        judgements.table(OWN.drop(columns="instruction"), encoding="1..2")
    with pytest.raises(ValueError, match="no column preference; it has"):
        judgements.known_encoding(OWN.drop(columns="preference"))
    with pytest.raises(ValueError, match="has no column 'score'; it has"):
        judgements.table(OWN, columns={"preference": "score"})
    with pytest.raises(ValueError, match=r"columns names .*'modle'"):
        judgements.table(OWN, columns={"modle": "model"})


def test_missing_preferences_stop_or_are_left_out_and_counted(caplog) -> None:
    frame = OWN.assign(preference=[1.0, np.nan, 1.5])
    with pytest.raises(ValueError, match=r"1 judgements have no preference \(models m\).*--missing drop"):
        judgements.table(frame)
    with caplog.at_level(logging.WARNING):
        assert len(judgements.table(frame, missing="drop")) == 2
    assert "1 judgements" in caplog.text


def test_duplicates_stop_or_are_kept_or_the_first_counts() -> None:
    frame = pd.concat([OWN, OWN.iloc[:1].assign(preference=2.0)])
    with pytest.raises(ValueError, match=r"1 rows repeat.*model 'm', instruction 0.*--duplicates"):
        judgements.table(frame)
    assert judgements.table(frame, duplicates="keep")["preference"].tolist() == [1.0, 2.0, 1.5, 2.0]
    assert judgements.table(frame, duplicates="first")["preference"].tolist() == [1.0, 2.0, 1.5]


def test_other_words_for_what_to_do_are_refused() -> None:
    with pytest.raises(ValueError, match="duplicates is 'last'; use one of error, keep, first"):
        judgements.table(OWN, duplicates="last")
    with pytest.raises(ValueError, match="missing is 'keep'; use one of error, drop"):
        judgements.table(OWN, missing="keep")


def test_missing_ids_and_bad_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="column instruction is empty in row 2"):
        judgements.table(OWN.assign(instruction=[0, None, 0]))
    with pytest.raises(ValueError, match="the first is -5 at 2; give a number of characters"):
        judgements.table(OWN.assign(length_model=[3, 0, -5]))
    with pytest.raises(ValueError, match="the first is nan at 0; give a number"):
        judgements.table(OWN.assign(length_baseline=[np.nan, 4, 4]))
    with pytest.raises(ValueError, match="holds no judgement"):
        judgements.table(OWN.iloc[:0])


def test_several_judges_of_one_model_are_told_apart() -> None:
    frame = pd.concat([OWN.assign(judge="first"), OWN.assign(judge="second")])
    assert judgements.table(frame)["model"].unique().tolist() == [
        "m [first]",
        "n [first]",
        "m [second]",
        "n [second]",
    ]


def test_by_names_what_is_compared() -> None:
    frame = OWN.assign(kind=["easy", "hard", "easy"])
    assert judgements.table(frame, by=["kind"], duplicates="keep")["model"].tolist() == ["easy", "hard", "easy"]
    assert judgements.table(frame, by=["model", "kind"])["model"].tolist() == ["m / easy", "m / hard", "n / easy"]
    with pytest.raises(ValueError, match=r"no column .*'colour'"):
        judgements.table(frame, by=["colour"])


def test_files_that_cannot_be_read_say_so(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="no file"):
        judgements.read(tmp_path / "none.csv")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ValueError, match=r"no known format; use \.parquet"):
        judgements.read(tmp_path / "a.txt")
    (tmp_path / "a.json").write_text('{"a": 1}')
    with pytest.raises(ValueError, match="expected a list of objects"):
        judgements.read(tmp_path / "a.json")
    (tmp_path / "a.parquet").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="cannot be read as parquet"):
        judgements.read(tmp_path / "a.parquet")


def test_arguments_are_left_alone() -> None:
    before = OWN.copy()
    judgements.table(OWN)
    pd.testing.assert_frame_equal(before, OWN)


@pytest.mark.parametrize("kind", [pd.DataFrame, pa.Table.from_pylist, list], ids=["frame", "arrow", "rows"])
def test_rows_in_memory_are_read_as_a_file_of_them_is(kind) -> None:
    pd.testing.assert_frame_equal(judgements.read(kind(ALPACA)), judgements.table(pd.DataFrame(ALPACA)))


def test_what_is_no_table_is_told_how_to_read_it() -> None:
    with pytest.raises(TypeError, match=r"not a str; read them first: rapo\.read_judgements\('a\.json'\)"):
        judgements.check("a.json")
    with pytest.raises(TypeError, match=r"not a Table; read them first: rapo\.read_judgements\(\.\.\.\)"):
        judgements.check(pa.Table.from_pandas(OWN))


def test_check_names_a_preference_that_was_not_decoded() -> None:
    with pytest.raises(ValueError, match="not from 1 to 2, the first is 0 at 1; decode them"):
        judgements.check(OWN.assign(preference=[1.0, 0.0, 2.0]))


def test_check_names_what_a_table_made_by_hand_lacks() -> None:
    with pytest.raises(ValueError, match="column model is empty in row 3"):
        judgements.check(OWN.assign(model=["m", "m", None]))
    with pytest.raises(ValueError, match="column instruction is empty in row 1"):
        judgements.check(OWN.assign(instruction=[np.nan, 1, 0]))
    with pytest.raises(
        ValueError, match=r"length_model: lengths .* first is nan at 1; give a number of characters"
    ):
        judgements.check(OWN.assign(length_model=[3, np.nan, 5]))


def test_the_real_files_are_read_as_they_are(shared_data) -> None:
    folder = shared_data / "alpaca_eval"
    table = judgements.read(folder / "annotations.parquet")
    assert (len(table), table["model"].nunique()) == (19_314, 24)
    # One model was judged by two judges, on 805 and on 256 instructions.
    second = judgements.read(folder / "second_judge.parquet")
    assert sorted(second.groupby("model").size()) == [256, 805, 805]


# Encodings.


@pytest.mark.parametrize(
    ("encoding", "written", "read"),
    [
        ("1..2", [1, 1.25, 2], [1.0, 1.25, 2.0]),
        ("1/2", [1, 2, 1.5], [1.0, 2.0, 1.5]),
        ("alpaca_eval", [0, 1, 1.9999, 2], [1.5, 1.0, 1.9999, 2.0]),
        ("0..1", [0, 0.25, 1], [1.0, 1.25, 2.0]),
        ("0/1", [0, 1, 0.5], [1.0, 2.0, 1.5]),
        ("0/1", ["0", "1"], [1.0, 2.0]),
        ("A/B/tie", ["A", "b", " tie", "Draw"], [1.0, 2.0, 1.5, 1.5]),
    ],
)
def test_it_reads_what_the_encoding_says(encoding, written, read) -> None:
    assert judgements.decode(written, encoding).tolist() == read


@pytest.mark.parametrize(
    ("encoding", "written", "seen"),
    [
        ("1..2", [1, 0, 2], "0"),
        ("1..2", [1, 2.5], "2.5"),
        ("1..2", [1, float("inf")], "inf"),
        ("1/2", [1, 1.3], "1.3"),
        ("0/1", [0, 1, 2], "2"),
        ("0..1", [0.5, 1.2], "1.2"),
        ("A/B/tie", ["A", "C"], "C"),
        ("0/1", ["win", "1"], "win"),
    ],
)
def test_what_does_not_belong_is_refused_with_the_value_and_the_choices(encoding, written, seen) -> None:
    with pytest.raises(ValueError, match="is not in the encoding") as error:
        judgements.decode(written, encoding)
    assert seen in str(error.value)
    assert all(name in str(error.value) for name in judgements.ENCODINGS)


def test_zeros_and_ones_alone_are_not_taken_for_draws_and_losses() -> None:
    with pytest.raises(ValueError, match="0"):
        judgements.decode([0, 1, 1, 0], "alpaca_eval")


def test_missing_preferences_stay_missing() -> None:
    assert np.isnan(judgements.decode([1, None, 2], "1..2")).tolist() == [False, True, False]
    assert np.isnan(judgements.decode(["A", None], "A/B/tie")).tolist() == [False, True]


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'2/1'.*A/B/tie"):
        judgements.decode([1], "2/1")


def test_lengths_that_are_written_as_texts_are_numbers_and_outputs_are_measured() -> None:
    frame = pd.DataFrame({"model": "m", "instruction": [1, 2], "preference": [1.0, 2.0]})
    told = frame.assign(length_model=["12", "7"], length_baseline=[3, 4])
    assert judgements.table(told)["length_model"].tolist() == [12, 7]
    texts = frame.assign(output_2=["12", "7"], output_1=["a", None])
    found = judgements.table(texts, encoding="1..2")
    assert found[["length_model", "length_baseline"]].to_numpy().tolist() == [[2, 1], [1, 0]]
    with pytest.raises(ValueError, match="column length_model, row 2: 'long' is no number of characters"):
        judgements.table(told.assign(length_model=["12", "long"]))


def test_a_row_without_a_preference_may_lack_its_lengths_too() -> None:
    rows = {"model": "m", "instruction": [1, 2], "preference": [1.0, None], "length_model": [3, None]}
    frame = pd.DataFrame({**rows, "length_baseline": [4, None]})
    assert len(judgements.table(frame, missing="drop")) == 1


@pytest.mark.parametrize("name", ["j.jsonl.zst", "folder"])
def test_whatever_the_judge_writes_is_read(tmp_path, name) -> None:
    writing.write(pa.Table.from_pandas(OWN), tmp_path / name)
    assert judgements.read(tmp_path / name).equals(judgements.table(OWN))
