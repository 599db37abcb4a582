"""Write the report page from the claims, figures, tables and executed notebooks that are there; --open shows it.

Nothing is measured or drawn: `rapo reproduce` measures, `rapo figures` redraws from the kept results. Where nothing of
scale small was made here yet, the kept report is the one.
"""

import argparse
import webbrowser

from rapo import paths
from rapo.cli.options import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo report`."""
    parser.add_argument(
        "--scale", choices=paths.SCALES, default="small", help="which scale's results (default: small)"
    )
    parser.add_argument("--open", action="store_true", help="show the page in a browser")


def run(args: argparse.Namespace) -> int:
    """Write the page, say where it lies, and show it."""
    from rapo.reproduction import report

    kept = paths.kept_figures() / "report.html"
    made = (paths.figures(args.scale) / "claims").is_dir()
    page = kept if args.scale == "small" and not made and kept.is_file() else report.write(args.scale)
    say(str(page))
    if args.open and not webbrowser.open(page.as_uri()):
        say("No browser was found here: open the file in one.", stderr=True)
    return 0
