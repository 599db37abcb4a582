"""Scored pairs that several tests start from."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa


def turn(role: str, content: str | None) -> dict[str, Any]:
    """One turn of a talk."""
    return {"role": role, "content": content}


def pair(**changes: Any) -> dict[str, Any]:
    """A good pair in the schema's own form, some of it changed."""
    plain = {
        "prompt": [turn("user", "2 + 2 ?")],
        "chosen": [turn("assistant", "4")],
        "rejected": [turn("assistant", "5")],
        "score_chosen": 9.0,
        "score_rejected": 2.0,
    }
    return {**plain, **changes}


def of_texts(prompt: str, chosen: str = "yes", rejected: str = "no", **changes: Any) -> dict[str, Any]:
    """A good pair of these texts."""
    sides = {"chosen": [turn("assistant", chosen)], "rejected": [turn("assistant", rejected)]}
    return pair(prompt=[turn("user", prompt)], **sides, **changes)


def table(*rows: dict[str, Any]) -> pa.Table:
    """Rows as a table."""
    return pa.Table.from_pylist(list(rows))


def last_texts(made: pa.Table, column: str) -> list[str]:
    """What the last turn of each row says."""
    return [turns[-1]["content"] for turns in made[column].to_pylist()]


def completion(response: str, score: float | None, **further: Any) -> dict[str, Any]:
    """A candidate answer."""
    return {"response": response, "overall_score": score, **further}


def asked(*completions: dict[str, Any], instruction: str = "q", **further: Any) -> dict[str, Any]:
    """An instruction and its candidates."""
    return {"instruction": instruction, "completions": list(completions), **further}


FOUR = [completion("a", 3.0), completion("b", 8.0), completion("c", 1.0), completion("d", 8.0)]


def many(n: int, **changes: Any) -> list[dict[str, Any]]:
    """Pairs of different texts."""
    return [
        pair(
            prompt=[turn("user", f"q{i}")],
            chosen=[turn("assistant", f"a{i}")],
            rejected=[turn("assistant", f"b{i}")],
            **changes,
        )
        for i in range(n)
    ]


def last_text(turns: list[dict[str, str]]) -> str:
    """What the last turn says."""
    return turns[-1]["content"]


def reward(goal: float, score: float) -> float:
    """R(x, y, g) of the paper."""
    return -((goal - score) ** 2)


def json_lines(path: Path, rows: list[Any]) -> Path:
    """A file of rows."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
