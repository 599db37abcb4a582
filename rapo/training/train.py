"""Training through TRL's own trainers, with the overhead that a tiny model would feel taken away.

Rows are tokenised once, here (`tokenise`, as TRL does it); reference log-probabilities come with the rows or are
computed once: no reference model is held, and nothing is computed twice when the learning rate, beta or folder
change (trl#3985). What is left of TRL's overhead is measured in tests/benchmarks/bench_training.py.
"""

import logging
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from rapo.models import fast_cpu
from rapo.scoring.lm_head import logprobs_of
from rapo.scoring.sequences import CPU_BUDGET, CUDA_BUDGET, Completion, logprob_sums
from rapo.training.rows import PAIR, Kept, Rows, keep, name, tokenise
from rapo.training.settings import DPOSettings, Settings, SimPOSettings, TrainLog, idle_smoothing

_log = logging.getLogger(__name__)

Ids = Mapping[str, list[list[int]]]
__all__ = [
    "PAIR", "DPOSettings", "Settings", "SimPOSettings", "TrainLog", "reference_logprobs", "tokenise", "train_dpo",
    "train_sft", "train_simpo",
]  # fmt: skip


def reference_logprobs(model: Any, tokenizer: Any, rows: Rows) -> np.ndarray:
    """Log-probability sums of both responses under a model, as `train_dpo` takes them. The model is left as it is.

    Args:
        model: a causal LM.
        tokenizer: its tokenizer, with a chat template.
        rows: mappings with ``prompt``, ``chosen`` and ``rejected`` (messages).

    Returns:
        Nats; chosen first. Shape: (n_rows, 2)
    """
    return _reference(model, tokenise(tokenizer, rows, sides=PAIR))


def _reference(model: Any, ids: Ids, ld_alpha: float | None = None) -> np.ndarray:
    """As `reference_logprobs`; of LD-DPO, tokens past the shorter response count ``ld_alpha`` times."""
    whole = _sums(model, ids)
    if ld_alpha is None:
        return whole
    shared = [min(map(len, both)) for both in zip(*(ids[f"{side}_ids"] for side in PAIR), strict=True)]
    cut = {f"{side}_ids": [a[:n] for a, n in zip(ids[f"{side}_ids"], shared, strict=True)] for side in PAIR}
    return ld_alpha * whole + (1 - ld_alpha) * _sums(model, {**ids, **cut})


def _sums(model: Any, ids: Ids) -> np.ndarray:
    wholes = [
        Completion([*prompt, *answer], max(len(prompt), 1))
        for side in PAIR
        for prompt, answer in zip(ids["prompt_ids"], ids[f"{side}_ids"], strict=True)
    ]
    budget = CPU_BUDGET if model.device.type == "cpu" else CUDA_BUDGET
    was_training = model.training
    model.eval()
    try:
        with fast_cpu.fast(model):
            return logprob_sums(model, logprobs_of(model), wholes, budget=budget).reshape(2, -1).T
    finally:
        model.train(was_training)


def _given(reference: Any, n_rows: int) -> np.ndarray:
    values = np.asarray(reference, dtype=float)
    if values.shape != (n_rows, 2):
        raise ValueError(f"reference has shape {values.shape}; give ({n_rows}, 2): chosen, rejected")
    return values


def train_sft(model: Any, tokenizer: Any, rows: Rows, *, settings: Settings, seed: int) -> TrainLog:
    """Supervised fine-tuning with TRL's SFTTrainer, loss on the completion only. The model is trained in place.

    Args:
        model: a causal LM.
        tokenizer: its tokenizer, with a chat template.
        rows: mappings with ``prompt`` and ``completion`` (messages).
        settings: learning rate and so on.
        seed: order of the rows.

    Raises:
        ValueError: there are no rows, or a row is too long.
    """
    from datasets import Dataset
    from trl import SFTConfig

    from rapo.training.trainers import SFT

    kept = keep(tokenise(tokenizer, rows, sides=["completion"]), rows, settings)
    pairs = list(zip(kept.ids["prompt_ids"], kept.ids["completion_ids"], strict=True))
    data = Dataset.from_dict(
        {
            "input_ids": [prompt + answer for prompt, answer in pairs],
            "labels": [[-100] * len(prompt) + answer for prompt, answer in pairs],
        }
    )
    with _room() as folder:
        arguments = SFTConfig(**_arguments(settings, seed, folder), dataset_kwargs={"skip_prepare_dataset": True})
        trainer = SFT(model, args=arguments, train_dataset=data, processing_class=tokenizer)
        rows_a_step = settings.batch_size * settings.accumulate * arguments.world_size
        trainer.tokens_per_step = rows_a_step * sum(len(answer) for _, answer in pairs) / len(pairs)
        return _run(trainer, kept, settings, seed, grouped=True)


