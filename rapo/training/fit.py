"""One run of any of TRL's trainers: its arguments, a throw-away folder, the loop, and the model as a model again."""

import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from rapo.models import fast_cpu
from rapo.training.batches import LengthBatches
from rapo.training.rows import Kept
from rapo.training.settings import Settings, TrainLog


def fit(
    trainer: Any,
    model: Any,
    tokenizer: Any,
    columns: Mapping[str, Any],
    *,
    kept: Kept,
    settings: Settings,
    seed: int,
    by_length: bool = True,
) -> TrainLog:
    """Train a model in place; it is left in evaluation mode, without gradients or TRL's forward.

    Args:
        trainer: a class of `rapo.training.trainers`.
        model, tokenizer: a causal LM and what its rows were tokenised with.
        columns: the rows as the trainer takes them. Shape of each: (n_rows,)
        kept: their lengths, their number of tokens, and what was dropped.
        settings, seed: the trainer's own; the seed is that of the rows' order.
        by_length: whether batches hold rows of like length: not where a loss is a mean over each batch's own tokens,
            among which those of short answers would weigh more.
    """
    from datasets import Dataset
    from transformers.trainer_callback import PrinterCallback

    from rapo.training.trainers import lean_head

    with quiet_folder() as folder:
        given = trainer.config(**arguments(settings, seed=seed, folder=folder))
        data = Dataset.from_dict(dict(columns))
        made = trainer(model, args=given, train_dataset=data, processing_class=tokenizer)
        rows_a_step = settings.batch_size * settings.accumulate * given.world_size
        made.order = LengthBatches(kept.lengths, rows_a_step, seed=seed, grouped=by_length)
        made.remove_callback(PrinterCallback)
        model, started = made.model, time.monotonic()
        try:
            with fast_cpu.fast(model), lean_head(model):
                made.train()
        finally:
            seconds = time.monotonic() - started
            vars(model).pop("forward", None)
            model.zero_grad(set_to_none=True)
            model.eval()
    history = [dict(entry) for entry in made.state.log_history if "loss" in entry]
    tokens = round(kept.tokens * (made.state.epoch or 0))
    return TrainLog(history, tokens, seconds, made.state.global_step, kept.dropped)


def arguments(settings: Settings, *, seed: int, folder: str) -> dict[str, Any]:
    """Arguments of a TRL trainer. On a GPU: bf16, and what TRL does by default."""
    on_cpu = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False, "dataloader_pin_memory": False}
    return {
        **settings.options(),
        "output_dir": folder,
        "seed": seed,
        "optim": "adamw_torch_fused",
        "logging_steps": 0.05,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "remove_unused_columns": False,
        **({"bf16": True} if torch.cuda.is_available() else on_cpu),
    }


@contextmanager
def quiet_folder() -> Iterator[str]:
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
