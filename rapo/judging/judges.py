"""Language models as judges, of pairs and of answers alone, through any server that speaks OpenAI's chat protocol.

Both orders of every pair are judged, each answer is kept on disk under its full request. A verdict that is not clear,
or a question without an answer, is NaN and counted; a server that ignores what it was asked for is an error.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rapo.judging import costs, questions, verdicts
from rapo.judging.costs import Cost, Estimate, Prices
from rapo.judging.server import ChatServer, JudgeError, Replies, ask_all, look_up
from rapo.stats.arrays import Floats

COLUMNS = ("model", "instruction", "prompt", "output_1", "output_2")
_PAIR = ("instruction", "first", "second")
_ALONE = ("instruction", "answer")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judge:
    """A judge and how it is asked.

    Attributes:
        model: its name on the server (for `transformers serve` the path of the checkpoint).
        base_url: of the server, ending in ``/v1``; None for ``$OPENAI_BASE_URL``, and without that OpenAI's own.
        graded: read the probabilities of A and B from the log-probs; otherwise read the letter.
        prompt: the question about a pair, with ``{instruction}``, ``{first}`` and ``{second}``.
        score_prompt: the question about an answer alone, with ``{instruction}`` and ``{answer}``.
        options: further fields of each request, over temperature 0 and a short answer; a field set to None is not sent.
            ``extra_headers`` and ``extra_query`` go beside it, and are never written down.
        price_in, price_out: price of a million tokens read and written, in any currency; None where not known.
        concurrency, timeout, max_retries, patience, key_variable: as `rapo.judging.server.ChatServer` has them.
    """

    model: str
    base_url: str | None = None
    graded: bool = True
    prompt: str = questions.PAIR
    score_prompt: str = questions.SCORE
    options: Mapping[str, Any] = field(default_factory=dict)
    price_in: float | None = None
    price_out: float | None = None
    concurrency: int = 5
    timeout: float = 60.0
    max_retries: int = 5
    patience: float = 600.0
    key_variable: str = "OPENAI_API_KEY"

    @property
    def server(self) -> ChatServer:
        """Where its requests go."""
        names = ("base_url", "concurrency", "timeout", "max_retries", "patience", "key_variable")
        return ChatServer(**{name: getattr(self, name) for name in names})

    @property
    def prices(self) -> Prices:
        """Of its tokens."""
        return Prices(self.price_in, self.price_out)

    @property
    def draws(self) -> bool:
        """Whether its answers are drawn; at temperature 0 a further run says the same, and its noise is not seen."""
        return self.options.get("temperature", 0.0) != 0

    def again(self, run: int) -> "Judge":
        """The same judge for a further run, from 1, which asks with another seed; run 0 is the judge itself."""
        seed = int(self.options.get("seed") or 0) + run
        return replace(self, options={**self.options, "seed": seed}) if run else self

    def ask(self, template: str, texts: Mapping[str, str], fields: Mapping[str, Any]) -> dict[str, Any]:
        """A full request to it."""
        return questions.request(self.model, template, texts, fields, self.options)


def judge_pairs(
    pairs: pd.DataFrame,
    *,
    judge: Judge,
    cache: Path | None = None,
    api_key: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[pd.DataFrame, Cost]:
    """Judge each pair in both orders.

    Args:
        pairs: ``model``, ``instruction`` (id), ``prompt`` (text), ``output_1`` (the baseline's answer) and
            ``output_2`` (the model's).
        judge: who, and how: `rapo.judging.judges.Judge` with its model, server and prices.
        cache: folder of the kept answers, which are not asked for again; ``build/judgements`` of the project without
            it.
        api_key: without it what the server's ``key_variable`` holds; a server of one's own needs none.
        progress: called with the number of requests that are done with.

    Returns:
        Judgements as `rapo.win_rates` takes them: ``model``, ``instruction``, ``preference`` (1 = the baseline wins
        ... 2 = the model wins, the mean of both orders, NaN where one has no clear verdict), ``length_model``,
        ``length_baseline``, and ``forward`` and ``backward``: the preference with the model's answer shown first and
        second, from which `rapo.judging.bias.position_bias` is computed. And the cost.

    Raises:
        JudgeError: the server could not be reached or refused, or it gives no log-probs though asked for them.
        TypeError: ``pairs`` is no DataFrame.
        ValueError: a column is missing or an answer is no text.
    """
    asked = pair_requests(pairs, judge)
    accept = _require_logprobs if judge.graded else None
    replies = ask_all(asked, server=judge.server, folder=cache, api_key=api_key, accept=accept, progress=progress)
    first_shown = [verdicts.first_is_better(answer, graded=judge.graded) for answer in replies.answers]
    table = pd.DataFrame(
        {
            "model": pairs["model"].to_numpy(),
            "instruction": pairs["instruction"].to_numpy(),
            "forward": [1 + share for share in first_shown[::2]],
            "backward": [2 - share for share in first_shown[1::2]],
            "length_model": pairs["output_2"].str.len().to_numpy(),
            "length_baseline": pairs["output_1"].str.len().to_numpy(),
        }
    )
    table.insert(2, "preference", (table["forward"] + table["backward"]) / 2)
    cost = _cost(replies, first_shown, judge, n_items=len(pairs))
    if lost := int(table["preference"].isna().sum()):
        _log.warning(
            "%s: %d of %d pairs have no clear verdict; their preference is NaN", judge.model, lost, len(table)
        )
    return table, cost


def pair_requests(pairs: pd.DataFrame, judge: Judge) -> list[dict[str, Any]]:
    """Two requests a pair: the model's answer first, then the baseline's. Raises ValueError as `judge_pairs` does."""
    _check(pairs, COLUMNS, what="pair")
    questions.check_template(judge.prompt, _PAIR)
    logprobs = {"logprobs": True, "top_logprobs": 20} if judge.graded else {}
    return [
        judge.ask(judge.prompt, dict(zip(_PAIR, (prompt, *shown), strict=True)), {"max_tokens": 8, **logprobs})
        for prompt, base, own in zip(*(pairs[name] for name in COLUMNS[2:]), strict=True)
        for shown in ((own, base), (base, own))
    ]


def rate_answers(
    answers: pd.DataFrame,
    *,
    judge: Judge,
    cache: Path | None = None,
    api_key: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[Floats, Cost]:
    """The judge's score of each answer alone, 1-10; NaN where it names none clearly. Shape: (n_answers,)

    Args:
        answers: columns ``instruction`` and ``text``; neither is blank.
        judge, cache, api_key, progress: as `judge_pairs` takes them.

    Raises:
        JudgeError: the server could not be reached or refused.
        TypeError: ``answers`` is no DataFrame.
        ValueError: a column is missing or holds what is no text.
    """
    asked = rating_requests(answers, judge)
    replies = ask_all(asked, server=judge.server, folder=cache, api_key=api_key, progress=progress)
    found = [verdicts.score(verdicts.content(answer), cut=verdicts.is_cut(answer)) for answer in replies.answers]
    return np.array(found), _cost(replies, found, judge, n_items=len(answers))


def rating_requests(answers: pd.DataFrame, judge: Judge) -> list[dict[str, Any]]:
    """One request an answer. Raises ValueError as `rate_answers` does."""
    _check(answers, ("instruction", "text"), what="answer", texts=("instruction", "text"))
    questions.check_template(judge.score_prompt, _ALONE)
    rows = answers[["instruction", "text"]].itertuples(index=False)
    return [
        judge.ask(judge.score_prompt, {"instruction": asked, "answer": text}, {"max_tokens": 8})
        for asked, text in rows
    ]


def expect(asked: Sequence[Mapping[str, Any]], judge: Judge, *, cache: Path | None = None) -> Estimate:
    """What requests will take, from `pair_requests` or `rating_requests`; nothing is asked."""
    new, n = look_up(asked, server=judge.server, folder=cache)
    return costs.estimate(new, judge.prices, n_requests=n)


def _check(table: pd.DataFrame, columns: Sequence[str], *, what: str, texts: Sequence[str] = COLUMNS[2:]) -> None:
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{what}s are a DataFrame with {', '.join(columns)}, not a {type(table).__name__}")
    if lacking := [column for column in columns if column not in table]:
        raise ValueError(f"{what}s have no column {lacking[0]!r}; they have {list(table.columns)}")
    if table.empty:
        raise ValueError(f"there is no {what} to judge")
    for column in texts:
        for row, text in zip(table.index, table[column], strict=True):
            if not isinstance(text, str):
                raise ValueError(
                    f"column {column}, row {row}: {text!r} is no text; leave {what}s without answers out"
                )


def _require_logprobs(answer: Mapping[str, Any]) -> None:
    tokens = verdicts.tokens(answer)
    if verdicts.content(answer) and not (tokens and tokens[0].get("top_logprobs")):
        raise JudgeError(
            f"{answer.get('model')} was asked for log-probs and returned none: its server accepts the field and "
            "ignores it (transformers serve does). Say --verdict letter (in Python graded=False), or use a server "
            "that gives log-probs"
        )


def _cost(replies: Replies, read: Sequence[float], judge: Judge, *, n_items: int) -> Cost:
    both = list(zip(replies.answers, read, strict=True))
    unreadable = [verdicts.shown(answer) for answer, value in both if answer is not None and math.isnan(value)]
    n_failed = sum(answer is None for answer in replies.answers)
    cost = costs.cost(replies, judge.prices, n_items=n_items, unreadable=unreadable, n_failed=n_failed)
    shown = "not known" if cost.price_per_1000 is None else f"{cost.price_per_1000:.4g}"
    _log.info("%s: %d items, %d requests, price per 1,000 %s", judge.model, n_items, cost.n_asked, shown)
    if n_failed or unreadable:
        _log.warning(
            "%s: %d of %d requests got no answer, %d answers say nothing clearly; the first: %s",
            judge.model, n_failed, len(both), len(unreadable), cost.why,
        )  # fmt: skip
    return cost
