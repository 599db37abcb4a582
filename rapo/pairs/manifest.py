"""What was made of what: the record beside a product, the hash of its source, and the card for people and hubs."""

import hashlib
import json
from collections.abc import Mapping
from glob import glob
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow as pa

from rapo import paths
from rapo.pairs import writing
from rapo.pairs.raw import STDIN
from rapo.pairs.targets import CARD, MARK, STDOUT

IDS_INSIDE = 1_000  # that many ids of rows stand in the record itself; more have a file of their own
_LIBRARIES = ("rapo", "pyarrow", "numpy")


def files_hash(path: str | Path) -> str:
    """SHA-256 of a file; of a folder, of the names and contents of its files, whose order does not matter.

    Raises:
        OSError: a file cannot be read.
    """
    target = Path(path)
    if not target.is_dir():
        return _sha256(target)
    entries = sorted((file.relative_to(target).as_posix(), file) for file in target.rglob("*") if file.is_file())
    return hashlib.sha256("".join(f"{_sha256(file)} {name}\n" for name, file in entries).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions of rapo and of what rows go through; what is not installed is left out."""
    found = {}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def source(path: str | Path) -> dict[str, Any]:
    """Where rows came from, as plain JSON: a hub's id or standard input has no hash."""
    place = Path(path)
    if str(path) != STDIN and not place.exists() and (found := sorted(map(Path, glob(str(path), recursive=True)))):
        return {"path": str(path), "sha256": {str(file): files_hash(file) for file in found}}
    return {"path": str(path), "sha256": files_hash(place) if str(path) != STDIN and place.exists() else None}


def beside(target: str | Path) -> dict[str, Path]:
    """What may lie beside a product: its record, its card (in a folder it lies within), the ids of its rows."""
    return {
        "manifest": Path(f"{target}.json"),
        "card": Path(target) / CARD if Path(target).is_dir() else Path(f"{target}.card.md"),
        "ids": Path(f"{target}.ids.jsonl"),
    }


def check_beside(target: str | Path) -> None:
    """Refuse, before any work, to write over a file beside the target that is none of ours.

    Raises:
        FileExistsError: such a file is there.
    """
    if str(target) == STDOUT:
        return
    files = beside(target)
    for what, file in files.items():
        about = files["manifest"] if what == "ids" else file  # ids are ours where the record is
        if file.exists() and not (about.exists() and _is_ours(about)):
            raise FileExistsError(f"{file} is in the way of the {what} of {target}; choose another output")


def write(target: str | Path, record: Mapping[str, Any], *, ids: pa.ChunkedArray | None = None) -> dict[str, Any]:
    """Write the record of how a product was made to ``<target>.json``, and return it.

    Args:
        target: the product; standard output has no record.
        record: plain JSON: command, source, options, counts.
        ids: of the product's rows, where they were chosen; many go to ``<target>.ids.jsonl``. Their hash is that of
            the ids with a line break between them. Shape: (n_rows,)
    """
    told = {"written_by": f"rapo {versions().get('rapo', '')}".strip(), **record, "versions": versions()}
    if str(target) == STDOUT:
        return told
    files = beside(target)
    if ids is not None:
        told["ids_sha256"] = _ids_hash(ids)
        told["ids"] = ids.to_pylist() if len(ids) <= IDS_INSIDE else files["ids"].name
    if ids is not None and len(ids) > IDS_INSIDE:
        writing.write(pa.table({"pair_id": ids}), files["ids"], overwrite=True)
    elif files["ids"].exists():  # of the product that was replaced
        files["ids"].unlink()
    paths.write_text(files["manifest"], json.dumps(told, indent=1, ensure_ascii=False, default=str) + "\n")
    return told


def card(title: str, *, about: str, record: Mapping[str, Any], files: str) -> str:
    """A data-set card as hubs read it: what the rows are, where they come from, how they were made.

    Args:
        title: the product's name.
        about: what the rows are, in Markdown.
        record: as `write` takes it: its source, options and counts are shown.
        files: pattern of the data files, for the hub's viewer; "" where it needs none.
    """
    config = f"configs:\n- config_name: default\n  data_files: {json.dumps(files)}\n" if files else ""
    head = f"---\n{config}tags:\n- preference\n- dpo\n- rapo\n---\n{MARK}\n\n# {title}\n\n{about}\n"
    origin = record.get("source") or {}
    lines = [f"* source: `{origin.get('path')}`, SHA-256 `{origin.get('sha256')}`"]
    lines += [f"* {name.replace('_', ' ')}: {value:,}" for name, value in (record.get("counts") or {}).items()]
    options = json.dumps(record.get("options") or {}, indent=1, ensure_ascii=False, default=str)
    made = f"\n## How it was made\n\n{chr(10).join(lines)}\n\n`rapo {record.get('command')}` with\n\n"
    return f"{head}{made}```json\n{options}\n```\n"


def write_card(target: str | Path, text: str) -> None:
    """The card of a product: beside a file, within a folder; standard output has none."""
    if str(target) != STDOUT:
        paths.write_text(beside(target)["card"], text)


def _is_ours(file: Path) -> bool:
    """True for what `write` and `card` wrote, by how it begins."""
    with file.open("rb") as stream:
        head = stream.read(2_000)
    return b'"written_by": "rapo' in head or MARK.encode() in head


def _ids_hash(ids: pa.ChunkedArray) -> str:
    """SHA-256 of the ids with a line break between them."""
    digest, between = hashlib.sha256(), ""
    for chunk in (chunk for chunk in ids.chunks if len(chunk)):
        digest.update((between + "\n".join(chunk.to_pylist())).encode())
        between = "\n"
    return digest.hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
