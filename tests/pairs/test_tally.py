"""Ids that occur twice, by brute force."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from rapo.pairs.tally import Ids


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", "e", None]), max_size=4), max_size=4))
def test_the_first_id_that_occurs_before_is_found_wherever_the_batches_end(
    batches: list[list[str | None]],
) -> None:
    ids = Ids()
    for batch in batches:
        ids.add(pa.chunked_array([pa.array(batch, pa.string())]))
    names = [name for batch in batches for name in batch]
    again = [place for place, name in enumerate(names) if name is not None and name in names[:place]]
    assert ids.repeated() == (again[0] if again else None)
    assert ids.repeated() == (again[0] if again else None)  # asking changes nothing


def test_ids_of_any_kind_are_told_apart() -> None:
    ids = Ids()
    ids.add(pa.chunked_array([pa.array([-1, -2, 1 << 61, 0])]))
    ids.add(pa.chunked_array([pa.array([{"$oid": "a"}, {"$oid": "b"}])]))
    assert ids.repeated() is None
