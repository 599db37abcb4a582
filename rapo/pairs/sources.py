"""Reads raw data into scored pairs: files of a person's own, files of candidates, data sets from a hub."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rapo.pairs import candidates, files, layouts, schema, writing
from rapo.pairs.candidates import Pairing
from rapo.pairs.check import check

# What the official preprocessing of arXiv:2410.08067 does with UltraFeedback's candidates. It leaves out the
# prompts of TruthfulQA as well: give them as `exclude_prompts`.
ULTRAFEEDBACK = Pairing(rule="random", seed=42, bad="drop", exclude_sources=("truthful_qa",))
ULTRAFEEDBACK_REVISION = "40b436560ca83a8dba36114c22ab3c66e43f6d5e"


def read_pairs(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    split: str | None = None,
    bad: str = "raise",
    reversed_pairs: str = "raise",
    pairing: Pairing = Pairing(),  # noqa: B008 - frozen, so one for all calls is safe
) -> pa.Table:
    """Read and check scored pairs from a file of pairs or of candidates.

    Well-known names of columns are understood (`rapo.pairs.layouts`). Candidates become pairs by ``pairing``.

    Args:
        path: ``.jsonl``, ``.jsonl.gz``, ``.parquet`` or a folder of an Arrow data set.
        columns: names of the schema and what they are made of: ``{"prompt": "question"}``, ``{"score_chosen":
            "max(scores)"}``.
        split: which split of a folder that holds several.
        bad: "raise" tells every bad row, "drop" leaves them out with a warning that counts them.
        reversed_pairs: what to do with a chosen response that scores below the rejected one: "raise", "keep",
            "swap" the two sides, or "drop" the pair.
        pairing: how candidates become pairs (`rapo.pairs.candidates.Pairing`).

    Returns:
        ``prompt``, ``chosen``, ``rejected`` (lists of messages with role and content), ``score_chosen``,
        ``score_rejected`` (doubles), ``pair_id``, and every further column. Shape: (n_pairs, n_columns)

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: the data break the schema; rows, columns, values and remedies are named.
    """
    if not Path(path).exists():
        is_name = str(path).count("/") == 1 and "." not in str(path)
        hint = "; to read it from the hub use rapo.pairs.sources.read_hub" if is_name else ""
        raise FileNotFoundError(f"{path} does not exist{hint}")
    return as_pairs(
        files.read(path, split=split),
        columns=columns,
        bad=bad,
        reversed_pairs=reversed_pairs,
        pairing=pairing,
        name=str(path),
    )


def as_pairs(
    data: Any,
    *,
    columns: Mapping[str, str] | None = None,
    bad: str = "raise",
    reversed_pairs: str = "raise",
    pairing: Pairing = Pairing(),  # noqa: B008
    name: str = "<table>",
) -> pa.Table:
    """Scored pairs from data in memory: an Arrow table, a DataFrame, a `datasets.Dataset`, or a list of rows.

    Pairs without an id get one: ``row-`` and the number of their row.

    Takes the arguments of `read_pairs` and raises what it raises.

    >>> row = {"instruction": "2 + 2 ?", "chosen": "4", "rejected": "5", "chosen_score": 9, "rejected_score": 2}
    >>> as_pairs([row])["score_chosen"].to_pylist()
    [9.0]
    """
    table = as_table(data)
    if layouts.holds_candidates(table.column_names):
        return candidates.to_pairs(layouts.rename(table, columns or {}, name=name), pairing, name=name)
    named = schema.with_ids(layouts.named(table, columns, name=name))
    return check(named, name=name, bad=bad, reversed_pairs=reversed_pairs)


def as_table(data: Any) -> pa.Table:
    """Data in memory as an Arrow table; see `as_pairs`.

    Raises:
        TypeError: ``data`` is none of the kinds that `as_pairs` names.
    """
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, list):
        return pa.Table.from_pylist(data)
    if hasattr(data, "with_format"):
        return data.with_format("arrow")[:].replace_schema_metadata(None)
    if hasattr(data, "columns"):
        return pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata(None)
    raise TypeError(f"{type(data).__name__} is no Arrow table, DataFrame, data set or list of rows")


def read_hub(name: str, *, split: str, revision: str | None = None, config: str | None = None) -> pa.Table:
    """A data set from the hub as an Arrow table, for `as_pairs`; needs the package `datasets` and a network.

    Args:
        name: "owner/name".
        split: "train", "train_prefs", ...
        revision: a commit, so that the data can never change; `ULTRAFEEDBACK_REVISION` for the paper's.
        config: the data set's configuration, where it has several.
    """
    from datasets import load_dataset

    return as_table(load_dataset(name, config, split=split, revision=revision))


def pairs_file(
    source: str | Path,
    target: str | Path,
    pairing: Pairing = Pairing(),  # noqa: B008
    *,
    split: str | None = None,
    batch_rows: int = files.BATCH_ROWS,
) -> int:
    """Make a file of scored pairs from a file of candidates, in memory bounded by the batch.

    Returns:
        How many pairs were written.

    Raises:
        FileNotFoundError: ``source`` is missing.
        ValueError: a candidate is bad, as `rapo.pairs.candidates.to_pairs` says.
    """
    writing.check_target(target, source)

    def made() -> Iterator[pa.Table]:
        row = 1
        for batch in files.batches(source, rows=batch_rows, split=split):
            yield candidates.to_pairs(batch, pairing, name=str(source), first_row=row)
            row += len(batch)

    return writing.write(made(), target)


def hold_out(table: pa.Table, *, prompts: int = 2_000, seed: int = 42) -> tuple[pa.Table, pa.Table]:
    """Split off the pairs of a number of prompts for testing: (train, test). No prompt is in both.

    Which prompts depends on the seed and on each prompt alone, never on the order of the rows.

    Raises:
        ValueError: there are no more prompts than are to be held out.
    """
    keys = [key for batch in schema.batches(table) for key in schema.prompt_keys(batch).to_pylist()]
    hashes = schema.hashes(keys, seed=seed, purpose="hold out")
    distinct = np.unique(hashes)
    if not 0 <= prompts < len(distinct):
        raise ValueError(f"cannot hold out {prompts} of {len(distinct)} prompts; hold out fewer")
    is_test = hashes < distinct[prompts]
    return table.filter(pa.array(~is_test)), table.filter(pa.array(is_test))
