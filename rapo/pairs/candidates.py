"""From scored candidates (UltraFeedback's shape) to scored pairs.

A row holds an ``instruction`` (or ``prompt``) and ``completions``: a list of {response, overall_score, ...}.
Scores of attributes may stand in ``annotations``: numbers, or UltraFeedback's {Rating, Rationale}, "N/A" for none.
"""

import logging
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import check, messages
from rapo.pairs.columns import CANDIDATES
from rapo.pairs.faults import SHOWN, Fault, PairsError, merged
from rapo.pairs.schema import batches, hashes
from rapo.stats.arrays import expect_table

RULES = ("random", "worst", "all")
FEW = "rows with fewer than two candidates"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pairing:
    """How candidates become pairs.

    Attributes:
        rule: who is compared with whom. "random": the best against a random other (as UltraFeedback's binarised
            data and the paper do). "worst": the best against the worst. "all": every two candidates. Of equal
            scores the earlier candidate counts as better, so that ties stay in the data and can be told.
        seed: draws the random other; the draw depends on the seed and the prompt (its id or text) alone.
        score: the field of a completion that holds its overall score.
        bad: what to do with a completion without a finite score or with a blank response: "raise", or "drop"
            (with a warning). A completion without the rating of an attribute is left out either way, as the official
            preprocessing does, and told.
        exclude_sources: values of the column ``source`` whose rows are left out; the official preprocessing
            leaves out "truthful_qa".
        exclude_prompts: instructions that are left out (those of a benchmark), compared without case and
            surrounding space.

    Raises:
        ValueError: an option is unknown.
    """

    rule: str = "random"
    seed: int = 42
    score: str = "overall_score"
    bad: str = "raise"
    exclude_sources: tuple[str, ...] = ()
    exclude_prompts: Collection[str] = ()

    def __post_init__(self) -> None:
        for name, legal in (("rule", RULES), ("bad", ("raise", "drop"))):
            if getattr(self, name) not in legal:
                raise ValueError(f"{name} is {getattr(self, name)!r}; use one of {', '.join(legal)}")


@dataclass(frozen=True)
class _Flat:
    """The candidates of a batch, one after the other: shapes (n_candidates,), but (n_rows,) for the rows' lengths."""

    fields: pa.Table
    score: np.ndarray
    row: np.ndarray
    place: np.ndarray
    lengths: np.ndarray

    def without(self, places: np.ndarray) -> "_Flat":
        keep = np.setdiff1d(np.arange(len(self.row)), places)
        lengths = np.bincount(self.row[keep], minlength=len(self.lengths))
        return _Flat(self.fields.take(pa.array(keep)), self.score[keep], self.row[keep], self.place[keep], lengths)


def to_pairs(
    table: pa.Table, pairing: Pairing = Pairing(), *, name: str = "<table>", first_row: int = 1
) -> pa.Table:
    """Make scored pairs of candidates. Rows with fewer than two candidates are left out, with a warning.

    Args:
        table: candidates: ``instruction`` (or ``prompt``) and ``completions``, lists of {response, overall_score, ...}
            with scores of attributes in ``annotations``, as UltraFeedback has them.
        pairing: who is compared with whom.
        name: what an error calls the table.
        first_row: number of the table's first row within ``name``.

    Returns:
        A checked table of scored pairs. Besides the schema's columns: ``pair_id`` (row and places of the two
        candidates), ``candidate_scores`` (of all candidates), ``<field>_chosen`` and ``<field>_rejected`` for
        every further field of a completion. Further columns are carried along.

    Raises:
        PairsError: a row or completion is bad.
        TypeError: it is no table.

    >>> row = {"instruction": "2 + 2 ?", "completions": [
    ...     {"response": "5", "overall_score": 2.0}, {"response": "4", "overall_score": 9.0}]}
    >>> pair = to_pairs(pa.Table.from_pylist([row])).to_pylist()[0]
    >>> pair["chosen"][0]["content"], pair["score_rejected"], pair["pair_id"]
    ('4', 2.0, 'row-1:2-1')
    """
    expect_table(table, "rapo.make_pairs")
    found = made(table, pairing, name=name, first_row=first_row)
    if found.faults and pairing.bad == "raise":
        raise PairsError(name, found.faults)
    for fault in found.faults:
        _log.warning("%s: left out %d completions: %s", name, len(fault.rows), fault.problem)
    for what, n in found.left_out.items():
        _log.warning("%s: left out %d %s", name, n, what)
    return check.check(found.table, name=f"pairs of {name}")


@dataclass(frozen=True)
class Found:
    """Pairs of candidates, not checked yet.

    Attributes:
        table: the pairs.
        rows: which row of the candidates each pair is made of, from 0. Shape: (n_pairs,)
        faults: completions that can stand in no pair; they are left out.
        left_out: what the data themselves leave out, and how often: completions without a rating, rows with too few.
    """

    table: pa.Table
    rows: np.ndarray
    faults: list[Fault]
    left_out: Counter[str]


