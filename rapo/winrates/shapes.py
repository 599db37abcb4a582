"""Battles from tables in the shapes that people have them.

Tried in this order:

* one battle a row: two models (``model_a`` and ``model_b``, ``left`` and ``right``, ``model_1`` and ``model_2``) and
  who won, in a column ``winner``, in the columns ``winner_model_a``, ``winner_tie``, or as a number ``outcome``;
* MT-Bench's pairwise records, two games each (``g1_winner``, ``g2_winner``);
* Arena-Hard-Auto's records, with ``games``;
* judgements against a baseline, as `rapo.judging.judgements.table` understands them.

What a table knows of the answers comes along: ``length_a``, ``length_b`` (characters), ``text_a``, ``text_b``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rapo.judging import judgements
from rapo.pairs.layouts.comparisons import OUTCOMES
from rapo.winrates import answers, battles, style_control

OPPONENT = "baseline"  # what a baseline without a name is called
MT_BENCH = {"model", "question_id", "turn", "score"}
_SIDES = (("model_a", "model_b"), ("left", "right"), ("model_1", "model_2"))
_TEXTS = (("response_a", "response_b"), ("conversation_a", "conversation_b"), ("output_2", "output_1"))
_LENGTHS = (("length_a", "length_b"), ("length_model", "length_baseline"))
_GAMES = ("g1_winner", "g2_winner")


@dataclass(frozen=True)
class Reading:
    """How tables are read; `rapo.judging.judgements.table` says what the options mean.

    Attributes:
        columns: our name -> the table's.
        encoding, by, missing, duplicates: of judgements. What repeats is a model's instruction against one baseline.
        opponent: the name of a baseline that the table does not name.
        texts: read the answers, too, where the table has them; what is no text in them is refused.
    """

    columns: Mapping[str, str]
    encoding: Any = None
    by: Sequence[str] = ()
    missing: Any = "error"
    duplicates: Any = "error"
    opponent: str = OPPONENT
    texts: bool = True


def is_mt_bench(frame: pd.DataFrame) -> bool:
    """True for judgements of single answers, a score each."""
    return set(frame.columns) >= MT_BENCH and "preference" not in frame


def are_judgements(frame: pd.DataFrame, columns: Mapping[str, str]) -> bool:
    """True for judgements of models against a baseline, False for battles."""
    return _sides(frame, columns) is None and "games" not in frame


def read(frame: pd.DataFrame, reading: Reading, *, name: str) -> tuple[pd.DataFrame, list[str]]:
    """Battles of a table, and what to tell of how it was read.

    Raises:
        ValueError: a column is missing or holds what it must not; names it, the row, the value and the remedy.
    """
    if lacking := [column for column in reading.columns.values() if column not in frame]:
        raise ValueError(f"{name} has no column {lacking[0]!r}; it has {', '.join(map(str, frame.columns))}")
    if {"model_1", "model_2", *_GAMES} <= set(frame.columns):
        frame = frame.assign(winner=_of_both_games(frame))
    if (sides := _sides(frame, reading.columns)) is not None:
        return _fought(frame, sides, reading, name)
    if "games" in frame:
        records: list[dict[Any, Any]] = frame.to_dict("records")
        found = battles.from_arena_hard(records, baseline=reading.opponent)
        return found, [f"{name}: read as Arena-Hard's records; clear verdicts (>>) weigh three times"]
    return _judged(frame, reading, name)


def together(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Battles of several tables as one; where only some know instructions, each battle of the others is its own.

    Args:
        parts: what an error calls a table -> its battles.

    Raises:
        ValueError: no battle is left, or lengths say that the same ids stand for other instructions in two tables.
    """
    _check_instructions(parts)
    weighted = any("weight" in part for part in parts.values())
    weighed = [part.assign(weight=1.0) if weighted and "weight" not in part else part for part in parts.values()]
    whole = pd.concat(weighed, ignore_index=True)
    if whole.empty:
        raise ValueError("no battle is left: every row lacks a verdict, or sets the baseline against itself")
    if "instruction" in whole and not pd.api.types.is_numeric_dtype(whole["instruction"]):
        # One file may write as texts what another writes as numbers.
        whole["instruction"] = whole["instruction"].map(str, na_action="ignore")
    if "instruction" in whole and (unknown := whole["instruction"].isna()).any():
        alone = pd.Series([f"battle {row}" for row in range(len(whole))], dtype=object)
        whole["instruction"] = whole["instruction"].astype(object).where(~unknown, alone)
    return whole


