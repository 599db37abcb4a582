"""What a trainer is given and a model is asked: rows for TRL made of scored pairs, prompts with a goal in words."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rapo.relabelling.goals import COMPACT, GoalTemplate
from rapo.relabelling.placement import put
from rapo.relabelling.relabel import relabel

Messages = list[dict[str, str]]
# How pairs are relabelled. Under its own score a response is the better one: "own score" imitates it.
RELABELLED: dict[str, dict[str, Any]] = {
    "ra": {},
    "half ra": {"half": True},
    "implicit ra": {"goal": "implicit"},
    "faulty ra": {"official_fault": "nosys_unswapped"},
    "attributes": {"goal": "attributes"},
    "own score": {},
}
IMITATED = ("best", "own score")  # kinds that hold one response a row
KINDS = ("uf", "uf twice", "best", *RELABELLED)


def ask(text: str, wish: str | None = None, *, placement: str = "system") -> Messages:
    """An instruction as messages, with a goal in words (None: none) where the placement says."""
    return put([{"role": "user", "content": text}], wish, placement=placement)


def say(text: str) -> Messages:
    """An answer as messages."""
    return [{"role": "assistant", "content": text}]


def training_rows(
    table: pa.Table,
    kind: str,
    *,
    placement: str,
    template: GoalTemplate = COMPACT,
    levels: int = 10,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Rows for TRL made of scored pairs. Tied pairs are left out of every kind, so that all arms see the same.

    Differs from the official preprocessing, which leaves ties in the plain data.

    Args:
        table: scored pairs.
        kind: "uf" (the pairs), "uf twice" (each pair two times), "best" (the chosen responses, to be imitated), "ra"
            (relabelled), "half ra" (relabelled, half the rows), "implicit ra" (goals from implicit rewards), "faulty
            ra" (as the official code's data set without system turns: rows whose goal is the rejected response's
            score keep the pair as it was), "attributes" (goals of several attributes) or "own score" (both
            responses, each to be imitated under its own score, as in SteerLM and DPA).
        placement: where a goal stands, "system" or "prefix".
        template: how a goal is worded.
        levels: of goals from implicit rewards.
        seed: chooses the rows of "half ra".

    Returns:
        ``prompt`` with ``completion`` (kinds in `IMITATED`), or with ``chosen`` and ``rejected``, as messages.

    Raises:
        ValueError: the kind is unknown, or needs columns that the table lacks.
    """
    if kind not in KINDS:
        raise ValueError(f"data is {kind!r}; use one of {', '.join(map(repr, KINDS))}")
    table = table.filter(pc.not_equal(table["score_chosen"], table["score_rejected"]))
    if kind in RELABELLED:
        table = relabel(
            table, placement=placement, template=template, levels=levels, seed=seed, **RELABELLED[kind]
        )
    if kind in IMITATED:
        return table.select(["prompt", "chosen"]).rename_columns(["prompt", "completion"]).to_pylist()
    rows = table.select(["prompt", "chosen", "rejected"]).to_pylist()
    return 2 * rows if kind == "uf twice" else rows
