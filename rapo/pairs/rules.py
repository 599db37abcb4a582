"""The rules that every row of scored pairs keeps, on whole columns: rows are looked up where something is wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import messages
from rapo.pairs.faults import Fault, short, tell
from rapo.pairs.schema import SIDES

ROLES = ("system", "user", "assistant", "tool")
SYSTEM, USER, ASSISTANT, TOOL = range(4)
START = 4
# Which turn may follow which; the turn before a prompt's or a response's first is START.
_IN_PROMPT = {(START, SYSTEM), (START, USER), (SYSTEM, USER), (USER, ASSISTANT), (ASSISTANT, USER)}
_TOOLS = {(ASSISTANT, TOOL), (TOOL, TOOL), (TOOL, ASSISTANT)}
_IN_RESPONSE = {(START, ASSISTANT)}
_DROP = "Mend such rows, or leave them out with --bad drop."
_NOT_BLANK = r"[^\s\pZ]"


def faults(batch: pa.RecordBatch, *, scored: bool, row: int) -> list[Fault]:
    """Everything that is wrong with a canonical batch, reversed pairs apart."""
    found = prompt_faults(batch, row)
    for side in SIDES:
        found += _response(batch, side, row)
        if scored:
            found += _finite(batch[f"score_{side}"], f"score_{side}", row)
        if f"attributes_{side}" in batch.schema.names:
            for field in batch.schema.field(f"attributes_{side}").type:
                values = pc.struct_field(batch[f"attributes_{side}"], field.name)
                found += _finite(values, f"attributes_{side}.{field.name}", row)
    for column in ("prompt_id", "pair_id"):
        if column in batch.schema.names and batch[column].null_count:
            empty = batch[column].is_null().to_numpy(zero_copy_only=False)
            remedy = "Give every row an id, or leave such rows out with --bad drop."
            found += tell(column, "the id is missing", remedy, empty, row)
    return found


def reversed_pairs(batch: pa.RecordBatch, *, row: int) -> list[Fault]:
    """Pairs whose chosen response scores below the rejected one."""
    chosen, rejected = (batch[f"score_{side}"].to_numpy(zero_copy_only=False) for side in SIDES)
    return tell(
        "score_chosen",
        "the chosen response scores below the rejected one",
        "Swap, drop or keep such pairs: --reversed-pairs swap (or drop, or keep).",
        chosen < rejected,
        row,
        lambda i: f"{chosen[i]:g} < {rejected[i]:g}",
    )


def repeated_ids(table: pa.Table, *, row: int) -> list[Fault]:
    """Pair ids that occur twice: the two rows made of one pair could not be told from another's."""
    if "pair_id" not in table.column_names or pc.count_distinct(table["pair_id"]).as_py() == len(table):
        return []
    ids = pc.fill_null(table["pair_id"].cast(pa.string()), "").to_numpy(zero_copy_only=False)
    again = np.ones(len(ids), bool)
    again[np.unique(ids, return_index=True)[1]] = False
    again &= table["pair_id"].is_valid().to_numpy()
    remedy = "Make the ids unique, or leave the column out."
    return tell("pair_id", "the id occurs before", remedy, again, row, lambda i: repr(ids[i]))


def prompt_faults(batch: pa.RecordBatch, row: int) -> list[Fault]:
    """System first only, then user and assistant in turn, a user turn last, no blank turn."""
    column = batch["prompt"]
    parts = messages.turns(column)
    role, of, n = codes(parts.roles), parts.row_of, len(column)
    some = parts.lengths > 0
    first, last = np.full(n, USER), np.full(n, USER)
    first[some], last[some] = role[parts.starts[some]], role[(parts.starts + parts.lengths - 1)[some]]
    out_of_turn = ~_follows(parts, role, _IN_PROMPT | _TOOLS) & (role != SYSTEM) & (role >= 0)
    late_system = (role == SYSTEM) & (parts.place > 0)
    blank = _blank(parts.contents) & (role != SYSTEM)
    asked = (last == USER) | (last == TOOL)
    checks: list[tuple[str, str, np.ndarray]] = [
        ("has no turn", _DROP, ~some),
        ("unknown role", f"Roles are {', '.join(ROLES)}. {_DROP}", _any(role < 0, of, n)),
        ("system turn after the first turn", f"Merge it into the first. {_DROP}", _any(late_system, of, n)),
        ("user and assistant do not take turns", f"Merge neighbouring turns. {_DROP}", _any(out_of_turn, of, n)),
        ("does not end with a user turn", f"End the prompt with what is asked. {_DROP}", ~asked),
        ("blank turn", _DROP, _any(blank, of, n)),
        ("turn without content", _DROP, _any(_absent(parts.contents), of, n)),
    ]
    show = roles(column)
    return [fault for what, remedy, bad in checks for fault in tell("prompt", what, remedy, bad, row, show)]