def _check_instructions(parts: Mapping[str, pd.DataFrame]) -> None:
    """Refuse ids that mean other instructions in another table: numbers of rows in files that are ordered differently.

    A model's answer to one instruction has one length; where most differ between two tables, the ids do.
    """
    key = ["model_b", "instruction"]
    known = {
        name: part[[*key, "length_b"]].dropna().drop_duplicates(key).astype({"instruction": str})
        for name, part in parts.items()
        if {*key, "length_b"} <= set(part.columns)
    }
    for (one, left), (other, right) in combinations(known.items(), 2):
        both = left.merge(right, on=key, suffixes=("", "_there"))
        differ = both["length_b"] != both["length_b_there"]
        if differ.sum() > len(both) / 2:
            row = both[differ].iloc[0]
            raise ValueError(
                f"{one} and {other} mean other instructions by the same ids: {row['model_b']}'s answer to "
                f"{row['instruction'][:60]!r} has {row['length_b']:g} characters in one and {row['length_b_there']:g} "
                f"in the other, and so on for {int(differ.sum()):,} of {len(both):,}. Ids that are numbers of rows fit "
                "one baseline file in one order: judge all models against the same file, or give its rows ids"
            )


def knows_texts(fought: pd.DataFrame) -> bool:
    """Whether battles bring both answers' texts."""
    names = ["text_a", "text_b"]
    return {*names} <= set(fought) and not fought[names].isna().any(axis=None)


def style(
    fought: pd.DataFrame, features: Sequence[str], *, count: Callable[[list[str]], ArrayLike] | None = None
) -> pd.DataFrame:
    """Style differences of battles, from the texts of both answers or, for length alone, from their lengths.

    Args:
        fought: battles.
        features: of `rapo.winrates.style_control.FEATURES`.
        count: of texts their lengths, in tokens for example; characters without it. It needs the texts.

    Raises:
        ValueError: the battles do not know their texts or lengths, or a feature is unknown.
    """
    lengths = ["length_a", "length_b"]
    if knows_texts(fought):
        texts = [fought[side].tolist() for side in ("text_a", "text_b")]
        counts = [style_control.style_counts(held, lengths=count(held) if count else None) for held in texts]
    elif (
        count is None
        and tuple(features) == ("length",)
        and {*lengths} <= set(fought)
        and not fought[lengths].isna().any(axis=None)
    ):
        counts = [pd.DataFrame({"length": fought[side]}) for side in lengths]
    else:
        counted = " in tokens" if count else ""
        raise ValueError(
            f"style control for {', '.join(features)}{counted} needs both answers of every battle; name their columns "
            "with --column response_a=... --column response_b=... (for --style length without --tokenizer, columns of "
            "lengths will do), or give the files of the models' answers with --answers"
        )
    return style_control.style_differences(counts[0], counts[1], features=features)


def _of_both_games(frame: pd.DataFrame) -> "pd.Series[Any]":
    """MT-Bench's winner of a pair judged in both orders: who won both games, else nobody, as in FastChat; none where a
    verdict could not be read ("error")."""
    first, second = (frame[game] for game in _GAMES)
    return first.where(first == second, "tie").mask((first == "error") | (second == "error"))


