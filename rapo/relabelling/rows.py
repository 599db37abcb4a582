"""The two goal-conditioned rows of every pair of a batch. `relabel` applies this to tables and files."""

import math
import operator
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs.schema import SIDES, TEXTS, hashes, prompt_keys, swapped
from rapo.relabelling import placement
from rapo.relabelling.goals import OVERALL, GoalTemplate, quantile_edges, quantile_goals

GOALS = ("score", "attributes", "implicit")
TIES = ("drop", "keep", "raise")
FAULTS = (None, "nosys_unswapped")
# Log-probabilities of the responses hold for the prompt without its goal only.
STALE = re.compile(r"(ref_)?(chosen|rejected)_(logps|logprob_sum|logprob_mean)|ref_scored")


@dataclass(frozen=True)
class Scheme:
    """How pairs are relabelled: the options of `rapo.relabel`; a ValueError where one is unknown."""

    placement: str = "system"
    template: GoalTemplate = OVERALL
    goal: str = "score"
    half: bool = False
    ties: str = "drop"
    seed: int = 0
    levels: int = 10
    official_fault: str | None = None

    def __post_init__(self) -> None:
        legal = {"placement": placement.PLACEMENTS, "goal": GOALS, "ties": TIES, "official_fault": FAULTS}
        for name, values in legal.items():
            if (value := getattr(self, name)) not in values:
                raise ValueError(f"{name} is {value!r}; use one of {', '.join(map(repr, values))}")
        if self.official_fault and self.placement != "prefix":
            raise ValueError("official_fault='nosys_unswapped' exists with placement='prefix' only")

    @property
    def needs_whole(self) -> bool:
        """True where something of all pairs must be known before the first row is made."""
        return self.half or self.goal == "implicit"


@dataclass(frozen=True)
class Tally:
    """What relabelling did.

    Attributes:
        pairs: pairs read.
        ties: how many of them are ties.
        rows: rows made.
        off_scale: rows whose goal lies outside the template's scale.
        low, high: the extreme goals.
    """

    pairs: int = 0
    ties: int = 0
    rows: int = 0
    off_scale: int = 0
    low: float = field(default=math.inf, compare=False)
    high: float = field(default=-math.inf, compare=False)

    def __add__(self, other: "Tally") -> "Tally":
        pairs, ties, rows, off_scale = map(operator.add, astuple(self)[:4], astuple(other)[:4])
        return Tally(pairs, ties, rows, off_scale, min(self.low, other.low), max(self.high, other.high))


@dataclass(frozen=True)
class Whole:
    """What every batch must know of the whole data set."""

    edges: np.ndarray | None = None  # between the classes of an implicit goal. Shape: (levels - 1,)
    last: int | None = None  # the largest prompt hash that belongs to the kept half


def rows_of(batch: pa.RecordBatch, scheme: Scheme, whole: Whole) -> tuple[pa.Table, Tally]:
    """The rows of a batch made by `ready`: those under the chosen response's goals, then the others."""
    goals = {side: _goals(batch, side, scheme, whole) for side in SIDES}
    texts = {side: scheme.template.texts(values) for side, values in goals.items()}
    tied = pc.equal(*texts.values()).to_numpy(zero_copy_only=False)
    if scheme.ties == "raise" and tied.any():
        first = ", ".join(batch["pair_id"].take(pa.array(np.flatnonzero(tied)[:3])).to_pylist())
        raise ValueError(f"{tied.sum()} pairs are ties (first: {first}); use ties='drop' or ties='keep'")
    keep = _usable(tied, scheme)
    if whole.last is not None:
        keep &= _hashes(batch, scheme.seed) <= whole.last
    kept = pa.array(np.flatnonzero(keep)) if not keep.all() else None
    used = batch if kept is None else batch.take(kept)
    if kept is not None:
        goals, texts = ({side: column.take(kept) for side, column in held.items()} for held in (goals, texts))
    prompts = placement.put_columns(used["prompt"], list(texts.values()), placement=scheme.placement)
    blocks = [_block(used, prompt, goals[side], side, scheme) for side, prompt in zip(SIDES, prompts, strict=True)]
    values = np.concatenate([_values(block["goal"]) for block in blocks], axis=1)
    off_scale = int(((values < scheme.template.low) | (values > scheme.template.high)).any(axis=0).sum())
    ends = (float(values.min()), float(values.max())) if values.size else (math.inf, -math.inf)
    return pa.concat_tables(blocks), Tally(len(batch), int(tied.sum()), 2 * int(keep.sum()), off_scale, *ends)


