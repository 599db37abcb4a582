"""Rows made ready for a trainer: token ids split into prompt and response, rows that are too long told by name."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import pyarrow as pa

from rapo.pairs.schema import SCORES
from rapo.scoring import binding
from rapo.scoring.tokens import PAIR, Ids, Rows, tokenise
from rapo.training.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """Rows that are short enough: their numbers, token ids, padded lengths and token counts; and who is missing."""

    places: list[int]
    ids: Ids
    lengths: list[int]
    tokens: int
    dropped: list[str | int]


def keep(ids: Ids, rows: Rows, settings: Settings) -> Kept:
    """Rows of at most ``max_length`` tokens; a ValueError where none is left, or longer ones are not to be dropped."""
    prompts, *answers = ids.values()
    lengths = [len(p) + max(map(len, sides)) for p, *sides in zip(prompts, *answers, strict=True)]
    long = {i for i, length in enumerate(lengths) if length > settings.max_length}
    names = [name(rows[i], i) for i in sorted(long)]
    told = f"{len(long)} of {len(rows)} rows are longer than max_length={settings.max_length} tokens: {names[:5]}"
    if long and settings.long_rows == "error":
        raise ValueError(
            f"{told}; raise max_length, or set long_rows='drop' (TRL would cut or drop them in silence)"
        )
    if len(long) == len(rows):
        raise ValueError(f"no rows to train on ({told})")
    if long:
        _log.warning("%s; dropped", told)
    places = [i for i in range(len(rows)) if i not in long]
    ids = {name: [column[i] for i in places] for name, column in ids.items()}
    counts = [sum(len(prompts[i]) + len(answer[i]) for answer in answers) for i in places]
    return Kept(places, ids, [lengths[i] for i in places], sum(counts), names)


def prepare(tokenizer: Any, rows: Rows, settings: Settings, *, sides: Sequence[str] = PAIR) -> Kept:
    """Token ids of the rows (mappings or an Arrow table) that are short enough. Raises what `tokenise`, `keep` do."""
    rows = mappings(rows)
    return keep(tokenise(tokenizer, rows, sides=sides), rows, settings)


def joined(ids: Ids, side: str, *, prefix: str = "") -> dict[str, Any]:
    """Prompt and one response joined, as TRL takes what is tokenised: the prompt's labels are -100.

    Returns:
        ``<prefix>input_ids``, ``<prefix>attention_mask`` and ``<prefix>labels``. Shape of each: (n_rows,)
    """
    pairs = list(zip(ids["prompt_ids"], ids[f"{side}_ids"], strict=True))
    return {
        f"{prefix}input_ids": [[*prompt, *answer] for prompt, answer in pairs],
        f"{prefix}attention_mask": [[1] * len(prompt + answer) for prompt, answer in pairs],
        f"{prefix}labels": [[-100] * len(prompt) + answer for prompt, answer in pairs],
    }


def joined_pairs(ids: Ids) -> dict[str, Any]:
    """Both responses `joined` with their prompt, and the prompt, as TRL's experimental trainers take pairs."""
    prompts = ids["prompt_ids"]
    masks = [[1] * len(prompt) for prompt in prompts]
    columns: dict[str, Any] = {"prompt_input_ids": prompts, "prompt_attention_mask": masks}
    for side in PAIR:
        columns |= joined(ids, side, prefix=f"{side}_")
    return columns


def mappings(data: Any) -> Rows:
    """Rows as mappings: those of an Arrow table, or what is given."""
    return data.to_pylist() if isinstance(data, pa.Table) else data


def listed(data: Any) -> Rows:
    """Rows as mappings: those of an Arrow table, or what is given; scores that a row holds are numbers or None.

    Raises:
        ValueError: a score is NaN or no number; row, value and remedy are named.
    """
    rows = mappings(data)
    for place, row in enumerate(rows):
        for column in SCORES:
            value = row.get(column)
            if value is not None and not (isinstance(value, Real) and math.isfinite(value)):
                raise ValueError(
                    f"row {place + 1}: {column} is {value!r}, no number; mend the score, or drop the row"
                )
    return rows


def scored(rows: Rows, kept: Kept, settings: Settings) -> list[list[float | None]] | None:
    """Reference sums that the rows bring (see `rapo.scoring.binding`), held against the tokens of those that are kept.

    Returns:
        Chosen, rejected; None where rows bring none. Shape: (n_rows, 2)
    """
    if not binding.is_bound(rows):
        return None
    mine = [rows[place] for place in kept.places]
    binding.check_rows(mine, kept.ids, places=kept.places, max_length=settings.max_length)
    return [[row[column] for column in binding.LOGPS] for row in rows]


def name(row: Mapping[str, Any], place: int) -> str | int:
    """A row's own id, or its number from 0."""
    return row.get("pair_id") or row.get("prompt_id") or place
