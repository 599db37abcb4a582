"""The page itself: all that it shows gathered from the folders of a scale, or from what is kept, and rendered."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.claims import claim, published
from rapo.claims.compare import COUNTED, otherwise, told
from rapo.reproduction import marker
from rapo.reproduction.report import exhibits, findings, glossary, index
from rapo.reproduction.report.cards import VERDICTS, Card, all_cards, anchor, compare, judge, number
from rapo.reproduction.report.chapters import arrange
from rapo.runs import store

SIDES = {"first": "First", "second": "Anew"}  # of a replication


@dataclass(frozen=True)
class Notebook:
    """A notebook, its executed page where there is one, and the claims it measured."""

    name: str
    title: str
    executed: str
    source: str
    claims: tuple[Card, ...]


def write(scale: str) -> Path:
    """Write ``report.html`` and an index for code-hosting pages into a scale's figures; return the page's path.

    The page is made from what is there: claims, figures, tables, executed notebooks and kept results; whatever
    is missing is named on the page. The same input gives the same bytes.

    Raises:
        ValueError: the scale is unknown.
    """
    folder = paths.figures(scale)
    problems: list[str] = []
    records = _records(folder / "claims", problems)
    kept, anew = _kept(problems), _replication(problems)
    context = _gather(records, folder, problems, executed=paths.build(scale) / "notebooks", anew=anew)
    context |= {"scale": scale, "facts": _facts(scale, marker.made_by()), "comparison": compare(records, kept)}
    for name, text in _pages(context).items():
        paths.write_text(folder / name, text)
    return folder / "report.html"


def kept_pages() -> dict[str, str]:
    """File name -> text of the report and the index of what is kept; the same on every machine."""
    problems: list[str] = []
    kept, anew = _kept(problems), _replication(problems)
    problems += [f"{name} is shown as it was kept earlier: {why}." for name, why in store.outdated().items()]
    context = _gather(kept, paths.kept_figures(), problems, executed=None, anew=anew)
    context["findings"] = findings.findings(kept_cards())
    try:
        about = store.manifest().get("claims.json", {})
    except ValueError:  # told among the problems
        about = {}
    made_by = {"commit": about["commit"], **about["versions"]} if about else {}
    context |= {"scale": "small", "facts": _facts("small", made_by), "comparison": None}
    return _pages(context)


def kept_cards() -> list[Card]:
    """The kept claims of today's plans, ready to be shown; damaged files are left out."""
    earlier = store.outdated()
    records = [record for record in _kept([]) if record.get("notebook") not in earlier]
    return all_cards(records, _replication([]).get("claims", ()))


def _gather(
    records: Sequence[Mapping[str, Any]],
    folder: Path,
    problems: Sequence[str],
    *,
    executed: Path | None,
    anew: Mapping[str, Any],
) -> dict[str, Any]:
    """What a page in ``folder`` shows of its claims, figures, tables and notebooks; None links to none of the last."""
    ordered = sorted(records, key=lambda record: (_rank(record["id"]), record["id"]))
    cards = all_cards(ordered, anew.get("claims", ()))
    chapters, rest = arrange(cards, folder)
    notebooks = _notebooks(cards, executed, folder)
    measured = {card.id.split("/")[0] for card in cards}
    return {
        "chapters": chapters,
        "rest": rest,
        "cards": cards,
        "findings": findings.findings(cards),
        "counts": [(verdict, sum(card.verdict == verdict for card in cards)) for verdict in VERDICTS],
        "weakened": sum(bool(card.corrected) for card in cards),
        "not_measured": [row for row in published.CLAIMS if not measured & set(row.ids)],
        "premises": sorted({premise for card in cards for premise, _ in card.premises}),
        "table": exhibits.csv(_csv(ordered)),
        "replication": anew and _told(anew),
        "margins": claim.MARGINS,
        "papers": published.PAPERS,
        "notebooks": notebooks,
        "by_name": {notebook.name: notebook for notebook in notebooks},
        "words": glossary.words(),
        "problems": [*problems, *(f"{card.id}: {card.problem}" for card in cards if card.problem)],
    }


