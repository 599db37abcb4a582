"""Rows as a tokenizer and its chat template write them: lengths in tokens, and what became of the texts."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rapo.inspection.finding import Example
from rapo.pairs.schema import SIDES

CHUNK = 256


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the warning of `rapo.scoring.tokens` about prompts that are no prefix: a finding tells it, with rows."""
    log = logging.getLogger("rapo.scoring.tokens")
    log.addFilter(_nothing)
    try:
        yield
    finally:
        log.removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False


@dataclass
class Rendered:
    """What was found row by row.

    Attributes:
        tokenizer: as `rapo.scoring.tokens.tokenise` takes it.
        prompt, chosen, rejected: tokens of each row.
        positions, margin: of each row: its place in the data, and score_chosen less score_rejected.
        shifted, prefixed, lost, empty, refused: rows that show what the template does, with a note each.
    """

    tokenizer: Any
    prompt: list[int] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)
    rejected: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    margin: list[float] = field(default_factory=list)
    shifted: list[Example] = field(default_factory=list)
    prefixed: list[Example] = field(default_factory=list)
    lost: list[Example] = field(default_factory=list)
    empty: list[Example] = field(default_factory=list)
    refused: list[Example] = field(default_factory=list)

    @_quietly()
    def look(self, table: pa.Table, positions: NDArray[np.int64]) -> None:
        """Tokenise rows; those that the tokenizer refuses are noted and left out."""
        from rapo.scoring import tokens

        for start in range(0, len(table), CHUNK):
            rows = table.slice(start, CHUNK).to_pylist()
            places = positions[start : start + CHUNK].tolist()
            try:
                self._take(rows, places, tokens.tokenise(self.tokenizer, rows))
            except ValueError:
                for row, place in zip(rows, places, strict=True):
                    try:
                        self._take([row], [place], tokens.tokenise(self.tokenizer, [row]))
                    except ValueError as error:
                        self.refused.append(Example(place, "prompt", str(error.__cause__ or error)))

    def _take(self, rows: list[dict[str, Any]], places: list[int], ids: dict[str, list[list[int]]]) -> None:
        from rapo.scoring import tokens

        starts = tokens.asked(self.tokenizer, [row["prompt"] for row in rows])
        for i, (row, place) in enumerate(zip(rows, places, strict=True)):
            self.positions.append(place)
            self.margin.append(row["margin"])
            self.prompt.append(len(ids["prompt_ids"][i]))
            for side, counts in zip(SIDES, (self.chosen, self.rejected), strict=True):
                counts.append(len(ids[f"{side}_ids"][i]))
            if len(starts[i]) > self.prompt[-1]:
                gone = self.tokenizer.decode(starts[i][self.prompt[-1] :])
                self.shifted.append(Example(place, "prompt", f"the prompt loses {gone!r}"))
            if not isinstance(row["prompt"], str):
                self._template(row, place, {side: ids[f"{side}_ids"][i] for side in SIDES})

    def _template(self, row: dict[str, Any], place: int, ids: dict[str, list[int]]) -> None:
        """What the template adds in front of a response, and what of the texts it does not write."""
        for side in SIDES:
            text = self.tokenizer.apply_chat_template([*row["prompt"], *row[side]], tokenize=False)
            for turn in [*(row["prompt"] if side == "chosen" else []), *row[side]]:
                content = (turn["content"] or "").strip()
                if content and content not in text:
                    note = f"the {turn['role']} turn {content[:30]!r} is not in the rendered text as it stands"
                    self.lost.append(Example(place, side, note))
            content = (row[side][0]["content"] or "").strip() if row[side] else ""
            answer = self.tokenizer.decode(ids[side])
            if not self.tokenizer.decode(ids[side], skip_special_tokens=True).strip():
                self.empty.append(Example(place, side, f"the response is {answer!r}"))
            elif content:
                before = answer.partition(content[:20])[0].strip()
                if before and content[:20] in answer:
                    self.prefixed.append(Example(place, side, f"the response begins with {before!r}"))
