"""Candidates with scores: UltraFeedback's shape, which `rapo.pairs.candidates` makes pairs of."""

import pyarrow as pa

from rapo.pairs import candidates
from rapo.pairs.candidates import Pairing
from rapo.pairs.columns import holds_candidates
from rapo.pairs.layouts.layout import Layout, Made


def _convert(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    made = candidates.made(table, pairing, name=name, first_row=row)
    few = {"rows with fewer than two candidates": made.few} if made.few else {}
    return Made(made.table, made.rows, made.faults, few)


LAYOUT = Layout("candidates", lambda sample: holds_candidates(sample.column_names), _convert)
