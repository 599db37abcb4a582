"""Language models as judges of pairs, through any server that speaks OpenAI's chat protocol.

Both orders of every pair are judged, each answer is kept on disk under its full request, and a server that ignores
what it was asked for is an error rather than a number.
"""

import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapo.judging.server import ChatServer, JudgeError, ask_all

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("model", "instruction", "prompt", "output_1", "output_2")
PROMPT = """Two assistants answered the same instruction. Which answer is better: more correct, more helpful, closer \
to what was asked? Neither length nor the order in which they are shown is a merit.

# Instruction
{instruction}

# Answer A
{first}

# Answer B
{second}

Reply with one letter and nothing else, A or B."""
_LETTER = re.compile(r"^[\s\"'*(\[]*([AB])\b")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judge:
    """A judge and how it is asked.

    Attributes:
        model: its name on the server (for `transformers serve` the path of the checkpoint).
        base_url: of the server, ending in ``/v1``; None for OpenAI's own.
        graded: read the probabilities of A and B from the log-probs of the first token; otherwise read the letter.
        prompt: the question, with ``{instruction}``, ``{first}`` and ``{second}``.
        options: further fields of each request, over temperature 0 and a short answer; a field set to None is not sent.
        price_in, price_out: price of a million tokens read and written, in any currency; None where not known.
        concurrency: requests under way at a time.
        timeout: seconds for one attempt.
        max_retries: further attempts after a time-out, a lost connection, a full server (429) or its fault (5xx).
    """

    model: str
    base_url: str | None = None
    graded: bool = True
    prompt: str = PROMPT
    options: Mapping[str, Any] = field(default_factory=dict)
    price_in: float | None = None
    price_out: float | None = None
    concurrency: int = 5
    timeout: float = 60.0
    max_retries: int = 5

    @property
    def server(self) -> ChatServer:
        """Where its requests go."""
        return ChatServer(self.base_url, self.concurrency, self.timeout, self.max_retries)


@dataclass(frozen=True)
class Cost:
    """What judging took. Tokens and price count every pair, kept answers too: what it costs from nothing.

    Attributes:
        n_pairs: pairs judged, each in both orders.
        n_asked: requests that went to the server this time; the others were kept on disk.
        tokens_in, tokens_out: tokens read and written; None where the server does not tell them.
        price_per_1000: price of a thousand pairs; None where tokens or prices are not known.
    """

    n_pairs: int
    n_asked: int
    tokens_in: int | None
    tokens_out: int | None
    price_per_1000: float | None


def judge_pairs(
    pairs: "pd.DataFrame", *, judge: Judge, cache: Path | None = None, api_key: str | None = None
) -> "tuple[pd.DataFrame, Cost]":
    """Judge each pair in both orders.

    Args:
        pairs: ``model``, ``instruction`` (id), ``prompt`` (text), ``output_1`` (the baseline's answer) and
            ``output_2`` (the model's).
        judge: who, and how.
        cache, api_key: as ``folder`` and ``api_key`` of `rapo.judging.server.ask_all`.

    Returns:
        Judgements as `judgements` reads them: ``model``, ``instruction``, ``preference`` (1 = the baseline wins
        ... 2 = the model wins, the mean of both orders, NaN where one was not readable), ``length_model``,
        ``length_baseline``, and ``forward`` and ``backward``: the preference with the model's answer shown first and
        second, from which `rapo.judging.bias.position_bias` is computed. And the cost.

    Raises:
        JudgeError: the server could not be reached or refused, or it gives no log-probs though asked for them.
        ValueError: a column is missing or an answer is no text.
    """
    import pandas as pd

    _check(pairs, judge)
    fields = {"max_tokens": 1, "logprobs": True, "top_logprobs": 20} if judge.graded else {"max_tokens": 8}
    questions = [
        request(judge, judge.prompt, {"instruction": prompt, "first": first, "second": second}, fields)
        for prompt, base, own in zip(*(pairs[name] for name in COLUMNS[2:]), strict=True)
        for first, second in ((own, base), (base, own))
    ]
    accept = _require_logprobs if judge.graded else None
    answers, n_asked = ask_all(questions, server=judge.server, folder=cache, api_key=api_key, accept=accept)
    first_shown = [_first_is_better(answer, judge) for answer in answers]
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
    if unread := int(table["preference"].isna().sum()):
        what = "pairs have an unreadable verdict; their preference is NaN"
        _log.warning("%s: %d of %d %s", judge.model, unread, len(table), what)
    return table, _cost(answers, judge, n_pairs=len(pairs), n_asked=n_asked)


