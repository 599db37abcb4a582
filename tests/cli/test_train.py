"""The command `rapo train`."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny
import yaml
from safetensors.torch import load_file

from rapo.cli import main as cli
from rapo.models.tiny import save
from rapo.pairs import writing
from rapo.training import recipe

pytestmark = pytest.mark.filterwarnings("ignore")  # TRL's and its dependencies' own

SETTINGS: dict[str, Any] = {
    "model_name_or_path": "base",
    "datasets": [{"path": "parquet", "data_files": "rows.parquet", "split": "train"}],
    "per_device_train_batch_size": 2,
    "gradient_accumulation_steps": 2,
    "learning_rate": 3e-3,
    "logging_steps": 1,
    "num_train_epochs": 1,
    "save_steps": 1,
    "max_length": 64,
    "report_to": "none",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tiny.model(), tiny.TOKENIZER, tmp_path_factory.mktemp("models") / "base")


@pytest.fixture(autouse=True)
def here(base: Path, rapo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a model, rows and a recipe."""
    monkeypatch.chdir(rapo_root)
    Path("base").symlink_to(base)
    writing.write(tiny.rows(24, longest=8), "rows.parquet")
    Path("mine.yaml").write_text(yaml.safe_dump(SETTINGS))


def losses(out: str) -> list[float]:
    history = json.loads((Path(out) / "trainer_state.json").read_text())["log_history"]
    return [entry["loss"] for entry in history if "loss" in entry]


def started(words: list[str], **environment: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    own = {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [sys.executable, "-m", "rapo", *words],
        env=os.environ | own | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_trains_and_says_what_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "mine.yaml", "--set", "max_steps=2", "--set", "max_length=20", "--set", "rapo.trainer=simpo"]
    assert cli.main([*words, "--out", "made"]) == 0
    out = capsys.readouterr().out
    told = json.loads(Path("made/rapo.json").read_text())
    assert out.splitlines() == [
        "made: simpo, 2 steps of 4 rows, 24 rows read (6 cut, 4 left out), "
        f"loss {told['loss']['first']:.4g} to {told['loss']['last']:.4g}"
    ]
    assert cli.main([*words, "--out", "made", "--json"]) == 0  # finished: nothing is trained again
    assert json.loads(capsys.readouterr().out) == told


def test_the_recipes_own_folder_serves_where_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "mine.yaml", "--set", "max_steps=1"]) == 2
    assert "mine.yaml names no output_dir; say --out FOLDER" in capsys.readouterr().err
    assert cli.main(["train", "mine.yaml", "--set", "max_steps=1", "--set", "output_dir=own"]) == 0
    assert Path("own/model.safetensors").is_file()


def test_recipes_that_come_with_rapo_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--recipes"]) == 0
    out = capsys.readouterr().out
    for name, file in recipe.packaged().items():
        assert f"\n{name} " in f"\n{out}"
        assert str(file) in out
    assert cli.main(["train", "--recipes", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ra_dpo_qwen2"]["model_name_or_path"] == "Qwen/Qwen2-7B-Instruct"


def test_a_recipe_that_comes_with_rapo_trains_on_a_model_and_rows_of_ones_own() -> None:
    over = ["model_name_or_path=base", "dataset_name=rows.parquet", "num_processes=1", "accelerate_config="]
    over += [
        "max_steps=1",
        "bf16=false",
        "gradient_accumulation_steps=1",
        "attn_implementation=eager",
        "use_cpu=true",
    ]
    words = [word for one in over for word in ("--set", one)]
    assert cli.main(["train", "ap_simpo_llama3", *words, "--out", "made"]) == 0
    told = json.loads(Path("made/rapo.json").read_text())
    assert (told["config"]["simpo_gamma"], told["config"]["beta"], told["trainer"]) == (3.0, 10.0, "simpo")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "name a recipe: a YAML file, or one of `rapo train --recipes`"),
        (["none.yaml", "--out", "o"], "none.yaml does not exist"),
        (["mine.yaml", "--out", "o", "--set", "lr=1"], "lr is no argument that is known here"),
        (["mine.yaml", "--out", "o", "--set", "beta"], "--set 'beta' is not KEY=VALUE"),
        (["mine.yaml", "--out", "base"], "base holds no run of `rapo train`; choose another --out"),
        (["mine.yaml", "--out", "mine.yaml"], "mine.yaml is a file; choose another --out"),
        (["mine.yaml", "--out", "o", "--set", "report_to=zzz"], "zzz"),
    ],
)
def test_what_goes_wrong_is_told_in_a_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["train", *words]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.splitlines()[-1].startswith("rapo: error: ")
    assert not Path("o/model.safetensors").exists()


def test_after_kill_9_the_same_command_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "mine.yaml", "--out"]
    assert cli.main([*words, "whole"]) == 0
    process = started([*words, "made"])
    assert process.stderr is not None
    steps = 0
    for line in process.stderr:  # a step's loss is told before its checkpoint is written
        steps += "'loss'" in line
        if steps == 4:
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not Path("made/model.safetensors").exists()
    assert json.loads(Path("made/rapo.json").read_text())["status"] == "started"
    capsys.readouterr()
    assert cli.main([*words, "made"]) == 0
    assert "gone on from step" in capsys.readouterr().out
    assert json.loads(Path("made/rapo.json").read_text())["resumed"][0] >= 2
    assert losses("made") == losses("whole")
    one, other = (load_file(f"{name}/model.safetensors") for name in ("made", "whole"))
    assert all((one[name] == other[name]).all() for name in one)


def test_two_processes_train_as_one_does() -> None:
    """As on two GPUs: half of each step's rows in each, the same losses."""
    assert cli.main(["train", "mine.yaml", "--out", "one"]) == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    # What a launcher sets (torchrun, accelerate launch), without the seconds that it takes itself.
    told = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "ACCELERATE_USE_CPU": "true"}
    words = ["train", "mine.yaml", "--set", "gradient_accumulation_steps=1", "--out", "two"]
    both = [started(words, RANK=str(rank), LOCAL_RANK=str(rank), **told) for rank in (0, 1)]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0].startswith("two: dpo, 6 steps of 4 rows, 24 rows read")
    assert said[1][0] == ""
    assert losses("two") == pytest.approx(losses("one"), abs=1e-5)
    assert json.loads(Path("two/rapo.json").read_text())["identity"]["processes"] == 2