def made(table: pa.Table, pairing: Pairing, *, name: str, first_row: int = 1) -> Found:
    """What `to_pairs` makes before it judges. Raises ValueError where the table is not of this shape."""
    parts: list[pa.Table] = []
    rows: list[np.ndarray] = []
    faults: list[Fault] = []
    left_out: Counter[str] = Counter()
    row = first_row
    for batch in batches(table):
        included = not_excluded(batch, pairing, name)
        kept, numbers = batch.filter(pa.array(included)), row + np.flatnonzero(included)
        flat = _flatten(kept, pairing, name=name)
        found = _bad(flat, numbers)
        flat = flat.without(np.concatenate([[], *(bad for bad, _ in found)]))
        faults += [fault for _, fault in found]
        flat = _rated(flat, left_out)
        left_out[FEW] += int((flat.lengths < 2).sum())
        better, worse = _compared(flat, pairing, kept)
        parts.append(_table(kept, flat, numbers, better, worse))
        rows.append(numbers[flat.row[better]] - first_row)
        row += len(batch)
    return Found(pa.concat_tables(parts), np.concatenate(rows), merged(faults), +left_out)


def not_excluded(batch: pa.RecordBatch, pairing: Pairing, name: str) -> np.ndarray:
    """Rows of no excluded source and no excluded prompt. Shape: (n_rows,)"""
    keep = np.ones(len(batch), bool)
    if pairing.exclude_sources:
        if "source" not in batch.schema.names:
            raise ValueError(f"{name} has no column source, which exclude_sources looks at; leave the option out")
        listed = pc.is_in(batch["source"], value_set=pa.array(pairing.exclude_sources))
        keep &= ~listed.to_numpy(zero_copy_only=False)
    if pairing.exclude_prompts:
        out = {text.strip().casefold() for text in pairing.exclude_prompts}
        asked = _prompts(batch, name)
        texts = asked if messages.is_text(asked.type) else messages.texts(messages.lift(asked, role="user"))
        keep &= np.array([(text or "").strip().casefold() not in out for text in texts.to_pylist()], bool)
    return keep


def _prompts(batch: pa.RecordBatch, name: str) -> pa.Array:
    for column in ("prompt", "instruction"):
        if column in batch.schema.names:
            return batch[column]
    raise ValueError(f"{name} has neither a column instruction nor prompt; it has {', '.join(batch.schema.names)}")


def _flatten(batch: pa.RecordBatch, pairing: Pairing, *, name: str) -> _Flat:
    """Take the completions apart; annotations become ``attributes``, in numbers."""
    kind = batch.schema.field(CANDIDATES).type if CANDIDATES in batch.schema.names else pa.null()
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_struct(kind.value_type):
        raise ValueError(
            f"{name}: column {CANDIDATES} is {kind}; it must hold a list of {{response, score}} a row"
        )
    lengths = pc.fill_null(pc.list_value_length(batch[CANDIDATES]), 0).to_numpy(zero_copy_only=False)
    flat = batch[CANDIDATES].flatten()
    fields = {field.name: pc.struct_field(flat, field.name) for field in kind.value_type}
    for field in ("response", pairing.score):
        if field not in fields:
            raise ValueError(f"{name}: completions have no field {field}; they have {', '.join(fields)}")
    if not messages.is_text(fields["response"].type):
        raise ValueError(f"{name}: the field response of completions is {fields['response'].type}, not text")
    try:
        score = check.numbers(fields.pop(pairing.score))
        if "annotations" in fields:
            fields = _attributes(fields.pop("annotations")) | fields
    except (TypeError, pa.ArrowInvalid) as error:
        raise ValueError(f"{name}: the field {pairing.score} or annotations of completions {error}") from error
    row = np.repeat(np.arange(len(batch)), lengths)
    place = np.arange(len(row)) - (np.cumsum(lengths) - lengths)[row]
    return _Flat(pa.table(fields), pc.fill_null(score, np.nan).to_numpy(), row, place, lengths)


def _attributes(field: pa.Array) -> dict[str, pa.StructArray]:
    """Scores of attributes as doubles: numbers, or UltraFeedback's {Rating} with "N/A" for none (null)."""
    if not pa.types.is_struct(field.type) or not field.type.num_fields:
        return {}
    columns = []
    for attribute in field.type:
        held = pc.struct_field(field, attribute.name)
        if pa.types.is_struct(held.type):
            held = pc.struct_field(held, "Rating")
        if messages.is_text(held.type):
            held = pc.if_else(pc.equal(held, "N/A"), pa.scalar(None, held.type), held).cast(pa.float64())
        columns.append(check.numbers(held))
    return {"attributes": pa.StructArray.from_arrays(columns, names=[attribute.name for attribute in field.type])}


