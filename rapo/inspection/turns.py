"""Malformed turns: what the check refuses, what it allows and training should not see."""

import re

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from rapo.inspection import finding
from rapo.inspection.batch import Batch, Lens
from rapo.inspection.finding import ANY, NEVER, Example, Finding, percent
from rapo.pairs.schema import SIDES, TEXTS

GROUP = "turns"
REFUSED = (NEVER, ANY, 0.01)
SEVERAL = (ANY, 0.01, NEVER)
LEFTOVER = (NEVER, ANY, 0.01)
# Marks of the chat templates in use, and of end and beginning of a sequence, left in texts.
MARKS = (
    r"<\|(?:im_start|im_end|im_sep|endoftext|begin_of_text|end_of_text|start_header_id|end_header_id|eot_id|eom_id|"
    r"python_tag|system|user|assistant|end|start|message|channel|return|begin_of_sentence|end_of_sentence|"
    r"START_OF_TURN_TOKEN|END_OF_TURN_TOKEN|USER_TOKEN|CHATBOT_TOKEN|SYSTEM_TOKEN|endofprompt|pad|eos|bos)\|>"
    r"|</s>|<s>|<eos>|<bos>|<pad>|\[/?INST\]|<</?SYS>>|<start_of_turn>|<end_of_turn>|<\|?｜[^｜<>]{1,40}｜>"
)
# A speaker's name at the head of a response, or of a line within it.
SPEAKER = r"(?:^|\n)(?:Human|Assistant|User|USER|ASSISTANT|### (?:Instruction|Response|Human|Assistant)): ?"

# What is looked for in every turn: its levels, what is told, what to do.
KINDS = {
    "leftover-template-tokens": (
        LEFTOVER,
        "hold tokens of a chat template as text, as <|im_end|> or </s>",
        "cut them out of the texts: the template of the model to train writes its own",
    ),
    "leftover-speakers": (
        SEVERAL,
        "have a response with a speaker's name in front of a line, as Human: or ### Response:",
        "split such texts into turns, or cut the response off at the next speaker",
    ),
    "several-turns-in-a-response": (
        SEVERAL,
        "have a response of several turns",
        "keep one assistant turn a response, and move what comes before it to the prompt",
    ),
}


class Turns(Lens):
    """Counts rows whose turns are out of order, empty, or hold leftovers of a template.

    Args:
        source: how the data are called on the command line.
    """

    def __init__(self, *, source: str) -> None:
        self._source, self._n = source, 0
        self._faults: dict[tuple[str, str], tuple[int, list[Example]]] = {}
        self._bad = 0
        self._seen: dict[str, tuple[int, list[Example]]] = {name: (0, []) for name in KINDS}

    def update(self, batch: Batch) -> None:
        """Count."""
        self._n += len(batch)
        rows = [np.empty(0, np.int64)]
        for fault in batch.faults:
            if not len(fault.rows):
                continue
            key = (fault.column, fault.problem)
            values = [*fault.values, *[""] * finding.SHOWN]
            places = zip(fault.rows[: finding.SHOWN], values, strict=False)
            examples = [Example(int(at), _text_column(fault.column), value) for at, value in places]
            count, held = self._faults.get(key, (0, []))
            self._faults[key] = count + len(fault.rows), (held + examples)[: finding.SHOWN]
            rows.append(fault.rows)
        self._bad += len(np.unique(np.concatenate(rows)))
        self._leftovers(batch, "leftover-template-tokens", TEXTS, MARKS)
        self._leftovers(batch, "leftover-speakers", SIDES, SPEAKER)
        more = np.logical_or(*(batch.turns[side].lengths > 1 for side in SIDES))
        self._note(batch, "several-turns-in-a-response", "chosen", np.flatnonzero(more))

    def _leftovers(self, batch: Batch, name: str, columns: tuple[str, ...], pattern: str) -> None:
        rows = []
        for column in columns:
            turns = batch.turns[column]
            hit = pc.fill_null(pc.match_substring_regex(turns.contents, pattern), False)
            of = np.unique(turns.row_of[hit.to_numpy(zero_copy_only=False)])
            rows.append(of)
            self._note(batch, name, column, of, pattern)
        self._note(batch, name, "", np.unique(np.concatenate(rows)))

    def _note(
        self, batch: Batch, name: str, column: str, rows: NDArray[np.int64], pattern: str | None = None
    ) -> None:
        """Keep the first rows as examples, with what a pattern finds in them; count them where there is no pattern."""
        total, held = self._seen[name]
        if column and len(held) < finding.SHOWN:
            held = held + [
                Example(int(batch.positions[row]), column, _excerpt(batch, column, row, pattern))
                for row in rows[: finding.SHOWN]
            ]
        self._seen[name] = total + len(rows) * (pattern is None), held[: finding.SHOWN]

    def finish(self) -> list[Finding]:
        """One finding a kind of fault, then leftovers and responses of several turns."""
        found = self._refused()
        for name, (count, examples) in self._seen.items():
            bounds, told, advice = KINDS[name]
            told = f"{percent(count, self._n)} of the pairs {told}"
            found.append(
                finding.share(
                    name, GROUP, told, count=count, n=self._n, bounds=bounds, examples=examples, advice=advice
                )
            )
        return found

    def _refused(self) -> list[Finding]:
        """What every other command refuses to read; one finding that all is well where there is nothing."""
        if not self._faults:
            told = "every pair has well-formed turns, and scores that are numbers where there are scores"
            return [finding.share("malformed", GROUP, told, count=0, n=self._n, bounds=REFUSED)]
        advice = f"rapo check {self._source} --bad drop tells them all; relabel and check leave them out with it"
        return [
            finding.share(
                f"malformed: {column}: {problem}",
                GROUP,
                f"column {column}: {problem}, in {percent(count, self._n)} of the rows; bad rows in all: "
                f"{self._bad:,}",
                count=count,
                n=self._n,
                unit="rows",
                bounds=REFUSED,
                examples=examples,
                advice=advice,
            )
            for (column, problem), (count, examples) in self._faults.items()
        ]


def _excerpt(batch: Batch, column: str, row: int, pattern: str | None) -> str:
    """What a pattern finds in a row, with a little around it."""
    for turn in batch.table[column][row].as_py():
        if pattern and (found := re.search(pattern, turn["content"] or "")):
            around = found.string[max(found.start() - 20, 0) : found.end() + 20]
            return f"… {' '.join(around.split())} …"
    return ""


def _text_column(column: str) -> str:
    return column if column in TEXTS else "prompt"
