import math

import pytest
from scored_pairs import pair, table

from rapo.pairs import schema
from rapo.pairs.check import check
from rapo.pairs.faults import PairsError


def test_every_kind_of_fault_is_told_at_once_and_rows_are_counted():
    rows = [pair(score_chosen=math.nan) for _ in range(5)] + [pair(prompt=[])]
    with pytest.raises(PairsError) as caught:
        check(table(*rows), first_row=11)
    assert [(fault.column, fault.rows.tolist()) for fault in caught.value.faults] == [
        ("prompt", [16]),
        ("score_chosen", [11, 12, 13, 14, 15]),
    ]
    assert "row 11 (nan), row 12 (nan), row 13 (nan) and 2 more rows" in str(caught.value)


def test_faults_in_several_batches_keep_their_row_numbers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(schema.batches, "__kwdefaults__", {"rows": 2})
    rows = [pair(), pair(), pair(), pair(score_chosen=math.nan), pair(), pair(score_chosen=math.inf)]
    with pytest.raises(PairsError, match=r"row 4 \(nan\), row 6 \(inf\)"):
        check(table(*rows))
    assert len(check(table(*rows), bad="drop")) == 4