def _ratings(fields: pa.Table) -> dict[str, np.ndarray]:
    """Each attribute's ratings, NaN for none. Shape of each: (n_candidates,)"""
    held = fields["attributes"].combine_chunks() if "attributes" in fields.column_names else pa.nulls(0)
    names = [attribute.name for attribute in held.type] if pa.types.is_struct(held.type) else []
    return {name: pc.fill_null(pc.struct_field(held, name), np.nan).to_numpy() for name in names}


def _rated(flat: _Flat, left_out: Counter[str]) -> _Flat:
    """Completions that have all their attributes' ratings; UltraFeedback says "N/A" for none."""
    for attribute, rated in _ratings(flat.fields).items():
        if (missing := ~np.isfinite(rated)).any():
            left_out[f"completions without a rating of {attribute}"] += int(missing.sum())
    ratings = list(_ratings(flat.fields).values())
    return flat.without(np.flatnonzero(~np.isfinite(np.sum(ratings, axis=0)))) if ratings else flat


def _bad(flat: _Flat, numbers: np.ndarray) -> list[tuple[np.ndarray, Fault]]:
    """Completions that cannot stand in a pair, a list a kind of fault."""
    blank = pc.match_substring_regex(flat.fields["response"], r"[^\s\pZ]")
    kinds = [
        ("score is no finite number", ~np.isfinite(flat.score)),
        ("empty response", ~pc.fill_null(blank, False).to_numpy(zero_copy_only=False)),
    ]
    remedy = "Leave such completions out with --bad drop."
    found = []
    for problem, mask in kinds:
        at = np.flatnonzero(mask)
        values = tuple(f"completion {flat.place[i] + 1}" for i in at[:SHOWN])
        found += [(at, Fault(CANDIDATES, problem, remedy, numbers[flat.row[at]], values))] if len(at) else []
    return found


def _table(
    batch: pa.RecordBatch, flat: _Flat, numbers: np.ndarray, better: np.ndarray, worse: np.ndarray
) -> pa.Table:
    """The pairs of a batch, in the order of its rows."""
    rows = pa.array(flat.row[better])
    dropped = ("instruction", "prompt", CANDIDATES)
    carried = {name: batch[name].take(rows) for name in batch.schema.names if name not in dropped}
    row_ids = [f"row-{number}" for number in numbers[flat.row[better]]]
    places = zip(row_ids, flat.place[better] + 1, flat.place[worse] + 1, strict=True)
    ends = np.append(0, np.cumsum(flat.lengths)).astype(np.int32)
    columns = {
        "prompt": _prompts(batch, "").take(rows),
        "chosen": flat.fields["response"].take(pa.array(better)),
        "rejected": flat.fields["response"].take(pa.array(worse)),
        "score_chosen": pa.array(flat.score[better]),
        "score_rejected": pa.array(flat.score[worse]),
        "prompt_id": pa.array(row_ids, pa.string()),
        "pair_id": pa.array([f"{row}:{i}-{j}" for row, i, j in places], pa.string()),
        "candidate_scores": pa.ListArray.from_arrays(ends, flat.score).take(rows),
    }
    for side, index in (("chosen", better), ("rejected", worse)):
        fields = flat.fields.drop_columns(["response"]).take(pa.array(index))
        columns |= {f"{name}_{side}": fields[name] for name in fields.column_names}
    return pa.table({**columns, **carried})


def _compared(flat: _Flat, pairing: Pairing, batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the better and the worse candidate of each pair. Shapes: (n_pairs,)"""
    ranked = np.lexsort((flat.place, -flat.score, flat.row))
    starts = np.cumsum(flat.lengths) - flat.lengths
    rows = np.flatnonzero(flat.lengths >= 2)
    first, others = starts[rows], flat.lengths[rows] - 1
    if pairing.rule == "all":
        spans = [range(start, start + count + 1) for start, count in zip(first, others, strict=True)]
        better, worse = (
            np.array([two for span in spans for two in combinations(span, 2)], np.int64).reshape(-1, 2).T
        )
        return ranked[better], ranked[worse]
    if pairing.rule == "random":
        if "prompt_id" in batch.schema.names:
            keys = check.identifiers(batch["prompt_id"])
        else:
            keys = messages.texts(messages.lift(_prompts(batch, ""), role="user"))
        draws = hashes(keys.take(pa.array(rows)).to_pylist(), seed=pairing.seed, purpose="rejected")
        others = 1 + (draws % others.astype(np.uint64)).astype(np.int64)
    return ranked[first], ranked[first + others]
