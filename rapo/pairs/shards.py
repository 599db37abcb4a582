"""Which files a path stands for: itself, or the shards that lie in a folder, told apart by their split."""

import re
from pathlib import Path
from typing import NamedTuple

from rapo import atomic
from rapo.pairs import arrowfiles, files

_NUMBERED = re.compile(r"[-_.]\d{2,}(-of-\d+)?$")
_ABOUT = {"dataset_info.json", "dataset_infos.json"}  # what hubs and trainers keep beside the rows
_SPLITS = re.compile(r"(train|test|valid|validation|dev|eval)([_-].*)?")


class Shard(NamedTuple):
    """A file, or a folder of an Arrow data set and its split."""

    path: Path
    split: str | None = None


def of(path: Path, split: str | None = None) -> list[Shard]:
    """The file itself, or the files of a folder in the order of their names.

    Raises:
        FileNotFoundError: there is nothing of this name.
        ValueError: the folder holds no file of a known format, several splits of which none is named, or not this one.
    """
    if not path.exists():
        atomic.sweep(path.parent)  # a killed process may have set it aside
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if not path.is_dir() or arrowfiles.is_data_set(path):
        return [Shard(path, split)]
    found = {file: split_of(file.relative_to(path)) for file in _known(path)}
    splits = sorted({name for name in found.values() if name})
    if split is None:
        if len(splits) > 1:
            raise ValueError(f"{path} holds the splits {', '.join(splits)}; name one with --split")
        return [Shard(file) for file in found]
    if split not in splits:
        has = f"holds the splits {', '.join(splits)}" if splits else "has no splits"
        raise ValueError(f"{path} {has}, but --split {split} was asked for")
    return [Shard(file) for file, of_file in found.items() if of_file == split]


def split_of(file: Path) -> str | None:
    """The split that a file's name tells, else the innermost of its folders that tells one.

    >>> [split_of(Path(name)) for name in ("train_prefs-00000-of-00002.parquet", "test/0.parquet", "a.jsonl")]
    ['train_prefs', 'test', None]
    """
    stems = (_NUMBERED.sub("", part.split(".")[0]) for part in reversed(file.parts))
    return next((stem for stem in stems if _SPLITS.fullmatch(stem)), None)


def _known(folder: Path) -> list[Path]:
    """Files of a known format below a folder, hidden ones and records of products apart.

    Raises:
        FileNotFoundError: one is a link to nothing: its rows would be missing.
        ValueError: there is none.
    """
    found = [file for file in sorted(folder.rglob("*")) if files.is_readable(file)]
    if lost := [file for file in found if file.is_symlink() and not file.exists()]:
        raise FileNotFoundError(f"{lost[0]} is a link to nothing; mend or remove it")
    found = [file for file in found if file.is_file() and file.name not in _ABOUT]
    found = [file for file in found if not any(_is_beside(file, suffix) for suffix in (".json", ".ids.jsonl"))]
    shown = [file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts)]
    if not shown:
        raise ValueError(f"{folder} holds no file that could be read; use {files.FORMATS}")
    return shown


def _is_beside(file: Path, suffix: str) -> bool:
    """True for what `rapo.pairs.manifest` writes beside a product that is there: pairs.parquet.json."""
    return file.name.endswith(suffix) and file.with_name(file.name.removesuffix(suffix)).exists()
