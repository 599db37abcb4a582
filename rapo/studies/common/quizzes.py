"""Questions with one right answer, put to a real model: what preference training must not make it forget (RA-T4).

A task is a data set in one of three shapes: ARC's (``question``, ``choices`` {text, label}, ``answerKey``), GSM8K's
(``question``, ``answer`` that ends in "#### number"), or plain ``question`` and ``answer``.
"""

import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from rapo.models import sampling
from rapo.studies.common import inputs

_NUMBER = re.compile(r"-?\d[\d,]*\.?\d*")
_LETTER = re.compile(r"\b([A-Z])\b")


def accuracies(
    model: Any, tokenizer: Any, tasks: Mapping[str, Mapping[str, Any]], *, batch_size: int
) -> dict[str, float]:
    """Share of right answers at each task, greedy, without examples; a task takes `inputs.table`'s mapping and
    ``first`` (how many questions) and ``max_new_tokens``. Not comparable with few-shot benchmark numbers.
    """
    found = {}
    for name, task in tasks.items():
        questions = read(task, key=f"tasks.{name}")
        prompts = [[{"role": "user", "content": text}] for text, _ in questions]
        replies = sampling.sample(
            model, tokenizer, prompts, temperature=0, max_new_tokens=task.get("max_new_tokens", 16),
            batch_size=batch_size,
        )  # fmt: skip
        right = [is_right(reply, answer) for reply, (_, answer) in zip(replies, questions, strict=True)]
        found[name] = sum(right) / len(right)
    return found


def read(task: Mapping[str, Any], *, key: str) -> list[tuple[str, str]]:
    """Prompts and right answers of a task.

    Raises:
        ValueError: the data has none of the shapes, or no row.
    """
    rows = inputs.table(task, key=key).slice(0, task.get("first")).to_pylist()
    if not rows:
        raise ValueError(f"{task['source']} holds no question; mend {key} in {inputs.RECIPE}")
    if "question" not in rows[0] or not {"answer", "answerKey"} & set(rows[0]):
        raise ValueError(
            f"{task['source']} has the columns {sorted(rows[0])}; a task needs 'question' and 'answer', or ARC's "
            f"'question', 'choices' and 'answerKey'; mend {key} in {inputs.RECIPE}"
        )
    return [question(row) for row in rows]


def question(row: Mapping[str, Any]) -> tuple[str, str]:
    """One row as a prompt and its right answer.

    >>> question({"question": "2 + 2 ?", "answer": "Two and two make four. #### 4"})
    ('2 + 2 ?\\n\\nThink step by step and end with the number.', '4')
    >>> question({"question": "?", "choices": {"label": ["1", "2"], "text": ["so", "no"]}, "answerKey": "2"})[1]
    'B'
    """
    if "answerKey" in row:
        letter = dict(
            zip(row["choices"]["label"], ascii_uppercase, strict=False)
        )  # some rows number their choices
        listed = "\n".join(
            f"{one}. {text}" for one, text in zip(ascii_uppercase, row["choices"]["text"], strict=False)
        )
        ask = f"{row['question']}\n\n{listed}\n\nReply with the letter of the right answer alone."
        return ask, letter[row["answerKey"]]
    *reasons, answer = row["answer"].split("####")
    ask = "\n\nThink step by step and end with the number." if reasons else ""
    return row["question"] + ask, answer.strip()


def is_right(reply: str, answer: str) -> bool:
    """A letter must come first, a number last, and any other answer must be the whole reply.

    >>> is_right("B. Mars", "B"), is_right("so it is 1,200.", "1200"), is_right("fig", "kiwi")
    (True, True, False)
    """
    if len(answer) == 1 and answer.isupper():
        letters: Sequence[str] = _LETTER.findall(reply)
        return bool(letters) and letters[0] == answer
    if _NUMBER.fullmatch(answer):
        numbers = _NUMBER.findall(reply)
        return bool(numbers) and _value(numbers[-1]) == _value(answer)
    return " ".join(reply.split()) == " ".join(answer.split())


def _value(number: str) -> float:
    return float(number.replace(",", "").rstrip("."))