def request(judge: Judge, template: str, texts: Mapping[str, str], fields: Mapping[str, Any]) -> dict[str, Any]:
    """A full request: the template with its texts, temperature 0, the fields, and the judge's own options over them.

    Texts go in by one pass over the template: braces in them stay as they are.
    """
    names = "|".join(map(re.escape, texts))
    content = re.sub(rf"\{{({names})\}}", lambda found: texts[found.group(1)], template)
    messages = [{"role": "user", "content": content}]
    asked = {"model": judge.model, "messages": messages, "temperature": 0.0, **fields, **judge.options}
    return {name: value for name, value in asked.items() if value is not None}


def _check(pairs: "pd.DataFrame", judge: Judge) -> None:
    if lacking := [column for column in COLUMNS if column not in pairs]:
        raise ValueError(f"pairs have no column {lacking[0]!r}; they have {list(pairs.columns)}")
    if pairs.empty:
        raise ValueError("there is no pair to judge")
    for column in COLUMNS[2:]:
        for row, text in zip(pairs.index, pairs[column], strict=True):
            if not isinstance(text, str):
                raise ValueError(
                    f"column {column}, row {row}: {text!r} is no text; leave pairs without answers out"
                )
    for place in ("{instruction}", "{first}", "{second}"):
        if place not in judge.prompt:
            raise ValueError(f"the judge's prompt has no {place}; it needs {{instruction}}, {{first}}, {{second}}")
    if judge.concurrency < 1:
        raise ValueError(f"concurrency is {judge.concurrency}; need at least 1")


def _require_logprobs(answer: Mapping[str, Any]) -> None:
    content = (answer["choices"][0].get("logprobs") or {}).get("content")
    if not content or not content[0].get("top_logprobs"):
        raise JudgeError(
            f"{answer.get('model')} was asked for log-probs and returned none: its server accepts the field and "
            "ignores it (transformers serve does). Use Judge(graded=False), or a server that gives log-probs"
        )


def _first_is_better(answer: Mapping[str, Any], judge: Judge) -> float:
    """Share, 0..1, that goes to the answer shown first; NaN where the verdict is neither A nor B."""
    choice = answer["choices"][0]
    if not judge.graded:
        found = _LETTER.match(choice["message"]["content"] or "")
        return float(found.group(1) == "A") if found else math.nan
    chances = {"A": 0.0, "B": 0.0}
    for token in choice["logprobs"]["content"][0]["top_logprobs"]:
        if (letter := token["token"].strip()) in chances:
            chances[letter] += math.exp(token["logprob"])
    total = sum(chances.values())
    return chances["A"] / total if total > 0 else math.nan


def _cost(answers: Sequence[Mapping[str, Any]], judge: Judge, *, n_pairs: int, n_asked: int) -> Cost:
    usage = [answer.get("usage") or {} for answer in answers]
    known = all("prompt_tokens" in one and "completion_tokens" in one for one in usage)
    tokens_in = sum(one["prompt_tokens"] for one in usage) if known else None
    tokens_out = sum(one["completion_tokens"] for one in usage) if known else None
    price = None
    if (
        tokens_in is not None
        and tokens_out is not None
        and judge.price_in is not None
        and judge.price_out is not None
    ):
        price = (tokens_in * judge.price_in + tokens_out * judge.price_out) / 1e6 / n_pairs * 1000
    shown = "not known" if price is None else f"{price:.4g}"
    _log.info("%s: %d pairs, %d requests, price per 1,000 pairs %s", judge.model, n_pairs, n_asked, shown)
    return Cost(n_pairs, n_asked, tokens_in, tokens_out, price)
