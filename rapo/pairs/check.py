"""The one check of pairs, wherever they enter: columns brought to their types, rows held against the rules.

Rows are counted from 1, as an editor counts the lines of a file.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import messages, rules
from rapo.pairs.faults import Fault, PairsError, merged, sentence, short, tell
from rapo.pairs.schema import COLUMNS, SCORES, SIDES, TEXTS, batches, partner, swapped
from rapo.stats.arrays import expect_table

BAD = ("raise", "drop")
REVERSED = ("raise", "keep", "swap", "drop")
_NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
_NO_ROWS = np.empty(0, np.int64)
SHOWN_COLUMNS = 12
# Tables cannot change: one that has passed is not looked at again for as long as somebody holds it.
_passed: WeakValueDictionary[int, pa.Table] = WeakValueDictionary()
_log = logging.getLogger(__name__)


def check(
    table: pa.Table,
    *,
    name: str = "<table>",
    bad: str = "raise",
    reversed_pairs: str = "raise",
    scored: bool = True,
    first_row: int = 1,
) -> pa.Table:
    """Validate pairs and return them in the one schema that everything here reads (`rapo.pairs.schema`).

    Plain text becomes one turn. Where ``chosen`` and ``rejected`` hold whole conversations (TRL's implicit
    prompt), the last turn is the response and what comes before it is the prompt. Ties are legal.

    Args:
        table: pairs.
        name: what an error calls the table: a file's path.
        bad: "raise", or "drop" the offending rows with a warning that counts them.
        reversed_pairs: what to do with a chosen response that scores below the rejected one: "raise", "keep" it
            as it is, "swap" the two sides, or "drop" the pair.
        scored: False asks for prompt and responses alone; scores are not looked at.
        first_row: number of the table's first row within ``name``.

    Returns:
        The same pairs with ``prompt``, ``chosen`` and ``rejected`` as lists of messages (role, content) and scores as
        doubles; further columns as they were. Shape: (n_pairs, n_columns), fewer pairs where some were dropped.

    Raises:
        PairsError: (a ValueError) naming table, rows, columns, values and remedies, every kind of fault at once.

    >>> row = {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "5", "score_chosen": 9, "score_rejected": 2}
    >>> check(pa.Table.from_pylist([row]))["chosen"].to_pylist()
    [[{'role': 'assistant', 'content': '4'}]]
    """
    check_options(bad, reversed_pairs)
    expect_table(table, "rapo.check_pairs")
    if _passed.get(id(table)) is table:
        return table
    found = examine(table, name=name, bad=bad, reversed_pairs=reversed_pairs, scored=scored, first_row=first_row)
    repeated = rules.repeated_ids(table, row=first_row)
    if repeated or (found.faults and bad == "raise"):
        raise PairsError(name, [*found.faults, *repeated])
    for fault in found.faults:
        _log.warning("%s: dropped %d rows: column %s: %s", name, len(fault.rows), fault.column, fault.problem)
    if found.turned:
        n = len(found.table) + (found.turned if reversed_pairs == "drop" else 0)
        _log.warning("chosen scores below rejected in %d of %d pairs: %s", found.turned, n, reversed_pairs)
    return passed(found.table) if scored and reversed_pairs != "keep" else found.table


def check_options(bad: str, reversed_pairs: str) -> None:
    """A ValueError where an option of `check` is unknown."""
    for option, value, legal in (("bad", bad, BAD), ("reversed_pairs", reversed_pairs, REVERSED)):
        if value not in legal:
            raise ValueError(f"{option} is {value!r}; use one of {', '.join(legal)}")


@dataclass(frozen=True)
class Examined:
    """What the check makes of a table.

    Attributes:
        table: in the one schema; without its bad rows where they are dropped.
        faults: what is wrong, in the numbers of the rows.
        turned: how many reversed pairs were swapped or dropped.
    """

    table: pa.Table
    faults: list[Fault]
    turned: int


def examine(
    table: pa.Table,
    *,
    name: str,
    bad: str = "raise",
    reversed_pairs: str = "raise",
    scored: bool = True,
    first_row: int = 1,
) -> Examined:
    """Hold a table against the schema and tell, as `check` does, without raising for bad rows.

    Raises:
        PairsError: columns are missing or of a wrong type: no row can be looked at.
    """
    pieces: list[pa.RecordBatch] = []
    faults: list[Fault] = []
    row = first_row
    for batch in batches(table):
        piece, found, resists = _canonical(batch, scored=scored, row=row)
        if resists:
            raise PairsError(name, resists)
        found += rules.faults(piece, scored=scored, row=row)
        if scored and reversed_pairs == "raise":
            found += rules.reversed_pairs(piece, row=row)
        pieces.append(_without(piece, found, row) if bad == "drop" else piece)
        faults += found
        row += len(batch)
    checked, turned = pa.Table.from_batches(pieces), 0
    if scored and reversed_pairs in ("swap", "drop"):
        checked, turned = _reversed(checked, reversed_pairs)
    return Examined(checked, merged(faults), turned)


def passed(table: pa.Table) -> pa.Table:
    """Note that a table has passed every check, so that nobody looks again; return it."""
    _passed[id(table)] = table
    return table


def numbers(column: pa.Array) -> pa.Array:
    """A column of numbers as doubles, null stays null; a TypeError where it holds none."""
    kind = column.type
    if any(test(kind) for test in _NUMBERS):
        return column.cast(pa.float64(), safe=False)
    if messages.is_text(kind):
        raise TypeError("holds text, not numbers; write numbers, without quotes")
    raise TypeError(f"holds {kind}, not numbers")


def identifiers(column: pa.Array) -> pa.Array:
    """A column of text or whole numbers as text; a TypeError where it holds neither."""
    if messages.is_text(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type):
        return column.cast(pa.string())
    raise TypeError(f"holds {column.type}, neither text nor whole numbers")


def _attributes(column: pa.Array) -> pa.Array:
    """A struct of numbers as a struct of doubles."""
    if not pa.types.is_struct(column.type) or not column.type.num_fields:
        raise TypeError(f"holds {column.type}, not one number an attribute")
    names = [field.name for field in column.type]
    return pa.StructArray.from_arrays([numbers(pc.struct_field(column, name)) for name in names], names=names)


def _canonical(
    batch: pa.RecordBatch, *, scored: bool, row: int
) -> tuple[pa.RecordBatch, list[Fault], list[Fault]]:
    """Every known column in its canonical type and order, whole conversations split; rows that cannot be split; and
    the columns that resist."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    kinds: dict[str, Callable[[pa.Array], pa.Array]] = {
        "prompt": lambda column: messages.lift(column, role="user"),
        **dict.fromkeys(SIDES, lambda column: messages.lift(column, role="assistant")),
        **(dict.fromkeys(SCORES, numbers) if scored else {}),
        **dict.fromkeys(("prompt_id", "pair_id"), identifiers),
        **dict.fromkeys(("attributes_chosen", "attributes_rejected"), _attributes),
    }
    faults: list[Fault] = []
    for column, convert in kinds.items():
        try:
            if column in columns:
                columns[column] = convert(columns[column])
        except (TypeError, ValueError) as error:
            faults.append(_resists(column, batch[column], error, row))
    faults += _missing(batch.schema, scored=scored)
    if not faults:
        columns, faults = _match_attributes(columns)
    if faults:
        return batch, [], faults
    columns, unsplit = _split_conversations(columns, row)
    first = COLUMNS if scored else TEXTS
    order = [*first, *(column for column in columns if column not in first)]
    return pa.RecordBatch.from_arrays([columns[column] for column in order], names=order), unsplit, []


