"""Selection: counts, ties, order and columns."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.cli.main import main
from rapo.pairs import files, writing
from rapo.selection.select import LOGPROBS, METRICS, REFERENCE, Options, row_ids, select, top

VALUES = st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=1, max_size=40)


@given(VALUES, st.randoms())
def test_selection_does_not_depend_on_the_order_of_the_rows(values: list[float], random: object) -> None:
    ids = [f"row-{i}" for i in range(len(values))]
    order = list(range(len(values)))
    random.shuffle(order)  # type: ignore[attr-defined]
    k = len(values) // 2
    straight = {ids[i] for i in np.flatnonzero(top(values, k=k, ids=ids).keep)}
    shuffled_ids = [ids[i] for i in order]
    shuffled = top([values[i] for i in order], k=k, ids=shuffled_ids).keep
    assert {shuffled_ids[i] for i in np.flatnonzero(shuffled)} == straight


@given(VALUES)
def test_kept_values_are_at_least_those_left_out(values: list[float]) -> None:
    found = top(values, fraction=0.4, ids=[str(i) for i in range(len(values))])
    kept, left = np.array(values)[found.keep], np.array(values)[~found.keep]
    assert len(kept) == int(np.floor(0.4 * len(values) + 0.5))
    if len(kept) and len(left):
        assert kept.min() >= left.max()


@pytest.mark.parametrize(("k", "expected"), [(0, 0), (3, 3)])
def test_none_and_all(k: int, expected: int) -> None:
    found = top([1.0, 2.0, 3.0], k=k, ids=["a", "b", "c"])
    assert found.keep.sum() == expected
    assert np.isnan(found.threshold) == (k == 0)


def test_official_argsort_has_no_tie_rule() -> None:
    """A fault of metric_selection.py: which of equal rows are taken depends on their place in the file."""
    ids = ["p", "q", "r", "s"]
    first = top([1.0] * 4, k=2, ids=ids)
    second = top([1.0] * 4, k=2, ids=ids[::-1])
    assert first.keep.tolist() == second.keep.tolist()[::-1]
    assert first.tied == 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"k": 4}, "k is 4; there are 3"),
        ({"fraction": 1.5}, "fraction is 1.5"),
        ({}, "either k or fraction"),
        ({"k": 1, "fraction": 0.5}, "either k or fraction"),
    ],
)
def test_impossible_counts(call: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        top([1.0, 2.0, 3.0], ids=["a", "b", "c"], **call)


def test_repeated_ids_and_nan_are_refused() -> None:
    with pytest.raises(ValueError, match="distinct"):
        top([1.0, 2.0], k=1, ids=["a", "a"])
    with pytest.raises(ValueError, match=r"metric hold 1 .* the first is nan at 1"):
        top([1.0, np.nan], k=1, ids=["a", "b"])


def scored(n: int = 50) -> pa.Table:
    rng = np.random.default_rng(1)
    logprobs = {name: -rng.gamma(5, 4, n) for name in (*LOGPROBS, *REFERENCE)}
    return pa.table(
        {
            "pair_id": [f"p{i}" for i in range(n)],
            "score_chosen": rng.integers(5, 11, n).astype(float),
            "score_rejected": rng.integers(1, 6, n).astype(float),
            "chosen_tokens": rng.integers(5, 30, n),
            "rejected_tokens": rng.integers(5, 30, n),
            **logprobs,
        }
    )


def test_select_keeps_row_order_and_adds_the_metric() -> None:
    table = scored()
    kept, chosen = select(table, fraction=0.4)
    assert len(kept) == 20
    places = [int(name[1:]) for name in kept["pair_id"].to_pylist()]
    assert places == sorted(places)
    assert kept["alignment_potential"].to_numpy() == pytest.approx(chosen.values[chosen.keep])


def test_metrics_by_brute_force() -> None:
    table = scored()
    column = {name: table[name].to_numpy() for name in table.column_names if name != "pair_id"}
    gap = np.abs(column["score_chosen"] - column["score_rejected"])
    ratio = column["chosen_logprob_sum"] - column["ref_chosen_logprob_sum"]
    ratio = np.abs(ratio - column["rejected_logprob_sum"] + column["ref_rejected_logprob_sum"])
    assert METRICS["explicit-margin"](table, Options()) == pytest.approx(gap)
    assert METRICS["small-implicit-margin"](table, Options()) == pytest.approx(-ratio)
    per_token = column["chosen_logprob_sum"] / column["chosen_tokens"]
    per_token = per_token - column["rejected_logprob_sum"] / column["rejected_tokens"]
    simpo = METRICS["small-implicit-margin"](table, Options(implicit="simpo"))
    assert simpo == pytest.approx(-np.abs(per_token))


def test_beta_does_not_change_a_ranking_by_zscores() -> None:
    table = scored()
    first, second = (select(table, k=10, options=Options(beta=beta))[1].keep for beta in (0.01, 5.0))
    assert first.tolist() == second.tolist()


def test_uniform_is_uniform_and_follows_the_seed() -> None:
    table = scored(2000)
    values = METRICS["uniform"](table, Options(seed=3))
    assert abs(values.mean() - 0.5) < 0.03  # standard error 0.0065
    assert not np.array_equal(values, METRICS["uniform"](table, Options(seed=4)))


def test_missing_columns_name_the_remedy() -> None:
    with pytest.raises(ValueError, match="run `rapo score` first"):
        select(scored().drop_columns(["chosen_logprob_sum"]), k=1)
    with pytest.raises(ValueError, match="metric is 'best'; use one of"):
        select(scored(), metric="best", k=1)


def test_mapped_columns() -> None:
    table = scored().rename_columns({"score_chosen": "rm_chosen"})
    kept, _ = select(table, metric="explicit-margin", k=5, options=Options(columns={"score_chosen": "rm_chosen"}))
    assert len(kept) == 5


def test_rows_without_ids_get_distinct_ones() -> None:
    table = pa.table({"prompt": ["a", "a"], "chosen": ["b", "b"], "rejected": ["c", "c"]})
    assert len(set(row_ids(table))) == 2


def test_command_keeps_rows_and_tells_what_it_did(tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out.jsonl"
    texts = {name: [f"{name} {i}" for i in range(50)] for name in ("prompt", "chosen", "rejected")}
    writing.write(pa.table({**texts, **dict(zip(scored().column_names, scored().columns, strict=True))}), source)
    assert main(["select", str(source), "--fraction", "0.4", "--out", str(target)]) == 0
    kept = files.read(target)
    told = json.loads((tmp_path / "out.jsonl.json").read_text())
    assert len(kept) == told["counts"]["kept"] == 20
    assert told["ids"] == kept["pair_id"].to_pylist()
    assert told["counts"]["threshold"] == pytest.approx(min(kept["alignment_potential"].to_pylist()))
    assert main(["select", str(source), "--fraction", "2", "--out", str(target)]) == 2
    assert len(files.read(target)) == 20
