"""One run of `rapo train`: a recipe, TRL's own trainer, and a folder with the model and how it was made.

The same call goes on from the last whole checkpoint of a run that was killed, and does nothing where one is finished.
"""

import logging
import sys
import time
import warnings
from contextlib import nullcontext, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from rapo import atomic
from rapo.models import loading
from rapo.pairs import manifest
from rapo.runs import keys
from rapo.scoring import binding, processes
from rapo.training import data, outcome
from rapo.training.fit import quiet_folder
from rapo.training.recipe import Recipe, config_class
from rapo.training.settings import idle_smoothing

_log = logging.getLogger(__name__)
_OF_MODEL = (".json", ".safetensors", ".jinja", ".model", ".txt")  # configuration, weights, tokenizer, template
_ROWS = ".rows"  # below the folder, while there is no model
# Where there is no accelerator and the recipe says nothing else.
_ON_CPU = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False, "dataloader_pin_memory": False}


def run(recipe: Recipe, out: Path) -> dict[str, Any]:
    """Train as a recipe says, or go on with it.

    Args:
        recipe: from `rapo.training.recipe.read`.
        out: of the model, its tokenizer, checkpoints and record (``rapo.json``); new, empty, or of the same run.

    Returns:
        The record: what was asked, data and model with hashes, rows, goals, versions, steps and losses.

    Raises:
        FileNotFoundError: data or model are missing.
        FileExistsError: ``out`` holds something else.
        ValueError: recipe, data or model cannot be used; what and the remedy are told.
        ImportError: a package that the recipe asks for is missing.
    """
    process = processes.current()
    found = _sources(recipe)
    identity = {"asked": recipe.asked(), **_origins(recipe, found), "processes": process.count}
    before = outcome.look(out, identity)
    process.gather(None)  # everybody has looked before anybody writes
    if before and before["status"] == outcome.FINISHED:
        atomic.remove(out / _ROWS)  # of a run that was killed behind its last line
        return before
    with outcome.alone(out) if process.is_main else nullcontext(), quiet_folder():
        if process.is_main and not before:
            atomic.remove(out / _ROWS)  # of a run that did not come to train
        return _run(recipe, out, found, record={"identity": identity, **(before or {})}, process=process)


def _sources(recipe: Recipe) -> dict[str, list[data.Source]]:
    """Where rows lie, by what they are for: "train", and "test" where there is evaluation."""
    evaluated = recipe.arguments.get("eval_strategy", "no") != "no"
    if recipe.own["test_data"] and not evaluated:
        _log.warning("%s: rapo.test_data has no effect without eval_strategy: steps (or epoch)", recipe.name)
    return {"train": data.sources(recipe)} | ({"test": data.sources(recipe, test=True)} if evaluated else {})


def _origins(recipe: Recipe, found: dict[str, list[data.Source]]) -> dict[str, Any]:
    """Which data and which model these are, as plain JSON: of a model's folder, the hash of each file that is read."""
    told = {kind: data.origins(those, revision=recipe.own["data_revision"]) for kind, those in found.items()}
    files = [file for file in Path(recipe.model["model_name_or_path"]).glob("*") if file.suffix in _OF_MODEL]
    model = {file.name: manifest.files_hash(file) for file in files if file.name not in outcome.OWN}
    return {"data": told["train"], "test_data": told.get("test"), "model": model}


def _run(
    recipe: Recipe,
    out: Path,
    found: dict[str, list[data.Source]],
    *,
    record: dict[str, Any],
    process: processes.Processes,
) -> dict[str, Any]:
    """What comes behind the look into the folder."""
    started = time.monotonic()
    given, adapter = _arguments(recipe, out), _adapter(recipe)
    loading.check_folder(name := recipe.model["model_name_or_path"], "model")
    tokenizer = loading.load_tokenizer(None, name)
    fitted = {kind: _fitted(recipe, those, tokenizer, given) for kind, those in found.items()}
    last = outcome.checkpoint(out)
    record = {
        **_about(recipe, found["train"], given, fitted["train"], process=process),
        "identity": record["identity"],
        "resumed": [*record.get("resumed", []), *([int(last.name.rpartition("-")[2])] if last else [])],
    }
    if process.is_main:
        outcome.write(out, record)
    rows = {kind: data.data_set(one.table, out / _ROWS / kind, process) for kind, one in fitted.items()}
    trainer = _trainer(recipe, given, rows, tokenizer, adapter)
    with redirect_stdout(sys.stderr):  # where TRL shows its progress; stdout carries what the command says
        trainer.train(resume_from_checkpoint=str(last) if last else None)
        trainer.save_model(str(out))
        trainer.save_state()
    record |= _done(trainer, seconds=time.monotonic() - started)
    if process.is_main:
        record = outcome.write(out, record)
        atomic.remove(out / _ROWS)
    return record


