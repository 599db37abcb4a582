"""A column `system` beside a question, as in Orca's pairs: it becomes the prompt's system turn."""

import numpy as np
import pyarrow as pa

from rapo.pairs import columns, messages
from rapo.pairs.candidates import Pairing
from rapo.pairs.layouts.layout import Layout, Made, replaced
from rapo.pairs.messages import whole


def _question(table: pa.Table) -> str | None:
    """The column of plain questions, if there is one."""
    there = (name for name in columns.QUESTIONS if name in table.column_names)
    return next((name for name in there if messages.is_text(table.schema.field(name).type)), None)


def _convert(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    question = _question(table) or "prompt"
    systems, asked = (whole(table[column]).cast(pa.string()) for column in ("system", question))
    told = np.array([bool(text and text.strip()) for text in systems.to_pylist()], bool)
    # Turns alternate: the system's (left out where it is blank), then the user's.
    n = len(asked)
    order = np.stack([np.arange(n), np.arange(n) + n], axis=1).ravel()
    keep = np.stack([told, np.ones(n, bool)], axis=1).ravel()
    index = pa.array(order[keep])
    roles = pa.array(np.repeat(["system", "user"], n), pa.string()).take(index)
    contents = pa.concat_arrays([systems, asked]).take(index)
    prompt = messages.Turns(roles, contents, 1 + told.astype(np.int64)).column()
    made = replaced(table, ("system", question), {"prompt": prompt})
    mapping = columns.known(made.column_names)
    if "rating" in made.column_names and pa.types.is_list(made.schema.field("rating").type):
        mapping |= {"score_chosen": "max(rating)", "score_rejected": "min(rating)"}
    return Made(columns.rename(made, mapping, name=name))


def _fits(sample: pa.Table) -> bool:
    names = sample.column_names
    if not {"system", "chosen", "rejected"} <= set(names) or not messages.is_text(
        sample.schema.field("system").type
    ):
        return False
    return _question(sample) is not None


SYSTEMS = Layout("system and question", _fits, _convert, "column system becomes the prompt's system turn")
