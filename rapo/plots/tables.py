"""Tables: CSV and Markdown from one DataFrame."""

import numbers
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapo import paths
from rapo.claims import claim

if TYPE_CHECKING:
    import pandas as pd


def markdown(table: "pd.DataFrame", *, digits: int = 3) -> str:
    """A GitHub-flavoured Markdown table; floats to ``digits`` significant digits, missing cells empty.

    >>> import pandas as pd
    >>> print(markdown(pd.DataFrame({"arm": ["UF"], "win rate": [0.51234]})))
    | arm | win rate |
    | --- | ---: |
    | UF | 0.512 |
    """
    import pandas as pd

    marks = ["---:" if pd.api.types.is_numeric_dtype(table[column]) else "---" for column in table.columns]
    rows: list[Iterable[Any]] = [table.columns, marks, *table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(_cell(value, digits) for value in row)} |" for row in rows)


def _cell(value: Any, digits: int) -> str:
    import pandas as pd

    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return ""
    is_float = isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral)
    text = claim.number(float(value), digits=digits) if is_float else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def save_table(table: "pd.DataFrame", name: str, *, scale: str) -> Path:
    """Write ``<name>.csv`` (full precision) and ``<name>.md`` to `paths.figures`; return the Markdown path."""
    folder = paths.figures(scale)
    paths.write_text(folder / f"{name}.csv", table.to_csv(index=False))
    paths.write_text(folder / f"{name}.md", markdown(table) + "\n")
    return folder / f"{name}.md"
