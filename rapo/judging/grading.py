"""Answers of real models judged by a language model: pairwise against the base's, and each alone on 1-10.

A grader is told as plain settings, the fields of `rapo.judging.judges.Judge`; the server's address may come from
OPENAI_BASE_URL. Its answers are kept on disk.
"""

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rapo.judging.judges import Judge, judge_pairs, request
from rapo.judging.server import JudgeError, ask_all
from rapo.stats.arrays import Floats

_log = logging.getLogger(__name__)
_SCORE = re.compile(r"\b(10|[1-9])(?:\.\d+)?\b")
MIDDLE = 5.5  # of the scale 1-10
UNREADABLE = 0.05  # share of verdicts from which on there is no result
SCORE = """Rate the answer to the instruction below on a scale of 1 (useless) to 10 (could not be better): is it \
correct, honest, helpful, and what was asked for? Length is no merit.

# Instruction
{instruction}

# Answer
{answer}

Reply with one whole number from 1 to 10 and nothing else."""


def judge_of(grader: Mapping[str, Any]) -> Judge:
    """The judge that a grader's settings describe; those that are None count as not given.

    Raises:
        JudgeError: no model is named, or neither a server nor a key for OpenAI's own is.
    """
    settings = {name: value for name, value in grader.items() if value is not None}
    base_url = settings.pop("base_url", None) or os.environ.get("OPENAI_BASE_URL")
    if not settings.get("model"):
        raise JudgeError("no judge is named: set grader.model")
    if not base_url and not os.environ.get("OPENAI_API_KEY"):
        raise JudgeError(
            "no judge endpoint is configured: set OPENAI_API_KEY for OpenAI's own server; or, for another that "
            "speaks its protocol, OPENAI_BASE_URL or grader.base_url (http://host:port/v1)"
        )
    return Judge(**settings, base_url=base_url)


def check(grader: Mapping[str, Any], *, cache: Path | None = None) -> None:
    """Ask the judge one easy pair, so that a wrong address, key or model shows before anything is trained.

    Raises:
        JudgeError: it is not configured, cannot be reached, or does not answer as asked.
    """
    judge = judge_of(grader)
    easy = {"prompt": "What is 2 + 2 ?", "output_1": "5", "output_2": "4"}
    try:
        found, _ = judge_pairs(
            pd.DataFrame([{"model": "check", "instruction": "check", **easy}]), judge=judge, cache=cache
        )
    except JudgeError as error:
        where = judge.base_url or "OpenAI's own server"
        raise JudgeError(
            f"the judge does not work: {error}. It was asked at {where}: check OPENAI_BASE_URL, OPENAI_API_KEY and "
            "grader.*"
        ) from error
    if found["preference"].isna().any():
        raise JudgeError(f"{judge.model} replied neither A nor B to an easy pair; choose another grader.model")


def preferences(pairs: pd.DataFrame, grader: Mapping[str, Any], *, cache: Path | None = None) -> Floats:
    """Preference for ``output_2``, 1..2, the mean of both orders; an unreadable verdict counts as a draw (1.5).

    Args:
        pairs: columns ``model``, ``instruction`` (id), ``prompt`` (text), ``output_1`` (the base's), ``output_2``.

    Raises:
        JudgeError: more than 5 % of the verdicts are unreadable, or `judge_pairs` raises it.
    """
    if pairs.empty:
        return np.empty(0)
    found, _ = judge_pairs(pairs, judge=judge_of(grader), cache=cache)
    return filled(found["preference"].to_numpy(dtype=float), 1.5, "preferences")


def scores(answers: pd.DataFrame, grader: Mapping[str, Any], *, cache: Path | None = None) -> Floats:
    """The judge's score of each answer, 1-10; a blank answer gets 1, an unreadable verdict the scale's middle.

    Args:
        answers: columns ``instruction`` and ``text``.

    Raises:
        JudgeError: more than 5 % of the verdicts are unreadable, or the server fails.
    """
    judge = judge_of(grader)
    given = (answers["text"].str.strip() != "").to_numpy()
    questions = [
        request(judge, SCORE, {"instruction": instruction, "answer": text}, {"max_tokens": 8})
        for instruction, text in answers.loc[given, ["instruction", "text"]].itertuples(index=False)
    ]
    replies, _ = ask_all(questions, server=judge.server, folder=cache)
    found = np.ones(len(answers))
    found[given] = filled(np.array([score_in(reply) for reply in replies]), MIDDLE, "scores")
    return found


def score_in(reply: Mapping[str, Any]) -> float:
    """The first number from 1 to 10 in a reply, NaN where there is none."""
    found = _SCORE.search(reply["choices"][0]["message"]["content"] or "")
    return min(float(found.group()), 10.0) if found else np.nan


def filled(values: Floats, substitute: float, what: str) -> Floats:
    """Values with a substitute for those that are NaN.

    Raises:
        JudgeError: more than 5 % are.
    """
    missing = np.isnan(values)
    if missing.sum() > UNREADABLE * len(values):
        raise JudgeError(
            f"{missing.sum()} of {len(values)} {what} are unreadable; choose another grader.model (at most "
            f"{UNREADABLE:.0%} may be)"
        )
    if missing.any():
        _log.warning(
            "%d of %d %s are unreadable; %g stands for them", missing.sum(), len(values), what, substitute
        )
    return np.where(missing, substitute, values)
