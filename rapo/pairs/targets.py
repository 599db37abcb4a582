"""Where a product goes: the format that its name says, and what must not be replaced or written over."""

import re
from fnmatch import fnmatch
from glob import glob
from pathlib import Path

from rapo.pairs.arrowfiles import STATE

FORMATS = ".jsonl, .jsonl.gz, .jsonl.zst, .parquet, a folder for an Arrow data set, or - for standard output"
STDOUT = "-"
CARD = "README.md"  # in a folder, as hubs show it
MARK = "<!-- written by rapo -->"  # in a card: this file is none of a person's own
INFO = "dataset_info.json"
NO_INFO = "{}\n"


def kind(path: str | Path) -> str:
    """The format that a name stands for: "jsonl", "parquet", "folder", or "stdout".

    Raises:
        ValueError: the suffix says nothing known.

    >>> kind("a.jsonl.gz"), kind("b.PARQUET"), kind("data/c"), kind("-")
    ('jsonl', 'parquet', 'folder', 'stdout')
    """
    name = Path(path).name.lower()
    if str(path) == STDOUT:
        return "stdout"
    if re.search(r"\.(jsonl|ndjson)(\.gz|\.zst)?$", name):
        return "jsonl"
    if name.endswith(".parquet"):
        return "parquet"
    if Path(path).is_dir() or (name and "." not in name):
        return "folder"
    raise ValueError(f"{path}: the name says no format that can be written; use {FORMATS}")


def place(path: str | Path, *, shard_rows: int | None = None) -> Path:
    """Where a product lies: what is cut into shards in a folder, named as the file would be without its suffix."""
    found = re.sub(r"(?i)\.(jsonl|ndjson|parquet)(\.gz|\.zst)?$", "", str(path)) if shard_rows else path
    return Path(found)


def check_target(
    target: str | Path, *sources: str | Path, overwrite: bool = False, shard_rows: int | None = None
) -> None:
    """Refuse, before any work, a target that must not or cannot be written.

    Args:
        target: what will be written.
        sources: what it is made of.
        overwrite: True lets a file be replaced, and a folder that holds nothing but a data set.
        shard_rows: as `write` takes it.

    Raises:
        ValueError: the name says no known format, or is that of a source.
        FileExistsError: something is there, and must not be replaced.
    """
    if not str(target):
        raise ValueError("the name of the output is empty; give it one")
    form, path = kind(target), place(target, shard_rows=shard_rows)
    if shard_rows is not None and (shard_rows < 1 or form == "stdout"):
        raise ValueError(
            f"shards of {shard_rows} rows cannot be written to {target}; ask for 1 row or more, in a file"
        )
    if form == "stdout":
        return
    if why := next(filter(None, (clash(path, source) for source in sources)), ""):
        raise ValueError(f"{target} {why}; choose another output")
    is_folder = form == "folder" or shard_rows is not None
    if not path.exists() or (is_folder and path.is_dir() and not any(path.iterdir())):
        return
    if path.is_dir() != is_folder or not (path.is_dir() or path.is_file()):
        there = "a folder" if path.is_dir() else "a file" if path.is_file() else "neither a file nor a folder"
        raise FileExistsError(f"{path} is {there} and is never replaced; choose another output")
    if foreign := [entry.name for entry in path.iterdir() if not _is_ours(entry)] if is_folder else []:
        raise FileExistsError(
            f"{path} holds more than a data set ({', '.join(sorted(foreign)[:3])}) and is never replaced; "
            "choose another output"
        )
    if not overwrite:
        raise FileExistsError(
            f"{path} exists; choose another output, or say --overwrite (in Python overwrite=True)"
        )


def clash(target: str | Path, source: str | Path) -> str:
    """Why a target must not be written while a source is read, or read with it next time; "" where nothing is wrong.

    >>> clash("data/a.parquet", "data/*.parquet"), clash("a.parquet", "data/*.parquet")
    ('would be read as a part of data/*.parquet', '')
    """
    written, read = Path(target).resolve(), Path(source).resolve()
    if written == read:
        return "is the input itself"
    if written in read.parents:
        return f"holds the input {source}"
    within = read in written.parents and read.is_dir()
    alike = written.parent == read.parent and fnmatch(written.name, read.name)
    if within or alike or written in {Path(file).resolve() for file in glob(str(source), recursive=True)}:
        return f"would be read as a part of {source}"
    return ""


def _is_ours(entry: Path) -> bool:
    """True for what `write` and `rapo.pairs.manifest` put into a folder, and the caches that `datasets` adds to it."""
    if entry.name == CARD:
        return MARK in entry.read_text(encoding="utf-8", errors="replace")
    if entry.name in (STATE, INFO) or entry.suffix == ".arrow":
        info = entry.with_name(INFO)
        return info.is_file() and info.read_text(encoding="utf-8", errors="replace") == NO_INFO
    shards = rf"{re.escape(entry.parent.name)}-\d{{5}}-of-\d{{5}}\.(jsonl|ndjson|parquet)(\.gz|\.zst)?"
    return entry.is_file() and re.fullmatch(shards, entry.name, re.IGNORECASE) is not None
