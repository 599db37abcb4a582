"""The rows that a recipe trains on: read as every command reads pairs, measured in tokens, in the trainer's form."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from rapo.pairs import hub, manifest, raw, trainer_formats, writing
from rapo.pairs.door import open_pairs
from rapo.pairs.schema import TEXTS
from rapo.scoring import binding
from rapo.scoring.processes import Processes
from rapo.scoring.tokens import PAIR, check_template, tokenise
from rapo.training import singles
from rapo.training.recipe import Recipe
from rapo.training.rows import name
from rapo.training.wording import in_a_recipes_words

_log = logging.getLogger(__name__)
_FILES = ("json", "parquet", "csv", "arrow")  # what `datasets` calls the kinds of files, which are recognised here
_AT_ONCE = 2_000  # rows whose token ids are held at a time


class Source(NamedTuple):
    """One data set of a recipe, as `rapo.pairs.door.open_pairs` takes it."""

    path: Any  # a file, a list of them, a folder, a hub's id
    split: str | None
    option: str = "dataset_train_split"  # of the recipe: says which split


@dataclass(frozen=True)
class Fitted:
    """Rows that the trainer takes whole or cut, and what became of the others.

    Attributes:
        table: the rows.
        counts: rows that were ``read``, ``cut`` at the end and ``left_out``.
        long: of the first rows that were cut or left out, the ids or numbers (from 0).
    """

    table: pa.Table
    counts: dict[str, int]
    long: list[str | int]


def sources(recipe: Recipe, *, test: bool = False) -> list[Source]:
    """Where a recipe's rows lie, by either of TRL's two ways to say it.

    Args:
        recipe: its ``datasets``, or its ``dataset_name``.
        test: of the evaluation: its ``rapo.test_data``, or a split of its ``dataset_name``.

    Raises:
        ValueError: no data are named, or in a way that cannot be served.
    """
    given = recipe.data
    if test or not given.get("datasets"):
        return [_named(recipe, "test" if test else "train")]
    entries = given["datasets"]
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise ValueError(
            f"{recipe.name}: datasets is {entries!r}; write a list of blocks with path, data_files, split"
        )
    return [_entry(recipe.name, entry) for entry in entries]


def _named(recipe: Recipe, kind: str) -> Source:
    """The data set that ``dataset_name`` stands for, or ``rapo.test_data``, of which no split is meant but on a hub."""
    own = recipe.own["test_data"] if kind == "test" else None
    found = own or recipe.data.get("dataset_name")
    if not found:
        setting = "rapo.test_data" if kind == "test" else "dataset_name"
        raise ValueError(f"{recipe.name} names no {kind} data; say --set {setting}=FILE, a folder or a hub's id")
    is_split = hub.is_hub(found) or (kind == "test" and not own)
    split = recipe.data.get(f"dataset_{kind}_split", kind if is_split else None)
    return Source(_configured(found, recipe.data.get("dataset_config")), split, f"dataset_{kind}_split")


def _entry(recipe: str, entry: Mapping[str, Any]) -> Source:
    """One block of ``datasets``."""
    known = ("path", "name", "data_files", "split", "columns")
    if unknown := [key for key in entry if key not in known]:
        raise ValueError(f"{recipe}: datasets: {unknown[0]} cannot be served; use {', '.join(known)}")
    path, files = entry.get("path"), entry.get("data_files")
    if path in _FILES and files:
        return Source(files if isinstance(files, str) else list(files), None)
    if not path or files:
        raise ValueError(f"{recipe}: datasets: {dict(entry)} names no data; give path: json and data_files: FILE")
    return Source(
        _configured(path, entry.get("name")), entry.get("split", "train" if hub.is_hub(path) else None), "split"
    )


def _configured(path: str, config: str | None) -> str:
    return f"{path}:{config}" if config and hub.is_hub(path) else path


def origins(found: Sequence[Source], *, revision: str | None = None) -> list[dict[str, Any]]:
    """Which data these are, as plain JSON: path, split and the hash of what lies there (none for a hub's)."""
    told = []
    for path, split, _ in found:
        parts = [manifest.source(one) for one in (path if isinstance(path, list) else [path])]
        told += [{**part, "split": split, "revision": revision} for part in parts]
    return told


def goal(path: Any) -> dict[str, Any] | None:
    """How the goals in some rows were placed and worded: `rapo relabel`'s scheme, from the record beside the file.

    Records of what was made of those rows since (`rapo score`, `rapo select`) lead back to it; None where none does.
    """
    seen = set[str]()
    while isinstance(path, str | Path) and str(path) not in seen:
        seen.add(str(path))
        file = manifest.beside(path)["manifest"]
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            if scheme := told["options"].get("scheme"):
                return dict(scheme)
            path = told["source"]["path"]
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None
    return None


def read(recipe: Recipe, found: Sequence[Source]) -> pa.Table:
    """All rows: ``prompt`` with ``chosen`` and ``rejected``, or with ``completion`` where SFT and KTO find such rows.

    Raises what `rapo.pairs.door.open_pairs` raises.
    """
    tables = []
    for source in found:
        with in_a_recipes_words(source.option):
            tables.append(_read(recipe, source))
    shared = [column for column in tables[0].column_names if all(column in table.column_names for table in tables)]
    return pa.concat_tables([table.select(shared) for table in tables], promote_options="default").combine_chunks()


def _read(recipe: Recipe, source: Source) -> pa.Table:
    revision, own = recipe.own["data_revision"], recipe.own
    pairs = open_pairs(
        source.path,
        columns=own["columns"],
        split=source.split,
        revision=revision,
        bad=own["bad"],
        scored=None,
        lift=False,
    )
    if recipe.trainer in ("sft", "kto") and singles.are_in(pairs.columns(), own["columns"]):
        found = raw.opened(source.path, split=source.split, revision=revision, drop=own["bad"] == "drop")
        return singles.read(found, columns=own["columns"], bad=own["bad"], labelled=recipe.trainer == "kto")
    table = pairs.read()
    is_scored = (
        recipe.trainer == "dpo" and binding.RECORD in table.column_names
    )  # bare numbers are bound to nothing
    wanted = (*TEXTS, "pair_id", *(binding.COLUMNS if is_scored else ()))
    return table.select([column for column in wanted if column in table.column_names])


def fit(table: pa.Table, tokenizer: Any, *, max_length: int | None, long_rows: str, name: str) -> Fitted:
    """Measure rows in tokens; leave out those that cannot be trained on, and tell which are cut.

    TRL cuts rows at the end, and drops those whose prompt leaves no room for a response; both in silence.

    Args:
        table: as `read` gives it.
        tokenizer: with a chat template, unless rows are plain strings.
        max_length: tokens of prompt and response together; None lets every row be.
        long_rows: what becomes of rows that have more: "cut", "drop" or "raise".
        name: what an error calls the rows.

    Raises:
        ValueError: a row is too long where that is not to be, no row is left, or one cannot be tokenised.
    """
    if not len(table):
        raise ValueError(f"{name} holds no rows to train on")
    if not isinstance(table["prompt"][0].as_py(), str):
        check_template(tokenizer, name)
    lengths = np.concatenate(list(_lengths(table, tokenizer, name)))
    limit = max_length if max_length is not None else int(lengths.max(initial=0)) + 1
    full, over = lengths[:, 0] >= limit, lengths[:, 1] > limit
    long = np.flatnonzero(full | over)
    names = [_name(table, int(place)) for place in long[:5]]
    told = f"{name}: {len(long):,} of {len(table):,} rows are longer than max_length={max_length} tokens: {names}"
    if len(long) and long_rows == "raise":
        raise ValueError(f"{told}; raise max_length, or set rapo.long_rows to cut or drop")
    out = (full | over) if long_rows == "drop" else full
    if out.all():
        raise ValueError(f"{told}; no row is left to train on: raise max_length")
    counts = {"read": len(table), "cut": int((over & ~out).sum()), "left_out": int(out.sum())}
    if len(long):
        _log.warning(
            "%s; %s are cut at the end, %s left out", told, f"{counts['cut']:,}", f"{counts['left_out']:,}"
        )
    return Fitted(table.filter(pa.array(~out)), counts, names)


def _lengths(table: pa.Table, tokenizer: Any, name: str) -> Iterator[np.ndarray]:
    """Tokens of the prompt, and of the prompt with its longest response. Shape: (n_rows, 2), in pieces"""
    sides = [side for side in (*PAIR, "completion") if side in table.column_names]
    for start in range(0, max(len(table), 1), _AT_ONCE):
        rows = table.slice(start, _AT_ONCE).to_pylist()
        ids = tokenise(tokenizer, rows, sides=sides, name=name, first_row=start + 1)
        prompts, *answers = ([len(one) for one in column] for column in ids.values())
        yield np.array([prompts, np.add(prompts, np.max(answers, axis=0))], dtype=int).T.reshape(-1, 2)


def _name(table: pa.Table, place: int) -> str | int:
    return name(table.slice(place, 1).to_pylist()[0], place)


def formed(table: pa.Table, trainer: str, *, batch_size: int, seed: int) -> pa.Table:
    """The rows as a trainer of TRL takes them.

    Args:
        table: as `read` gives it.
        trainer: one of `rapo.training.recipe.TRAINERS`. SFT imitates the chosen response, which in relabelled rows is
            the one that its goal asks for. KTO reads rows in their order, in which each batch holds chosen responses,
            then rejected ones (by turns where its size is odd): a row's KL term is that of its neighbour's response,
            which so belongs to another prompt.
        batch_size: rows on a device at a time.
        seed: of KTO's order.
    """
    if trainer not in ("sft", "kto"):
        return table
    if trainer == "sft":
        return (
            table
            if "completion" in table.column_names
            else table.select(["prompt", "chosen"]).rename_columns(singles.COLUMNS)
        )
    mixed = np.random.default_rng(seed).permutation(len(table))
    table = table.take(pa.array(mixed))
    if "completion" in table.column_names:
        return table
    pairs, odd = np.arange(len(table)), batch_size % 2
    size = batch_size if odd else batch_size // 2  # pairs that fill two odd batches, or an even one
    blocks = np.split(pairs, range(size, len(table), size))
    turn = [np.arange(len(block)) % 2 if odd else 0 for block in blocks]
    order = np.concatenate(
        [
            np.concatenate([2 * block + side, 2 * block + 1 - side])
            for block, side in zip(blocks, turn, strict=True)
        ]
    )
    return trainer_formats.convert(table, "trl-kto").take(pa.array(order))


def data_set(table: pa.Table, folder: Path, process: Processes) -> Any:
    """Rows as a `datasets.Dataset`, in a folder that all processes and the next try share, with what TRL makes of them.

    Args:
        table: written by the first process, where the folder is missing.
        folder: with a parent of its own, that goes when the model is trained.
        process: this one; everybody waits for the first.
    """
    from datasets import load_from_disk

    if process.is_main and not folder.exists():
        writing.write(table, folder)
    process.gather(None)
    return load_from_disk(str(folder))
