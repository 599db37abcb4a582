"""Two responses and which of them is preferred: SHP, HelpSteer's preferences, PKU-SafeRLHF, WebGPT, the arenas."""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import messages
from rapo.pairs.candidates import Pairing
from rapo.pairs.faults import short, tell
from rapo.pairs.layouts.dialogues import dialogue, json_lists
from rapo.pairs.layouts.layout import Layout, Made, has, replaced
from rapo.pairs.messages import whole

Convert = Callable[[pa.Table, Pairing, str, int], Made]
_FIRST, _SECOND = ("model_a", "left", "model_1", "a"), ("model_b", "right", "model_2", "b")
_TIES = ("tie", "draw", "both_bad", "bothbad", "tie (bothbad)", "tie (both bad)", "tie (inconsistent)")
# What a cell says of who won, in small letters, and what the first model has of it.
OUTCOMES = {**dict.fromkeys(_FIRST, 1.0), **dict.fromkeys(_SECOND, 0.0), **dict.fromkeys(_TIES, 0.5)}
PREFERENCE = "preference"  # how strongly chosen is preferred; 0 for a tie


def ordered(
    table: pa.Table,
    first: str,
    second: str,
    leads: np.ndarray,
    *,
    prompt: pa.Array,
    scores: tuple[str, str] | None,
) -> pa.Table:
    """Two columns of responses put in order; of a tie the first is called chosen.

    Args:
        table: the data.
        first, second: its columns of responses.
        leads: by how much the first is preferred; negative where the second is, NaN where nobody knows.
            Shape: (n_rows,)
        prompt: what they answer. Shape: (n_rows,)
        scores: the columns of their scores, if they have any; else the strength of the preference is told.
    """
    swap = len(table) * (leads < 0)
    at = np.arange(len(table))

    def sides(one: str, other: str) -> list[pa.Array]:
        both = pa.concat_arrays([whole(table[one]), whole(table[other])])
        return [both.take(pa.array(at + swap)), both.take(pa.array(at + len(table) - swap))]

    made = {"prompt": prompt, **dict(zip(("chosen", "rejected"), sides(first, second), strict=True))}
    if scores:
        made |= dict(zip(("score_chosen", "score_rejected"), sides(*scores), strict=True))
    else:
        made[PREFERENCE] = pa.array(np.abs(leads))
    return replaced(table, (first, second, *(scores or ())), made)


def _doubles(table: pa.Table, column: str) -> np.ndarray:
    return pc.fill_null(whole(table[column]).cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)


