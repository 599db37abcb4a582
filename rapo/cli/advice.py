"""What the kept maps of the micro world say to somebody with pairs of their own; nothing where no map is kept."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from rapo.pairs.columns import is_number
from rapo.selection.margins import implicit_margin_simpo
from rapo.selection.select import LOGPROBS, SCORES, TOKENS


class Likelier:
    """How often the policy finds the better-scored response likelier, too, counted as pairs go by."""

    def __init__(self) -> None:
        self.agree = self.pairs = 0

    def watched(self, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """The same tables; pairs with scores and what `rapo score` adds are counted, ties of either are not."""
        for table in tables:
            self.add(table)
            yield table

    def add(self, table: pa.Table) -> None:
        """Count the pairs of a table."""
        names = (*SCORES, *LOGPROBS, *TOKENS)
        if not set(names) <= set(table.column_names) or not all(is_number(table[name].type) for name in names):
            return
        columns = [table[name].cast(pa.float64()).to_numpy() for name in names]
        known = np.isfinite(columns).all(axis=0) & (np.array(columns[4:]) >= 1).all(axis=0)
        chosen, rejected, *read = (column[known] for column in columns)
        signs = np.sign(chosen - rejected) * np.sign(implicit_margin_simpo(*read))
        self.agree += int((signs > 0).sum())
        self.pairs += int((signs != 0).sum())

    def advice(self) -> str:
        """What the map of alignment potential says to such pairs; "" where none was counted or no map is kept."""
        from rapo.runs.store import kept
        from rapo.studies.alignment_potential import error_map

        if not self.pairs:
            return ""
        try:
            table = kept("alignment_potential_map")
        except FileNotFoundError:
            return ""
        return error_map.advice(table, 100 * self.agree / self.pairs)
