"""The marker of a notebook's last success: what was run, how long it took, and what it left."""

import json
import subprocess
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rapo import paths
from rapo.runs import keys
from rapo.runs.checksums import sha256


@dataclass(frozen=True)
class Marker:
    """Proof that a notebook ran to its end: written last, whole or not at all."""

    digest: str  # of what was run
    seconds: float
    anew: float  # seconds that it would have taken had no run been reused
    products: dict[str, str]  # executed copy, figures and results, named from the project's root -> checksum
    runs: tuple[str, ...] = ()  # keys of the runs of its studies


def marker_file(name: str, scale: str, *, measure: bool = True) -> Path:
    """Where a notebook's success marker lies; one that was redrawn from the kept results has another."""
    return paths.build(scale) / ("done" if measure else "redrawn") / f"{name}.json"


def executed_file(name: str, scale: str) -> Path:
    """Where a notebook's executed copy lies."""
    return paths.build(scale) / "notebooks" / f"{name}.ipynb"


def read(name: str, scale: str, *, measure: bool = True) -> Marker | None:
    """A notebook's last success, whatever it was run with; None without one."""
    try:
        record = json.loads(marker_file(name, scale, measure=measure).read_text(encoding="utf-8"))
        return Marker(**record | {"products": dict(record["products"]), "runs": tuple(record["runs"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(
    name: str,
    scale: str,
    *,
    digest: str,
    began: float,
    written: Iterable[Path] = (),
    saved: float = 0.0,
    runs: Iterable[str] = (),
    measure: bool = True,
    before: Marker | None = None,
) -> Marker:
    """Note a success of a notebook that ``began`` then and was ``saved`` so many seconds by reused runs.

    Of the files that it has ``written``, those in the scale's figures and results are its products. Products of the
    success ``before`` that it no longer makes, such as a claim that it dropped, go, unless somebody changed them.
    """
    folders = (paths.figures(scale), paths.build(scale) / "results")
    files = {file for file in written if file.is_file() and any(folder in file.parents for folder in folders)}
    files |= {executed_file(name, scale)} if executed_file(name, scale).is_file() else set()
    products = {_from_root(file): sha256(file) for file in sorted(files)}
    seconds = time.time() - began
    marker = Marker(digest, round(seconds, 1), round(seconds + saved, 1), products, tuple(sorted(runs)))
    paths.write_text(marker_file(name, scale, measure=measure), json.dumps(asdict(marker), indent=1) + "\n")
    for product, known in (before.products if before else {}).items():
        file = paths.root() / product
        if product not in products and file.is_file() and sha256(file) == known:
            file.unlink()
    return marker


def _from_root(file: Path) -> str:
    """A file's name from the project's root; in full where the build folder lies elsewhere, such as behind a link."""
    return str(file.relative_to(paths.root()) if file.is_relative_to(paths.root()) else file)


def is_done(name: str, scale: str, digest: str, *, measure: bool = True) -> bool:
    """Whether a notebook's last success was with this digest and all that it made is there, unchanged."""
    marker = read(name, scale, measure=measure)
    if marker is None or marker.digest != digest or not executed_file(name, scale).is_file():
        return False
    files = {paths.root() / product: known for product, known in marker.products.items()}
    return all(file.is_file() and sha256(file) == known for file, known in files.items())


def made_by() -> dict[str, str]:
    """The commit of rapo's own code, and the versions of what it stands on."""
    folder = Path(__file__).parent
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {"commit": "unknown", **keys.versions()}
    return {"commit": done.stdout.strip(), **keys.versions()}