def with_answers(fought: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Battles with the texts of both answers, where they did not bring them.

    Args:
        fought: battles, with ``instruction``.
        known: of `rapo.winrates.answers.table`.

    Raises:
        ValueError: battles do not name their instruction, or an answer is not there; tells whose, and to what.
    """
    if knows_texts(fought):
        return fought
    if "instruction" not in fought:
        raise ValueError(
            "the battles do not name their instruction; name its column with --column instruction=..."
        )
    texts = known.set_index(["model", "instruction"])["text"]
    found = fought.copy()
    for side in ("a", "b"):
        keys = list(zip(fought[f"model_{side}"].astype(str), fought["instruction"].astype(str), strict=True))
        held = texts.reindex(keys)
        if (lost := held.isna().to_numpy()).any():
            model, instruction = keys[int(lost.argmax())]
            raise ValueError(
                f"--answers: {int(lost.sum()):,} of {len(keys):,} battles lack an answer, the first is {model}'s to "
                f"{instruction[:60]!r}; give the answers of every model"
            )
        found[f"text_{side}"] = held.to_numpy()
    return found


def _sides(frame: pd.DataFrame, columns: Mapping[str, str]) -> tuple[str, str] | None:
    """The columns of the two models; None where rows are no battles."""
    if {"model_a", "model_b"} <= set(columns):
        return columns["model_a"], columns["model_b"]
    return next((sides for sides in _SIDES if set(sides) <= set(frame.columns)), None)


def _fought(
    frame: pd.DataFrame, sides: tuple[str, str], reading: Reading, name: str
) -> tuple[pd.DataFrame, list[str]]:
    """One battle a row."""
    frame = frame.reset_index(drop=True)
    found = pd.DataFrame({"model_a": frame[sides[0]], "model_b": frame[sides[1]]})
    found["outcome"] = _outcomes(frame, found, reading.columns, name)
    if (column := reading.columns.get("weight", "weight")) in frame:
        found["weight"] = frame[column]
    named = (reading.columns.get("instruction", "instruction"), "question_id", "uid")
    if (column := next((one for one in named if one in frame), "")) != "":
        found["instruction"] = frame[column]
    empty = found["outcome"].isna()
    if empty.any() and reading.missing == "error":
        raise ValueError(
            f"{name}: {int(empty.sum())} battles have no outcome, the first in row {int(empty.argmax())}; "
            "say --missing drop to leave them out"
        )
    whole = pd.concat([found, _answers(frame, reading, name)], axis=1)
    told = [f"{name}: {int(empty.sum())} battles without an outcome are left out"] if empty.any() else []
    return whole[~empty].reset_index(drop=True), [f"{name}: one battle a row", *told]


def _outcomes(
    frame: pd.DataFrame, models: pd.DataFrame, columns: Mapping[str, str], name: str
) -> "pd.Series[Any]":
    """What the first model won, from 0 to 1; NaN where nothing is said."""
    if (number := columns.get("outcome", "outcome")) in frame:
        return frame[number]
    if {"winner_model_a", "winner_tie"} <= set(frame.columns):
        return _of_flags(frame, name)
    winner = columns.get("winner", "winner")
    if winner not in frame:
        raise ValueError(
            f"{name} has two models a row, but no column winner or outcome; name it with --column winner=... It has "
            f"{', '.join(map(str, frame.columns))}"
        )
    said = frame[winner]
    found = said.astype("string").str.strip().str.lower().map(OUTCOMES).astype(float)
    named = found.isna() & said.notna()
    found = found.mask(named & (said == models["model_a"]), 1.0).mask(named & (said == models["model_b"]), 0.0)
    if (bad := found.isna() & said.notna()).any():
        row = int(bad.argmax())
        raise ValueError(
            f"{name}, column {winner}, row {row}: {said[row]!r} is no winner; use model_a, model_b, tie, or the "
            "model's name"
        )
    return found


def _of_flags(frame: pd.DataFrame, name: str) -> "pd.Series[Any]":
    """Of a column each for a win of the first model, of the second and a tie; NaN where the first or the tie is not
    told."""
    won, tied = (frame[column].astype(float) for column in ("winner_model_a", "winner_tie"))
    found, lost = won + tied / 2, "winner_model_b"
    if lost in frame and (bad := found.notna() & ~np.isclose(won + tied + frame[lost].astype(float), 1)).any():
        row = int(bad.argmax())
        raise ValueError(
            f"{name}, row {row}: winner_model_a, {lost} and winner_tie are {won[row]:g}, {frame[lost][row]:g} and "
            f"{tied[row]:g}, which is no verdict: one is to be 1, the others 0; mend the row, or leave it out"
        )
    return found


def _judged(frame: pd.DataFrame, reading: Reading, name: str) -> tuple[pd.DataFrame, list[str]]:
    """Judgements against a baseline."""
    own = ("response_a", "response_b")
    columns = {ours: theirs for ours, theirs in reading.columns.items() if ours not in own}
    encoding = reading.encoding or judgements.known_encoding(frame, columns, name)
    frame = frame.reset_index(drop=True)
    preference, told = columns.get("preference", "preference"), []
    if reading.missing == "drop" and preference in frame and (empty := frame[preference].isna()).any():
        told.append(f"{name}: {int(empty.sum())} judgements without a preference are left out")
        frame = frame[~empty]
    texts = _answers(frame, reading, name).reset_index(drop=True)
    frame = frame.reset_index(drop=True)
    table = judgements.table(
        frame, columns=columns, encoding=encoding, by=reading.by, duplicates="keep", name=name
    )
    found = battles.from_judgements(table, baseline=None if "baseline" in table else reading.opponent)
    lengths = {ours: table[theirs] for ours, theirs in zip(*_LENGTHS, strict=True) if theirs in table}
    texts = texts.drop(columns=[ours for ours in texts if ours in lengths])
    found = pd.concat([found, pd.DataFrame(lengths, index=found.index), texts], axis=1)
    found, more = _without_repeats(found, reading.duplicates, name)
    told.append(f"{name}: preferences read as {encoding}: {judgements.ENCODINGS[encoding]}")
    if "baseline" not in table:
        told.append(f"{name} does not name the baseline; it is called {reading.opponent!r}")
    return found, [*told, *more]


def _without_repeats(found: pd.DataFrame, duplicates: str, name: str) -> tuple[pd.DataFrame, list[str]]:
    """Battles without the baseline's against itself and, unless they are kept, without those that repeat."""
    own = (found["model_a"] == found["model_b"]).to_numpy()
    told = (
        [f"{name}: {int(own.sum())} judgements of the baseline against itself are left out"] if own.any() else []
    )
    found = found[~own].reset_index(drop=True)
    repeated = found.duplicated(["model_a", "model_b", "instruction"]).to_numpy()
    if duplicates == "keep" or not repeated.any():
        return found, told
    if duplicates == "error":
        first = found[repeated].iloc[0]
        raise ValueError(
            f"{name}: {int(repeated.sum()):,} rows repeat a model's instruction, the first is {first['model_a']}, "
            f"instruction {str(first['instruction'])[:60]}; say --duplicates keep or first, or tell the groups apart "
            "with --by"
        )
    return found[~repeated].reset_index(drop=True), told


def _answers(frame: pd.DataFrame, reading: Reading, name: str) -> pd.DataFrame:
    """Texts and lengths of both answers, where the table has them."""
    own = (reading.columns.get("response_a", ""), reading.columns.get("response_b", ""))
    found: dict[str, Any] = {}
    for sides in (own, *_TEXTS, *_LENGTHS):
        if not {*sides} <= set(frame.columns):
            continue
        numbers = pd.api.types.is_numeric_dtype(frame[sides[0]])
        if numbers and "length_a" not in found:
            found |= {f"length_{at}": frame[side].to_numpy(float) for at, side in zip("ab", sides, strict=True)}
        elif not numbers and reading.texts and "text_a" not in found:
            found |= {
                f"text_{at}": answers.texts(frame[side].items(), name=f"{name}, column {side}")
                for at, side in zip("ab", sides, strict=True)
            }
    return pd.DataFrame(found, index=frame.index)