def _about(
    recipe: Recipe,
    found: list[data.Source],
    given: Any,
    fitted: data.Fitted,
    *,
    process: processes.Processes,
) -> dict[str, Any]:
    """What is known of a run before its first step."""
    goals = [data.goal(source.path) for source in found]
    return {
        "status": outcome.STARTED,
        "trainer": recipe.trainer,
        "recipe": recipe.name,
        "goal": goals[0] if all(one == goals[0] for one in goals) else None,
        "rows": fitted.counts | {"long": fitted.long},
        "rows_a_step": given.per_device_train_batch_size * given.gradient_accumulation_steps * process.count,
        "config": {**recipe.model, **given.to_dict()},
        "versions": keys.versions(),
    }


def _done(trainer: Any, *, seconds: float) -> dict[str, Any]:
    """What is known behind the last step; the seconds are those of this process, not of one that was killed."""
    history = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {
        "status": outcome.FINISHED,
        "steps": trainer.state.global_step,
        "loss": {"first": history[0], "last": history[-1]} if history else None,
        "seconds": round(seconds, 3),
    }


def _arguments(recipe: Recipe, out: Path) -> Any:
    """The trainer's configuration; a ValueError with the recipe's name where TRL refuses it."""
    defaults = {} if torch.accelerator.is_available() else _ON_CPU
    own = {"output_dir": str(out), "model_init_kwargs": None}  # the model is loaded here
    try:
        given = config_class(recipe.trainer)(**{**defaults, **recipe.arguments, **own})
    except (ValueError, TypeError) as error:
        raise ValueError(f"{recipe.name}: {str(error).strip().splitlines()[0]}") from error
    if recipe.trainer == "dpo" and (told := idle_smoothing(given.label_smoothing, given.loss_type)):
        _log.warning("%s", told)
    return given


def _adapter(recipe: Recipe) -> Any:
    """The settings of a LoRA adapter; None where the whole model is trained."""
    from trl import ModelConfig, get_peft_config

    if not recipe.model.get("use_peft"):
        if idle := [name for name in recipe.model if name.startswith(("lora_", "use_rslora", "use_dora"))]:
            _log.warning("%s: %s has no effect without use_peft: true", recipe.name, idle[0])
        return None
    try:
        import peft  # noqa: F401 - asked for here, before anything is read
    except ImportError as error:
        raise ImportError("adapters need the package peft; pip install peft") from error
    return get_peft_config(ModelConfig(**recipe.model))


def _fitted(recipe: Recipe, found: list[data.Source], tokenizer: Any, given: Any) -> data.Fitted:
    """The rows that can be trained on, in the trainer's own form, and what became of the others."""
    fitted = data.fit(
        data.read(recipe, found),
        tokenizer,
        max_length=None if getattr(given, "packing", False) else given.max_length,
        long_rows=recipe.own["long_rows"],
        name=str(found[0].path),
    )
    formed = data.formed(
        fitted.table, recipe.trainer, batch_size=given.per_device_train_batch_size, seed=given.seed
    )
    return replace(fitted, table=formed)


def loaded(recipe: Recipe) -> Any:
    """A model from a folder or hub: weights in safetensors, no code of its own."""
    from transformers import AutoModelForCausalLM
    from trl import ModelConfig, get_quantization_config

    asked = ModelConfig(**recipe.model)
    own = recipe.arguments.get("model_init_kwargs") or {}
    options = {
        "attn_implementation": asked.attn_implementation,
        "quantization_config": get_quantization_config(asked),
    }
    options = {name: held for name, held in options.items() if held is not None}
    fixed = {"dtype": asked.dtype, "revision": asked.model_revision, **loading.TRUST}
    name = str(asked.model_name_or_path)
    with loading.told("model", name):
        return AutoModelForCausalLM.from_pretrained(name, **{**own, **options, **fixed})


def _trainer(recipe: Recipe, given: Any, rows: dict[str, Any], tokenizer: Any, adapter: Any) -> Any:
    """TRL's trainer; for rows that bring the reference's log-probabilities, the one that takes them."""
    import trl

    options = {"args": given, "processing_class": tokenizer, "peft_config": adapter}
    options |= {"train_dataset": rows["train"], "eval_dataset": rows.get("test")}
    model = loaded(recipe)
    if recipe.trainer == "sft":
        return trl.SFTTrainer(model, **options)
    if recipe.trainer in ("dpo", "kto"):
        if binding.RECORD in rows["train"].column_names:
            from rapo.training.scored import ScoredDPOTrainer

            return ScoredDPOTrainer(model, **options)
        kind = trl.DPOTrainer if recipe.trainer == "dpo" else trl.KTOTrainer
        needed = adapter is None and not given.precompute_ref_log_probs
        return kind(model, ref_model=loaded(recipe) if needed else None, **options)
    with warnings.catch_warnings():  # TRL announces that this part of it may change
        warnings.simplefilter("ignore")
        from trl.experimental.cpo import CPOTrainer
        from trl.experimental.orpo import ORPOTrainer
    return (ORPOTrainer if recipe.trainer == "orpo" else CPOTrainer)(model, **options)