def _response(batch: pa.RecordBatch, side: str, row: int) -> list[Fault]:
    """Assistant turns only, none of them blank."""
    column = batch[side]
    parts = messages.turns(column)
    of, n = parts.row_of, len(column)
    role = codes(parts.roles)
    foreign = (role != ASSISTANT) & (role != TOOL)
    again = ~_follows(parts, role, _IN_RESPONSE | _TOOLS) & ~foreign
    checks: list[tuple[str, str, np.ndarray]] = [
        ("has no turn", _DROP, parts.lengths == 0),
        ("a turn that is not the assistant's", f"Move it to the prompt. {_DROP}", _any(foreign, of, n)),
        ("two assistant turns in a row", f"Merge them. {_DROP}", _any(again & (role == ASSISTANT), of, n)),
        ("a tool's turn that answers no assistant", _DROP, _any(again & (role == TOOL), of, n)),
        ("empty response", _DROP, _any(_blank(parts.contents) | _absent(parts.contents), of, n)),
    ]
    show = roles(column)
    return [fault for what, remedy, bad in checks for fault in tell(side, what, remedy, bad, row, show)]


def _follows(parts: messages.Turns, role: np.ndarray, legal: set[tuple[int, int]]) -> np.ndarray:
    """Turns that may follow the one before them; those next to an unknown role are not judged. Shape: (n_turns,)"""
    allowed = np.zeros((START + 1, START + 1), bool)
    allowed[tuple(zip(*legal, strict=True))] = True
    before = np.append(START, role[:-1]) if len(role) else role
    before = np.where(parts.place == 0, START, before)
    return allowed[before, role] | (role < 0) | (before < 0)


def _finite(column: pa.Array, name: str, row: int) -> list[Fault]:
    values = pc.fill_null(column, np.nan).to_numpy(zero_copy_only=False)

    def show(i: int) -> str:
        return "no value" if not column[i].is_valid else f"{values[i]:g}"

    remedy = "Score the response again, or leave such rows out with --bad drop."
    return tell(name, "not a finite number", remedy, ~np.isfinite(values), row, show)


def roles(column: pa.Array) -> Callable[[int], str]:
    """Shows a row of messages: role and beginning of every turn."""

    def show(i: int) -> str:
        turns: list[dict[str, Any] | None] = column[i].as_py() or []
        told = (f"{turn['role']}: {short(turn['content'])}" if turn else "None" for turn in turns)
        return "; ".join(told) or "no turns"

    return show


def codes(roles: pa.Array) -> np.ndarray:
    """Each role's place in ``ROLES``; -1 for an unknown or missing one."""
    found = pc.index_in(roles, value_set=pa.array(ROLES))
    return pc.fill_null(found, -1).to_numpy(zero_copy_only=False)


def _blank(contents: pa.Array) -> np.ndarray:
    seen = pc.fill_null(pc.match_substring_regex(contents, _NOT_BLANK), True)
    return ~seen.to_numpy(zero_copy_only=False)


def _absent(contents: pa.Array) -> np.ndarray:
    return contents.is_null().to_numpy(zero_copy_only=False)


def _any(turns: np.ndarray, row_of: np.ndarray, n: int) -> np.ndarray:
    """Rows that have at least one such turn."""
    rows = np.zeros(n, bool)
    rows[row_of[turns]] = True
    return rows
