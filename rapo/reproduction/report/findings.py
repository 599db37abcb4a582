"""The findings in plain words, computed from claims by the sentences of findings.yaml."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from rapo.claims.claim import of_the_base
from rapo.reproduction.report.cards import Card


@dataclass(frozen=True)
class Finding:
    """A question, and the sentences that answer it: each with the anchor of its claim."""

    question: str
    sentences: tuple[tuple[str, str], ...]

    @property
    def answer(self) -> str:
        """All of it."""
        return " ".join(sentence for sentence, _ in self.sentences)

    @property
    def short(self) -> str:
        """The answer in a word or a few, where its first sentence begins with one: "Yes."."""
        found = re.match(r"[^.(]+\.(?= )", self.answer)
        return found[0] if found else ""


@cache
def written() -> list[dict[str, Any]]:
    """The entries of findings.yaml."""
    import yaml

    file = resources.files("rapo.reproduction.report") / "findings.yaml"
    found: list[dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def findings(cards: Sequence[Card]) -> list[Finding]:
    """Every finding of which a claim was measured; a claim without a verdict says nothing."""
    by_id = {card.id: card for card in cards}
    found = []
    for entry in written():
        measured = [(one, by_id[one["of"]]) for one in entry["sentences"] if one["of"] in by_id]
        told = tuple((_sentence(one, card), card.anchor) for one, card in measured if card.verdict in one)
        if told:
            found.append(Finding(entry["question"], told))
    return found


def signed(card: Card) -> str:
    """An estimate that always has its sign."""
    return card.estimate if card.estimate.startswith(("−", "—")) else f"+{card.estimate}"


def _sentence(entry: Mapping[str, str], card: Card) -> str:
    unsure = "; undecided after Holm" if card.corrected == "undecided" else ""
    again = f"; anew {card.anew}" if card.moved else ""
    words = {"value": signed(card), "interval": card.interval, "slight": card.slight + unsure}
    words["base"] = ", as the untrained base is" if card.base == of_the_base(True) else ""
    last = "slight" if "{slight}" in entry[card.verdict] else "interval"
    return entry[card.verdict].format(**words | {last: words[last] + again})
