"""What a layout is: how a shape of data is recognised, and how a batch of it becomes pairs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from rapo.pairs.candidates import Pairing
from rapo.pairs.faults import Fault


@dataclass(frozen=True)
class Made:
    """Pairs made of a batch.

    Attributes:
        table: with the schema's names, as far as the data have them; not checked yet.
        rows: which row of the batch each pair comes from, from 0; None for one pair a row, in order.
            Shape: (n_pairs,)
        faults: what is wrong, with the numbers of the rows; what they concern is no longer in the table.
        left_out: what was left out because the data say so themselves, and how often.
    """

    table: pa.Table
    rows: np.ndarray | None = None
    faults: Sequence[Fault] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """One shape of preference data.

    Attributes:
        name: the data set, or what people call the shape.
        fits: says whether the first rows of a table have this shape.
        convert: makes pairs of a batch, given how candidates become pairs, what errors call the table, and the number
            of its first row.
        told: what to tell the reader once the shape is recognised: how scores and order are understood.
        pairs_up: whether it makes pairs of candidates, and so reads how that is done.
        together: a column whose equal neighbours must come in one batch.
    """

    name: str
    fits: Callable[[pa.Table], bool]
    convert: Callable[[pa.Table, Pairing, str, int], Made]
    told: str = ""
    pairs_up: bool = False
    together: str = ""


def has(*names: str) -> Callable[[pa.Table], bool]:
    """Fits tables that have all of these columns."""
    return lambda sample: set(names) <= set(sample.column_names)


def replaced(table: pa.Table, used: Sequence[str], columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> pa.Table:
    """The columns first, then those of the table that were not used to make them."""
    carried = {name: table[name] for name in table.column_names if name not in used and name not in columns}
    return pa.table({**columns, **carried})
