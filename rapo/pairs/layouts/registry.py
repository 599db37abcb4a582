"""All layouts, in the order in which they are tried."""

import pyarrow as pa

from rapo.pairs.layouts import candidate_lists, comparisons, dialogues
from rapo.pairs.layouts.layout import Layout, Made

PAIRS = Layout("pairs", lambda sample: True, lambda table, pairing, name, row: Made(table))
LAYOUTS: tuple[Layout, ...] = (
    candidate_lists.CANDIDATE_LISTS,
    candidate_lists.NECTAR,
    candidate_lists.HELPSTEER2,
    comparisons.SHP,
    comparisons.HELPSTEER3,
    comparisons.HELPSTEER2_PREFERENCE,
    comparisons.PKU,
    comparisons.WEBGPT,
    comparisons.ARENA,
    comparisons.ARENA_CSV,
    candidate_lists.ORCA,
    dialogues.HH_RLHF,
    dialogues.FULL_HH_RLHF,
    dialogues.SHAREGPT,
    dialogues.IMPLICIT,
    PAIRS,
)


def recognise(sample: pa.Table, layout: str | None = None) -> Layout:
    """The first layout that fits a sample of rows, or the one of this name.

    Raises:
        ValueError: there is no layout of this name.

    >>> recognise(pa.table({"instruction": ["q"], "completions": [[]]})).name
    'candidates'
    """
    if layout is None:
        return next(one for one in LAYOUTS if one.fits(sample))
    named = {one.name: one for one in LAYOUTS}
    if layout not in named:
        raise ValueError(f"layout is {layout!r}; use one of {', '.join(named)}")
    return named[layout]
