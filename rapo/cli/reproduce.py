"""Run the notebooks headless, then make figures, tables and the report.

What has not changed since its last success is reused; an interrupted run continues where it stopped.
With data of your own (--set data=FILE or judgements=FILE) the notebooks that take some run, and all that they make
lands in a folder of its own, build/own/FILE-HASH: it never becomes a part of the kept figures, results or claims.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rapo import paths
from rapo.cli import options
from rapo.config import TUNE

if TYPE_CHECKING:
    from rapo.reproduction.outcome import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="names of notebooks (all)")
    parser.add_argument("--scale", default="small", choices=paths.SCALES, help="how big the studies are (small)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="parallel processes (2)")
    parser.add_argument("--force", action="store_true", help="run again what has not changed")
    parser.add_argument(
        "--tune",
        action="store_true",
        help="choose learning rates anew, which takes half as long again; without it, what tuning measured for the "
        "kept results stands where code, recipe and versions are the same",
    )
    options.add_settings(parser, "-s", what="a parameter of the notebooks' own, as YAML; may be repeated")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="longest time for one cell (none)")


def run(args: argparse.Namespace) -> int:
    """Run the notebooks and tell what came of them."""
    from rapo.reproduction import own

    settings = options.parse_settings(args.set)
    notebooks = args.notebooks or None
    with own.folder(settings) as home, own.environment({TUNE: "1"} if args.tune else {}):
        return reproduce_and_report(
            own.notebooks(notebooks, settings) if home else notebooks,
            scale=args.scale,
            jobs=args.jobs,
            force=args.force or args.tune or not own.is_written(settings),
            settings=own.absolute(settings),
            measure=True,
            timeout=args.timeout,
            compare=home is None,
        )


def reproduce_and_report(
    notebooks: Sequence[str] | None,
    *,
    scale: str,
    jobs: int,
    force: bool,
    settings: Mapping[str, Any],
    measure: bool,
    timeout: float | None = None,
    compare: bool = True,
    stderr: bool = False,
) -> int:
    """Run notebooks, write the report, and print what a person wants to know; 1 if a notebook failed.

    Args:
        compare: tell where claims differ from the kept ones; those of one's own data have nothing to compare with.
        stderr: print there, as stdout carries data.
        notebooks, scale, jobs, force, settings, measure, timeout: see `rapo.reproduction.plan.reproduce`.
    """
    from rapo.reproduction import plan, report
    from rapo.reproduction.display import choose
    from rapo.reproduction.outcome import outcome
    from rapo.runs.progress import duration

    out = options.console(stderr=stderr)
    began = time.time()
    with plan.Memory() as memory:
        ended = plan.reproduce(
            notebooks,
            scale=scale,
            jobs=jobs,
            force=force,
            settings=settings,
            measure=measure,
            timeout=timeout,
            show=choose(out),
        )
        page = report.write(scale)
    counts = [(status, sum(job.status == status for job in ended)) for status in _STATUSES]
    told = ", ".join(f"{count} {status}" for status, count in counts if count) or "none"
    clock, size = duration(time.time() - began), memory.peak / 2**30
    out.print(f"\nNotebooks: {told}; {clock}, at most {size:.1f} GB of memory", soft_wrap=True)
    for job in ended:
        if not job.ok:
            out.print(f"  {job.status}: {job.name}: {job.error}", soft_wrap=True)
    found = outcome(scale, [job.name for job in ended if job.ok])
    for line in (*_counted(found, scale), *(_changed(found) if measure and compare else ())):
        out.print(line, soft_wrap=True)
    shows = "rapo report --open" + f" --scale {scale}" * (scale != "small")
    out.print(f"Report: {page}" + f"  ({shows} shows it)" * compare, soft_wrap=True)
    sys.stdout.flush()
    return 0 if all(job.ok for job in ended) else 1


_STATUSES = ("done", "reused", "failed", "not run")
_MOST = 12  # differing claims that are told here


def _counted(found: "Outcome", scale: str) -> Iterator[str]:
    """A line on the verdicts."""
    if found.counts:
        told = ", ".join(f"{count} {words}" for words, count in found.counts)
        yield f"Claims: {told}" + " (at smoke a sign that everything runs, no result)" * (scale == "smoke")


def _changed(found: "Outcome") -> Iterator[str]:
    """Lines on what came out otherwise than in the kept results."""
    beyond, some = len(found.beyond), ":" * bool(found.beyond)
    if found.compared:
        yield f"Kept results: {beyond or 'none'} of {found.compared} claims differ beyond their intervals{some}"
    for one in found.beyond[:_MOST]:
        values = f"{one['new']:.4g} against {one['kept']:.4g} {one['unit']}".rstrip()
        verdicts = f"; {one['verdict']}, was {one['kept_verdict']}" * (one["verdict"] != one["kept_verdict"])
        yield f"  {one['id']}: {values}, difference [{one['low']:.3g}, {one['high']:.3g}]{verdicts}"
    if beyond > _MOST:
        yield f"  and {beyond - _MOST} more, in the report"
