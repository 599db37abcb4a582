import io
import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from scored_pairs import FOUR, asked, json_lines, last_texts, many, pair, table

from rapo.pairs import raw, writing
from rapo.pairs.candidates import Pairing
from rapo.pairs.door import open_pairs
from rapo.pairs.faults import PairsError
from rapo.relabelling.relabel import relabel

PLAIN = {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "5", "score_chosen": 9.0, "score_rejected": 2.0}


def test_batches_have_one_schema_ids_and_bounded_size(tmp_path: Path):
    rows = [{**PLAIN, "prompt": f"q{i}"} for i in range(7)]
    rows[6]["score_chosen"] = 9.5
    pairs = open_pairs(json_lines(tmp_path / "a.jsonl", rows))
    got = list(pairs.batches(3))
    assert [len(batch) for batch in got] == [3, 3, 1]
    assert len({str(batch.schema) for batch in got}) == 1
    assert pa.concat_tables(got)["pair_id"].to_pylist() == [f"row-{i}" for i in range(1, 8)]
    assert pairs.read().equals(pa.concat_tables(got))
    assert (pairs.counts.rows, pairs.counts.low, pairs.counts.high) == (7, 2.0, 9.5)
    assert f"{tmp_path / 'a.jsonl'}: scores from 2 to 9.5" in pairs.told


def test_shards_are_one_data_set_and_errors_name_the_shard(tmp_path: Path):
    for i in range(3):
        (tmp_path / "data").mkdir(exist_ok=True)
        rows = table(*many(2, score_chosen=float(i + 3) if i else None))
        writing.write(rows, tmp_path / "data" / f"train-0000{i}-of-00003.parquet")
    good = [str(tmp_path / "data" / f"train-0000{i}-of-00003.parquet") for i in (1, 2)]
    ids = ["row-1", "row-2", "row-3", "row-4"]
    assert open_pairs(good).read()["pair_id"].to_pylist() == ids
    assert open_pairs(str(tmp_path / "data" / "*[12]-of*.parquet")).read()["pair_id"].to_pylist() == ids
    with pytest.raises(
        PairsError, match=r"00000-of-00003\.parquet[\s\S]*score_chosen: not a finite number in row 1"
    ):
        open_pairs(tmp_path / "data").read()
    (tmp_path / "data" / "test.jsonl").write_text(json.dumps(PLAIN), encoding="utf-8")
    with pytest.raises(ValueError, match="holds the splits test, train; name one with --split"):
        open_pairs(tmp_path / "data")
    assert len(open_pairs(tmp_path / "data", split="test").read()) == 1
    with pytest.raises(FileNotFoundError, match="no file matches"):
        open_pairs(str(tmp_path / "*.parquet"))


