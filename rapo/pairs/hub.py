"""Data sets on a hub, through the package `datasets`, which is asked for only here."""

import re
from collections.abc import Callable, Iterator
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
        if len(data) > 1:
            raise ValueError(f"{name} holds the splits {', '.join(data)}; name one with --split")
        split, data = next(iter(data.items()))
    told = f"{name}: split {split} from the hub" + (f", revision {revision}" if revision else "")
    batches = _streamed if streaming else _sliced
    return Found(name, lambda rows: batches(data, rows), told)


def _loaded(name: str, config: str | None, split: str | None, revision: str | None, streaming: bool) -> Any:
    from datasets import load_dataset

    try:
        return load_dataset(name, config, split=split, revision=revision, streaming=streaming)
    except Exception as error:  # the library and the network raise what they like
        why = str(error).partition("\n")[0] or type(error).__name__
        raise FileNotFoundError(f"{name} is no file here and cannot be read from the hub: {why}") from error


def _sliced(data: Any, rows: int) -> Iterator[pa.Table]:
    arrow = data.with_format("arrow")
    for start in range(0, max(len(data), 1), rows):
        yield arrow[start : start + rows].replace_schema_metadata(None)


def _streamed(data: Any, rows: int) -> Iterator[pa.Table]:
    schema = None
    for table in data.with_format("arrow").iter(batch_size=rows):
        schema = schema or table.schema.remove_metadata()
        yield table.replace_schema_metadata(None).cast(schema)
