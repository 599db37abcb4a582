"""One look for every picture, and the one way to save it."""

import json
import math
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapo import config as settings
from rapo import paths
from rapo.paths import whole, write_text
from rapo.runs.provenance import versions

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# Okabe and Ito's colour-blind-safe palette; one method keeps one colour in every figure.
COLOURS: dict[str, str] = {
    "base": "#7f7f7f",
    "base, g=10": "#4d4d4d",
    "SFT": "#CC79A7",
    "SFT, g=10": "#CC79A7",
    "UF": "#E69F00",
    "UF, g=10": "#B37400",
    "UF, equal steps": "#D55E00",
    "UF, equal steps, g=10": "#8F3F00",
    "half RA": "#56B4E9",
    "RA": "#0072B2",
    "RA, unprompted": "#56B4E9",
    "IRA": "#009E73",
    "UF, duplicated": "#F0A080",
    "UF, duplicated, g=10": "#B05038",
    "UF, then UF again": "#CC79A7",
    "UF, then UF again, g=10": "#8F4A70",
    "UF, then RA": "#0072B2",
    "RA, faulty": "#CC79A7",
    "RA, own score": "#0072B2",
    "RA, g=10": "#CC79A7",
    "base, all 10": "#a6a6a6",
    "UF, all 10": "#5C3A00",
    "RA, attributes": "#009E73",
    "RA, no top": "#CC79A7",
    "uniform": "#7f7f7f",
    "M+": "#E69F00",
    "small Mpi": "#56B4E9",
    "MAP": "#009E73",
    "uniform, 2 epochs": "#4d4d4d",
    "MAP, 2 epochs": "#00664A",
    "MAP + RA": "#CC79A7",
    "plain data": "#D55E00",
    "own answers": "#0072B2",
    "first pairs": "#4d4d4d",
    "first pairs, equal steps": "#CC79A7",
}
_CYCLE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7f7f7f", "#F0E442")


def colour(method: str) -> str:
    """The fixed colour of a method; an unknown name gets a stable one from the cycle."""
    return COLOURS.get(method) or _CYCLE[sum(method.encode()) % len(_CYCLE)]


def use() -> None:
    """Set matplotlib's defaults; the first line of every notebook that draws."""
    import matplotlib as mpl
    import seaborn as sns

    sns.set_theme(context="notebook", style="ticks", palette=list(_CYCLE))
    mpl.rcParams.update(
        {
            "figure.figsize": (6.4, 4.0),
            "figure.dpi": 110,
            "savefig.dpi": 200,
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "legend.frameon": False,
            "svg.hashsalt": "rapo",
            "svg.fonttype": "path",
            "font.family": "DejaVu Sans",
        }
    )


def save_figure(
    figure: "Figure",
    name: str,
    *,
    scale: str,
    data: "pd.DataFrame",
    config: Mapping[str, Any] | None = None,
    alt: str = "",
) -> Path:
    """Write SVG, PNG and a JSON sidecar (data, config, versions, commit) to `paths.figures`.

    Args:
        figure: what was drawn.
        name: file name without suffix, beginning with the claim id ("RA-F2_winrates").
        scale: smoke, small or full.
        data: the numbers that the picture shows, one row an estimate.
        config: settings and seeds behind the data.
        alt: one sentence that says what the picture shows, for the report and for screen readers.

    Returns:
        The path of the SVG.
    """
    folder = paths.figures(scale)
    sidecar = {
        "name": name,
        "alt": alt,
        "scale": scale,
        "config": dict(config or {}),
        "provenance": provenance(),
        "data": [{str(key): _cell(value) for key, value in row.items()} for row in data.to_dict("records")],
    }
    text = json.dumps(sidecar, indent=1, ensure_ascii=False, default=settings.plain)
    for suffix, metadata in (("svg", {"Date": None}), ("png", {})):
        with whole(folder / f"{name}.{suffix}") as temporary:
            figure.savefig(temporary, format=suffix, metadata=metadata, bbox_inches="tight", facecolor="white")
    write_text(folder / f"{name}.json", text + "\n")
    return folder / f"{name}.svg"


def _cell(value: Any) -> Any:
    """A value of a frame for JSON, which knows neither missing values nor infinity: both become null."""
    import pandas as pd

    missing = pd.api.types.is_scalar(value) and pd.isna(value)
    return None if missing or (isinstance(value, float) and math.isinf(value)) else value


@cache
def provenance() -> dict[str, str]:
    """Versions of the packages, and the commit of rapo's own code, behind a result."""
    return {"commit": _commit(), **versions()}


def _commit() -> str:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
