"""Measure everything, or some notebooks, anew with other seeds, and tell which results came out otherwise.

Bases, pairs, training, sampling and tuning all take other seeds, so what agrees does not hang on one draw. Of claims
that differ by chance alone about 5 % lie beyond the interval of their difference. All that is made lands in
build/replication/; at small it is held against the kept claims, and `rapo keep` keeps the comparison with them.
"""

import argparse
from collections.abc import Mapping
from typing import Any

from rapo import paths
from rapo.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="names of notebooks (all)")
    parser.add_argument("--scale", default="small", choices=paths.SCALES, help="how big the studies are (small)")
    parser.add_argument(
        "--shift", type=int, default=500, metavar="N", help="added to every seed, 1 to 999 (default: 500)"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="parallel processes (2)")
    options.add_settings(
        parser,
        "-s",
        what="a parameter of the notebooks' own, as YAML, that the first measurement was made with; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")


def run(args: argparse.Namespace) -> int:
    """Measure anew, compare, and tell."""
    from rapo.cli.reproduce import reproduce_and_report
    from rapo.reproduction import own, replication

    settings = options.parse_settings(args.set)
    if read := own.inputs(settings):
        given = " ".join(f"--set {name}=..." for name in read)
        raise ValueError(f"{given} has no claims of ours to be held against; use rapo reproduce {given}")
    old, names = replication.first_claims(args.scale), args.notebooks or None
    with replication.other_seeds(args.shift) as home:
        status = reproduce_and_report(
            names, scale=args.scale, jobs=args.jobs, force=False, settings=settings, measure=True, compare=False,
            stderr=args.json,
        )  # fmt: skip
        new = replication.measured(names, args.scale, settings)
        found = replication.record(new, old, scale=args.scale, shift=args.shift)
        file = replication.write(found, home)
    if args.json:
        options.print_json(found)
    else:
        _tell(found)
        options.say(f"Comparison: {file}")
    return status


def _tell(found: Mapping[str, Any]) -> None:
    """Counts by notebook and in all, then the claims that they count."""
    from rich.table import Table

    from rapo.claims.compare import COUNTED, otherwise
    from rapo.reproduction.replication import NOMINAL

    table = Table("notebook", "claims", f"beyond ({NOMINAL:.0%} by chance)", "turned", "moved")
    for name, counts in [*found["notebooks"].items(), ("in all", found["total"])]:
        share = counts["beyond"] / counts["compared"] if counts["compared"] else 0.0
        beyond = f"{counts['beyond']} ({share:.0%})"
        table.add_row(name, str(counts["compared"]), beyond, str(counts["turned"]), str(counts["moved"]))
    out = options.console()
    out.print(table)
    for one in otherwise(found):
        first, second = (
            f"{one[f'{side}_estimate']:.3g} [{one[f'{side}_low']:.3g}, {one[f'{side}_high']:.3g}]"
            for side in ("old", "new")
        )
        kinds = ", ".join(kind for kind in COUNTED if one[kind])
        words = f"{first} {one['old_verdict']}, anew {second} {one['new_verdict']} ({kinds})"
        out.print(f"  {one['id']}: {words}", soft_wrap=True)
    for side, words in (("first", "First"), ("second", "Anew")):
        about = found[side]
        out.print(f"{words}: " + " · ".join(f"{name} {value}" for name, value in about.items()), soft_wrap=True)
