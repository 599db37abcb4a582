"""The page itself: all that it shows gathered from the folders of a scale, and rendered."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.claims import published
from rapo.plots import tables
from rapo.reproduction.report import exhibits
from rapo.reproduction.report.cards import VERDICTS, Card, card
from rapo.reproduction.report.chapters import arrange
from rapo.reproduction.report.comparison import compare
from rapo.runs import store


@dataclass(frozen=True)
class Notebook:
    """A notebook, its executed page where there is one, and the claims it measured."""

    name: str
    title: str
    executed: str
    source: str
    claims: tuple[Card, ...]


def write(scale: str) -> Path:
    """Write ``report.html`` into the figures folder of a scale and return its path.

    The page is made from what is there: claims, figures, tables, executed notebooks and kept results; whatever
    is missing is named on the page. The same input gives the same bytes.

    Raises:
        ValueError: the scale is unknown.
    """
    target = paths.figures(scale) / "report.html"
    context = gather(scale)
    paths.write_text(target, render(context))
    paths.write_text(paths.figures(scale) / "claims" / "README.md", overview(context["cards"]))
    return target


def overview(cards: Sequence[Card]) -> str:
    """Every claim as one Markdown table, for readers of the repository."""
    import pandas as pd

    rows = [
        {
            "id": card.id,
            "claim": card.statement,
            "measured": card.statistic,
            "ours": card.estimate,
            "interval": card.interval,
            "n": card.n,
            "verdict": card.verdict,
        }
        for card in cards
    ]
    about = "Written with the report; verdicts follow from the intervals. Figures: [report](../report.html).\n\n"
    return f"# Claims\n\n{about}{tables.markdown(pd.DataFrame(rows)) if rows else 'None measured yet.'}\n"


def render(context: Mapping[str, Any]) -> str:
    """The page's HTML; every value is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("rapo.reproduction.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html").render(context)


def gather(scale: str) -> dict[str, Any]:
    """All that the page shows, read from the folders of a scale."""
    folder = paths.figures(scale)
    records, problems = _records(folder / "claims")
    cards = [card(record) for record in records]
    chapters, rest = arrange(cards, folder)
    notebooks = _notebooks(cards, scale)
    measured = {card.id.split("/")[0] for card in cards}
    problems += [f"{card.id}: {card.problem}" for card in cards if card.problem]
    return {
        "scale": scale,
        "facts": _facts(folder, scale),
        "chapters": chapters,
        "rest": rest,
        "cards": cards,
        "counts": [(verdict, sum(card.verdict == verdict for card in cards)) for verdict in VERDICTS],
        "not_measured": [row for row in published.CLAIMS if not measured & set(row.ids)],
        "papers": published.PAPERS,
        "notebooks": notebooks,
        "by_name": {notebook.name: notebook for notebook in notebooks},
        "comparison": compare(records, _kept(problems)),
        "problems": problems,
    }


def _records(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Claims in the order of the papers, and what could not be read."""
    records, problems = [], []
    for file in sorted(folder.glob("*.json")):
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            records.append({**record, "id": str(record["id"])})
        except (ValueError, KeyError, TypeError) as error:
            problems.append(
                f"claims/{file.name} could not be read ({type(error).__name__}: {error}); delete it and run again."
            )
    return sorted(records, key=lambda record: (_rank(record["id"]), record["id"])), problems


def _rank(claim: str) -> int:
    """The place of a claim in the papers' order; what belongs to neither paper comes last."""
    row = published.entry(claim)
    return published.CLAIMS.index(row) if row else len(published.CLAIMS)


def _facts(folder: Path, scale: str) -> list[tuple[str, str]]:
    """When and by what the figures were made, as their sidecars tell."""
    found: dict[str, set[str]] = {}
    for file in sorted(folder.glob("[!.]*.json")):
        try:
            sidecar = json.loads(file.read_text(encoding="utf-8"))
            for key, value in dict(sidecar["provenance"]).items():
                found.setdefault(key, set()).add(str(value))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    versions = [f"{key} {', '.join(sorted(values))}" for key, values in found.items() if key != "commit"]
    times = [file.stat().st_mtime for file in sorted((folder / "claims").glob("*.json"))]
    newest = datetime.fromtimestamp(max(times, default=0), UTC)
    date = f"{newest.day} {newest:%B %Y}" if times else "none yet"
    commit = ", ".join(sorted(found.get("commit", ()))) or "not recorded"
    return [
        ("Scale", scale),
        ("Newest claim", date),
        ("Commit", commit),
        ("Versions", " · ".join(versions) or "not recorded"),
    ]


def _notebooks(cards: Sequence[Card], scale: str) -> list[Notebook]:
    """Every notebook that was executed or that a claim names."""
    executed = paths.build(scale) / "notebooks"
    names = {file.stem for suffix in ("html", "ipynb") for file in executed.glob(f"[!.]*.{suffix}")}
    names |= {card.notebook for card in cards if card.notebook}
    return [_notebook(name, executed, cards, paths.figures(scale)) for name in sorted(names)]


def _notebook(name: str, executed: Path, cards: Iterable[Card], folder: Path) -> Notebook:
    source = paths.notebooks() / f"{name}.ipynb"
    try:
        title = str(json.loads(source.read_text(encoding="utf-8"))["metadata"]["rapo"]["title"])
    except (OSError, ValueError, KeyError, TypeError):
        title = name
    pages = [file for suffix in ("html", "ipynb") if (file := executed / f"{name}.{suffix}").is_file()]
    return Notebook(
        name=name,
        title=title,
        executed=exhibits.relative(pages[0], folder) if pages else "",
        source=exhibits.relative(source, folder) if source.is_file() else "",
        claims=tuple(card for card in cards if card.notebook == name),
    )


def _kept(problems: list[str]) -> list[dict[str, Any]]:
    """The kept claims; a damaged file is told among the problems."""
    try:
        return [{**record, "id": str(record["id"])} for record in store.kept_claims()]
    except (ValueError, KeyError, TypeError) as error:
        problems.append(f"data/results/claims.json could not be read ({type(error).__name__}: {error}).")
        return []