def _pages(context: Mapping[str, Any]) -> dict[str, str]:
    """The report's HTML, in which every value is escaped, and the index as Markdown."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("rapo.reproduction.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = glossary.plain
    environment.filters["said"] = glossary.explained({word: at for at, (word, _) in enumerate(context["words"])})
    return {
        "report.html": environment.get_template("report.html").render(context),
        "README.md": index.markdown(context["chapters"], context["rest"], context["counts"]),
    }


def _csv(records: Sequence[Mapping[str, Any]]) -> str:
    """The claims as CSV, with their numbers as they were measured and the verdicts as they follow from them."""
    columns = ("id", "statement", "kind", "statistic", "estimate", "low", "high", "unit", "n", "paper", "notebook")
    text = io.StringIO()
    writer = csv.DictWriter(text, [*columns, "verdict"], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**record, "verdict": judge(record)[0]} for record in records)
    return text.getvalue()


def _records(folder: Path, problems: list[str]) -> list[dict[str, Any]]:
    """The claims in a folder; what could not be read joins the problems."""
    records = []
    for file in sorted(folder.glob("*.json")):
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            records.append({**record, "id": str(record["id"])})
        except (ValueError, KeyError, TypeError) as error:
            why = f"{type(error).__name__}: {error}"
            problems.append(f"claims/{file.name} could not be read ({why}); delete it and run again.")
    return records


def _kept(problems: list[str]) -> list[dict[str, Any]]:
    """The kept claims; a damaged file is told among the problems."""
    try:
        return [{**record, "id": str(record["id"])} for record in store.kept_claims()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        problems.append(f"data/results/claims.json could not be read ({type(error).__name__}: {error}).")
        return []


def _replication(problems: list[str]) -> dict[str, Any]:
    """What came of measuring the kept claims anew; empty where that is not kept."""
    try:
        return store.kept_replication()
    except (OSError, ValueError, KeyError, TypeError) as error:
        problems.append(f"data/results/replication.json could not be read ({type(error).__name__}: {error}).")
        return {}


def _told(found: Mapping[str, Any]) -> dict[str, Any]:
    """A record of `rapo replicate` as the page shows it."""
    claims = [
        {
            "id": one["id"],
            "anchor": anchor(one["id"]),
            "sides": [
                (number(one[f"{side}_estimate"]), *(number(one[f"{side}_{end}"]) for end in ("low", "high")))
                for side in ("old", "new")
            ],
            "verdicts": [one["old_verdict"], one["new_verdict"]],
            "how": ", ".join(kind for kind in COUNTED if one[kind]),
        }
        for one in otherwise(found)
    ]
    rows = [*found["notebooks"].items(), ("in all", found["total"])]
    shares = [counts["beyond"] / max(1, counts["compared"]) for _, counts in rows]
    sides = [(words, " · ".join(f"{a} {b}" for a, b in found[side].items())) for side, words in SIDES.items()]
    total = told(found)
    return {
        "shift": found["shift"],
        "total": total,
        "rows": [*zip(rows, shares, strict=True)],
        "claims": claims,
        "sides": sides,
    }


def _rank(claim: str) -> int:
    """The place of a claim in the papers' order; what belongs to neither paper comes last."""
    row = published.entry(claim)
    return published.CLAIMS.index(row) if row else len(published.CLAIMS)


def _facts(scale: str, made_by: Mapping[str, str]) -> list[tuple[str, str]]:
    """By what the results were made."""
    versions = " · ".join(f"{name} {version}" for name, version in made_by.items() if name != "commit")
    commit = made_by.get("commit", "not recorded")
    return [("Scale", scale), ("Commit", commit), ("Versions", versions or "not recorded")]


def _notebooks(cards: Sequence[Card], executed: Path | None, folder: Path) -> list[Notebook]:
    """Every notebook that was executed or that a claim names."""
    pages = sorted(executed.glob("[!.]*.html")) if executed else []
    there = {file.stem: exhibits.relative(file, folder) for file in pages}
    names = sorted({*there, *(card.notebook for card in cards if card.notebook)})
    return [
        Notebook(
            name=name,
            title=_title(source := paths.notebooks() / f"{name}.ipynb"),
            executed=there.get(name, ""),
            source=exhibits.relative(source, folder),
            claims=tuple(card for card in cards if card.notebook == name),
        )
        for name in names
    ]


def _title(source: Path) -> str:
    try:
        return str(json.loads(source.read_text(encoding="utf-8"))["metadata"]["rapo"]["title"])
    except (OSError, ValueError, KeyError, TypeError):
        return source.stem
