"""Rows made ready for a trainer: token ids split into prompt and response, rows that are too long told by name."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rapo.scoring.tokens import common_prefix
from rapo.training.settings import Settings

_log = logging.getLogger(__name__)

Rows = Sequence[Mapping[str, Any]]
PAIR = ("chosen", "rejected")


def tokenise(tokenizer: Any, rows: Rows, *, sides: Sequence[str]) -> dict[str, list[list[int]]]:
    """Token ids of prompts and of each side ("completion", or "chosen" and "rejected"), split by structure.

    As in TRL, a response starts where the rendered prompt and the rendered whole part.

    Args:
        tokenizer: with a chat template.
        rows: mappings with ``prompt`` and the sides (messages).
        sides: which responses there are.

    Returns:
        ``prompt_ids`` and ``<side>_ids``. Shape of each: (n_rows,)
    """
    if not rows:
        return {f"{name}_ids": [] for name in ("prompt", *sides)}

    def render(talks: list[Any], *, prompt: bool) -> list[list[int]]:
        return tokenizer.apply_chat_template(talks, add_generation_prompt=prompt, return_dict=False)

    starts = render([row["prompt"] for row in rows], prompt=True)
    wholes = [render([[*row["prompt"], *row[side]] for row in rows], prompt=False) for side in sides]
    ends = [
        min(map(common_prefix, [start] * len(sides), both)) for start, *both in zip(starts, *wholes, strict=True)
    ]
    parted = sum(end < len(start) for end, start in zip(ends, starts, strict=True))
    if parted:
        _log.warning("in %d of %d rows the chat template renders the prompt differently with an answer; the answer "
                     "is taken to start where they part, as in TRL", parted, len(rows))  # fmt: skip
    out = {"prompt_ids": [start[:end] for start, end in zip(starts, ends, strict=True)]}
    for side, whole in zip(sides, wholes, strict=True):
        out[f"{side}_ids"] = [both[end:] for both, end in zip(whole, ends, strict=True)]
    return out


@dataclass(frozen=True)
class Kept:
    """Rows that are short enough: their numbers, token ids, padded lengths and token counts; and who is missing."""

    places: list[int]
    ids: dict[str, list[list[int]]]
    lengths: list[int]
    tokens: int
    dropped: list[str | int]


def keep(ids: dict[str, list[list[int]]], rows: Rows, settings: Settings) -> Kept:
    """Rows of at most ``max_length`` tokens.

    Raises:
        ValueError: nothing is left, or rows are longer and are not to be dropped.
    """
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


def name(row: Mapping[str, Any], place: int) -> str | int:
    """A row's own id, or its number from 0."""
    return row.get("pair_id") or row.get("prompt_id") or place
