"""Write the report page from the claims, figures, tables and executed notebooks that are there.

Nothing is measured or drawn: `rapo reproduce` measures, `rapo figures` redraws from the kept results.
"""

import argparse

from rapo import paths
from rapo.cli.options import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo report`."""
    parser.add_argument(
        "--scale", choices=paths.SCALES, default="small", help="which scale's results (default: small)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the page and say where it lies."""
    from rapo.reproduction import report

    say(str(report.write(args.scale)))
    return 0
