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

DATA = "data"  # the parameter of notebooks that names the data: the only one that may name a data set on a hub
_FILES = (DATA, "judgements", "calibration_file", "published")  # those that name what is read
_MAYBE = "template"  # words, or a file of them
_OUT = "out"  # what is written


def inputs(settings: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that name data or files of one's own, as typed; none where the micro world is measured."""
    words = _text(settings, _MAYBE)
    is_file = len(words) < 256 and Path(words).is_file()
    return {name: text for name in (*_FILES, *[_MAYBE] * is_file) if (text := _text(settings, name))}


def absolute(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings whose paths are taken from the working folder, as typed: notebooks run in a folder of theirs.

    Raises:
        FileNotFoundError: there are no such data.
    """
    read, out = inputs(settings), _text(settings, _OUT)
    found = {name: value for name, value in read.items() if not (name == DATA and is_hub(value))}
    for name, value in found.items():
        if not Path(value).exists():
            raise FileNotFoundError(f"{value} does not exist in {Path.cwd()}; mend --set {name}=...")
    given = {**found, **({_OUT: out} if out else {})}
    return {**settings, **{name: str(Path(value).absolute()) for name, value in given.items()}}


def _text(settings: Mapping[str, Any], name: str) -> str:
    """A setting that is a text; what else it may be is told where its notebook's own is known."""
    value = settings.get(name)
    return value if isinstance(value, str) else ""


@contextlib.contextmanager
def folder(settings: Mapping[str, Any]) -> Iterator[Path | None]:
    """Have all that notebooks make on data of one's own land in a folder of these data; None where there are none."""
    if not (read := inputs(settings)):
        yield None
        return
    given = absolute(settings)
    places = [given[name] for name in read]
    # other rows, another folder: nothing is reused
    known = [part for place in places for part in (place, files_hash(place) if Path(place).exists() else "")]
    name = f"{Path(places[0]).name.partition('.')[0]}-{content_hash(*known, length=8)}"
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


def notebooks(named: Sequence[str] | None, settings: Mapping[str, Any]) -> Sequence[str]:
    """The notebooks that are named, else those that take the files of one's own that are given.

    Raises:
        ValueError: there are none.
    """
    read = inputs(settings)
    found = named or [source.name for source in notebook.find() if set(read) <= set(source.parameters)]
    if not found:
        raise ValueError(f"no notebook in {paths.notebooks()} takes {' and '.join(read)}")
    return found


def is_written(settings: Mapping[str, Any]) -> bool:
    """Whether what is written to a place of one's own is there; True where none is named."""
    out = _text(settings, _OUT)
    return not out or Path(out).exists()