def _resists(name: str, column: pa.Array, why: Exception, row: int) -> Fault:
    """A column that cannot be brought to its type, with the first value that shows why."""
    problem, _, remedy = str(why).partition("; ")
    values = column.slice(0, 20_000).to_pylist()
    held = [i for i, value in enumerate(values) if value is not None]
    shows = next((i for i in held if not _is_number(values[i])), held[0] if held else 0)
    at = why.at if isinstance(why, messages.FurtherField) else shows
    shown = (short(values[at]),) if values else ()
    return Fault(name, problem, sentence(remedy or "convert the column"), np.array([row + at]), shown)


def _is_number(value: object) -> bool:
    """True for text that says a number: then a column of scores has worse values to show."""
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _missing(schema: pa.Schema, *, scored: bool) -> list[Fault]:
    """Columns that the schema asks for; whole conversations hold their own prompt."""
    columns = schema.names
    need = [name for name in (*SIDES, *(SCORES if scored else ())) if name not in columns]
    talks = [messages.is_messages(schema.field(side).type) for side in SIDES if side in columns]
    if "prompt" not in columns and not (talks and all(talks)):
        need.insert(0, "prompt")
    attributes = [name for name in columns if name in ("attributes_chosen", "attributes_rejected")]
    need += [partner(name) for name in attributes if partner(name) not in columns]
    if not need:
        return []
    told = f"{' and '.join(need)} {'is' if len(need) == 1 else 'are'} missing"
    return [Fault("", told, how_to_name(need, columns), _NO_ROWS, ())]


