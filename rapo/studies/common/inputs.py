"""What a study on real models reads: models, scored pairs and instructions, from a hub or from this machine.

Everything is named by a mapping: ``source`` (an id on the hub, or a folder or file here) and, where they apply,
``revision``, ``split``, ``config`` and ``file`` (one file of the hub's repository).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from rapo.config import content_hash
from rapo.pairs import files, hub, raw, sources
from rapo.pairs.sources import ULTRAFEEDBACK

RECIPE = "the block `full` of rapo/studies/central_results/recipe.yaml"
MODEL_FILES = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]


def model_folder(spec: Mapping[str, Any], *, weights: bool = True) -> str:
    """The folder of a model: its own, or that of the hub's copy on this machine, fetched where it is missing.

    Args:
        spec: ``source`` and, for the hub, ``revision``.
        weights: False fetches configuration and tokenizer alone, so that a wrong name shows in seconds.

    Raises:
        FileNotFoundError: a local folder is missing or holds no model.
        ConnectionError: the hub cannot be reached, or does not give the model.
    """
    source = str(spec["source"])
    if is_local(source):
        if not (Path(source) / "config.json").is_file():
            raise FileNotFoundError(
                f"{source} holds no model (config.json is missing); mend models.*.source in {RECIPE}"
            )
        return source
    from huggingface_hub import snapshot_download

    wanted = [name for name in MODEL_FILES if weights or name != "*.safetensors"]
    try:
        return str(snapshot_download(source, revision=spec.get("revision"), allow_patterns=wanted))
    except Exception as error:  # the hub's client, its transport and its cache raise what they like
        raise ConnectionError(_unreachable("model", source, error, "models.*.source")) from error


def table(spec: Mapping[str, Any], *, key: str) -> pa.Table:
    """A data set as it is: a file or folder here, or from the hub.

    Args:
        spec: ``source`` and, for the hub, ``split``, ``config``, ``revision`` or ``file``.
        key: of the recipe, for errors.

    Raises:
        FileNotFoundError: a local file is missing.
        ConnectionError: the hub cannot be reached, or does not give the data set.
    """
    source = str(spec["source"])
    if is_local(source):
        if not Path(source).exists():
            raise FileNotFoundError(f"{source} does not exist; mend {key}.source in {RECIPE}")
        return _read(source, spec.get("split"))
    try:
        if file := spec.get("file"):
            from huggingface_hub import hf_hub_download

            path = hf_hub_download(source, file, repo_type="dataset", revision=spec.get("revision"))
            return _read(path, None)
        named = f"{source}:{spec['config']}" if spec.get("config") else source
        return raw.read(f"{hub.PREFIX}{named}", split=spec.get("split", "train"), revision=spec.get("revision"))
    except ImportError:
        raise
    except Exception as error:
        raise ConnectionError(_unreachable("data set", source, error, f"{key}.source")) from error


def preference_pairs(spec: Mapping[str, Any]) -> pa.Table:
    """Scored pairs to train on, by the official preprocessing of UltraFeedback where the data holds candidates.

    Args:
        spec: as `table` takes it; ``exclude``: a data set whose column ``column`` holds prompts to leave out;
            ``held_out``: prompts kept back (2,000 in the paper); ``first``: use that many pairs only.
    """
    from dataclasses import replace

    leave_out: tuple[str, ...] = ()
    if exclude := spec.get("exclude"):
        column = table(exclude, key="data.exclude")[exclude["column"]]
        leave_out = tuple(column.to_pylist())
    data = table(spec, key="data")
    has_sources = "source" in data.column_names
    pairing = replace(
        ULTRAFEEDBACK,
        exclude_sources=ULTRAFEEDBACK.exclude_sources if has_sources else (),
        exclude_prompts=leave_out,
    )
    pairs = sources.as_pairs(data, pairing=pairing, name=str(spec["source"]))
    if held_out := spec.get("held_out"):
        pairs, _ = sources.hold_out(pairs, prompts=held_out)
    return pairs.slice(0, spec["first"]) if spec.get("first") else pairs


def instructions(spec: Mapping[str, Any]) -> dict[str, str]:
    """Instructions to answer, by id: AlpacaEval's, or any data with a column ``instruction``; each text once.

    Args:
        spec: as `table` takes it; ``first``: use that many only.

    Raises:
        ValueError: there is no such column, or fewer than two instructions.
    """
    data = table(spec, key="prompts")
    if "instruction" not in data.column_names:
        raise ValueError(
            f"{spec['source']} has no column 'instruction'; it has {data.column_names}; mend prompts in {RECIPE}"
        )
    texts = dict.fromkeys(text for text in data["instruction"].to_pylist() if text and text.strip())
    found = {content_hash(text, length=12): text for text in list(texts)[: spec.get("first")]}
    if len(found) < 2:
        raise ValueError(f"{spec['source']} holds {len(found)} instructions; give at least 2")
    return found


def pinned(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with ``state``: a hash of names, sizes and times where it names something on this machine, so
    that a run on a file that has changed since is another run."""
    source = Path(str(spec["source"]))
    if not is_local(str(source)) or not source.exists():
        return dict(spec)
    held = sorted(source.rglob("*")) if source.is_dir() else [source]
    facts = [f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in held if file.is_file()]
    return {**spec, "state": content_hash(*facts)}


def is_local(source: str) -> bool:
    """True for what is, or by its form can only be, a path here: the hub's ids are "owner/name".

    >>> is_local("openbmb/UltraFeedback"), is_local("./mine.jsonl"), is_local("data/mine.jsonl")
    (False, True, True)
    """
    path = Path(source).expanduser()
    return path.exists() or path.is_absolute() or source.startswith(".") or source.count("/") != 1 or (
        path.suffix in (".jsonl", ".gz", ".json", ".parquet")
    )  # fmt: skip


def _read(path: str, split: str | None) -> pa.Table:
    """A table; ``.json`` holds one list of rows."""
    if Path(path).suffix == ".json":
        return pa.Table.from_pylist(json.loads(Path(path).read_text(encoding="utf-8")))
    return files.read(path, split=split)


def _unreachable(what: str, source: str, error: Exception, key: str) -> str:
    why = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
    return (
        f"the {what} {source!r} cannot be had from the hub ({type(error).__name__}: {why}). Check the network and "
        "HF_ENDPOINT; for a gated one accept its licence and set HF_TOKEN (`hf auth login`); or set "
        f"{key} in {RECIPE} to a folder or file on this machine"
    )
