"""What is judged, as tables of plain texts: pairs of any known shape, or files of models' answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from rapo.judging.judgements import short
from rapo.pairs import messages, raw

# Names that columns of answers go by, first come first served; AlpacaEval's are among them.
NAMES: dict[str, tuple[str, ...]] = {
    "instruction": ("instruction", "prompt", "question", "query", "messages"),
    "answer": ("answer", "output", "response", "text", "completion"),
    "model": ("model", "generator"),
    "id": ("id", "instruction_id", "instruction_index", "prompt_id"),
}
_OF_PAIRS = {"chosen", "rejected", "completions"}


def holds_answers(columns: list[str], given: Mapping[str, str] | None = None) -> bool:
    """Whether a table holds answers, one a row, and not pairs or lists of candidates.

    >>> holds_answers(["instruction", "output"]), holds_answers(["prompt", "chosen", "rejected"])
    (True, False)
    """
    named = any(name in columns for name in NAMES["answer"]) or "answer" in (given or {})
    return named and not _OF_PAIRS & set(columns)


def of_pairs(pairs: pa.Table) -> pd.DataFrame:
    """Pairs in the schema as `rapo.judging.judges.judge_pairs` takes them: chosen is the model, rejected the baseline.

    The instruction's id is the pair's: each pair counts for itself.
    """
    prompt, chosen, rejected = (spoken(pairs[name]) for name in ("prompt", "chosen", "rejected"))
    return pd.DataFrame(
        {
            "model": "chosen",
            "baseline": "rejected",
            "instruction": pairs["pair_id"].to_pylist(),
            "prompt": prompt,
            "output_1": rejected,
            "output_2": chosen,
        }
    )


def answers(
    source: Any, *, columns: Mapping[str, str] | None = None, split: str | None = None, revision: str | None = None
) -> pa.Table:
    """A file of answers: its columns, and ``instruction`` and ``answer`` as texts, ``model``, and ``id`` if it has one.

    Args:
        source: as `rapo.pairs.door.open_pairs` takes it.
        columns: our names (those of `NAMES`) -> the file's, where it has others.
        split, revision: which part of a folder or of a data set on a hub.

    Raises:
        ValueError: a column is missing, or an instruction or an answer is not there; tells the row.
    """
    if unknown := set(columns or {}) - set(NAMES):
        raise ValueError(f"--column names {sorted(unknown)}; of answers there are {', '.join(NAMES)}")
    table = raw.read(source, split=split, revision=revision)
    made = {ours: _column(table, ours, columns or {}, source) for ours in NAMES}
    if made["model"] is None:
        made["model"] = pa.array([Path(str(source)).name.partition(".")[0] or "model"] * len(table))
    kept = [name for name in table.column_names if made.get(name) is None]
    return pa.table(
        {**{name: table[name] for name in kept}, **{name: c for name, c in made.items() if c is not None}}
    )


def _column(
    table: pa.Table, ours: str, given: Mapping[str, str], source: Any
) -> "pa.Array | pa.ChunkedArray | None":
    """A column under its name here; None where it need not be there, and is not."""
    found = given.get(ours) or next((name for name in NAMES[ours] if name in table.column_names), None)
    if found is None and ours in ("model", "id"):
        return None
    if found not in table.column_names:
        there = ", ".join(table.column_names)
        raise ValueError(f"{source} has no column {found or ours!r}; it has {there}. Say --column {ours}=...")
    return table[found] if ours in ("model", "id") else _texts(table[found], f"{source}: column {found}")


def matched(own: pa.Table, base: pa.Table, *, names: tuple[str, str]) -> tuple[pd.DataFrame, int]:
    """Answers beside a baseline's to the same instruction, and how many have none there.

    They are matched by ``id`` where both files have one, else by the instruction's text; its id is then its row in the
    baseline's file, from 0, which is how AlpacaEval numbers instructions.

    Args:
        own, base: of `answers`.
        names: what an error calls them.

    Raises:
        ValueError: a model or the baseline answers an instruction twice, none is in both files, or an id stands for
            one instruction here and for another there.
    """
    key = "id" if "id" in own.column_names and "id" in base.column_names else "instruction"
    left, right = (
        part.select(sorted({key, "instruction", "answer", "model"})).to_pandas() for part in (own, base)
    )
    for side, called in zip((left, right), names, strict=True):
        if (lost := side[key].isna().to_numpy()).any():
            raise ValueError(
                f"{called}, row {int(lost.argmax()) + 1} has no {key}; give it one, or leave the row out"
            )
    if left[key].dtype != right[key].dtype:  # numbers in one file, texts in the other
        left, right = left.astype({key: str}), right.astype({key: str})
    if (again := right[key].duplicated()).any():
        raise ValueError(
            f"{names[1]} answers {key} {short(right.loc[again, key].iloc[0])} more than once; give one answer each"
        )
    if (again := left.duplicated(["model", key])).any():
        who, what = (short(left.loc[again, column].iloc[0]) for column in ("model", key))
        raise ValueError(f"{names[0]}: {who} answers {key} {what} more than once; give one answer each")
    right = right.assign(place=range(len(right)), asked=right["instruction"])
    right = right.rename(columns={"answer": "output_1", "model": "baseline"}).drop(columns={"instruction"} - {key})
    both = left.rename(columns={"answer": "output_2"}).merge(right, on=key)
    if both.empty:
        firsts = [short(side[key].iloc[0]) for side in (left, right)]
        raise ValueError(
            f"no {key} is in both files: {names[0]} begins with {firsts[0]}, {names[1]} with {firsts[1]}"
        )
    for told, asked, one in zip(both["instruction"], both["asked"], both[key], strict=True):
        if key == "id" and not _same_question(told, asked):
            raise ValueError(
                f"id {short(one)} is {short(told)} in {names[0]} and {short(asked)} in {names[1]}; correct the ids, "
                "or leave the column out of one file: answers are then matched by the instruction's text"
            )
    table = pd.DataFrame({"model": both["model"], "baseline": both["baseline"]})
    table["instruction"] = both["id"] if key == "id" else both["place"]
    table = table.assign(prompt=both["instruction"], output_1=both["output_1"], output_2=both["output_2"])
    return table, len(left) - len(both)


def _same_question(one: str, other: str) -> bool:
    """Whether two texts ask the same: blanks do not count, and one may hold more, as a system prompt."""
    short, long = sorted(("".join(text.split()) for text in (one, other)), key=len)
    return short in long


def spoken(column: pa.ChunkedArray | pa.Array) -> list[str]:
    """Messages as plain texts: one turn is its content, of several each begins with who speaks.

    >>> spoken(pa.array([[{"role": "user", "content": "hi"}]], messages.MESSAGES))
    ['hi']
    """
    return [
        turns[0]["content"]
        if len(turns) == 1
        else "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in turns)
        for turns in column.to_pylist()
    ]


def _texts(column: pa.ChunkedArray, name: str) -> pa.Array:
    if messages.is_messages(column.type):
        held = column.to_pylist()
        found = [spoken(pa.array([turns]))[0] if turns else None for turns in held]
    elif messages.is_text(column.type):
        found = column.to_pylist()
    else:
        raise ValueError(f"{name} holds {column.type}, neither texts nor messages")
    if None in found:
        raise ValueError(f"{name}, row {found.index(None) + 1}: there is no text; leave the row out")
    return pa.array(found, pa.string())