def how_to_name(need: list[str], columns: list[str]) -> str:
    """What to type where columns are missing."""
    if set(need) <= set(SCORES) and "preference" in columns:
        return (
            "The data say which response is better, not how good each is; to take the order alone type "
            "--column score_chosen=preference --column score_rejected=0"
        )
    columns = [name for name in columns if name != "pair_id"]  # which may have been made up
    shown = ", ".join(columns[:SHOWN_COLUMNS]) + (", ..." if len(columns) > SHOWN_COLUMNS else "")
    typed = " ".join(f"--column {name}=..." for name in need)
    order = ""
    if set(need) == set(SCORES):
        order = "; to take the order alone type --column score_chosen=1 --column score_rejected=0"
    return f"There is {shown or 'no column'}; say which it is made of: {typed}{order}"


def _match_attributes(columns: dict[str, pa.Array]) -> tuple[dict[str, pa.Array], list[Fault]]:
    """Both responses name the same attributes, in the order of the chosen one."""
    if "attributes_chosen" not in columns:
        return columns, []
    chosen, rejected = columns["attributes_chosen"], columns["attributes_rejected"]
    names, others = [field.name for field in chosen.type], [field.name for field in rejected.type]
    if set(names) != set(others):
        remedy = "Score both responses on the same attributes."
        problem = f"names {', '.join(others)} where attributes_chosen names {', '.join(names)}"
        return columns, [Fault("attributes_rejected", problem, remedy, _NO_ROWS, ())]
    fields = [pc.struct_field(rejected, name) for name in names]
    return {**columns, "attributes_rejected": pa.StructArray.from_arrays(fields, names=names)}, []


def _split_conversations(columns: dict[str, pa.Array], row: int) -> tuple[dict[str, pa.Array], list[Fault]]:
    """Where chosen and rejected hold whole conversations, the last turn is the response.

    A prompt column beside them is set aside: the conversation says the same and more (earlier turns).
    """
    chosen, rejected = columns["chosen"], columns["rejected"]
    talks = _is_conversation(chosen)
    if talks.any():
        talks &= _is_conversation(rejected)
    if "prompt" in columns and 2 * talks.sum() <= len(talks):
        return columns, []
    before, last = messages.split_last(chosen)
    before_rejected, last_rejected = messages.split_last(rejected)
    remedy = "Give every row whole conversations, or give every row a prompt and its responses alone."
    hits = tell("chosen", "no conversation that begins with its prompt", remedy, ~talks, row, rules.roles(chosen))
    if not hits:
        remedy = "A pair answers one prompt: give both sides the same turns before the last."
        differ = ~messages.same(before, before_rejected)
        hits = tell("rejected", "the conversation differs from chosen before its last turn", remedy, differ, row)
    return {**columns, "prompt": before, "chosen": last, "rejected": last_rejected}, hits


def _is_conversation(column: pa.Array) -> np.ndarray:
    parts = messages.turns(column)
    first = np.zeros(len(column), bool)
    some = parts.lengths > 0
    first_roles = rules.codes(parts.roles.take(pa.array(parts.starts[some])))
    first[some] = first_roles != rules.ASSISTANT
    return first


def _without(batch: pa.RecordBatch, faults: list[Fault], row: int) -> pa.RecordBatch:
    keep = np.ones(len(batch), bool)
    for fault in faults:
        keep[fault.rows - row] = False
    return batch.filter(pa.array(keep))


def _reversed(table: pa.Table, rule: str) -> tuple[pa.Table, int]:
    """Reversed pairs swapped or dropped, and how many there were."""
    wrong = pc.fill_null(pc.less(table["score_chosen"], table["score_rejected"]), False)
    n = pc.sum(wrong).as_py() or 0
    if not n:
        return table, 0
    if rule == "drop":
        return table.filter(pc.invert(wrong)), n
    other = table.select(swapped(table.column_names)).rename_columns(table.column_names)
    index = np.arange(len(table)) + len(table) * wrong.to_numpy()
    return pa.concat_tables([table, other]).take(pa.array(index)), n
