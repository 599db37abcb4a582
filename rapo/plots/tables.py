"""Tables: CSV and Markdown from one DataFrame."""

import numbers
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapo import paths
from rapo.claims import claim

if TYPE_CHECKING:
    import pandas as pd


_FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes a cell for that begins so
_MARKUP = re.compile(r"[\\`*\[\]]|(?<!\w)_|_(?!\w)|~~")


def markdown(table: "pd.DataFrame", *, digits: int = 3, markup: bool = False) -> str:
    """A GitHub-flavoured Markdown table; floats to ``digits`` significant digits, missing cells empty.

    A cell stays one cell, and is shown as it is: what would be markup is escaped, unless ``markup`` says that cells
    are Markdown themselves.

    >>> import pandas as pd
    >>> print(markdown(pd.DataFrame({"arm": ["UF"], "win rate": [0.51234]})))
    | arm | win rate |
    | --- | ---: |
    | UF | 0.512 |
    """
    import pandas as pd

    marks = ["---:" if pd.api.types.is_numeric_dtype(table[column]) else "---" for column in table.columns]
    rows: list[Iterable[Any]] = [table.columns, *table.itertuples(index=False)]
    lines = [[_cell(value, digits, markup) for value in row] for row in rows]
    lines.insert(1, marks)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(value: Any, digits: int, markup: bool) -> str:
    import pandas as pd

    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return ""
    is_float = isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral)
    text = claim.number(float(value), digits=digits) if is_float else str(value)
    if not markup:
        text = _MARKUP.sub(lambda found: "".join(f"\\{sign}" for sign in found[0]), text)
        text = text.replace("&", "&amp;").replace("<", "&lt;")
    return " ".join(text.replace("|", "\\|").splitlines())


def csv(table: "pd.DataFrame") -> str:
    """A table as CSV in full precision; a text that a spreadsheet would compute is led by an apostrophe.

    >>> import pandas as pd
    >>> csv(pd.DataFrame({"model": ["=1+1", "-0.5"], "gain": [-0.5, 1.0]})).splitlines()
    ['model,gain', "'=1+1,-0.5", '-0.5,1.0']
    """
    import pandas as pd

    safe = table.rename(columns=_harmless)
    for place, kind in enumerate(safe.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            safe.isetitem(place, [_harmless(cell) for cell in safe.iloc[:, place]])
    return safe.to_csv(index=False)


def _harmless(value: Any) -> Any:
    """A text as it is, unless it is a formula; what is a number all the same is none."""
    if not isinstance(value, str) or not value.startswith(_FORMULAS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def file_name(name: str) -> str:
    """The name of a file in a folder of ours, as given.

    Raises:
        ValueError: it would lie elsewhere.
    """
    if name in ("", ".", "..") or re.search(r"[/\\\0]", name):
        raise ValueError(f"{name!r} is no plain file name; give one without folders")
    return name


def save_table(table: "pd.DataFrame", name: str, *, scale: str) -> Path:
    """Write ``<name>.csv`` (full precision) and ``<name>.md`` to `paths.figures`; return the Markdown path.

    Raises:
        ValueError: the name is no plain file name.
    """
    folder, name = paths.figures(scale), file_name(name)
    paths.write_text(folder / f"{name}.csv", csv(table))
    paths.write_text(folder / f"{name}.md", markdown(table) + "\n")
    return folder / f"{name}.md"
