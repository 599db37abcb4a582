"""The notebooks as a course: their reading order, and what each answers, computed from the kept claims."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rapo.claims.claim import KINDS, VERDICTS, Claim
from rapo.plots import tables
from rapo.reproduction import notebook, report
from rapo.reproduction.notebook import Source
from rapo.reproduction.report.cards import Card
from rapo.reproduction.report.cards import card as as_card
from rapo.reproduction.report.findings import findings
from rapo.runs import progress

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

INDEX = "index"
SHOWN = 6  # claims that stand for a notebook at most
TONES = {"holds": "#009E73", "does not hold": "#D55E00", "equal": "#0072B2", "undecided": "#7f7f7f"}
_GAP = "\N{NO-BREAK SPACE}"
_NOTHING = "Nothing is kept of its present plan: run it to measure."


def course() -> list[Source]:
    """The notebooks in reading order."""
    return sorted((one for one in notebook.find() if one.place), key=lambda one: one.place)


def written() -> str:
    """Every notebook in reading order as a Markdown table: its question, the answer as kept, how long it took."""
    import pandas as pd

    rows = [
        {
            "": place,
            "notebook": f"[{one.name}]({one.name}.ipynb)",
            "question": one.question,
            "answer, as kept": _answer(one),
            "took": minutes(one.name),
        }
        for place, one in enumerate((one for one in course() if one.name != INDEX), 1)
    ]
    return tables.markdown(pd.DataFrame(rows), markup=True)


def _answer(source: Source) -> str:
    """The first sentence of a notebook's answer."""
    found = sentences(source.name, kept(source.name))
    return found[0] if found else _NOTHING * bool(source.claims)


def scoreboard() -> "pd.DataFrame":
    """How many kept claims of each kind have each verdict."""
    import pandas as pd

    found = pd.DataFrame([(card.kind.removesuffix(", exact"), card.verdict) for card in report.kept_cards()])
    if found.empty:
        return found
    counts = pd.crosstab(found[0], found[1]).reindex(index=KINDS, columns=VERDICTS, fill_value=0)
    return counts.rename_axis(index=None, columns=None)


def minutes(name: str) -> str:
    """How long a notebook took when its results were kept, in words; "" where nobody knows."""
    seconds = progress.kept_durations("notebooks").get(name)
    return "" if seconds is None else f"{seconds / 60:.0f}{_GAP}min" if seconds >= 90 else f"{seconds:.0f}{_GAP}s"


def kept(name: str) -> list[Card]:
    """The kept claims of a notebook's present plan; none where nothing is kept."""
    return [one for one in report.kept_cards() if one.notebook == name]


def main(name: str, cards: Sequence[Card]) -> list[Card]:
    """The claims that stand for a notebook: of each id that it names, the one itself, else its first reading."""
    (source,) = notebook.find([name])
    names = source.claims or list(dict.fromkeys(card.id for card in cards))
    ordered = sorted(cards, key=lambda card: (card.id not in names, KINDS[0] not in card.kind))
    found = [next((card for card in ordered if one in (card.id, card.id.split("/")[0])), None) for one in names]
    return list({card.id: card for card in found if card}.values())[:SHOWN]


def told(name: str, cards: Sequence[Card]) -> str:
    """A notebook's question and its answer in Markdown."""
    (source,) = notebook.find([name])
    lines = [f"- {one}" for one in sentences(name, cards)]
    kind = "As kept with the project, at scale `small`:" if lines else _NOTHING * bool(source.claims)
    return "\n".join([f"**{source.question}** {kind}".rstrip(), "", *lines]).rstrip()


def sentences(name: str, cards: Sequence[Card]) -> list[str]:
    """The answer in sentences: the findings made of these claims, then each main claim with its verdict."""
    plain = findings(cards)
    said = {anchor for one in plain for _, anchor in one.sentences}
    rest = [card for card in main(name, cards) if card.anchor not in said]
    return [f"{one.question} {one.answer}" for one in plain] + [
        f"{card.statement}: **{card.verdict}** ({_measured(card)})." for card in rest
    ]


def _measured(card: Card) -> str:
    return f"{card.estimate}, interval {card.interval}" if card.strip else card.estimate


def verdict(one: Claim) -> str:
    """A claim just measured, as one line of Markdown."""
    shown = as_card(asdict(one))
    return f"**{one.id}** {one.verdict}: {shown.estimate} {shown.interval}. {one.statement}"


def strips(cards: Sequence[Card]) -> "Figure":
    """One row a claim: its interval beside its threshold, on an axis of its own; the side on which it holds is grey."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7.6, 0.35 + 0.62 * len(cards)))
    for row, card in enumerate(cards):
        tone = TONES.get(card.verdict, "0.5")
        words = textwrap.fill(card.statement, 58, max_lines=3)
        ax.text(-3, row, words, ha="right", va="center", fontsize=8)
        ax.text(103, row, f"{card.verdict}\n{card.estimate}", va="center", fontsize=8, color=tone)
        if card.strip:
            side = card.strip.holds_to - card.strip.holds_from
            ax.barh(row, side, 0.6, left=card.strip.holds_from, color="0.93", zorder=0)
            for at, _ in card.strip.thresholds:
                ax.plot([at, at], [row - 0.3, row + 0.3], color="0.35", linewidth=1)
            ax.plot([card.strip.low, card.strip.high], [row, row], color=tone, linewidth=2.5)
            ax.plot(card.strip.estimate, row, "o", color=tone)
    ax.set(xlim=(0, 100), ylim=(len(cards) - 0.4, -0.6))
    ax.set_axis_off()
    return figure