def ready(batch: pa.RecordBatch, scheme: Scheme, *, name: str) -> pa.RecordBatch:
    """A checked batch with the columns that the goal needs, finite implicit rewards, and no stale column."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for column in _needed(scheme):
        if column not in columns:
            raise ValueError(f"{name} has no column {column}, which goal={scheme.goal!r} needs; add it")
        if scheme.goal == "implicit":
            columns[column] = _finite(batch, column, name)
    kept = {column: held for column, held in columns.items() if not STALE.fullmatch(column)}
    return pa.RecordBatch.from_arrays(list(kept.values()), names=list(kept))


def refuse_relabelled(columns: Sequence[str], *, name: str) -> None:
    """A ValueError where a table with these columns holds goal-conditioned rows already."""
    if {"goal", "goal_source"} & set(columns):
        raise ValueError(f"{name} has a column goal or goal_source: relabelled before; start from its pairs")


def survey(batches: Iterable[pa.RecordBatch], scheme: Scheme) -> Whole:
    """What the scheme must know of the whole before the first row is made, from every batch made by `ready`."""
    if not scheme.needs_whole:
        return Whole()
    slim = []
    for batch in batches:
        hashes = _hashes(batch, scheme.seed) if scheme.half else np.zeros(len(batch), np.uint64)
        columns = [*batch.select(_needed(scheme)).columns, pa.array(hashes)]
        slim.append(pa.RecordBatch.from_arrays(columns, names=[*_needed(scheme), "hash"]))
    table = pa.Table.from_batches(slim)
    whole = Whole(_edges(table, scheme) if scheme.goal == "implicit" and len(table) else None)
    return Whole(whole.edges, _last_of_half(table, scheme, whole)) if scheme.half else whole


def _last_of_half(table: pa.Table, scheme: Scheme, whole: Whole) -> int:
    """The middle one of the hashes of all prompts that have a usable pair; -1 where there is none."""
    found = []
    for batch in table.to_batches():
        texts = [scheme.template.texts(_goals(batch, side, scheme, whole)) for side in SIDES]
        tied = pc.equal(*texts).to_numpy(zero_copy_only=False)
        found.append(batch["hash"].to_numpy()[_usable(tied, scheme)])
    hashes = np.unique(np.concatenate(found)) if found else np.empty(0)
    return int(hashes[(len(hashes) + 1) // 2 - 1]) if len(hashes) else -1


def _edges(table: pa.Table, scheme: Scheme) -> np.ndarray:
    values = [table[column].to_numpy() for column in _needed(scheme)]
    return quantile_edges(np.concatenate(values), levels=scheme.levels)


def _usable(tied: np.ndarray, scheme: Scheme) -> np.ndarray:
    return np.ones(len(tied), bool) if scheme.ties == "keep" else ~tied


def _block(batch: pa.RecordBatch, prompt: pa.Array, goal: pa.Array, side: str, scheme: Scheme) -> pa.Table:
    """Rows under one side's goals; no response is copied."""
    names = batch.schema.names
    reverse = side == "rejected" and scheme.official_fault != "nosys_unswapped"
    origin = swapped(names) if reverse else names
    columns = {name: batch[source] for name, source in zip(names, origin, strict=True)} | {"prompt": prompt}
    first = {name: columns.pop(name) for name in TEXTS}
    source = pa.repeat(pa.scalar(side), len(batch))
    return pa.table({**first, "goal": goal, "goal_source": source, **columns})


def _needed(scheme: Scheme) -> list[str]:
    return [f"{scheme.goal}_{side}" for side in SIDES]


def _goals(batch: pa.RecordBatch, side: str, scheme: Scheme, whole: Whole) -> pa.Array:
    """The goals that one side's scores set. Shape: (n_pairs,)"""
    values = batch[f"{scheme.goal}_{side}"]
    if scheme.goal != "implicit" or whole.edges is None:
        return values
    low, high = scheme.template.low, scheme.template.high
    return pa.array(quantile_goals(values.to_numpy(), edges=whole.edges, low=low, high=high))


def _finite(batch: pa.RecordBatch, column: str, name: str) -> pa.Array:
    values = pc.fill_null(batch[column].cast(pa.float64()), np.nan)
    wrong = np.flatnonzero(~np.isfinite(values.to_numpy()))
    if len(wrong):
        pair, value = (batch[held][int(wrong[0])].as_py() for held in ("pair_id", column))
        raise ValueError(
            f"{name}: pair {pair}, column {column}: {value} is no finite number; score the pair again"
        )
    return values


def in_lower_half(tally: Tally, scheme: Scheme) -> bool:
    """Whether all goals lie in the lower half of the scale that their text shows: theirs may be another."""
    template = scheme.template
    return _shows_scale(tally, scheme) and tally.high <= (template.low + template.high) / 2


def refuse_other_scale(tally: Tally, scheme: Scheme, *, name: str) -> None:
    """A ValueError where goals are on another scale than their text says: outside it, or in its lower half alone."""
    template = scheme.template
    if _shows_scale(tally, scheme) and (tally.off_scale or in_lower_half(tally, scheme)):
        low, high, first, last = map(template.show, (tally.low, tally.high, template.low, template.high))
        raise ValueError(
            f"{name}: scores run from {low} to {high}, but the goal's text says that their scale is {first} to {last}; "
            f"name the scale: {'--scale LOW HIGH' if low == high else f'--scale {low} {high}'} (or --scale {first} "
            f"{last}, if it is that)"
        )


def _shows_scale(tally: Tally, scheme: Scheme) -> bool:
    """Whether there is a goal whose text tells of a scale: classes of an implicit reward are on their own."""
    return tally.rows > 0 and scheme.goal != "implicit" and scheme.template.shows_scale


def _values(goal: pa.ChunkedArray) -> np.ndarray:
    """Goals as numbers. Shape: (1 or n_attributes, n_rows)"""
    columns = goal.flatten() if pa.types.is_struct(goal.type) else [goal]
    return np.array([column.to_numpy() for column in columns])


def _hashes(batch: pa.RecordBatch, seed: int) -> np.ndarray:
    return hashes(prompt_keys(batch).to_pylist(), seed=seed, purpose="half")
