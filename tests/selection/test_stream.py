"""Selection from a stream: what is selected in memory, however the rows are cut."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.selection.select import METRICS, Options, select
from rapo.selection.stream import select_stream


def table(n: int, *, seed: int = 0, levels: int = 4) -> pa.Table:
    """Pairs whose few levels of scores make many ties."""
    rng = np.random.default_rng(seed)
    sums = {
        f"{prefix}{side}_logprob_sum": -rng.integers(1, levels, n) / 2.0
        for prefix in ("", "ref_")
        for side in ("chosen", "rejected")
    }
    scores = {f"score_{side}": rng.integers(1, levels, n).astype(float) for side in ("chosen", "rejected")}
    ids = [f"row-{i}" for i in rng.permutation(n)]
    return pa.table({"pair_id": ids, **scores, **sums, "uniform": ["replaced"] * n})


def streamed(whole: pa.Table, rows: int) -> list[pa.Table]:
    return [whole.slice(start, rows) for start in range(0, max(len(whole), 1), rows)]


@pytest.mark.parametrize("metric", METRICS)
@given(n=st.integers(1, 40), rows=st.integers(1, 45), seed=st.integers(0, 99), fraction=st.floats(0, 1))
def test_a_stream_selects_what_is_selected_in_memory(
    metric: str, n: int, rows: int, seed: int, fraction: float
) -> None:
    whole, options = table(n, seed=seed), Options(weight=2.0, seed=seed)
    expected, chosen = select(whole, metric=metric, fraction=fraction, options=options)
    parts, found = select_stream(lambda: streamed(whole, rows), metric=metric, fraction=fraction, options=options)
    assert pa.concat_tables(parts).to_pylist() == expected.to_pylist()
    np.testing.assert_array_equal(found.values, chosen.values)
    np.testing.assert_array_equal(found.keep, chosen.keep)
    assert (found.tied, repr(found.threshold)) == (chosen.tied, repr(chosen.threshold))


@pytest.mark.parametrize(
    "options", [Options(standardise=False), Options(signed_implicit=True), Options(spread=True)]
)
def test_options_mean_the_same(options: Options) -> None:
    whole = table(30).append_column("candidate_scores", pa.array([[1.0, float(i % 5), 0.5] for i in range(30)]))
    expected, _ = select(whole, k=7, options=options)
    parts, _ = select_stream(lambda: streamed(whole, 4), k=7, options=options)
    assert pa.concat_tables(parts).to_pylist() == expected.to_pylist()


def test_ties_are_broken_by_ids_whatever_the_order_of_the_rows() -> None:
    whole = table(40, levels=2)  # every metric is the same
    turned = whole.take(pa.array(np.random.default_rng(1).permutation(40)))
    kept = [
        {
            name
            for part in select_stream(lambda rows=rows: streamed(rows, 7), k=9)[0]
            for name in part["pair_id"].to_pylist()
        }
        for rows in (whole, turned)
    ]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 9


def test_what_is_wrong_is_told_with_the_pairs_that_it_is_in() -> None:
    whole = table(9).set_column(1, "score_chosen", pa.array([1.0] * 7 + [None, 2.0]))
    with pytest.raises(ValueError, match=r"pairs 7 to 9: score_chosen hold 1 that are not finite"):
        select_stream(lambda: streamed(whole, 3), k=1)
    again = table(3).set_column(0, "pair_id", pa.array(["a", "b", "a"]))
    with pytest.raises(ValueError, match="ids of pairs repeat"):
        select_stream(lambda: streamed(again, 2), k=1)
    with pytest.raises(ValueError, match="k is 4; there are 3 pairs"):
        select_stream(lambda: streamed(table(3), 2), k=4)
    with pytest.raises(ValueError, match="metric is 'best'; use one of"):
        select_stream(lambda: streamed(table(3), 2), metric="best", k=1)


@pytest.mark.parametrize("later", [2, 4])
def test_data_that_change_between_the_passes_are_told(later: int) -> None:
    sizes = iter([3, later])

    def tables() -> Iterator[pa.Table]:
        yield from streamed(table(next(sizes)), 2)

    parts, _ = select_stream(tables, k=1)
    with pytest.raises(ValueError, match="changed while they were read: they held 3 pairs at first"):
        list(parts)
