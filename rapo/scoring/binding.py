"""Reference log-probabilities bound to what they were computed from, and the check of that before training.

TRL's own columns, ``ref_chosen_logps`` and ``ref_rejected_logps``, are bare numbers. The column ``ref_scored`` beside
them holds a record in every row: the pair's id, a hash of the tokens of each response with its prompt, hashes of model,
tokenizer and chat template, the precision and max_length. It is a column, because that is what JSONL, parquet and Arrow
keep, and what survives `datasets.load_dataset`, a filter, a shuffle and a concatenation; a file's own metadata do not.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

import pyarrow as pa

from rapo.config import canonical, content_hash
from rapo.models import loading
from rapo.scoring.tokens import PAIR, Ids, completions

LOGPS = ("ref_chosen_logps", "ref_rejected_logps")
RECORD = "ref_scored"
COLUMNS = (*LOGPS, RECORD)
_TEXTS = ("pair_id", *PAIR, "model", "dtype", "tokenizer", "template")
TYPE = pa.struct([*((name, pa.string()) for name in _TEXTS), ("max_length", pa.int64())])
AGAIN = "score again: `rapo score IN --trl --model MODEL{options} --out OUT`"
_REMEDIES = {  # what to train with, and what to score with
    "max_length": ("max_length={theirs}", " --max-length {ours}"),
    "template": ("the chat template that they were scored with", " --tokenizer TOKENIZER"),
    "tokenizer": ("the tokenizer that they were scored with", " --tokenizer TOKENIZER"),
    "dtype": ("the model loaded in {theirs}", " --dtype {ours}"),
    "model": ("the model that they were scored with", ""),
}


@dataclass(frozen=True)
class Origin:
    """What log-probabilities depend on beside the row; None where it is not known (yet), and not compared.

    Attributes:
        max_length: tokens of prompt and response together; 0 stands for no limit.
        template, tokenizer, model: hashes by `rapo.models.loading`.
        dtype: precision of the model's weights, as "float32".
    """

    max_length: int
    template: str | None = None
    tokenizer: str | None = None
    dtype: str | None = None
    model: str | None = None


def origin(*, max_length: int | None, tokenizer: Any = None, model: Any = None) -> Origin:
    """The origin that scores must have to be used with these: loaded objects, or None for what is not there yet."""
    words = {} if tokenizer is None else {"template": loading.template_key(tokenizer)}
    words |= {} if tokenizer is None else {"tokenizer": loading.tokenizer_key(tokenizer)}
    if model is None:
        return Origin(max_length or 0, **words)
    inner = loading.unwrapped(model, "model")
    return Origin(max_length or 0, **words, dtype=loading.precision(inner), model=loading.content_key(inner))


def hashes(ids: Ids, side: str, *, max_length: int | None) -> list[str]:
    """What names the tokens of prompt and response, as they are scored: cut, and where the response starts."""
    cut, _ = completions(ids, side, max_length=max_length)
    return [content_hash(canonical([one.start, one.ids])) for one in cut]


def column(pair_ids: pa.Array, tokens: Mapping[str, pa.Array], source: Origin) -> pa.StructArray:
    """The column ``ref_scored``. Shape of ids and of each side's hashes: (n_rows,)"""
    constant = {
        name: pa.repeat(pa.scalar(held, TYPE.field(name).type), len(pair_ids))
        for name, held in asdict(source).items()
    }
    parts = {"pair_id": pair_ids.cast(pa.string()), **tokens, **constant}
    return pa.StructArray.from_arrays([parts[field.name] for field in TYPE], fields=list(TYPE))


def again(options: str = "") -> str:
    """How to score, as it is typed."""
    return AGAIN.format(options=options)


def is_bound(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether rows bring reference log-probabilities of any kind with them."""
    return any(name in row for row in rows for name in COLUMNS)


def check_origin(rows: Iterable[Mapping[str, Any]], here: Origin, *, name: str = "rows") -> None:
    """Refuse rows that were scored otherwise than they are trained on; done before any model is asked.

    Args:
        rows: mappings with `COLUMNS` and ``pair_id``; a sum may be None (a prompt that fills max_length).
        here: what training uses; what it does not know is not compared.
        name: what an error calls the rows.

    Raises:
        ValueError: a column is missing, a sum is no number, or a row was scored by another model, precision,
            tokenizer, chat template or max_length; row, value and remedy are named.
    """
    wanted = {field: value for field, value in asdict(here).items() if value is not None}
    for place, row in enumerate(rows):
        record = _record(row, place, name)
        if wrong := [field for field, ours in wanted.items() if record[field] != ours]:
            theirs, ours = record[wrong[0]] or None, wanted[wrong[0]] or None
            train, score = _REMEDIES[wrong[0]]
            raise ValueError(
                f"{_row(name, row, place)} was scored with {wrong[0]} {theirs}, and is trained on with {ours}; "
                f"train with {train.format(theirs=theirs)}, or {again(score.format(ours=ours))}"
            )


def check_rows(
    rows: Sequence[Mapping[str, Any]],
    ids: Ids,
    *,
    places: Sequence[int],
    max_length: int | None,
    name: str = "rows",
) -> None:
    """Refuse rows whose log-probabilities belong to another row, or to other words than it holds now.

    Args:
        rows: as `check_origin` takes them, those alone that are trained on.
        ids: their tokens. Shape of each: (n_rows,)
        places: their numbers, from 0, among all rows. Shape: (n_rows,)
        max_length: where they are cut.
        name: what an error calls the rows.

    Raises:
        ValueError: a sum is missing, or belongs to another pair or to other tokens; row, value and remedy are named.
    """
    found = zip(*(hashes(ids, side, max_length=max_length) for side in PAIR), strict=True)
    for place, row, tokens in zip(places, rows, found, strict=True):
        told, record = _row(name, row, place), _record(row, place, name)
        if empty := [column for column in LOGPS if row[column] is None]:
            raise ValueError(f"{told} has no {empty[0]}; drop the row, or {again()}")
        if (pair := str(row.get("pair_id"))) != record["pair_id"]:
            raise ValueError(
                f"{told} has the pair_id {pair!r}, and its reference log-probabilities are those of "
                f"{record['pair_id']!r}; put them back to their row, or {again()}"
            )
        for side, held in zip(PAIR, tokens, strict=True):
            if record[side] != held:
                raise ValueError(
                    f"{told}: prompt or {side} response is not what was scored (tokens {held}, then {record[side]}); "
                    f"undo the change, or {again()}"
                )


def _record(row: Mapping[str, Any], place: int, name: str) -> Mapping[str, Any]:
    """What a row says of its scores, once its columns are there and its sums are numbers."""
    told = _row(name, row, place)
    if missing := [column for column in (*COLUMNS, "pair_id") if column not in row]:
        raise ValueError(f"{told} has no column {missing[0]}; {again()}")
    for column in LOGPS:
        value = row[column]
        if value is not None and not (isinstance(value, Real) and math.isfinite(value)):
            raise ValueError(f"{told}: {column} is {value!r}, no number; drop the row, or {again()}")
    record = row[RECORD]
    if not isinstance(record, Mapping) or set(record) != set(TYPE.names):
        raise ValueError(f"{told}: {RECORD} is {str(record)[:60]!r}, no record of `rapo score --trl`; {again()}")
    return record


def _row(name: str, row: Mapping[str, Any], place: int) -> str:
    """A row by its number, from 1, and its own id."""
    own = row.get("pair_id")
    return f"{name}: row {place + 1}" + (f" (pair_id {own!r})" if own is not None else "")
