"""What is kept of a complete run."""

import json
import time
from pathlib import Path

import pytest

from rapo import paths
from rapo.reproduction import notebook
from rapo.reproduction.keep import durations


def test_what_is_kept_was_measured_and_not_guessed(rapo_root: Path) -> None:
    paths.notebooks().mkdir()
    for name in "abc":
        (paths.notebooks() / f"{name}.ipynb").write_text(json.dumps({"cells": [], "metadata": {}}))
    paths.write_text(paths.results() / "durations.json", json.dumps({"notebooks": {"a": 12.0, "b": 12.0}}))
    began = time.time() - 5
    for name, saved in {"a": 0.0, "b": 30.0, "c": 30.0}.items():
        notebook.write_marker(name, "small", digest="d", began=began, saved=saved)
    assert durations("small")["notebooks"] == pytest.approx({"a": 5.0, "b": 12.0, "c": 35.0}, abs=1.0)
