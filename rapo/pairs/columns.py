"""Bring columns of scored pairs to their canonical types; split whole conversations into prompt and response.

Used by `rapo.pairs.schema.check` alone.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import layouts, messages
from rapo.pairs.faults import Fault, sentence, short, tell
from rapo.pairs.rules import ASSISTANT, codes, roles

_NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)


def cast(batch: pa.RecordBatch, *, row: int) -> tuple[dict[str, pa.Array], list[Fault]]:
    """Every known column in its canonical type, whole conversations split; and the columns that resist."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    faults: list[Fault] = []
    kinds: dict[str, Callable[[pa.Array], pa.Array]] = {
        "prompt": lambda column: messages.lift(column, role="user"),
        "chosen": lambda column: messages.lift(column, role="assistant"),
        "rejected": lambda column: messages.lift(column, role="assistant"),
        "score_chosen": numbers,
        "score_rejected": numbers,
        "prompt_id": identifiers,
        "pair_id": identifiers,
        "attributes_chosen": attributes,
        "attributes_rejected": attributes,
    }
    for column, convert in kinds.items():
        if column not in columns:
            continue
        try:
            columns[column] = convert(columns[column])
        except (TypeError, ValueError) as error:
            faults.append(_resists(column, batch[column], str(error), row))
    faults += _missing(batch.schema)
    if not faults:
        columns, faults = _match_attributes(columns)
    if not faults:
        columns, faults = _split_conversations(columns, row)
    return columns, faults


def numbers(column: pa.Array) -> pa.Array:
    """A column of numbers as doubles; null stays null.

    Raises:
        TypeError: the column holds no numbers.
    """
    kind = column.type
    if any(test(kind) for test in _NUMBERS):
        return column.cast(pa.float64(), safe=False)
    if messages.is_text(kind):
        raise TypeError("holds text, not numbers; write the numbers without quotes")
    raise TypeError(f"holds {kind}, not numbers")


def identifiers(column: pa.Array) -> pa.Array:
    """A column of text or whole numbers as text."""
    if messages.is_text(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type):
        return column.cast(pa.string())
    raise TypeError(f"holds {column.type}, neither text nor whole numbers")


def attributes(column: pa.Array) -> pa.Array:
    """A struct of numbers as a struct of doubles."""
    if not pa.types.is_struct(column.type) or not column.type.num_fields:
        raise TypeError(f"holds {column.type}, not one number an attribute")
    names = [field.name for field in column.type]
    return pa.StructArray.from_arrays([numbers(pc.struct_field(column, name)) for name in names], names=names)


def _resists(name: str, column: pa.Array, why: str, row: int) -> Fault:
    problem, _, remedy = why.partition("; ")
    first = int(np.argmax(column.is_valid().to_numpy(zero_copy_only=False))) if len(column) else 0
    values = (short(column[first].as_py()),) if len(column) else ()
    return Fault(name, problem, sentence(remedy or "convert the column"), np.array([row + first]), values)


def _missing(schema: pa.Schema) -> list[Fault]:
    """Columns that the schema asks for; whole conversations hold their own prompt."""
    columns = schema.names
    need = [name for name in ("chosen", "rejected", "score_chosen", "score_rejected") if name not in columns]
    talks = [messages.is_messages(schema.field(side).type) for side in ("chosen", "rejected") if side in columns]
    if "prompt" not in columns and not (talks and all(talks)):
        need.insert(0, "prompt")
    for side, other in (("chosen", "rejected"), ("rejected", "chosen")):
        if f"attributes_{side}" in columns and f"attributes_{other}" not in columns:
            need.append(f"attributes_{other}")
    have = ", ".join(columns) or "none"
    remedy = (
        "The columns are {have}; say which one holds it: columns={{{name!r}: ...}}, "
        "on the command line --column {name}=..."
    )
    if layouts.holds_candidates(columns):
        remedy = "These rows hold candidates: make pairs of them first (`rapo pairs`)."
    none = np.empty(0, np.int64)
    return [Fault(name, "is missing", remedy.format(have=have, name=name), none, ()) for name in need]


def _match_attributes(columns: dict[str, pa.Array]) -> tuple[dict[str, pa.Array], list[Fault]]:
    """Both responses name the same attributes, in the order of the chosen one."""
    if "attributes_chosen" not in columns:
        return columns, []
    chosen, rejected = columns["attributes_chosen"], columns["attributes_rejected"]
    names, others = [field.name for field in chosen.type], [field.name for field in rejected.type]
    if set(names) != set(others):
        remedy = "Score both responses on the same attributes."
        problem = f"names {', '.join(others)} where attributes_chosen names {', '.join(names)}"
        return columns, [Fault("attributes_rejected", problem, remedy, np.empty(0, np.int64), ())]
    fields = [pc.struct_field(rejected, name) for name in names]
    return {**columns, "attributes_rejected": pa.StructArray.from_arrays(fields, names=names)}, []


def _split_conversations(columns: dict[str, pa.Array], row: int) -> tuple[dict[str, pa.Array], list[Fault]]:
    """Where chosen and rejected hold whole conversations, the last turn is the response.

    A prompt column beside them is set aside: the conversation says the same and more (earlier turns).
    """
    chosen, rejected = columns["chosen"], columns["rejected"]
    talks = _is_conversation(chosen) & _is_conversation(rejected)
    if "prompt" in columns and 2 * talks.sum() <= len(talks):
        return columns, []
    before, last = messages.split_last(chosen)
    before_rejected, last_rejected = messages.split_last(rejected)
    remedy = "Give every row whole conversations, or give every row a prompt and its responses alone."
    hits = tell("chosen", "no conversation that begins with its prompt", remedy, ~talks, row, roles(chosen))
    if not hits:
        remedy = "A pair answers one prompt: give both sides the same turns before the last."
        differ = ~messages.same(before, before_rejected)
        hits = tell("rejected", "the conversation differs from chosen before its last turn", remedy, differ, row)
    return {**columns, "prompt": before, "chosen": last, "rejected": last_rejected}, hits


def _is_conversation(column: pa.Array) -> np.ndarray:
    parts = messages.turns(column)
    first = np.zeros(len(column), bool)
    some = parts.lengths > 0
    first_roles = codes(parts.roles.take(pa.array(parts.starts[some])))
    first[some] = first_roles != ASSISTANT
    return first
