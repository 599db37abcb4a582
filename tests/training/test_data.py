"""The rows of a recipe: where they lie, how long they are, and how each trainer takes them."""

import json
import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tiny
from tiny import TOKENIZER

from rapo.pairs import manifest, writing
from rapo.pairs.faults import PairsError
from rapo.training import data
from rapo.training.data import Source
from rapo.training.recipe import OWN, Recipe

PAIRS = tiny.rows(6, longest=6)


@pytest.fixture(autouse=True)
def elsewhere(rapo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(rapo_root)


def recipe(trainer: str = "dpo", *, own: dict[str, Any] | None = None, **named: Any) -> Recipe:
    return Recipe("mine.yaml", trainer, {}, {"model_name_or_path": "base"}, named, {}, OWN | (own or {}), None)


def talk(*words: str, role: str = "user") -> list[dict[str, str]]:
    return [{"role": role, "content": " ".join(words)}]


def lengths(*sizes: tuple[int, int, int]) -> pa.Table:
    """Rows whose prompt, chosen and rejected hold so many words."""
    rows = [
        {
            "prompt": talk(*["w1"] * prompt),
            "chosen": talk(*["w2"] * chosen, role="assistant"),
            "rejected": talk(*["w3"] * rejected, role="assistant"),
            "pair_id": f"p{number}",
        }
        for number, (prompt, chosen, rejected) in enumerate(sizes)
    ]
    return pa.Table.from_pylist(rows)


def fit(table: pa.Table, **options: Any) -> data.Fitted:
    return data.fit(table, TOKENIZER, **{"max_length": 20, "long_rows": "cut", "name": "rows.jsonl"} | options)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({"datasets": [{"path": "json", "data_files": "a.jsonl", "split": "train"}]}, [Source("a.jsonl", None)]),
        ({"datasets": [{"path": "json", "data_files": ["a", "b"]}]}, [Source(["a", "b"], None)]),
        (
            {"datasets": [{"path": "o/n", "name": "c"}, {"path": "o/m", "split": "x"}]},
            [Source("o/n:c", "train", "split"), Source("o/m", "x", "split")],
        ),
        ({"dataset_name": "a.parquet"}, [Source("a.parquet", None)]),
        ({"dataset_name": "a.parquet", "dataset_train_split": "mine"}, [Source("a.parquet", "mine")]),
        ({"dataset_name": "owner/name", "dataset_config": "c"}, [Source("owner/name:c", "train")]),
    ],
)  # fmt: skip
def test_both_of_trls_ways_to_name_data_are_understood(named: dict[str, Any], expected: list[Source]) -> None:
    assert data.sources(recipe(**named)) == expected


def test_evaluation_has_a_split_of_its_own() -> None:
    assert data.sources(recipe(dataset_name="folder"), test=True) == [
        Source("folder", "test", "dataset_test_split")
    ]
    named = recipe(dataset_name="folder", dataset_test_split="held_out")
    assert data.sources(named, test=True) == [Source("folder", "held_out", "dataset_test_split")]


def test_evaluation_may_have_data_of_its_own() -> None:
    own = {"test_data": "other.jsonl"}
    for named in ({"dataset_name": "rows.jsonl"}, {"datasets": [{"path": "json", "data_files": "a"}]}):
        assert data.sources(recipe(own=own, **named), test=True) == [
            Source("other.jsonl", None, "dataset_test_split")
        ]
    named = recipe(own={"test_data": "owner/name"}, dataset_name="rows.jsonl")
    assert data.sources(named, test=True) == [Source("owner/name", "test", "dataset_test_split")]


