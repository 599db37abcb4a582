"""Rows made ready for a trainer: token ids split into prompt and response, rows that are too long told by name."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    """Token ids of the rows that are short enough. Raises what `tokenise` and `keep` raise."""
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


def name(row: Mapping[str, Any], place: int) -> str | int:
    """A row's own id, or its number from 0."""
    return row.get("pair_id") or row.get("prompt_id") or place
