"""Audit preference data: what is wrong with it for direct alignment, how sure that is, and what to do.

Scores and the papers' premises, length bias, contradictions, duplicates and near-duplicates, benchmark questions,
malformed turns; what a policy thinks of the pairs where `rapo score` has added log-probabilities; with --tokenizer what
training would drop, cut or change. Bad rows are findings here, not errors. docs/audit.md explains every finding.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rapo import paths
from rapo.cli import options, output
from rapo.pairs.faults import several

if TYPE_CHECKING:
    from rapo.inspection.finding import Finding
    from rapo.inspection.report import Report

STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "serious": "bold red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo audit`."""
    options.add_input(parser, what="pairs, with scores or without, or candidates")
    parser.add_argument(
        "--html", metavar="OUT", help="write one page with plots and examples, which needs no other file"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the page if it exists")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    parser.add_argument(
        "--fail-on",
        choices=("note", "warning", "serious"),
        help="exit with 1 where a finding is that bad or worse",
    )
    parser.add_argument("--all", action="store_true", help="show examples of every finding, not of warnings alone")
    parser.add_argument(
        "--bad", choices=("raise", "drop"), default="raise",
        help="rows that cannot be read at all: tell them and stop (default), or leave them out",
    )  # fmt: skip
    looked = parser.add_argument_group("what is looked for")
    looked.add_argument(
        "--benchmark", action="append", default=[], metavar="FILE",
        help="questions that should not be in the data: a .txt file of lines, or a table; may be repeated",
    )  # fmt: skip
    looked.add_argument("--benchmark-column", metavar="NAME", help="the column that holds the questions")
    looked.add_argument("--ngram", type=int, default=8, help="words in a row that count as shared (default: 8)")
    looked.add_argument(
        "--similarity",
        type=float,
        default=0.8,
        help="of near-duplicates, 0 to 1 (default: 0.8, Jaccard of 3 words)",
    )
    looked.add_argument(
        "--good", type=float, help="rejected is good from this score on (default: middle of the scale)"
    )
    looked.add_argument("--poor", type=float, help="chosen is bad up to this score (default: middle of the scale)")
    looked.add_argument("--best", type=float, help="best from this score on (default: top of the scale)")
    preview = parser.add_argument_group("training preview")
    preview.add_argument("--tokenizer", metavar="M", help="a folder or a name on the hub")
    preview.add_argument("--max-length", type=int, metavar="N", help="tokens of prompt and response in training")
    preview.add_argument(
        "--preview-rows", type=int, default=5_000, metavar="N", help="rows to tokenise (default: 5000; 0: all)"
    )


def run(args: argparse.Namespace) -> int:
    """Audit, write, and print."""
    from rapo.inspection.audit import audit

    if args.max_length is not None and args.tokenizer is None:
        raise ValueError("--max-length counts tokens; say with --tokenizer whose")
    if args.html:
        output.check_file(args.html, args.file, option="--html", overwrite=args.overwrite)
    with output.progress("audit") as advance:
        report = audit(
            args.file,
            columns=options.columns(args.column),
            split=args.split,
            revision=args.revision,
            streaming=args.streaming,
            unreadable=args.bad,
            benchmarks=args.benchmark,
            benchmark_column=args.benchmark_column,
            ngram=args.ngram,
            similarity=args.similarity,
            good=args.good,
            bad=args.poor,
            best=args.best,
            tokenizer=args.tokenizer,
            max_length=args.max_length,
            preview_rows=args.preview_rows,
            progress=advance,
        )
    if args.html:
        paths.write_text(Path(args.html), report.html())
    if args.json:
        options.print_json(report.to_dict())
    else:
        _show(report, everything=args.all)
        if args.html:
            options.say(f"page: {args.html}")
    return int(bool(args.fail_on) and report.reaches(args.fail_on))


def _show(report: "Report", *, everything: bool) -> None:
    """A table of all findings, then what to do about those that are not well."""
    from rich.table import Table

    from rapo.inspection.finding import GROUPS, worst_first
    from rapo.inspection.page import measured

    out = options.console()
    levels = ", ".join(f"{n} {level}" for level, n in report.counts().items())
    out.print(f"{report.source}: {several(report.n, 'pairs')}; {levels}", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for heading in ("level", "finding"):
        table.add_column(heading, overflow="fold")
    for heading in ("count", "of"):
        table.add_column(heading, justify="right")
    table.add_column("95 % interval", no_wrap=True)
    for group, title in GROUPS.items():
        found = [one for one in report.findings if one.group == group]
        if found:
            table.add_row("", f"{title}:", style="bold")
        for one in found:
            count, n = (f"{one.count:,}", f"{one.n:,}") if one.n else ("", "")
            table.add_row(one.level, one.name, count, n, measured(one, named=False), style=STYLES[one.level])
    out.print(table)
    for one in worst_first(report.findings):
        if one.level in ("warning", "serious") or (everything and one.examples):
            _tell(one)


def _tell(one: "Finding") -> None:
    """A finding in full."""
    from rapo.pairs.faults import sentence

    out = options.console()
    out.print(f"\n{one.level}: {one.name}", style=STYLES[one.level])
    out.print(f"  {sentence(one.told)}", soft_wrap=True)
    for example in one.examples:
        note = f" ({example.note})" if example.note else ""
        out.print(f"    row {example.row}, {example.pair_id}{note}: {example.text}", soft_wrap=True)
    if one.advice:
        out.print(f"  do: {one.advice}", soft_wrap=True)
