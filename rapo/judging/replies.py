"""What a chat server's reply is: a completion in one form whatever the server's habits, or why there is none."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_SHOWN = 300  # characters of what a server says
_NEVER = {401, 402, 404, 405, 407, 410}  # every question would be told so
_AGAIN = {408, 409, 425}  # and 500 and above
_FULL = {429, 529}
_EVENTS = ("data:", "event:", "id:", "retry:")  # lines of a stream of events


@dataclass(frozen=True)
class Fault:
    """Why an attempt gave no answer.

    Attributes:
        told: for people.
        kind: "again" may be answered next time, "full" when there is room, "refused" never, and "never" says that no
            question will be.
        after: seconds that the server asks to wait.
    """

    told: str
    kind: str
    after: float | None = None


def fault(status: int, said: str, body: Any, headers: Mapping[str, str]) -> Fault:
    """What an HTTP status other than 200 means.

    Args:
        status: the number.
        said: what the server says of it.
        body: what it sent, of which an empty account is known.
        headers: in which it may ask to wait.
    """
    told, after = f"answered {status}: {_short(said)}", _after(headers)
    spent = status == 429 and "insufficient_quota" in json.dumps(body, default=str)
    if status in _NEVER or spent or 300 <= status < 400:
        return Fault(told, "never")
    if status in _FULL or (status == 503 and after is not None):
        return Fault(told, "full", after)
    return Fault(told, "again" if status in _AGAIN or status >= 500 else "refused", after)


def read(text: str, headers: Mapping[str, str]) -> dict[str, Any] | Fault:
    """A chat completion, or what is wrong with it.

    A content in parts becomes one text, log-probs and usage in a form of their own become none, and half characters
    become "?". An error that comes as 200 is what its own status says.
    """
    try:
        found = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        if text.lstrip().startswith(_EVENTS):
            told = "answered 200 with a stream of events, which was not asked for; try --set stream=false"
            return Fault(f"{told}: {_short(text)}", "refused")
        return Fault(f"answered 200 with what is no whole JSON: {_short(text) or 'nothing'}", "again")
    try:
        first, *others = found["choices"]
        message, content = first["message"], _text(first["message"].get("content"))
    except (LookupError, TypeError, AttributeError, ValueError):
        return _error(found, text, headers)
    choice = {**first, "message": {**message, "content": content}}
    if not isinstance(first.get("logprobs") or {}, dict):
        choice["logprobs"] = None
    usage = found.get("usage")
    return {**found, "choices": [choice, *others], "usage": usage if isinstance(usage, dict) else None}


def _error(found: Any, text: str, headers: Mapping[str, str]) -> Fault:
    """What came as 200 without a choice: an error with a status of its own, or nothing known."""
    error = found.get("error") if isinstance(found, dict) else None
    held = error if isinstance(error, dict) else {}
    status = next((held[name] for name in ("status", "code") if str(held.get(name)).isdecimal()), 0)
    if 300 <= int(status) < 600:
        return fault(int(status), f"{held.get('message') or error}, within a reply of 200", error, headers)
    return Fault(f"answered 200 without a choice: {_short(text)}", "again")


def _text(content: Any) -> str | None:
    """A message's text, of one piece or of parts; parts of other kinds than text are no answer."""
    if isinstance(content, list):
        parts = [part for part in content if part.get("type") in ("text", "output_text")]
        content = "".join(part["text"] for part in parts) if parts or not content else None
    if content is not None and not isinstance(content, str):
        raise ValueError("neither text nor parts of text")
    return content and content.encode("utf-8", "replace").decode("utf-8")


def _short(text: str) -> str:
    plain = re.sub(r"\s+", " ", text).strip()
    return plain if len(plain) <= _SHOWN else plain[:_SHOWN] + "..."


def _after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, if it does; of several times the longest."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        numbers = re.split(r"\s*,\s*", headers.get(name, ""))
        if all(re.fullmatch(r"\d+(\.\d+)?", number) for number in numbers):
            return max(map(float, numbers)) * unit
    try:
        due = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    due = due if due.tzinfo else due.replace(tzinfo=UTC)
    return max(0.0, (due - datetime.now(UTC)).total_seconds())
