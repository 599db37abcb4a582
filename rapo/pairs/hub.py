"""Data sets on a hub, through the package `datasets`, which is asked for only here."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

PREFIX = "hf://"
_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(:[\w.-]+)?")
_FILE = re.compile(r"\.(jsonl?|ndjson|parquet|csv|tsv|arrow|gz|zst|bz2)$", re.IGNORECASE)


class Found(NamedTuple):
    """A data set: its name, batches of at most so many rows, and what to tell about it."""

    name: str
    batches: Callable[[int], Iterator[pa.Table]]
    told: str


def is_hub(source: Any) -> bool:
    """True for ``hf://owner/name``, and for ``owner/name`` where nothing of that name lies here.

    >>> is_hub("hf://openbmb/UltraFeedback"), is_hub("data/pairs.jsonl")
    (True, False)
    """
    if not isinstance(source, str) or source.startswith(PREFIX):
        return isinstance(source, str)
    return bool(_NAME.fullmatch(source)) and not _FILE.search(source) and not Path(source).exists()


def read(source: str, *, split: str | None, revision: str | None, streaming: bool) -> Found:
    """Open a data set: ``owner/name``, or ``owner/name:configuration``.

    Args:
        source: with ``hf://`` or without.
        split: may be left out where there is but one.
        revision: a commit, so that the data can never change.
        streaming: read it as it comes instead of keeping a copy on the disk.

    Raises:
        FileNotFoundError: it cannot be had.
        ValueError: it has several splits, and none is named.
    """
    name = source.removeprefix(PREFIX)
    owner_and_name, _, config = name.partition(":")
    data = _loaded(owner_and_name, config or None, split, revision, streaming)
    if hasattr(data, "keys"):
        split, data = one_split(data, None, name)
    told = f"{name}: split {split} from the hub" + (f", revision {revision}" if revision else "")
    return Found(name, lambda rows: batches(data, rows), told)


def one_split(splits: Mapping[str, Any], split: str | None, name: str) -> tuple[str, Any]:
    """The split that is asked for, or the only one, with its name.

    Raises:
        ValueError: there is no such split, or there are several and none is named.
    """
    if split is None and len(splits) == 1:
        return next(iter(splits.items()))
    if split is None or split not in splits:
        asked = "" if split is None else f", not {split}"
        raise ValueError(f"{name} holds the splits {', '.join(splits)}{asked}; name one with --split")
    return split, splits[split]


def _loaded(name: str, config: str | None, split: str | None, revision: str | None, streaming: bool) -> Any:
    from datasets import load_dataset

    try:
        return load_dataset(name, config, split=split, revision=revision, streaming=streaming)
    except Exception as error:  # the library and the network raise what they like
        why = str(error).partition("\n")[0] or type(error).__name__
        raise FileNotFoundError(f"{name} is no file here and cannot be read from the hub: {why}") from error


def batches(data: Any, rows: int) -> Iterator[pa.Table]:
    """A `datasets.Dataset` or `datasets.IterableDataset` from its start, at most so many rows at once.

    Raises:
        ValueError: the type of a streamed column changes.
    """
    arrow = data.with_format("arrow")
    if hasattr(data, "__len__"):
        for start in range(0, max(len(data), 1), rows):
            yield arrow[start : start + rows].replace_schema_metadata(None)
        return
    schema = None
    try:
        for table in arrow.iter(batch_size=rows):
            schema = schema or table.schema.remove_metadata()
            yield table.replace_schema_metadata(None).cast(schema)
    except pa.ArrowInvalid as error:
        why = str(error).partition("\n")[0].strip(" :")
        raise ValueError(
            f"a streamed data set gives a column another type than in its first rows ({why}): give it one type, "
            "declare its features, or read it without streaming"
        ) from error
