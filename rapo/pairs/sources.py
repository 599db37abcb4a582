"""Scored pairs from raw data in one call, and prompts held out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from rapo.pairs import schema
from rapo.pairs.candidates import Pairing
from rapo.pairs.door import open_pairs

# What the official preprocessing of arXiv:2410.08067 does with UltraFeedback's candidates. It leaves out the
# prompts of TruthfulQA as well: give them as `exclude_prompts`.
ULTRAFEEDBACK = Pairing(rule="random", seed=42, bad="drop", exclude_sources=("truthful_qa",))


def read_pairs(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    split: str | None = None,
    revision: str | None = None,
    bad: str = "raise",
    reversed_pairs: str = "raise",
    pairing: Pairing = Pairing(),  # noqa: B008 - frozen, so one for all calls is safe
    scored: bool = True,
) -> pa.Table:
    """Read and check scored pairs of any known shape: a file, shards, a data set on a hub, data in memory.

    Well-known names of columns and shapes are understood; candidates become pairs by ``pairing``. Pairs without an id
    get one: ``row-`` and the number of their row.

    Args:
        source: a file, a list of files, a folder or a pattern of shards, "-" for standard input, "owner/name" or
            "hf://owner/name" on a hub, an Arrow table, a DataFrame, what `datasets.load_dataset` returns, or a list of
            rows.
        columns: names of the schema and what they are made of: ``{"prompt": "question"}``, ``{"score_chosen":
            "max(scores)"}``.
        split: which split of a folder or a data set that holds several.
        revision: of a data set on a hub.
        bad: "raise" tells every bad row, "drop" leaves them out with a warning that counts them.
        reversed_pairs: what to do with a chosen response that scores below the rejected one: "raise", "keep",
            "swap" the two sides, or "drop" the pair.
        pairing: how candidates become pairs (`rapo.pairs.candidates.Pairing`).
        scored: False asks for prompt and responses alone.

    Returns:
        ``prompt``, ``chosen``, ``rejected`` (lists of messages with role and content), ``score_chosen``,
        ``score_rejected`` (doubles), ``pair_id``, and every further column. Shape: (n_pairs, n_columns)

    Raises:
        FileNotFoundError: the file is missing.
        TypeError: ``source`` is of no known kind.
        ValueError: the data break the schema; rows, columns, values and remedies are named.

    >>> row = {"question": "2 + 2 ?", "chosen": "4", "rejected": "5", "score_chosen": 9, "score_rejected": 2}
    >>> read_pairs([row], columns={"prompt": "question"})["prompt"].to_pylist()
    [[{'role': 'user', 'content': '2 + 2 ?'}]]
    """
    return open_pairs(
        source,
        columns=columns,
        split=split,
        revision=revision,
        bad=bad,
        reversed_pairs=reversed_pairs,
        pairing=pairing,
        scored=scored,
    ).read()


def as_pairs(
    data: Any,
    *,
    columns: Mapping[str, str] | None = None,
    name: str = "<table>",
    pairing: Pairing = Pairing(),  # noqa: B008
) -> pa.Table:
    """Scored pairs from data in memory, which errors call ``name``; see `read_pairs`.

    >>> row = {"instruction": "2 + 2 ?", "chosen": "4", "rejected": "5", "chosen_score": 9, "rejected_score": 2}
    >>> as_pairs([row])["score_chosen"].to_pylist()
    [9.0]
    """
    return open_pairs(data, columns=columns, pairing=pairing, name=name).read()


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
