"""The findings in plain words, computed from claims by the sentences of findings.yaml, and README's block of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.reproduction.report.cards import Card

BEGIN, END = "<!-- findings -->", "<!-- /findings -->"
_BLOCK = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)


@dataclass(frozen=True)
class Finding:
    """A question, and the sentences that answer it: each with the anchor of its claim."""

    question: str
    sentences: tuple[tuple[str, str], ...]

    @property
    def answer(self) -> str:
        return " ".join(sentence for sentence, _ in self.sentences)


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


def _sentence(entry: Mapping[str, str], card: Card) -> str:
    sign = "" if card.estimate.startswith(("−", "—")) else "+"
    return entry[card.verdict].format(value=sign + card.estimate, interval=card.interval)


def readme(text: str, cards: Sequence[Card]) -> str:
    """A README's text with its block of findings made anew; as it is where it has no such block."""
    lines = [f"* **{one.question}** {one.answer}" for one in findings(cards)]
    block = "\n".join([BEGIN, *lines, END])
    return _BLOCK.sub(lambda _: block, text)


def put_into_readme(cards: Sequence[Card]) -> list[Path]:
    """Write README.md of the checkout where its block says something else; the file, if it was written."""
    file = paths.root() / "README.md"
    if not file.is_file():
        return []
    text = file.read_text(encoding="utf-8")
    new = readme(text, cards)
    if new == text:
        return []
    paths.write_text(file, new)
    return [file]
