"""What a judge's reply says: a letter, or a number from 1 to 10. What says neither clearly is NaN, never a guess."""

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

READABLE = 0.5  # of the probability of the verdict's token must lie on A and B

_THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
_MARKS = re.compile(r"[\s\"'`*_()\[\]{}<>#]+")
_LETTER = re.compile(r"(?:(?:final )?(?:answer|verdict)(?: is)?\s*:?\s*)?([AB])(?![A-Za-z0-9])(.*)", re.IGNORECASE)
# Behind the letter: nothing, or a reason that names no other letter, no number and no draw.
_DRAW = r"(?i:tie|tied|draw|equal|equally|both|neither|same|either)"
_REASON = re.compile(rf"\s*(?:[.!]?|[.,;!\u2013\u2014-]\s(?!.*(?:\b[AB]\b|\d|\b{_DRAW}\b)).*)")
_ALIKE = str.maketrans("\u0410\u0391\u0412\u0392", "AABB")  # Cyrillic and Greek letters that look like A and B
_OVER = re.compile(
    r"\s*(?:[.!].*)?"
)  # behind the letter of a reply that was cut: a comma's reason may end otherwise
_SCALE = re.compile(r"\b1(?:\.0)?\s*(?:-|\u2013|to)\s*10\b", re.IGNORECASE)
_NUMBER = r"-?\d+(?:[.,]\d+)?"
# A number alone; behind a label a reason without numbers may follow.
_SCORE = re.compile(
    r"(?P<label>(?:overall |final |my )*(?:score|rating|grade|answer)(?: is)?)?\s*[:=]?\s*"
    rf"(?P<number>{_NUMBER})(?:\s*(?:/|out of)\s*10)?\s*[.!]?(?(label)(?:[.,;!\u2013\u2014-]?\s\D*)?)",
    re.IGNORECASE,
)
_OF_TEN = re.compile(rf"(?<![\d.,-])({_NUMBER})\s*(?:/|out of)\s*10(?![\d.,]*\d)", re.IGNORECASE)


def first_is_better(answer: Mapping[str, Any] | None, *, graded: bool) -> float:
    """Share, 0..1, that goes to the answer shown first; NaN where the verdict is neither A nor B.

    Args:
        answer: a chat completion; None has no verdict.
        graded: the share is the probability of A over that of A and B, where the two hold at least half of the
            probability of the token that is the verdict; otherwise 1 or 0.
    """
    found = letter(content(answer), cut=is_cut(answer))
    if answer is None or found is None:
        return math.nan
    return _share(tokens(answer)) if graded else float(found == "A")


def content(answer: Mapping[str, Any] | None) -> str:
    """The text of a reply; nothing where there is none, or a filter cut it."""
    if answer is None or answer["choices"][0].get("finish_reason") == "content_filter":
        return ""
    return answer["choices"][0]["message"].get("content") or ""


def is_cut(answer: Mapping[str, Any] | None) -> bool:
    """Whether a reply ended because it was allowed no more tokens."""
    return answer is not None and answer["choices"][0].get("finish_reason") == "length"


def tokens(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A reply's tokens with what might have stood in their place; none where the server does not give them."""
    held = (answer["choices"][0].get("logprobs") or {}).get("content")
    return [token for token in held if isinstance(token, dict)] if isinstance(held, list) else []


def shown(answer: Mapping[str, Any]) -> str:
    """A reply that says nothing clearly, for people, with the remedy for one that was not let speak."""
    text = f"{content(answer)!r}"
    if not is_cut(answer):
        return text
    return f"{text}, cut at the limit of tokens; let it say more with --set max_tokens=2000, or think less"


def letter(text: str, *, cut: bool = False) -> str | None:
    """The letter that a reply names on its first line, A or B, if it names one and no draw.

    Args:
        text: the reply.
        cut: it may go on; what stands behind a letter and a comma is then no reason yet.

    >>> letter("**B**, for it is shorter"), letter("A tie"), letter("A and B are equally good")
    ('B', None, None)
    """
    lines = _lines(unicodedata.normalize("NFKC", text).translate(_ALIKE))
    named = [_letter(line) for line in lines]
    if not lines or named[0] is None or {"A", "B"} <= set(named):
        return None
    behind = _LETTER.fullmatch(lines[0])
    return None if cut and len(lines) == 1 and behind and not _OVER.fullmatch(behind[2]) else named[0]


def score(text: str, *, cut: bool = False) -> float:
    """The number from 1 to 10 that a reply gives, on a line of its own or as N/10; NaN where that is not clear.

    Args:
        text: the reply.
        cut: it may go on; a 1 at its end may then be the beginning of 10, and "7." that of 7.5.

    >>> score("1-10: 9"), score("Score: 7.5/10"), score("one of 3 faults"), score("7.", cut=True)
    (9.0, 7.5, nan, nan)
    """
    if cut and re.search(r"1$|\d[.,]$", text):
        return math.nan
    lines = [_SCALE.sub("", line).strip() for line in _lines(text)]
    found = {whole["number"] for line in lines if (whole := _SCORE.fullmatch(line))}
    found = found or {one for line in lines for one in _OF_TEN.findall(line)}
    numbers = {float(one.replace(",", ".")) for one in found}
    number = numbers.pop() if len(numbers) == 1 else math.nan
    return number if 1 <= number <= 10 else math.nan


def _lines(text: str) -> list[str]:
    """Lines that hold something, without thoughts, quotes, brackets and markup."""
    return [plain for line in _THOUGHT.sub("", text).splitlines() if (plain := _MARKS.sub(" ", line).strip())]


def _letter(line: str) -> str | None:
    found = _LETTER.fullmatch(line)
    clear = found is not None and found[1] in "AB" and _REASON.fullmatch(found[2])
    return found[1] if found is not None and clear else None


def _share(given: list[Mapping[str, Any]]) -> float:
    """Share of A in the probability of A and B, of the first token that is one of them; NaN where it tells none."""
    for token in given:
        if _plain(token.get("token")) not in ("A", "B"):
            continue
        chances = {"A": 0.0, "B": 0.0}
        for top in token.get("top_logprobs") or []:
            if (found := _plain(top.get("token"))) in chances:
                chances[found] += _chance(top.get("logprob"))
        total = sum(chances.values())
        return chances["A"] / total if total >= READABLE else math.nan
    return math.nan


def _chance(logprob: Any) -> float:
    """A log-probability's probability; NaN of what is none."""
    return math.exp(logprob) if isinstance(logprob, int | float) and logprob <= 0.01 else math.nan


def _plain(token: Any) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKC", str(token)).translate(_ALIKE))
