"""Models' answers from the files that benchmarks keep them in, for style control where judgements do not bring them.

AlpacaEval's outputs, MT-Bench's and Arena-Hard's model answers (both forms), what `rapo sample` writes, and any table
with a model, an id or instruction, and an answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from rapo.judging import inputs

_MODELS = ("model_id", *inputs.NAMES["model"])
_INSTRUCTIONS = ("question_id", "uid", *inputs.NAMES["id"], *inputs.NAMES["instruction"])
_TEXTS = (*inputs.NAMES["answer"], "choices", "messages")


def table(frame: pd.DataFrame, *, name: str) -> pd.DataFrame:
    """Answers as texts: ``model``, ``instruction`` (its id as text) and ``text``; of several turns all of them.

    Raises:
        ValueError: a column is missing, a model answers an instruction twice, or what `texts` raises; tells which.
    """
    own = _column(frame, _TEXTS, "output", name)
    found = {
        "model": frame[_column(frame, _MODELS, "model", name)].astype(str),
        "instruction": frame[_column(frame, _INSTRUCTIONS, "question_id or instruction", name)].astype(str),
        "text": texts(enumerate(frame[own]), name=f"{name}, column {own}"),
    }
    made = pd.DataFrame(found)
    if (again := made.duplicated(["model", "instruction"])).any():
        first = made[again].iloc[0]
        raise ValueError(
            f"{name}: {first['model']} answers {first['instruction'][:60]!r} more than once; give one answer each"
        )
    return made


def together(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Answers of several files as one; one that several files hold, a baseline's say, counts once.

    Args:
        parts: a file's name -> its answers, of `table`.

    Raises:
        ValueError: files hold different answers of a model to an instruction; tells which.
    """
    key = ["model", "instruction"]
    named = [part.assign(file=name) for name, part in parts.items()]
    whole = pd.concat(named, ignore_index=True).drop_duplicates([*key, "text"])
    if (other := whole.duplicated(key)).any():
        row = whole[other].iloc[0]
        first = whole[(whole[key] == row[key]).all(axis=1)].iloc[0]
        raise ValueError(
            f"{first['file']} and {row['file']} hold different answers of {row['model']} to "
            f"{row['instruction'][:60]!r}; leave one of them out"
        )
    return whole.drop(columns="file")


def texts(held: Iterable[tuple[Any, Any]], *, name: str) -> list[str]:
    """Answers as texts, each beside its row.

    Raises:
        ValueError: an answer holds a part that is no text; tells the row.
    """
    found = []
    for row, answer in held:
        try:
            found.append(text_of(answer))
        except ValueError as error:
            raise ValueError(f"{name}, row {row} {error}; leave such rows out") from None
    return found


def text_of(held: Any) -> str:
    """An answer as text: of turns and choices what the assistant said, of the first choice; of nothing, nothing.

    Raises:
        ValueError: it has a part that is no text, a picture for example.

    >>> text_of([{"index": 0, "turns": ["one", {"content": [{"type": "text", "text": "two"}]}]}])
    'one\\n\\ntwo'
    """
    if isinstance(held, str):
        return held
    if isinstance(held, Mapping):
        return _said(held)
    turns = list(held) if isinstance(held, Sequence) or hasattr(held, "__array__") else []
    if turns and isinstance(turns[0], Mapping) and "turns" in turns[0]:
        turns = list(turns[0]["turns"])
    said = [
        turn for turn in turns if not isinstance(turn, Mapping) or turn.get("role", "assistant") == "assistant"
    ]
    return "\n\n".join(text_of(turn) for turn in said)


def _said(held: Mapping[str, Any]) -> str:
    """What a turn says, or a part of one."""
    if "answer" in held or "content" in held:
        answer = held.get("answer")
        return text_of(held.get("content") if answer is None else answer)
    if isinstance(held.get("text"), str):
        return str(held["text"])
    if "type" in held:
        raise ValueError(f"holds a part of the type {held['type']!r}, which is no text")
    return ""


def _column(frame: pd.DataFrame, names: Sequence[str], what: str, name: str) -> str:
    found = next((one for one in names if one in frame), None)
    if found is None:
        raise ValueError(f"{name} holds no answers: it has no column {what}; it has {', '.join(map(str, frame))}")
    return found
