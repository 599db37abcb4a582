"""Recipes: those that come with rapo say what the papers say, in words that TRL parses; others are held against TRL."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from rapo import config
from rapo.training import recipe

pytestmark = pytest.mark.filterwarnings("ignore")  # TRL's and its dependencies' own

# Learning rate, beta and max_length of arXiv:2410.08067 (ra) and of SimPO's recipes, which arXiv:2503.01864 takes (ap).
PUBLISHED: dict[str, tuple[str, float, float, int]] = {
    "ap_dpo_gemma2": ("google/gemma-2-9b-it", 5e-7, 0.01, 2048),
    "ap_dpo_llama3": ("meta-llama/Meta-Llama-3-8B-Instruct", 3e-7, 0.01, 2048),
    "ap_simpo_gemma2": ("google/gemma-2-9b-it", 8e-7, 10, 2048),
    "ap_simpo_llama3": ("meta-llama/Meta-Llama-3-8B-Instruct", 1e-6, 10, 2048),
    "ra_dpo_gemma2": ("google/gemma-2-9b-it", 5e-7, 0.01, 1024),
    "ra_dpo_llama31": ("meta-llama/Llama-3.1-8B-Instruct", 5e-7, 0.01, 1024),
    "ra_dpo_mistral": ("mistralai/Mistral-7B-Instruct-v0.3", 5e-7, 0.01, 1024),
    "ra_dpo_qwen2": ("Qwen/Qwen2-7B-Instruct", 5e-7, 0.01, 1024),
    "ra_dpo_sppo": ("UCLA-AGI/Gemma-2-9B-It-SPPO-Iter3", 5e-7, 0.01, 1024),
}


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """Writes a recipe of these settings for a model and returns its path."""

    def write(**settings: Any) -> Path:
        made = tmp_path / "mine.yaml"
        made.write_text(yaml.safe_dump({"model_name_or_path": "base", **settings}))
        return made

    return write


def test_the_recipes_of_both_papers_are_there() -> None:
    assert list(recipe.packaged()) == sorted(PUBLISHED)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_they_say_what_was_published(name: str) -> None:
    found = recipe.read(name)
    asked = found.arguments
    assert (
        found.model["model_name_or_path"],
        asked["learning_rate"],
        asked["beta"],
        asked["max_length"],
    ) == PUBLISHED[name]
    assert (asked["lr_scheduler_type"], asked["warmup_steps"], asked["num_train_epochs"]) == ("cosine", 0.1, 1)
    rows = asked["per_device_train_batch_size"] * asked["gradient_accumulation_steps"]
    assert rows * found.launch["num_processes"] == 128
    assert found.trainer == name.split("_")[1]
    smoothed = name in ("ra_dpo_gemma2", "ra_dpo_qwen2")
    assert asked.get("label_smoothing", 0.0) == (0.3 if smoothed else 0.0)
    if found.trainer == "simpo":  # the target margin: 0.5 and 0.3 of beta
        assert asked["simpo_gamma"] == {"ap_simpo_gemma2": 5.0, "ap_simpo_llama3": 3.0}[name]
        assert asked["cpo_alpha"] == 0.0


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_trl_parses_them_as_they_are(name: str) -> None:
    """As `trl dpo --config` does; SimPO as TRL's own example script does. What is left over goes to the launcher."""
    from trl import DatasetMixtureConfig, ModelConfig, ScriptArguments, TrlParser

    kind = recipe.config_class("simpo" if "simpo" in name else "dpo")
    parser = TrlParser((ScriptArguments, kind, ModelConfig, DatasetMixtureConfig))
    words = ["--config", str(recipe.packaged()[name]), "--use_cpu", "--bf16", "false"]
    _, given, model, mixture, rest = parser.parse_args_and_config(words, return_remaining_strings=True)
    assert (model.model_name_or_path, given.learning_rate, given.beta, given.max_length) == PUBLISHED[name]
    assert rest == ["--accelerate_config", "zero3", "--num_processes", "8"]
    assert [one.path for one in mixture.datasets] in (["json"], ["parquet"])
    ours = recipe.read(name).arguments
    expected = kind(**ours | {"use_cpu": True, "bf16": False})
    assert {key: getattr(given, key) for key in ours} == {key: getattr(expected, key) for key in ours}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"lerning_rate": 1.0}, "lerning_rate is no argument that is known here; did you mean learning_rate?"),
        ({"max_prompt_length": 512}, "did you mean max_length?"),
        ({"warmup_ratio": 0.1}, "did you mean warmup_steps?"),
        ({"zzz": 1}, "zzz is no argument that is known here$"),
        ({"simpo_gamma": 1.0}, "simpo_gamma is no argument of the trainer dpo, but of simpo, cpo; leave it out"),
        ({"beta": "high"}, "mine.yaml: beta is 'high'; give a number"),
        ({"max_steps": True}, "max_steps is True; give a whole number"),
        ({"max_steps": 1.5}, "max_steps is 1.5; give a whole number"),
        ({"bf16": 1}, "bf16 is 1; give true or false or null"),
        ({"rapo": {"trainr": "kto"}}, "rapo.trainr is no argument that is known here; did you mean rapo.trainer?"),
        ({"rapo": {"trainer": "ppo"}}, "rapo.trainer is 'ppo'; use one of sft, dpo, simpo, cpo, kto, orpo"),
        ({"rapo": {"long_rows": None}}, "rapo.long_rows is None; use one of cut, drop, raise"),
        ({"rapo": "kto"}, "rapo is 'kto'; write a block"),
        ({"rapo": {"columns": "prompt"}}, "rapo.columns is 'prompt'"),
        ({"rapo": {"trainer": "simpo"}, "loss_type": "ipo"}, "loss_type is 'ipo', and the trainer is simpo"),
        ({"trust_remote_code": True}, "trust_remote_code is not to be had: code that comes with a model"),
        ({"resume_from_checkpoint": "x"}, "resume_from_checkpoint is not to be had: the same command goes on"),
        ({"save_only_model": True}, "save_only_model is not to be had"),
        ({"model_name_or_path": None}, "names no model; add model_name_or_path"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_told_with_what_is(file: Any, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        recipe.read(file(**settings))


def test_what_is_set_goes_over_the_file(file: Any) -> None:
    path = file(beta=0.1, datasets=[{"path": "json", "data_files": "a.jsonl"}], rapo={"bad": "drop"})
    over = {"beta": 0.2, "dataset_name": "b.jsonl", "rapo.trainer": "kto", "loss_type": "kto"}
    found = recipe.read(path, over)
    assert (found.trainer, found.arguments["beta"]) == ("kto", 0.2)
    assert found.data == {"dataset_name": "b.jsonl"}  # TRL would go on reading datasets
    assert (found.own["bad"], found.own["long_rows"]) == ("drop", "cut")
    assert recipe.read(path).data["datasets"][0]["data_files"] == "a.jsonl"


def test_numbers_are_read_as_people_write_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("model_name_or_path: base\nlearning_rate: 1e-6\nmax_length: null\nloss_type: hinge\nbeta: 1\n")
    found = recipe.read(path)
    assert found.arguments == {"learning_rate": 1e-6, "max_length": None, "loss_type": ["hinge"], "beta": 1}
    assert config.load_yaml(path)["loss_type"] == "hinge"


@pytest.mark.parametrize(
    ("settings", "trainer"),
    [
        ({}, "dpo"),
        ({"loss_type": "simpo"}, "simpo"),
        ({"loss_type": "simpo", "rapo": {"trainer": "cpo"}}, "cpo"),
        ({"rapo": {"trainer": "orpo"}}, "orpo"),
    ],
)
def test_the_trainer_is_named_or_the_losss_own(file: Any, settings: dict[str, Any], trainer: str) -> None:
    found = recipe.read(file(**settings))
    assert found.trainer == trainer
    assert found.arguments.get("cpo_alpha") == (0.0 if trainer == "simpo" else None)  # TRL's own is 1


def test_a_recipe_that_is_not_there_is_told_with_one_that_is() -> None:
    with pytest.raises(FileNotFoundError, match="ra_dpo_qwen does not exist; did you mean ra_dpo_qwen2"):
        recipe.read("ra_dpo_qwen")
    with pytest.raises(FileNotFoundError, match="`rapo train --recipes` lists"):
        recipe.read("zzzz.yaml")


def test_a_file_without_settings_is_told(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(ValueError, match=r"list\.yaml holds no settings"):
        recipe.read(tmp_path / "list.yaml")
