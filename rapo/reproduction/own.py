"""Notebooks run on data of one's own: apart from what reproduces the papers, and found from where the person stands."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.config import content_hash
from rapo.pairs.hub import is_hub
from rapo.pairs.manifest import files_hash
from rapo.reproduction import notebook

DATA = "data"  # the parameter of notebooks that names the data
_PATHS = (DATA, "out")


def is_own(settings: Mapping[str, Any]) -> bool:
    """True where settings name data of one's own."""
    return bool(settings.get(DATA))


def absolute(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings whose paths are taken from the working folder, as typed: notebooks run in a folder of theirs.

    Raises:
        FileNotFoundError: there are no such data.
    """
    given = {name: settings[name] for name in _PATHS if settings.get(name)}
    found = {name: value if is_hub(value) else str(Path(value).absolute()) for name, value in given.items()}
    if DATA in given and found[DATA] != given[DATA] and not Path(found[DATA]).exists():
        raise FileNotFoundError(f"{given[DATA]} does not exist in {Path.cwd()}; mend --set {DATA}=...")
    return {**settings, **found}


@contextlib.contextmanager
def folder(settings: Mapping[str, Any]) -> Iterator[Path | None]:
    """Have all that notebooks make on data of one's own land in a folder of these data; None where there are none."""
    if not is_own(settings):
        yield None
        return
    place = absolute(settings)[DATA]
    content = files_hash(place) if Path(place).exists() else ""  # other rows, another folder: nothing is reused
    name = f"{Path(place).name.partition('.')[0]}-{content_hash(place, content, length=8)}"
    home = paths.root() / "build" / "own" / name
    with environment({"RAPO_BUILD": str(home)}):
        yield home


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Have variables set for this process and those that it starts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def notebooks(named: Sequence[str] | None) -> Sequence[str]:
    """The notebooks that are named, else those that take data of one's own."""
    return named or [source.name for source in notebook.find() if DATA in source.parameters]
