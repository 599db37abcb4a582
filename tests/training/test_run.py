"""One run: TRL's own numbers, a record, and going on where a killed run stopped."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import yaml
from safetensors.torch import load_file

from rapo.models.tiny import save
from rapo.pairs import files, writing
from rapo.relabelling import asking
from rapo.relabelling.relabel import Scheme, relabel_file
from rapo.scoring.score import score
from rapo.training import fit, outcome, recipe, run

pytestmark = pytest.mark.filterwarnings("ignore")  # TRL's and its dependencies' own

SETTINGS: dict[str, Any] = {
    "model_name_or_path": "base",
    "dataset_name": "rows.parquet",
    "per_device_train_batch_size": 4,
    "learning_rate": 3e-3,
    "num_train_epochs": 2,
    "logging_steps": 1,
    "save_steps": 1,
    "max_length": 64,
    "report_to": "none",
    "disable_tqdm": True,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model and rows."""
    folder = tmp_path_factory.mktemp("made")
    save(tiny.model(), tiny.TOKENIZER, folder / "base")
    writing.write(tiny.rows(16, longest=8), folder / "rows.parquet")
    return folder


@pytest.fixture(autouse=True)
def here(made: Path, rapo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with links to both; saved weights are never written to."""
    monkeypatch.chdir(rapo_root)
    for name in ("base", "rows.parquet"):
        (rapo_root / name).symlink_to(made / name)
    return rapo_root


def train(out: str = "out", *, trainer: str = "dpo", **over: Any) -> dict[str, Any]:
    """A run of the settings and what goes over them."""
    file = Path("mine.yaml")
    file.write_text(yaml.safe_dump(SETTINGS | over | {"rapo": {"trainer": trainer, **over.pop("rapo", {})}}))
    return run.run(recipe.read(file), Path(out))


def losses(out: str) -> list[float]:
    history = json.loads((Path(out) / "trainer_state.json").read_text())["log_history"]
    return [entry["loss"] for entry in history if "loss" in entry]


def weights(out: str) -> dict[str, torch.Tensor]:
    return load_file(Path(out) / "model.safetensors")


def same(one: str, other: str) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("trainer", recipe.TRAINERS)
def test_every_trainer_trains_and_leaves_a_model_that_loads(trainer: str) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    told = train(trainer=trainer, num_train_epochs=6, save_strategy="no")
    assert (told["status"], told["trainer"]) == ("finished", trainer)
    assert told["rows"] == {"read": 16, "cut": 0, "left_out": 0, "long": []}
    assert told["steps"] == (48 if trainer == "kto" else 24)  # KTO's rows are single responses
    found = losses("out")
    assert sum(found[-6:]) < sum(found[:6])
    assert not same("out", "base")
    AutoModelForCausalLM.from_pretrained("out", use_safetensors=True)
    assert AutoTokenizer.from_pretrained("out").chat_template == tiny.TOKENIZER.chat_template


def test_losses_are_those_of_trl_alone() -> None:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    train(beta=0.3, loss_type="ipo", save_strategy="no")
    given = {name: held for name, held in SETTINGS.items() if name not in ("model_name_or_path", "dataset_name")}
    rows = tiny.rows(16, longest=8).select(["prompt", "chosen", "rejected"]).to_pylist()
    with fit.quiet_folder() as folder:
        args = DPOConfig(
            **given | {"output_dir": folder, "beta": 0.3, "loss_type": ["ipo"], "save_strategy": "no"},
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
        )
        trainer = DPOTrainer("base", args=args, train_dataset=Dataset.from_list(rows))
        trainer.train()
    expected = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses("out") == pytest.approx(expected, abs=1e-6)
    assert len(expected) == 8


def test_the_record_says_what_was_trained_on_what() -> None:
    pairs = tiny.rows(8, longest=8).to_pylist()
    scored = [{**row, "score_chosen": 9.0, "score_rejected": 3.0} for row in pairs]
    writing.write(tiny.pa.Table.from_pylist(scored), "pairs.jsonl")
    relabel_file("pairs.jsonl", "goals.jsonl", Scheme(placement="system"))
    Path("goals.jsonl.json").write_text(
        json.dumps({"source": {"path": "pairs.jsonl"}, "options": {"scheme": {"placement": "system"}}})
    )
    words = sorted(
        {word for row in files.read("goals.jsonl").to_pylist() for word in row["prompt"][0]["content"].split()}
    )
    words = [word for word in words if word not in tiny.WORDS]
    tokenizer = tiny.tiny.build_tokenizer([*tiny.WORDS, *words])
    model = tiny.tiny.random_model(
        tiny.tiny.tiny_config("llama", vocab_size=len(tokenizer), width=32, layers=1), seed=1
    )
    save(model, tokenizer, "goal_base")
    told = train(
        dataset_name="goals.jsonl", model_name_or_path="goal_base", max_length=256, gradient_accumulation_steps=2
    )
    on_disk = json.loads(Path("out/rapo.json").read_text())
    assert on_disk == json.loads(json.dumps(told))
    assert on_disk["goal"] == {"placement": "system"}
    assert on_disk["rows"]["read"] == 16  # two a pair
    assert on_disk["rows_a_step"] == 8
    assert on_disk["identity"]["data"][0]["path"] == "goals.jsonl"
    assert len(on_disk["identity"]["data"][0]["sha256"]) == 64
    assert (on_disk["config"]["learning_rate"], on_disk["config"]["beta"]) == (
        3e-3,
        0.1,
    )  # asked for, and TRL's own
    assert {"rapo", "torch", "transformers", "trl"} <= set(on_disk["versions"])
    assert on_disk["resumed"] == []
    assert asking.asking("out").told.endswith("placed as system, as rapo.json remembers")  # by `rapo sample`


def test_a_finished_run_is_not_trained_again_and_another_is_refused() -> None:
    first = train(max_steps=1)
    stamp = Path("out/model.safetensors").stat().st_mtime_ns
    assert train(max_steps=1) == first
    assert Path("out/model.safetensors").stat().st_mtime_ns == stamp
    with pytest.raises(FileExistsError, match=r"another run: asked\.beta was None, is 0\.5"):
        train(max_steps=1, beta=0.5)
    Path("rows.parquet").unlink()
    writing.write(tiny.rows(16, longest=8, seed=1), "rows.parquet")
    with pytest.raises(FileExistsError, match="another run: data was"):
        train(max_steps=1)


def test_a_run_on_another_model_in_the_same_folder_is_refused() -> None:
    Path("base").unlink()
    save(tiny.model(), tiny.TOKENIZER, "base")
    first = train(max_steps=1)
    for beside in ("rapo.json", "README.md"):  # of what made the model, and about it
        Path("base", beside).write_text("{}")
    assert train(max_steps=1) == first
    save(tiny.model(seed=2), tiny.TOKENIZER, "base")
    with pytest.raises(
        FileExistsError, match=r"another run: model\.model\.safetensors was .*; choose another --out"
    ):
        train(max_steps=1)
    save(tiny.model(), tiny.TOKENIZER, "base")
    Path("base/chat_template.jinja").write_text(tiny.TOKENIZER.chat_template + " ")
    with pytest.raises(FileExistsError, match=r"another run: model\.chat_template\.jinja was "):
        train(max_steps=1)


def test_a_run_with_other_rows_to_evaluate_on_is_refused() -> None:
    rows = [{"path": "parquet", "data_files": "rows.parquet"}]
    over = {"datasets": rows, "dataset_name": "held_out", "eval_strategy": "epoch", "max_steps": 1}
    Path("held_out").mkdir()
    for seed in (1, 2):
        writing.write(tiny.rows(4, longest=8, seed=seed), "held_out/test.parquet", overwrite=True)
        if seed == 1:
            assert train(**over)["identity"]["test_data"][0]["split"] == "test"
    with pytest.raises(FileExistsError, match="another run: test_data was "):
        train(**over)


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("trainer", ["dpo", "kto", "simpo"])
def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(trainer: str, torn: bool) -> None:
    train("whole", trainer=trainer)
    train("out", trainer=trainer)
    steps = sorted(int(entry.name.split("-")[1]) for entry in Path("out").glob("checkpoint-*"))
    for step in steps[3:]:  # as it was when the fourth had begun to be written
        shutil.rmtree(f"out/checkpoint-{step}")
    if torn:
        Path("out/checkpoint-3/trainer_state.json").write_text('{"best')
    for name in ("model.safetensors", "trainer_state.json"):
        Path("out", name).unlink()
    record = json.loads(Path("out/rapo.json").read_text())
    outcome.write(Path("out"), record | {"status": outcome.STARTED})
    told = train("out", trainer=trainer)
    assert told["resumed"] == [2 if torn else 3]
    assert told["steps"] == len(steps)
    assert losses("out") == losses("whole")
    assert same("out", "whole")


def test_rows_that_were_scored_beforehand_need_no_reference_model(monkeypatch: pytest.MonkeyPatch) -> None:
    table = files.read("rows.parquet")
    found = score(table, "base", max_length=64, cache=False, dtype="float32")
    writing.write(found.attach_trl(table), "scored.parquet")
    train("plain", save_strategy="no")
    loaded: list[str] = []
    real = run.loaded
    monkeypatch.setattr(run, "loaded", lambda asked: loaded.append(asked.name) or real(asked))
    train("scored", dataset_name="scored.parquet", save_strategy="no")
    assert len(loaded) == 1
    assert losses("scored") == pytest.approx(losses("plain"), abs=1e-6)


def test_evaluation_reads_the_other_split() -> None:
    Path("both").mkdir()
    for name, seed in (("train", 0), ("test", 1)):
        writing.write(tiny.rows(8, longest=8, seed=seed), f"both/{name}.parquet")
    train(dataset_name="both", dataset_train_split="train", eval_strategy="epoch", save_strategy="no")
    history = json.loads(Path("out/trainer_state.json").read_text())["log_history"]
    assert len([entry for entry in history if "eval_loss" in entry]) == 2


def test_evaluation_reads_a_file_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    writing.write(tiny.rows(4, longest=8, seed=1), "other.parquet")
    rows = [{"path": "parquet", "data_files": "rows.parquet"}]
    over = {"datasets": rows, "max_steps": 1, "save_strategy": "no"}
    told = train(rapo={"test_data": "other.parquet"}, eval_strategy="steps", eval_steps=1, **over)
    assert told["identity"]["test_data"][0]["path"] == "other.parquet"
    history = json.loads(Path("out/trainer_state.json").read_text())["log_history"]
    assert len([entry for entry in history if "eval_loss" in entry]) == 1
    assert not caplog.text
    train("again", rapo={"test_data": "other.parquet"}, **over)
    assert "rapo.test_data has no effect without eval_strategy" in caplog.text


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"save_steps": 0, "save_strategy": "sometimes"}, "mine.yaml: .*sometimes.* is not a valid SaveStrategy"),
        ({"model_name_or_path": "./none"}, r"\./none does not exist; give the folder of a model"),
        ({"dataset_name": "none.jsonl"}, "none.jsonl does not exist"),
        ({"max_length": 4}, "no row is left to train on: raise max_length"),
        ({"rapo": {"long_rows": "raise"}, "max_length": 12}, "set rapo.long_rows to cut or drop"),
    ],
)
def test_what_cannot_be_trained_is_told_before_anything_is_written(over: dict[str, Any], told: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        train(**over)
    assert not Path("out/rapo.json").exists()


def test_weights_that_are_no_safetensors_or_cut_off_are_told(made: Path) -> None:
    shutil.copytree(made / "base", "other")
    whole = Path("other/model.safetensors").read_bytes()
    Path("other/model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"the model 'other' cannot be loaded: model\.safetensors is cut short"):
        train(model_name_or_path="other")
    Path("other/model.safetensors").unlink()
    torch.save(weights("base"), "other/pytorch_model.bin")
    with pytest.raises(ValueError, match=r"cannot be loaded: its weights are pickled .*pytorch_model\.bin"):
        train("again", model_name_or_path="other")


def test_lora_is_an_option_of_peft(caplog: pytest.LogCaptureFixture) -> None:
    lora = {"use_peft": True, "lora_r": 2, "lora_target_modules": ["q_proj", "v_proj"]}
    try:
        import peft  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="adapters need the package peft; pip install peft"):
            train(**lora)
    else:
        train(**lora, save_strategy="no")
        assert Path("out/adapter_model.safetensors").is_file()
        assert not Path("out/model.safetensors").exists()
    train("plain", lora_r=2, max_steps=1)
    assert "lora_r has no effect without use_peft: true" in caplog.text


def test_smoothing_that_the_loss_ignores_is_told(caplog: pytest.LogCaptureFixture) -> None:
    train(label_smoothing=0.3, max_steps=1)
    assert "label_smoothing 0.3 has no effect" in caplog.text
