"""Answers of real models judged by a language model: pairwise against the base's, and each alone on 1-10.

A grader is told as plain settings, the fields of `rapo.judging.judges.Judge`; the server's address may come from
OPENAI_BASE_URL. Its answers are kept on disk. A verdict that is not clear is NaN; it is counted, never made up.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rapo.judging.address import Address
from rapo.judging.judges import Judge, judge_pairs, rate_answers
from rapo.judging.server import JudgeError
from rapo.stats.arrays import Floats

UNREADABLE = 0.05  # share of verdicts from which on there is no result


def judge_of(grader: Mapping[str, Any]) -> Judge:
    """The judge that a grader's settings describe; those that are None count as not given.

    Raises:
        JudgeError: no model is named, or neither a server nor a key for OpenAI's own is.
    """
    settings = {name: value for name, value in grader.items() if value is not None}
    if not settings.get("model"):
        raise JudgeError("no judge is named: set grader.model")
    judge = Judge(**settings)
    if judge.server.address.is_openai and not os.environ.get(judge.key_variable):
        raise JudgeError(
            f"no judge endpoint is configured: set {judge.key_variable} for OpenAI's own server; or, for another that "
            "speaks its protocol, OPENAI_BASE_URL or grader.base_url (http://host:port/v1)"
        )
    return judge


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
        raise JudgeError(
            f"the judge does not work: {error}. It was asked at {Address.of(judge.base_url).shown}: check "
            "OPENAI_BASE_URL, OPENAI_API_KEY and grader.*"
        ) from error
    if found["preference"].isna().any():
        raise JudgeError(f"{judge.model} replied neither A nor B to an easy pair; choose another grader.model")


def preferences(pairs: pd.DataFrame, grader: Mapping[str, Any], *, cache: Path | None = None) -> Floats:
    """Preference for ``output_2``, 1..2, the mean of both orders; NaN where a verdict is not clear.

    Args:
        pairs: columns ``model``, ``instruction`` (id), ``prompt`` (text), ``output_1`` (the base's), ``output_2``.

    Raises:
        JudgeError: more than 5 % have none, or `judge_pairs` raises it.
    """
    if pairs.empty:
        return np.empty(0)
    found, _ = judge_pairs(pairs, judge=judge_of(grader), cache=cache)
    return few_lost(found["preference"].to_numpy(dtype=float), "preferences")


def scores(answers: pd.DataFrame, grader: Mapping[str, Any], *, cache: Path | None = None) -> Floats:
    """The judge's score of each answer, 1-10; a blank answer gets 1, a verdict that is not clear is NaN.

    Args:
        answers: columns ``instruction`` and ``text``.

    Raises:
        JudgeError: more than 5 % are not clear, or the server fails.
    """
    judge = judge_of(grader)
    given = (answers["text"].str.strip() != "").to_numpy()
    found = np.ones(len(answers))
    if given.any():
        rated, _ = rate_answers(answers.loc[given, ["instruction", "text"]], judge=judge, cache=cache)
        found[given] = few_lost(rated, "scores")
    return found


def few_lost(values: Floats, what: str) -> Floats:
    """The values, some of which may be NaN.

    Raises:
        JudgeError: more than 5 % are.
    """
    missing = int(np.isnan(values).sum())
    if missing > UNREADABLE * len(values):
        raise JudgeError(
            f"{missing} of {len(values)} {what} are unreadable; choose another grader.model (at most "
            f"{UNREADABLE:.0%} may be)"
        )
    return values
