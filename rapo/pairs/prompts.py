"""Prompts alone, of whatever a person has: the questions that a model is asked."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from rapo.pairs import check, messages, openings, raw, rules
from rapo.pairs import columns as naming
from rapo.pairs.faults import Fault, PairsError, several

_TALK = "messages"
_log = logging.getLogger(__name__)


def read(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    split: str | None = None,
    revision: str | None = None,
    bad: str = "raise",
    name: str = "<table>",
) -> pa.Table:
    """Every prompt once, in the order of the rows.

    A prompt is the column ``prompt`` (or ``instruction``, ``question``, ``query``, ``input``), as text or messages; or
    a conversation in ``messages``, without the assistant's turn that may end it. Columns ``system``, and ``input`` and
    ``history`` beside ``instruction``, belong to it (`rapo.pairs.openings`). Repeated prompts are left out, told.

    Args:
        source: as `rapo.pairs.door.open_pairs` takes it; further columns are not looked at.
        columns: ``{"prompt": "ask", "prompt_id": "key"}`` where they have other names.
        split, revision: of a data set that has several.
        bad: "raise" tells prompts that cannot be asked, "drop" leaves them out, with a warning.
        name: what errors call data in memory.

    Returns:
        ``prompt_id`` (the column of that name, else "row-<number>") and ``prompt`` (messages). Shape: (n_prompts, 2)

    Raises:
        PairsError: (a ValueError) a prompt is blank, does not end with a question, or an id is missing or repeated.
        ValueError: there is no column of prompts, or the data cannot be read.

    >>> read([{"question": "2 + 2 ?"}, {"question": "2 + 2 ?"}]).to_pylist()
    [{'prompt_id': 'row-1', 'prompt': [{'role': 'user', 'content': '2 + 2 ?'}]}]
    """
    name = str(source) if isinstance(source, str) else name
    table = raw.read(source, split=split, revision=revision)
    if not table.num_columns or not len(table):
        raise ValueError(f"{name} is empty: there is nothing to ask")
    found = _checked(_asked(table, dict(columns or {}), name), bad, name)
    keys = messages.texts(messages.whole(found["prompt"]), separator="\x1e").to_numpy(zero_copy_only=False)
    first = np.sort(np.unique(keys, return_index=True)[1])
    if len(first) < len(found):
        again = len(found) - len(first)
        told = "%s: %s of %d with a prompt from before: every prompt is asked once"
        _log.warning(told, name, several(again, "rows"), len(found))
    return found.take(pa.array(first))


def _asked(table: pa.Table, given: dict[str, str], name: str) -> pa.Table:
    """Ids and prompts as messages, not checked yet."""
    table = naming.rename(table, given, name=name)
    table = openings.joined(table)[0]
    there = [column for column in (*naming.QUESTIONS, _TALK) if column in table.column_names]
    if not there:
        raise ValueError(
            f"{name} has no column of prompts; name it with --column prompt=... It has {', '.join(table.column_names)}"
        )
    prompts = lifted(table, there[0], name=name)
    if there[0] == _TALK:
        prompts = _without_answer(prompts)
    prompts = openings.opened(prompts, table)
    ids = pa.array([f"row-{row}" for row in range(1, len(table) + 1)])
    if "prompt_id" in table.column_names:
        try:
            ids = check.identifiers(messages.whole(table["prompt_id"]))
        except TypeError as error:
            raise ValueError(f"{name}: column prompt_id {error}") from error
    return pa.table({"prompt_id": ids, "prompt": prompts})


def lifted(table: pa.Table, column: str, *, name: str) -> pa.ListArray:
    """A column of questions as messages; a ValueError where it holds neither text nor messages."""
    try:
        return messages.lift(messages.whole(table[column]), role="user")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: column {column} {error}") from error


def _without_answer(talks: pa.ListArray) -> pa.ListArray:
    """Conversations without the assistant's turn that ends them."""
    parts = messages.turns(talks)
    last = parts.place == parts.lengths[parts.row_of] - 1
    answers = last & messages.equal(parts.roles, "assistant")
    lengths = parts.lengths - np.bincount(parts.row_of[answers], minlength=len(talks))
    return parts.take(np.flatnonzero(~answers), lengths).column()


def _checked(table: pa.Table, bad: str, name: str) -> pa.Table:
    """Prompts that can be asked, each under an id of its own."""
    batch = table.combine_chunks().to_batches()[0]
    faults = rules.prompt_faults(batch, 1)
    if faults and bad == "raise":
        raise PairsError(name, faults)
    for fault in faults:
        _log.warning("%s: left out %s: %s", name, several(len(fault.rows), "prompts"), fault.problem)
    places = np.concatenate([np.empty(0, np.int64), *(fault.rows for fault in faults)]) - 1
    kept = np.setdiff1d(np.arange(len(batch)), places)
    if not len(kept):
        raise ValueError(f"{name}: no prompt is left of {several(len(batch), 'rows')}")
    _check_ids(batch, kept, name)
    return table.take(pa.array(kept))


def _check_ids(batch: pa.RecordBatch, kept: np.ndarray, name: str) -> None:
    """Raise where an id is missing, or names two prompts."""
    asked: dict[str, pa.Scalar] = {}
    for place in kept.tolist():
        key, prompt = batch["prompt_id"][place].as_py(), batch["prompt"][place]
        if key is None or asked.setdefault(key, prompt) != prompt:
            problem = "the id is missing" if key is None else "the id belongs to another prompt before"
            remedy = "Give every prompt an id of its own, or leave the column out."
            raise PairsError(name, [Fault("prompt_id", problem, remedy, np.array([place + 1]), (repr(key),))])