def _shp(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    leads = 2 * _doubles(table, "labels") - 1  # 1 prefers A
    names = ("score_A", "score_B") if has("score_A", "score_B")(table) else None
    made = ordered(table, "human_ref_A", "human_ref_B", leads, prompt=whole(table["history"]), scores=names)
    return Made(made.drop_columns(["history"]))


def _signed(first: str, second: str, preference: str, prompt: str) -> Convert:
    """A preference below zero prefers the first, above zero the second."""

    def convert(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
        asked = whole(table[prompt])
        asked = dialogue(asked) if messages.is_text(asked.type) else asked
        return _sure(
            ordered(table, first, second, -_doubles(table, preference), prompt=asked, scores=None), prompt
        )

    return convert


def _pku(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    leads = 1 - 2 * _doubles(table, "better_response_id")
    prompt = whole(table["prompt"])
    return _sure(ordered(table, "response_0", "response_1", leads, prompt=prompt, scores=None), "prompt")


def _webgpt(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    question = whole(table["question"])
    prompt = pc.struct_field(question, "full_text") if pa.types.is_struct(question.type) else question
    leads = _doubles(table, "score_0") - _doubles(table, "score_1")
    names = ("score_0", "score_1")
    return Made(
        ordered(table, "answer_0", "answer_1", leads, prompt=prompt, scores=names).drop_columns(["question"])
    )


def _arena(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    """Conversations with two models; only those that are the same before the last answer make a pair."""
    given, faults, bad = {}, [], np.zeros(len(table), bool)
    for side in ("conversation_a", "conversation_b"):
        given[side] = messages.lift(whole(table[side]), role="user")
        seen = _without_text(given[side])
        faults += tell(
            side, "holds a turn or a part that is no text", "Drop such rows; pairs are texts.", seen, row
        )
        bad |= seen
    winners = table["winner"].to_pylist()
    leads = 2 * np.array(list(map(_outcome, winners, *_models(table)))) - 1
    remedy = "Write model_a, model_b, tie, or the model's name."
    faults += tell("winner", "is no winner", remedy, np.isinf(leads), row, lambda at: short(winners[at]))
    at = np.flatnonzero(~(bad | np.isinf(leads)))
    made = _same_context(replaced(table, (), given).take(pa.array(at)), leads[at])
    return replace(made, rows=at if made.rows is None else at[made.rows], faults=faults)


def _models(table: pa.Table) -> list[list[Any]]:
    """Names of both models, where they are told. Shape: (2, n_rows)"""
    names = ("model_a", "model_b")
    return [table[name].to_pylist() if name in table.column_names else [None] * len(table) for name in names]


def _outcome(winner: Any, first: Any, second: Any) -> float:
    """What the first model has of the battle; NaN where nobody knows, infinite where the cell cannot be read."""
    if winner is None or winner == "":
        return np.nan
    if (said := OUTCOMES.get(str(winner).strip().lower())) is not None:
        return said
    return 1.0 if winner == first else 0.0 if winner == second else np.inf


def _arena_csv(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    given = ("prompt", "response_a", "response_b")
    asked, *said = (json_lists(whole(table[column])) for column in given)
    bad = np.array([not all(map(messages.is_utf8, chain(*row))) for row in zip(asked, *said, strict=True)], bool)
    faults = tell("prompt", "a turn holds half of a character (a lone surrogate)", "Remove it.", bad, row)
    at = np.flatnonzero(~bad)
    talks = {
        f"conversation_{side}": pa.array([_talk(asked[i], answers[i]) for i in at], messages.MESSAGES)
        for side, answers in zip("ab", said, strict=True)
    }
    leads = _doubles(table, "winner_model_a") - _doubles(table, "winner_model_b")
    made = _same_context(replaced(table.take(pa.array(at)), given, talks), leads[at])
    return replace(made, rows=at if made.rows is None else at[made.rows], faults=faults)


def _talk(asked: list[str | None], said: list[str | None]) -> list[dict[str, str | None]]:
    both = [(("user", turn), ("assistant", answer)) for turn, answer in zip(asked, said, strict=False)]
    return [{"role": role, "content": content} for pair in both for role, content in pair]


def _without_text(talk: pa.ListArray) -> np.ndarray:
    """Which rows hold a turn without a text: content in parts of which one is a picture, say, has none."""
    parts = messages.turns(talk)
    found = np.zeros(len(talk), bool)
    found[parts.row_of[parts.contents.is_null().to_numpy(zero_copy_only=False)]] = True
    return found


def _same_context(table: pa.Table, leads: np.ndarray) -> Made:
    first, second = (whole(table[f"conversation_{side}"]) for side in "ab")
    (before, one), (other_before, other) = messages.split_last(first), messages.split_last(second)
    alike = messages.same(before, other_before)
    answers = replaced(table, (), {"conversation_a": one, "conversation_b": other})
    made = ordered(answers, "conversation_a", "conversation_b", leads, prompt=before, scores=None)
    differ = int((~alike).sum())
    left = {"rows whose two conversations differ before the last answer": differ} if differ else {}
    kept = _sure(made.filter(pa.array(alike)), "")
    rows = np.flatnonzero(alike)
    return Made(kept.table, rows if kept.rows is None else rows[kept.rows], (), {**left, **kept.left_out})


def _sure(table: pa.Table, prompt: str) -> Made:
    """Pairs of which somebody said which response is preferred."""
    known = pc.is_finite(table[PREFERENCE]).to_numpy()
    table = table.drop_columns([prompt]) if prompt not in ("", "prompt") else table
    if known.all():
        return Made(table)
    left = {"rows without a preference": int((~known).sum())}
    return Made(table.filter(pa.array(known)), np.flatnonzero(known), (), left)


_ORDER = "column preference says how strongly chosen is preferred, 0 is a tie"
SHP = Layout(
    "stanfordnlp/SHP", has("history", "human_ref_A", "human_ref_B", "labels"), _shp, "scores are up-votes"
)
HELPSTEER3 = Layout(
    "nvidia/HelpSteer3",
    has("context", "response1", "response2", "overall_preference"),
    _signed("response1", "response2", "overall_preference", "context"),
    _ORDER,
)
HELPSTEER2_PREFERENCE = Layout(
    "nvidia/HelpSteer2, preferences",
    has("prompt", "response_1", "response_2", "preference_strength"),
    _signed("response_1", "response_2", "preference_strength", "prompt"),
    _ORDER,
)
PKU = Layout(
    "PKU-Alignment/PKU-SafeRLHF",
    has("prompt", "response_0", "response_1", "better_response_id"),
    _pku,
    "the better response is chosen; to choose the safer one type --column better_response_id=safer_response_id",
)
WEBGPT = Layout(
    "openai/webgpt_comparisons",
    has("question", "answer_0", "answer_1", "score_0", "score_1"),
    _webgpt,
    "scores are preferences from -1 to 1 that sum to 0",
)
ARENA = Layout("Chatbot Arena", has("conversation_a", "conversation_b", "winner"), _arena, _ORDER)
ARENA_CSV = Layout(
    "Chatbot Arena, 55k",
    has("prompt", "response_a", "response_b", "winner_model_a", "winner_tie"),
    _arena_csv,
    _ORDER,
)
