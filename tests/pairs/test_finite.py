"""NaN and infinity, wherever a column hides them."""

import numpy as np
import pyarrow as pa
import pytest

from rapo.pairs import finite

FINE = {"text": ["nan", None], "number": [1.5, None], "whole": [1, 2], "list": [[1.0], None], "empty": [[], []]}


def test_finite_numbers_and_missing_ones_pass() -> None:
    finite.check([pa.table(FINE), pa.table(FINE).slice(2)], name="in", other="o.parquet")


@pytest.mark.parametrize(
    "held",
    [
        np.nan,
        [1.0, np.nan],
        [[2.0], [1.0, np.nan]],
        {"a": {"b": np.nan}},
        [{"a": 1.0}, {"a": np.nan}],
    ],
    ids=str,
)
def test_the_row_is_counted_over_batches_and_slices(held: object) -> None:
    table = pa.table({**FINE, "deep": pa.array([None, held])})
    told = "in: row 5, column deep: nan cannot stand in JSON; mend or remove the column, or write o.parquet"
    with pytest.raises(ValueError, match=told):
        finite.check([pa.table(FINE), pa.table(FINE).slice(1), table], name="in", other="o.parquet")
    with pytest.raises(ValueError, match="row 1, column deep: nan"):
        finite.check([table.slice(1)], name="in", other="o.parquet")


def test_what_lies_under_a_missing_record_does_not_count() -> None:
    parts = pa.StructArray.from_arrays([pa.array([1.0, np.inf])], names=["a"], mask=pa.array([False, True]))
    finite.check([pa.table({"record": parts})], name="in", other="o.parquet")