def test_folders_tell_splits_too(tmp_path: Path):
    for at, split in enumerate(("train", "test")):
        (tmp_path / "data" / split).mkdir(parents=True)
        text = json.dumps({**PLAIN, "prompt": split}) + "\n"
        (tmp_path / "data" / split / f"part-{at}.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="holds the splits test, train; name one with --split"):
        open_pairs(tmp_path / "data")
    assert open_pairs(tmp_path / "data", split="test", lift=False).read()["prompt"].to_pylist() == ["test"]
    assert len(open_pairs(tmp_path / "data" / "train").read()) == 1


def test_what_a_hub_keeps_beside_the_rows_is_none(tmp_path: Path):
    json_lines(tmp_path / "train.jsonl", [PLAIN] * 2)
    for name in ("dataset_infos.json", "dataset_info.json"):
        (tmp_path / name).write_text('{"default": {"splits": {}}}')
    assert len(open_pairs(tmp_path).read()) == 2


def test_standard_input_can_be_read_twice(monkeypatch: pytest.MonkeyPatch):
    text = "".join(json.dumps(row) + "\n" for row in [PLAIN, {**PLAIN, "rejected": ""}])
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    pairs = open_pairs("-", bad="drop")
    assert [len(pairs.read()), len(pairs.read())] == [1, 1]
    assert "standard input: dropped 1 row: column rejected: empty response" in pairs.told


@pytest.mark.parametrize("streaming", [False, True])
def test_a_data_set_on_a_hub(streaming: bool, monkeypatch: pytest.MonkeyPatch):
    datasets = pytest.importorskip("datasets")
    asked_for: dict[str, Any] = {}

    def load(name: str, config: str | None, **options: Any) -> Any:
        asked_for.update(options, name=name, config=config)
        data = datasets.Dataset.from_list([PLAIN] * 3)
        data = data.to_iterable_dataset() if options["streaming"] else data
        return data if options["split"] else {"train_prefs": data, "test_prefs": data}

    monkeypatch.setattr(datasets, "load_dataset", load)
    pairs = open_pairs("hf://owner/name:plain", split="train_prefs", revision="abc", streaming=streaming)
    assert [len(batch) for batch in pairs.batches(2)] == [2, 1]
    expected = {"name": "owner/name", "config": "plain", "split": "train_prefs", "revision": "abc"}
    assert asked_for == {**expected, "streaming": streaming}
    with pytest.raises(
        ValueError, match="owner/name holds the splits train_prefs, test_prefs; name one with --split"
    ):
        open_pairs("owner/name", streaming=streaming)


def test_what_the_hub_refuses_is_one_line(monkeypatch: pytest.MonkeyPatch):
    datasets = pytest.importorskip("datasets")

    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("no network\nlong story")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(FileNotFoundError, match=r"^owner/name is no file here and cannot be read .*: no network$"):
        open_pairs("owner/name")


def test_dropped_and_swapped_pairs_are_counted_and_told_once(caplog: pytest.LogCaptureFixture):
    rows = table(*many(2), pair(score_chosen=1.0), pair(chosen=[{"role": "assistant", "content": " "}]))
    pairs = open_pairs(rows, bad="drop", reversed_pairs="swap")
    with caplog.at_level(logging.WARNING):
        assert [pairs.read()["score_chosen"].to_pylist() for _ in range(2)] == [[9.0, 9.0, 2.0]] * 2
    counts = pairs.counts
    assert (counts.rows, counts.pairs, counts.dropped, counts.reversed) == (4, 3, 1, 1)
    assert caplog.text.count("swapped 1 pair whose chosen response scores below") == 1
    assert caplog.text.count("dropped 1 row: column chosen: empty response") == 1


@pytest.mark.parametrize("rule", ["swap", "drop"])
@pytest.mark.parametrize("scored", [True, None])
def test_relabelled_rows_keep_the_order_that_their_goal_gave_them(rule: str, scored: bool | None):
    rows = relabel(table(*many(2)))
    pairs = open_pairs(rows, reversed_pairs=rule, scored=scored)
    assert pairs.read().select(rows.column_names).to_pylist() == rows.to_pylist()
    assert pairs.counts.reversed == 0


def test_ids_that_occur_twice_far_apart_are_named(tmp_path: Path):
    rows = [{**PLAIN, "pair_id": f"p{i % 4}"} for i in range(6)]
    with pytest.raises(PairsError, match=r"pair_id: the id occurs before in row 5 \('p0'\)"):
        list(open_pairs(json_lines(tmp_path / "a.jsonl", rows)).batches(1))


def test_nothing_to_read_is_an_error(tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(b"")
    writing.write(table(pair()).slice(0, 0), tmp_path / "b.parquet")
    for source, told in (("a.jsonl", "is empty"), ("b.parquet", "holds no row")):
        with pytest.raises(ValueError, match=f"{source} {told}: there is nothing to read"):
            open_pairs(tmp_path / source).read()
    with pytest.raises(ValueError, match="no pair is left of 1 row"):
        open_pairs([{**PLAIN, "chosen": ""}], bad="drop").read()


def test_scores_are_asked_for_checked_where_they_are_or_left_alone():
    bare = {name: PLAIN[name] for name in ("prompt", "chosen", "rejected")}
    assert len(open_pairs([bare], scored=None).read()) == len(open_pairs([bare], scored=False).read()) == 1
    with pytest.raises(PairsError, match="score_chosen and score_rejected are missing"):
        open_pairs([bare]).read()
    with pytest.raises(PairsError, match="score_chosen: holds text"):
        open_pairs([{**PLAIN, "score_chosen": "8"}], scored=None).read()
    assert len(open_pairs([{**PLAIN, "score_chosen": 1.0}], scored=None).read()) == 1
    assert len(open_pairs([{**PLAIN, "score_chosen": "8"}], scored=False).read()) == 1


def test_plain_texts_stay_plain_on_request_and_further_columns_pass():
    rows = [{**PLAIN, "chosen_logprob_sum": -1.5, "meta": {"a": [1]}}]
    pairs = open_pairs(rows, lift=False)
    assert pairs.read().to_pylist() == [{**rows[0], "pair_id": "row-1"}]
    assert pairs.plain
    assert not open_pairs(table(pair()), lift=False).plain
    lifted = open_pairs(rows).read().to_pylist()[0]
    assert (lifted["prompt"], lifted["meta"]) == ([{"role": "user", "content": "2 + 2 ?"}], {"a": [1]})


def test_candidates_are_made_into_pairs_and_their_rows_are_named():
    three = [asked(*FOUR, instruction=f"q{i}") for i in range(3)]
    assert last_texts(open_pairs(three).read(), "chosen") == ["b"] * 3
    bad = [*three, asked({"response": "x", "overall_score": None}, *FOUR)]
    with pytest.raises(PairsError, match=r"score is no finite number in row 4 \(completion 1\)"):
        list(open_pairs(bad).batches(2))
    assert len(open_pairs(bad, bad="drop").read()) == 4


def test_looks_give_every_row_with_what_is_wrong_with_it(tmp_path: Path):
    rows = many(5)
    rows[3]["chosen"] = [{"role": "assistant", "content": " "}]
    pairs = open_pairs([str(json_lines(tmp_path / name, rows)) for name in ("a.jsonl", "b.jsonl")], scored=None)
    looks = list(pairs.looks(2))
    assert [len(look.table) for look in looks] == [2, 2, 1, 2, 2, 1]
    assert [look.rows.tolist() for look in looks] == [[1, 2], [3, 4], [5]] * 2
    assert [Path(look.name).name for look in looks] == ["a.jsonl"] * 3 + ["b.jsonl"] * 3
    assert [[fault.rows.tolist() for fault in look.faults] for look in looks] == [[], [[1]], []] * 2
    assert [name for look in looks for name in look.table["pair_id"].to_pylist()] == [
        f"row-{i}" for i in range(1, 11)
    ]
    with pytest.raises(PairsError):
        pairs.read()


def test_looks_at_candidates_name_the_row_of_each_pair():
    bad = [asked(*FOUR), asked({"response": "x", "overall_score": None}, *FOUR), asked(*FOUR, instruction="r")]
    pairs = open_pairs(bad, scored=None)
    (look,) = pairs.looks()
    assert look.rows.tolist() == [1, 2, 3]
    assert sum(len(fault.rows) for fault in look.faults) == 0, "no pair was made of the bad completion"
    assert "<table>: dropped 1 completion: column completions: score is no finite number" in pairs.told


def test_unknown_options_are_told():
    for option in ({"bad": "skip"}, {"reversed_pairs": "flip"}):
        with pytest.raises(ValueError, match="use one of raise"):
            open_pairs([PLAIN], **option)
    with pytest.raises(ValueError, match=r"layout is 'nope'; use one of candidates, .*, pairs"):
        open_pairs([PLAIN], layout="nope").read()
    with pytest.raises(ValueError, match="in memory has no splits, but --split train was asked for"):
        open_pairs([PLAIN], split="train")


def test_a_fault_of_a_pair_names_the_row_that_it_was_made_of():
    three = [asked(*FOUR), asked(FOUR[0]), asked(*FOUR, instruction=" ")]
    with pytest.raises(PairsError, match="prompt: blank turn in row 3 "):
        open_pairs(three).read()


@pytest.mark.parametrize("held", [0, 1 << 20])
def test_small_and_large_texts_are_read_alike(held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(raw, "HELD_BYTES", held)
    rows = [{**PLAIN, "prompt": f"q{i}", "note": 1 if i else 0.5} for i in range(7)]
    pairs = open_pairs(json_lines(tmp_path / "a.jsonl", rows), lift=False)
    for size in (2, 100):
        got = pa.concat_tables(pairs.batches(size)).drop_columns(["pair_id"])
        assert got.to_pylist() == rows


@pytest.mark.parametrize("streaming", [False, True])
def test_what_load_dataset_returns_is_read_whole_or_by_its_splits(streaming: bool):
    datasets = pytest.importorskip("datasets")
    rows = [{**PLAIN, "prompt": f"q{i}"} for i in range(5)]
    data = datasets.Dataset.from_list(rows).select([4, 0, 2])
    data = data.to_iterable_dataset() if streaming else data
    whole = open_pairs([rows[4], rows[0], rows[2]]).read()
    assert open_pairs(data).read() == whole
    assert [len(batch) for batch in open_pairs(data).batches(2)] == [2, 1]
    splits = datasets.IterableDatasetDict if streaming else datasets.DatasetDict
    assert open_pairs(splits({"train": data})).read() == whole
    two = splits({"train": data, "test": data.take(1)})
    assert open_pairs(two, split="test").read() == whole[:1]
    with pytest.raises(ValueError, match="in memory holds the splits train, test; name one with --split"):
        open_pairs(two)
    with pytest.raises(ValueError, match="holds the splits train, test, not val; name one"):
        open_pairs(two, split="val")


def test_a_dictionary_that_holds_no_data_sets_is_refused():
    for held in ({}, {"prompt": ["q"]}):
        with pytest.raises(TypeError, match="dict is no Arrow table, DataFrame, data set or list of rows"):
            open_pairs(held)


def test_rows_in_memory_have_the_columns_of_all_of_them():
    rows = [PLAIN, {**PLAIN, "prompt": "q", "system": "Be brief.", "margin": 3}]
    got = open_pairs(rows).read()
    assert [turn["role"] for turn in got["prompt"][1].as_py()] == ["system", "user"]
    assert got["margin"].to_pylist() == [None, 3]


@pytest.mark.parametrize(
    ("rows", "error", "told"),
    [
        (
            [PLAIN, {**PLAIN, "score_chosen": "9.5"}, PLAIN],
            ValueError,
            "column score_chosen: '9.5' in row 2, where most",
        ),
        (
            [PLAIN, {**PLAIN, "chosen": {"text": "4"}}, PLAIN],
            ValueError,
            "column chosen: .* in row 2, where most rows",
        ),
        (
            [PLAIN, ["2 + 2 ?", "4", "5"]],
            TypeError,
            r"row 2 is \['2 \+ 2 \?', '4', '5'\]; give one dictionary a row",
        ),
    ],
)
def test_rows_in_memory_that_are_no_table_are_named(rows: list[Any], error: type[Exception], told: str):
    with pytest.raises(error, match=told):
        open_pairs(rows).read()


def test_excluded_sources_and_prompts_are_left_out_of_pairs_too():
    rows = [{**PLAIN, "prompt": f"q{i}", "source": source} for i, source in enumerate(("a", "truthful_qa", "b"))]
    pairing = Pairing(exclude_sources=("truthful_qa",), exclude_prompts=("Q2 ",))
    got = open_pairs(rows, pairing=pairing).read()
    assert got["pair_id"].to_pylist() == ["row-1"]
    assert got["source"].to_pylist() == ["a"]
    with pytest.raises(ValueError, match="has no column source"):
        open_pairs([PLAIN], pairing=pairing).read()


@pytest.mark.parametrize("option", [{"rule": "worst"}, {"score": "nonsense"}])
def test_how_candidates_become_pairs_is_not_ignored_where_there_are_none(option: dict[str, str]):
    with pytest.raises(ValueError, match=r"holds pairs, no candidates: --(rule worst|score nonsense) says how"):
        open_pairs([PLAIN], pairing=Pairing(**option)).read()


def test_a_shape_is_recognised_by_the_names_that_are_given():
    row = asked(*FOUR)
    row["answers"] = row.pop("completions")
    got = open_pairs([row], columns={"completions": "answers"}).read()
    assert got["pair_id"] == open_pairs([asked(*FOUR)]).read()["pair_id"]


def test_a_stream_that_changes_a_columns_type_is_told():
    datasets = pytest.importorskip("datasets")
    rows = [{**PLAIN, "score_chosen": score} for score in (9, 9, 9, 9.5)]
    stream = datasets.IterableDataset.from_generator(lambda: iter(rows))
    with pytest.raises(ValueError, match="a streamed data set gives a column another type than in its first rows"):
        list(open_pairs(stream).batches(2))
