"""Answers of real models judged by a language model: pairwise against the base's, and each alone on 1-10.

The grader is any server that speaks OpenAI's chat protocol; its answers are kept on disk (`rapo.judging.judges`).
"""

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rapo import paths
from rapo.judging.judges import Judge, JudgeError, judge_pairs
from rapo.judging.server import ChatServer, ask_all

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
    """The judge that a recipe's block ``grader`` describes; the server's address may come from OPENAI_BASE_URL.

    Raises:
        JudgeError: no model is named, or neither a server nor a key for OpenAI's own is.
    """
    settings = {name: value for name, value in grader.items() if value is not None}
    base_url = settings.pop("base_url", None) or os.environ.get("OPENAI_BASE_URL")
    if not settings.get("model"):
        raise JudgeError(
            "no judge is named: set grader.model in the block `full` of rapo/studies/central_results/recipe.yaml"
        )
    if not base_url and not os.environ.get("OPENAI_API_KEY"):
        raise JudgeError(
            "no judge endpoint is configured: set OPENAI_API_KEY for OpenAI's own server; or, for another that "
            "speaks its protocol, OPENAI_BASE_URL (http://host:port/v1), or grader.base_url in the block `full` of "
            "rapo/studies/central_results/recipe.yaml"
        )
    return Judge(**settings, base_url=base_url)


def check(grader: Mapping[str, Any], *, cache: Path | None = None) -> None:
    """Ask the judge one easy pair, so that a wrong address, key or model shows before anything is trained.

    Raises:
        JudgeError: it is not configured, cannot be reached, or does not answer as asked.
    """
    judge = judge_of(grader)
    pair = {
        "model": "check",
        "instruction": "check",
        "prompt": "What is 2 + 2 ?",
        "output_1": "5",
        "output_2": "4",
    }
    try:
        found, _ = judge_pairs(pd.DataFrame([pair]), judge=judge, cache=cache)
    except JudgeError as error:
        where = judge.base_url or "OpenAI's own server"
        raise JudgeError(
            f"the judge does not work: {error}. It was asked at {where}: check OPENAI_BASE_URL, OPENAI_API_KEY and "
            "grader.* in the block `full` of rapo/studies/central_results/recipe.yaml"
        ) from error
    if found["preference"].isna().any():
        raise JudgeError(f"{judge.model} replied neither A nor B to an easy pair; choose another grader.model")


def preferences(pairs: pd.DataFrame, grader: Mapping[str, Any], *, cache: Path | None = None) -> np.ndarray:
    """Preference for ``output_2``, 1..2, the mean of both orders; an unreadable verdict counts as a draw (1.5).

    Args:
        pairs: columns ``model``, ``instruction`` (id), ``prompt`` (text), ``output_1`` (the base's), ``output_2``.

    Raises:
        JudgeError: more than 5 % of the verdicts are unreadable, or `judge_pairs` raises it.
    """
    if pairs.empty:
        return np.empty(0)
    found, _ = judge_pairs(pairs, judge=judge_of(grader), cache=cache)
    return _filled(found["preference"].to_numpy(dtype=float), 1.5, "preferences")


def scores(answers: pd.DataFrame, grader: Mapping[str, Any], *, cache: Path | None = None) -> np.ndarray:
    """The judge's score of each answer, 1-10; a blank answer gets 1, an unreadable verdict the scale's middle.

    Args:
        answers: columns ``instruction`` and ``text``.

    Raises:
        JudgeError: more than 5 % of the verdicts are unreadable, or the server fails.
    """
    judge = judge_of(grader)
    blank = answers["text"].str.strip() == ""
    asked = answers[~blank]
    questions = [
        _request(judge, instruction, text)
        for instruction, text in zip(asked["instruction"], asked["text"], strict=True)
    ]
    server = ChatServer(judge.base_url, judge.concurrency, judge.timeout, judge.max_retries)
    folder = cache or paths.root() / "build" / "judgements"
    replies, _ = ask_all(questions, server=server, folder=folder)
    found = np.ones(len(answers))
    read = np.array([_read(reply) for reply in replies])
    found[~blank.to_numpy()] = _filled(read, MIDDLE, "scores")
    return found


def _request(judge: Judge, instruction: str, answer: str) -> dict[str, Any]:
    texts = {"{instruction}": instruction, "{answer}": answer}
    content = re.sub(r"\{(?:instruction|answer)\}", lambda found: texts[found.group()], SCORE)
    asked = {"model": judge.model, "messages": [{"role": "user", "content": content}], "temperature": 0.0,
             "max_tokens": 8}  # fmt: skip
    return {name: value for name, value in (asked | dict(judge.options)).items() if value is not None}


def _read(reply: Mapping[str, Any]) -> float:
    found = _SCORE.search(reply["choices"][0]["message"]["content"] or "")
    return min(float(found.group()), 10.0) if found else np.nan


def _filled(values: np.ndarray, substitute: float, what: str) -> np.ndarray:
    missing = np.isnan(values)
    if missing.mean() > UNREADABLE if len(values) else False:
        raise JudgeError(
            f"{missing.sum()} of {len(values)} {what} are unreadable; choose another grader.model (at most "
            f"{UNREADABLE:.0%} may be)"
        )
    if missing.any():
        _log.warning(
            "%d of %d %s are unreadable; %g stands for them", missing.sum(), len(values), what, substitute
        )
    return np.where(missing, substitute, values)
