"""Run the notebooks headless, then make figures, tables and the report.

What has not changed since its last success is reused; an interrupted run continues where it stopped.
With data of your own (--set data=FILE) the notebooks that take some run, and all that they make lands in a folder of
its own, build/own/FILE-HASH: it never becomes a part of the kept figures, results or claims.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rapo import paths
from rapo.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="names of notebooks (all)")
    parser.add_argument("--scale", default="small", choices=paths.SCALES, help="how big the studies are (small)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="parallel processes (2)")
    parser.add_argument("--force", action="store_true", help="run again what has not changed")
    parser.add_argument(
        "-s",
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a parameter of the notebooks' own, as YAML; may be repeated",
    )
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="longest time for one cell (none)")


def run(args: argparse.Namespace) -> int:
    """Run the notebooks and tell what came of them."""
    from rapo.reproduction import own

    settings = options.parse_settings(args.set)
    notebooks = args.notebooks or None
    with own.folder(settings) as home:
        return reproduce_and_report(
            own.notebooks(notebooks) if home else notebooks,
            scale=args.scale,
            jobs=args.jobs,
            force=args.force,
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
    from rapo.runs.progress import duration

    out = options.console(stderr=stderr)
    began = time.time()
    with plan.Memory() as memory:
        outcomes = plan.reproduce(
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
    counts = [(status, sum(outcome.status == status for outcome in outcomes)) for status in _STATUSES]
    told = ", ".join(f"{count} {status}" for status, count in counts if count) or "none"
    clock, size = duration(time.time() - began), memory.peak / 2**30
    out.print(f"\nNotebooks: {told}; {clock}, at most {size:.1f} GB of memory", soft_wrap=True)
    for outcome in outcomes:
        if not outcome.ok:
            out.print(f"  {outcome.status}: {outcome.name}: {outcome.error}", soft_wrap=True)
    if measure and compare:
        _tell_differences(plan.differences(scale))
    options.say(f"Report: {page}", stderr=stderr)
    sys.stdout.flush()
    return 0 if all(outcome.ok for outcome in outcomes) else 1


_STATUSES = ("done", "reused", "failed", "not run")


def _tell_differences(found: Sequence[Mapping[str, Any]]) -> None:
    if not found:
        return
    options.say("Beyond the intervals of the kept results lie:")
    for one in found:
        interval = f"[{one['low']:.3g}, {one['high']:.3g}]"
        values = f"{one['new']:.4g} against {one['kept']:.4g} {one['unit']}".rstrip()
        options.say(f"  {one['id']}: {values}, difference {interval}")