def test_where_nothing_is_to_evaluate_on_the_remedy_is_one_that_works() -> None:
    writing.write(PAIRS, "rows.jsonl")
    writing.write(PAIRS, "saved")
    Path("both").mkdir()
    for split in ("train", "dev"):
        writing.write(PAIRS, f"both/{split}.parquet")
    asks, say = "but evaluation asks for the split test", "say --set rapo.test_data=FILE$"
    for name, told in (
        ("rows.jsonl", f"rows.jsonl has no splits, {asks}; {say}"),
        ("saved", f"saved has no splits, {asks}; {say}"),
        ("both", f"both holds the splits dev, train, {asks}; name another with dataset_test_split, or {say}"),
    ):
        with pytest.raises(ValueError, match=told):
            data.read(recipe(), data.sources(recipe(dataset_name=name), test=True))
    listed = recipe(datasets=[{"path": "json", "data_files": "rows.jsonl"}])
    with pytest.raises(ValueError, match=r"mine\.yaml names no test data; say --set rapo\.test_data=FILE"):
        data.sources(listed, test=True)
    found = data.sources(recipe(own={"test_data": "rows.jsonl"}, **listed.data), test=True)
    assert len(data.read(recipe(), found)) == 6


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({}, "mine.yaml names no train data; say --set dataset_name=FILE"),
        ({"datasets": [{"path": "json", "data_files": "a", "fraction": 0.5}]}, "fraction cannot be served"),
        ({"datasets": [{"data_files": "a"}]}, "names no data; give path: json"),
        ({"datasets": "a.jsonl"}, "datasets is 'a.jsonl'; write a list of blocks"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_served_are_told(named: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        data.sources(recipe(**named))


def test_rows_bring_what_their_trainer_uses() -> None:
    bare = PAIRS.append_column("ref_chosen_logps", pa.array([0.0] * 6))
    writing.write(bare, "bare.parquet")
    assert data.read(recipe(), [Source("bare.parquet", None)]).column_names == [
        "prompt",
        "chosen",
        "rejected",
        "pair_id",
    ]
    writing.write(PAIRS.append_column("ref_scored", pa.array(range(6))), "rows.parquet")
    found = [Source("rows.parquet", None)]
    assert data.read(recipe(), found).column_names == ["prompt", "chosen", "rejected", "pair_id", "ref_scored"]
    table = data.read(recipe("simpo"), [*found, *found])
    assert table.column_names == ["prompt", "chosen", "rejected", "pair_id"]
    assert table["chosen"].to_pylist() == 2 * PAIRS["chosen"].to_pylist()


def test_columns_of_other_names_and_bad_rows_are_the_recipes_to_say() -> None:
    rows = [{"q": f"w{i}", "chosen": "w1", "rejected": "" if i == 1 else "w2"} for i in range(3)]
    writing.write(pa.Table.from_pylist(rows), "rows.jsonl")
    found = [Source("rows.jsonl", None)]
    with pytest.raises(ValueError, match="rejected"):
        data.read(recipe(own={"columns": {"prompt": "q"}}), found)
    table = data.read(recipe(own={"columns": {"prompt": "q"}, "bad": "drop"}), found)
    assert table["prompt"].to_pylist() == ["w0", "w2"]


@pytest.mark.parametrize(
    ("trainer", "columns"), [("sft", ["prompt", "completion"]), ("kto", ["prompt", "completion", "label"])]
)
def test_single_responses_are_read_as_they_are(trainer: str, columns: list[str]) -> None:
    rows = [{"prompt": talk("w1"), "completion": talk("w2", role="assistant"), "label": True, "more": 1}]
    writing.write(pa.Table.from_pylist(rows), "rows.jsonl")
    table = data.read(recipe(trainer), [Source("rows.jsonl", None)])
    assert table.column_names == columns
    assert fit(table).counts == {"read": 1, "cut": 0, "left_out": 0}
    assert data.formed(table, trainer, batch_size=4, seed=0).num_rows == 1


def test_single_responses_obey_the_recipe_too() -> None:
    rows = [{"q": f"w{i}", "a": [None, "w1", "w2"][i], "good": True} for i in range(3)]
    writing.write(pa.Table.from_pylist(rows), "rows.jsonl")
    own = {"columns": {"prompt": "q", "completion": "a", "label": "good"}}
    with pytest.raises(PairsError, match=r"column completion: empty response in row 1 .*--set rapo\.bad=drop"):
        data.read(recipe("kto", own=own), [Source("rows.jsonl", None)])
    table = data.read(recipe("kto", own=own | {"bad": "drop"}), [Source("rows.jsonl", None)])
    assert table.to_pylist() == [{"prompt": f"w{i}", "completion": f"w{i}", "label": True} for i in (1, 2)]


def test_what_is_advised_is_what_a_recipe_can_say() -> None:
    Path("both").mkdir()
    for split in ("train", "test"):
        writing.write(PAIRS, f"both/{split}.parquet")
    with pytest.raises(ValueError, match=r"both holds the splits test, train; name one with dataset_train_split$"):
        data.read(recipe(), data.sources(recipe(dataset_name="both")))
    writing.write(pa.table({"q": ["w1"], "chosen": ["w1"], "rejected": [""]}), "rows.jsonl")
    with pytest.raises(PairsError, match=r"say which it is made of: --set 'rapo\.columns=\{prompt: \.\.\.\}'$"):
        data.read(recipe(), [Source("rows.jsonl", None)])
    with pytest.raises(
        PairsError, match=r"empty response in row 1 .* leave them out with --set rapo\.bad=drop\.$"
    ):
        data.read(recipe(own={"columns": {"prompt": "q"}}), [Source("rows.jsonl", None)])


# A prompt of n words has n + 3 tokens with the marks of its turn and the answer's; an answer of n words n + 1.
TWENTY, LONGER, FULL = (8, 8, 1), (8, 1, 9), (17, 1, 1)  # 11 + 9 = 20, 11 + 10 = 21, 20 + 2 = 22


def test_long_rows_are_counted_told_and_cut_as_trl_does(caplog: pytest.LogCaptureFixture) -> None:
    found = fit(lengths(TWENTY, LONGER, FULL))
    assert found.counts == {"read": 3, "cut": 1, "left_out": 1}
    assert found.long == ["p1", "p2"]
    assert found.table["pair_id"].to_pylist() == ["p0", "p1"]
    assert "rows.jsonl: 2 of 3 rows are longer than max_length=20 tokens: ['p1', 'p2']; 1 are cut" in caplog.text


def test_long_rows_are_left_out_or_an_error_where_that_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    found = fit(lengths(TWENTY, LONGER, FULL), long_rows="drop")
    assert found.counts == {"read": 3, "cut": 0, "left_out": 2}
    assert found.table["pair_id"].to_pylist() == ["p0"]
    with pytest.raises(ValueError, match=r"2 of 3 rows .* set rapo.long_rows to cut or drop"):
        fit(lengths(TWENTY, LONGER, FULL), long_rows="raise")
    caplog.set_level(logging.WARNING)
    caplog.clear()
    assert fit(lengths(TWENTY, LONGER, FULL), max_length=None).counts == {"read": 3, "cut": 0, "left_out": 0}
    assert fit(lengths(TWENTY), long_rows="raise").counts["read"] == 1
    assert not caplog.text


def test_rows_are_measured_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "_AT_ONCE", 2)
    assert fit(lengths(TWENTY, LONGER, FULL, LONGER, TWENTY)).long == ["p1", "p2", "p3"]


def test_nothing_to_train_on_is_told() -> None:
    with pytest.raises(ValueError, match="no row is left to train on: raise max_length"):
        fit(lengths(FULL))
    with pytest.raises(ValueError, match=r"rows\.jsonl holds no rows"):
        fit(lengths(FULL).slice(0, 0))


def test_sft_imitates_the_chosen_response() -> None:
    table = data.formed(PAIRS, "sft", batch_size=4, seed=0)
    assert table["completion"].to_pylist() == PAIRS["chosen"].to_pylist()
    assert table["prompt"].to_pylist() == PAIRS["prompt"].to_pylist()


def test_kto_meets_the_responses_of_other_prompts_in_a_batch() -> None:
    """A row's KL completion is the one before it among the batch's rows: never that of its own prompt."""
    rows = data.formed(PAIRS, "kto", batch_size=4, seed=1).to_pylist()
    assert len(rows) == 12
    for start in range(0, 12, 4):
        batch = rows[start : start + 4]
        assert [row["label"] for row in batch] == [True, True, False, False]
        assert all(batch[i]["prompt"] != batch[i - 1]["prompt"] for i in range(4))
    pairs = {(str(row["prompt"]), str(row["completion"]), row["label"]) for row in rows}
    assert pairs == {
        (str(row["prompt"]), str(row[side]), side == "chosen")
        for row in PAIRS.to_pylist()
        for side in ("chosen", "rejected")
    }
    assert rows != data.formed(PAIRS, "kto", batch_size=4, seed=2).to_pylist()
    by_three = data.formed(PAIRS, "kto", batch_size=3, seed=1).to_pylist()
    assert {json.dumps(row) for row in by_three} == {json.dumps(row) for row in rows}
    for start in range(0, 12, 3):
        batch = by_three[start : start + 3]
        assert {row["label"] for row in batch} == {True, False}
        assert all(batch[i]["prompt"] != batch[i - 1]["prompt"] for i in range(3))


def test_goals_are_remembered_through_what_was_made_since() -> None:
    for name, source, options in (
        ("goals.jsonl", "pairs.jsonl", {"scheme": {"placement": "prefix", "goal": "score"}}),
        ("scored.parquet", "goals.jsonl", {"trl": True}),
        ("loop.parquet", "loop.parquet", {}),
    ):
        manifest.write(name, {"command": "x", "source": {"path": source}, "options": options})
    for name in ("goals.jsonl", "scored.parquet"):
        assert data.goal(name) == {"placement": "prefix", "goal": "score"}
    for other in ("loop.parquet", "none.jsonl", ["goals.jsonl"]):
        assert data.goal(other) is None
    Path("torn.jsonl.json").write_text("{")
    assert data.goal("torn.jsonl") is None


def test_data_are_known_by_their_hash() -> None:
    Path("a.jsonl").write_text("{}\n")
    told = data.origins([Source(["a.jsonl"], None), Source("owner/name", "train")], revision="c")
    # printf '{}\n' | sha256sum
    known = "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"
    assert [(one["path"], one["sha256"], one["split"]) for one in told] == [
        ("a.jsonl", known, None),
        ("owner/name", None, "train"),
    ]
