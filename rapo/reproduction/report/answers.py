"""What the page asks of a group of claims, the sentence that answers it, and its verdicts counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from rapo.claims.claim import KINDS
from rapo.reproduction.report.cards import NO_VERDICT, VERDICTS, Card

OPENINGS = {
    "holds": "Yes",
    "does not hold": "No",
    "equal": "No difference that matters",
    "undecided": "Not decided",
    NO_VERDICT: "No verdict",
}
_TOLD = "{statistic}: {value} {interval}"


@dataclass(frozen=True)
class Answer:
    """A group's question and the sentence that answers it; ``lead`` is the claim that it is computed from."""

    name: str
    question: str
    sentence: str
    lead: Card | None
    figure: str


@cache
def questions() -> dict[str, dict[str, str]]:
    """The entries of questions.yaml, by the first id of their group."""
    import yaml

    file = resources.files("rapo.reproduction.report") / "questions.yaml"
    found: dict[str, dict[str, str]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def answer(group: str, title: str, cards: Sequence[Card]) -> Answer:
    """The answer of a group of claims; one without an entry of its own is told in the words of its first claim."""
    entry: dict[str, Any] = questions().get(group, {})
    asked = entry.get("claim")
    lead = next((card for card in cards if card.id == asked), None)
    says = entry.get("says", _TOLD) if lead else _TOLD
    lead = lead or _first(cards)
    name = entry.get("name") or title or group
    question = entry.get("question") or title or (lead.statement if lead else group)
    sentence = _sentence(says, lead) if lead else ""
    also = next((card for card in cards if card.id == entry.get("also")), None)
    if also:
        sentence += f" {entry['also_says']} it is {also.estimate} {also.interval} ({also.verdict})."
    return Answer(
        name, question, sentence, lead, entry.get("figure") or next(iter(lead.figures if lead else ()), "")
    )


def _first(cards: Sequence[Card]) -> Card | None:
    """The claim nearest to what the paper says: one of the paper's own, with the shortest id."""
    return min(cards, key=lambda card: (card.whose != KINDS[0], "/" in card.id), default=None)


def _sentence(says: str, lead: Card) -> str:
    told = says.format(statistic=lead.statistic, value=lead.estimate, interval=lead.interval)
    base = " The untrained base, asked alike, meets this too." if lead.base == "meets it too" else ""
    return f"{OPENINGS[lead.verdict]}: {told}.{base}"


def tally(cards: Sequence[Card]) -> dict[str, list[tuple[str, list[Card]]]]:
    """Whose claims -> verdict and the claims that have it, in the order of `KINDS` and `VERDICTS`; none left empty."""
    found = {}
    for kind in KINDS:
        own = [card for card in cards if card.whose == kind]
        by_verdict = [(verdict, [card for card in own if card.verdict == verdict]) for verdict in VERDICTS]
        found[kind] = [(verdict, some) for verdict, some in by_verdict if some]
    return found