def train_dpo(
    model: Any,
    tokenizer: Any,
    rows: Rows,
    *,
    settings: DPOSettings,
    seed: int,
    reference: Any = None,
) -> TrainLog:
    """Direct alignment with TRL's DPOTrainer. The model is trained in place.

    Args:
        model: a causal LM, at its reference state when ``reference`` is None.
        tokenizer: its tokenizer, with a chat template.
        rows: mappings with ``prompt``, ``chosen`` and ``rejected`` (messages).
        settings: beta, loss and so on.
        seed: order of the rows.
        reference: log-probability sums of the reference model, in nats, chosen first: from `reference_logprobs` or
            `rapo.scoring.score.sums`. Shape: (n_rows, 2). None: those of the model as it stands.

    Raises:
        ValueError: there are no rows, a row is too long, ``reference`` has another shape or no number for a row, or
            is given for LD-DPO, which weighs tokens before it sums them.
    """
    from datasets import Dataset
    from trl import DPOConfig

    from rapo.training.trainers import DPO

    _check(settings, reference)
    kept = keep(tokenise(tokenizer, rows, sides=PAIR), rows, settings)
    if reference is None:
        values = _reference(model, kept.ids, settings.ld_alpha)
    else:
        values = _given(reference, len(rows))[kept.places]
    missing = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(missing):
        place = kept.places[missing[0]]
        raise ValueError(
            f"reference holds no number for row {name(rows[place], place)!r}; score it, or drop the row"
        )
    columns = {**kept.ids, "ref_chosen_logps": values[:, 0], "ref_rejected_logps": values[:, 1]}
    with _room() as folder:
        arguments = DPOConfig(
            **_arguments(settings, seed, folder),
            beta=settings.beta,
            loss_type=list(settings.loss_type),
            loss_weights=list(settings.loss_weights),
            label_smoothing=settings.label_smoothing,
            ld_alpha=settings.ld_alpha,
            precompute_ref_log_probs=True,
        )
        data = Dataset.from_dict(columns)
        trainer = DPO(model, args=arguments, train_dataset=data, processing_class=tokenizer)
        return _run(trainer, kept, settings, seed, grouped="sft" not in settings.loss_type)


def _check(settings: DPOSettings, reference: Any) -> None:
    if settings.ld_alpha is not None and reference is not None:
        raise ValueError("with ld_alpha, reference sums of whole responses do not serve; leave reference out")
    if told := idle_smoothing(settings.label_smoothing, settings.loss_type):
        _log.warning("%s", told)


def train_simpo(model: Any, tokenizer: Any, rows: Rows, *, settings: SimPOSettings, seed: int) -> TrainLog:
    """SimPO with TRL's CPOTrainer. The model is trained in place.

    Args:
        model: a causal LM.
        tokenizer: its tokenizer, with a chat template.
        rows: mappings with ``prompt``, ``chosen`` and ``rejected`` (messages).
        settings: beta, gamma and so on.
        seed: order of the rows.

    Raises:
        ValueError: there are no rows, or a row is too long.
    """
    from datasets import Dataset

    from rapo.training.trainers import CPO, CPOConfig

    kept = keep(tokenise(tokenizer, rows, sides=PAIR), rows, settings)
    columns = {}
    for side in PAIR:
        pairs = list(zip(kept.ids["prompt_ids"], kept.ids[f"{side}_ids"], strict=True))
        columns[f"{side}_input_ids"] = [prompt + answer for prompt, answer in pairs]
        columns[f"{side}_attention_mask"] = [[1] * len(prompt + answer) for prompt, answer in pairs]
        columns[f"{side}_labels"] = [[-100] * len(prompt) + answer for prompt, answer in pairs]
    columns["prompt_input_ids"] = kept.ids["prompt_ids"]
    columns["prompt_attention_mask"] = [[1] * len(prompt) for prompt in kept.ids["prompt_ids"]]
    with _room() as folder:
        arguments = CPOConfig(
            **_arguments(settings, seed, folder),
            loss_type="simpo",
            beta=settings.beta,
            simpo_gamma=settings.gamma,
            cpo_alpha=settings.sft_weight,
        )
        data = Dataset.from_dict(columns)
        trainer = CPO(model, args=arguments, train_dataset=data, processing_class=tokenizer)
        return _run(trainer, kept, settings, seed, grouped=settings.sft_weight == 0)


def _arguments(settings: Settings, seed: int, folder: str) -> dict[str, Any]:
    """Settings every TRL trainer takes, in TRL's names. On a GPU: bf16, and what TRL does by default."""
    on_cpu: dict[str, Any] = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False}
    by_device = {"bf16": True} if torch.cuda.is_available() else {**on_cpu, "dataloader_pin_memory": False}
    return {
        "output_dir": folder,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.schedule,
        "warmup_steps": settings.warmup,
        "per_device_train_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.accumulate,
        "num_train_epochs": settings.epochs,
        "max_steps": settings.max_steps,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "max_length": settings.max_length,
        "seed": seed,
        "optim": "adamw_torch_fused",
        "logging_steps": 0.05,
        "logging_nan_inf_filter": False,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
        "remove_unused_columns": False,
        **by_device,
    }


@contextmanager
def _room() -> Iterator[str]:
    """A throw-away output folder; bars and the warnings that libraries give each other are kept from the user."""
    import datasets

    shown = not datasets.are_progress_bars_disabled()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datasets.disable_progress_bars()
        try:
            yield folder
        finally:
            if shown:
                datasets.enable_progress_bars()


def _run(trainer: Any, kept: Kept, settings: Settings, seed: int, *, grouped: bool) -> TrainLog:
    """Train, and leave the model as a model: in evaluation mode, without gradients or TRL's forward."""
    from transformers.trainer_callback import PrinterCallback

    from rapo.training.trainers import LengthBatches, lean_head

    rows_a_step = settings.batch_size * settings.accumulate * trainer.args.world_size
    trainer.order = LengthBatches(kept.lengths, rows_a_step, seed=seed, grouped=grouped)
    trainer.remove_callback(PrinterCallback)
    model = trainer.model
    started = time.monotonic()
    try:
        with fast_cpu.fast(model), lean_head(model):
            trainer.train()
    finally:
        seconds = time.monotonic() - started
        vars(model).pop("forward", None)
        model.zero_grad(set_to_none=True)
        model.eval()
    history = [dict(entry) for entry in trainer.state.log_history if "loss" in entry]
    tokens = round(kept.tokens * (trainer.state.epoch or 0))
    return TrainLog(history, tokens, seconds, trainer.state.global_step, kept.dropped)
