"""Exported rows, read by the libraries that they are for, where those are installed: no row is left out or changed."""

import contextlib
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scored_pairs import json_lines, pair, turn

from rapo.cli import main as cli
from rapo.pairs import files

pytestmark = pytest.mark.filterwarnings("default")

ASKED = [turn("user", "u1"), turn("assistant", "a1"), turn("user", "u2")]
TALKS = [
    pair(prompt=[turn("user", "q")], chosen=[turn("assistant", "yes")], rejected=[turn("assistant", "no")]),
    pair(prompt=[turn("system", "s"), *ASKED], chosen=[turn("assistant", "a")], rejected=[turn("assistant", "b")]),
    pair(
        prompt=[*ASKED[:2], turn("tool", "t")], chosen=[turn("assistant", "c")], rejected=[turn("assistant", "d")]
    ),
]


def exported(tmp_path: Path, to: str) -> list[dict[str, Any]]:
    """The rows of the talks, written by `rapo export`."""
    json_lines(tmp_path / "in.jsonl", TALKS)
    assert cli.main(["export", str(tmp_path / "in.jsonl"), "--to", to, "--out", str(tmp_path / "rows.jsonl")]) == 0
    return list(files.read(tmp_path / "rows.jsonl").to_pylist())


def test_llama_factory_reads_every_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISABLE_VERSION_CHECK", "1")
    converter = pytest.importorskip("llamafactory.data.converter", reason="no LLaMA-Factory", exc_type=ImportError)
    parser = pytest.importorskip("llamafactory.data.parser", reason="no LLaMA-Factory", exc_type=ImportError)
    rows = exported(tmp_path, "llama-factory")
    (known,) = parser.get_dataset_list(["rows"], str(tmp_path))
    assert (known.load_from, known.dataset_name, known.ranking) == ("file", "rows.jsonl", True)
    read = converter.get_dataset_converter(known.formatting, known, SimpleNamespace(media_dir=str(tmp_path)))
    roles = {"tool": "observation"}
    for row, talk in zip(rows, TALKS, strict=True):
        found = read(row)
        system, asked = (
            (talk["prompt"][:1], talk["prompt"][1:]) if len(talk["prompt"]) == 4 else ([], talk["prompt"])
        )
        assert found["_system"] == "".join(one["content"] for one in system)
        assert found["_prompt"] == [turn(roles.get(one["role"], one["role"]), one["content"]) for one in asked]
        assert found["_response"] == [talk["chosen"][0], talk["rejected"][0]]


def test_ms_swift_reads_every_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "cache"))
    core = pytest.importorskip("swift.dataset.preprocessor.core", reason="no ms-swift", exc_type=ImportError)
    from datasets import Dataset

    rows = exported(tmp_path, "ms-swift")
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        found = core.AutoPreprocessor()(Dataset.from_list(rows), load_from_cache_file=False, strict=True).to_list()
    assert [row["messages"] for row in found] == [[*talk["prompt"], *talk["chosen"]] for talk in TALKS]
    assert [row["rejected_response"] for row in found] == [talk["rejected"][0]["content"] for talk in TALKS]
