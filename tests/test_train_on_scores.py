"""docs/train-on-scores.md runs as it is typed, in an empty folder."""

import os
import re
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "train-on-scores.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_command_of_the_page_runs_as_written(tmp_path: Path) -> None:
    blocks = re.findall(r"```(bash|python)\n(.*?)```", PAGE, flags=re.DOTALL)
    assert [kind for kind, _ in blocks] == ["bash", "python", "bash", "python", "python", "bash"]
    steps = [
        (kind, "\n".join(text for _, text in some)) for kind, some in groupby(blocks, key=lambda block: block[0])
    ]
    own = {"PYTHONPATH": str(ROOT), "RAPO_ROOT": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""}
    own |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    said = []
    for kind, text in steps:  # Python that follows Python is one session
        command = [sys.executable, "-c", text] if kind == "python" else ["bash", "-euo", "pipefail", "-c", text]
        done = subprocess.run(
            command, cwd=tmp_path, env=os.environ | own, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout)
    assert "train with this model and tokenizer, and max_length=256" in said[2]
    assert said[3].startswith("None {'train': []}\n")  # no reference model, no row left out
    assert re.search(r"^5 0\.", said[3], flags=re.MULTILINE)
    assert (tmp_path / "trained-by-trl" / "config.json").is_file()
