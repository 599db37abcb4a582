"""Training through TRL's own trainers, with the overhead that a tiny model would feel taken away.

Rows are tokenised once, by `tokenise`; reference log-probabilities come with the rows where they are known: no
reference model is held and nothing is computed twice when the learning rate, beta or folder change (trl#3985).
"""

import logging
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What SFT and preference training share.

    Attributes:
        learning_rate: peak of a cosine schedule.
        warmup: share of the steps that warm up.
        batch_size: rows (pairs) a step.
        epochs: passes over the data.
        max_steps: overrides epochs where positive.
        max_length: tokens of prompt and completion together; longer rows are an error here, never cut.
    """

    learning_rate: float = 1e-4
    warmup: float = 0.1
    batch_size: int = 32
    epochs: float = 1.0
    max_steps: int = -1
    max_length: int = 512
    weight_decay: float = 0.0


@dataclass(frozen=True)
class DPOSettings(Settings):
    """Direct alignment with TRL's DPO trainer.

    Attributes:
        beta: strength of the pull towards the reference.
        loss_type: names that TRL knows ("sigmoid", "ipo", "hinge", ...), summed with ``loss_weights``.
        label_smoothing: chance that a label is wrong, for the losses that use it.
    """

    beta: float = 0.3
    loss_type: tuple[str, ...] = ("sigmoid",)
    loss_weights: tuple[float, ...] = (1.0,)
    label_smoothing: float = 0.0


@dataclass
class TrainLog:
    """What a training run says of itself: the logged history, trained tokens and seconds."""

    history: list[dict[str, float]] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0
    steps: int = 0

    @property
    def tokens_per_second(self) -> float:
        """Trained tokens, prompt included, per second."""
        return self.tokens / self.seconds if self.seconds else float("nan")


def _ids(tokenizer: Any, messages: list[list[dict[str, str]]], *, prompt: bool) -> list[list[int]]:
    return tokenizer.apply_chat_template(messages, add_generation_prompt=prompt, return_dict=False)


def tokenise(
    tokenizer: Any, rows: Sequence[Mapping[str, Any]], *, sides: Sequence[str]
) -> dict[str, list[list[int]]]:
    """Token ids of prompts and of each side ("completion", or "chosen" and "rejected"), split by structure.

    Raises:
        ValueError: a rendered prompt is not a prefix of prompt and answer (the template renders them differently).
    """
    prompts = _ids(tokenizer, [row["prompt"] for row in rows], prompt=True)
    out: dict[str, list[list[int]]] = {"prompt_ids": prompts}
    for side in sides:
        whole = _ids(tokenizer, [[*row["prompt"], *row[side]] for row in rows], prompt=False)
        for i, (start, both) in enumerate(zip(prompts, whole, strict=True)):
            if both[: len(start)] != start:
                raise ValueError(f"row {i}: the chat template renders the prompt differently with an answer")
        out[f"{side}_ids"] = [both[len(start) :] for start, both in zip(prompts, whole, strict=True)]
    return out


def _check_lengths(lengths: Sequence[int], limit: int) -> None:
    long = [i for i, length in enumerate(lengths) if length > limit]
    if long:
        raise ValueError(
            f"{len(long)} rows are longer than max_length={limit} tokens (first: row {long[0]} with "
            f"{lengths[long[0]]}); raise max_length or drop them, TRL would cut or drop them silently"
        )


def _arguments(settings: Settings, seed: int, folder: str) -> dict[str, Any]:
    """Settings every TRL trainer takes, in TRL's names."""
    cuda = torch.cuda.is_available()
    return {
        "output_dir": folder,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": settings.warmup,
        "per_device_train_batch_size": settings.batch_size,
        "num_train_epochs": settings.epochs,
        "max_steps": settings.max_steps,
        "weight_decay": settings.weight_decay,
        "max_length": settings.max_length,
        "seed": seed,
        "use_cpu": not cuda,
        "bf16": cuda,
        "gradient_checkpointing": False,
        "optim": "adamw_torch_fused",
        "logging_steps": 0.05,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
        "dataloader_pin_memory": cuda,
        "train_sampling_strategy": "group_by_length",
        "length_column_name": "length",
        "remove_unused_columns": False,
        "logging_nan_inf_filter": False,
    }


def _run(trainer: Any, tokens: int) -> TrainLog:
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train()
    history = [dict(entry) for entry in trainer.state.log_history if "loss" in entry]
    steps = trainer.state.global_step
    return TrainLog(history, tokens, time.monotonic() - started, steps)


def train_sft(
    model: Any, tokenizer: Any, rows: Sequence[Mapping[str, Any]], *, settings: Settings, seed: int
) -> TrainLog:
    """Supervised fine-tuning with TRL's SFTTrainer, loss on the completion only. The model is trained in place.

    Args:
        model: a causal LM.
        tokenizer: its tokenizer, with a chat template.
        rows: mappings with ``prompt`` and ``completion`` (messages).
        settings: learning rate and so on.
        seed: order of the rows.

    Raises:
        ValueError: a row is too long.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    ids = tokenise(tokenizer, rows, sides=["completion"])
    pairs = list(zip(ids["prompt_ids"], ids["completion_ids"], strict=True))
    lengths = [len(prompt) + len(answer) for prompt, answer in pairs]
    _check_lengths(lengths, settings.max_length)
    data = Dataset.from_dict(
        {
            "input_ids": [prompt + answer for prompt, answer in pairs],
            "labels": [[-100] * len(prompt) + answer for prompt, answer in pairs],
            "length": lengths,
        }
    )
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = SFTConfig(**_arguments(settings, seed, folder), dataset_kwargs={"skip_prepare_dataset": True})
        trainer = SFTTrainer(model, args=arguments, train_dataset=data, processing_class=tokenizer)
        return _run(trainer, int(sum(lengths) * settings.epochs))


def train_dpo(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Mapping[str, Any]],
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
        reference: log-probability sums of the reference model, in nats. Shape: (n_rows, 2), chosen first. Computed
            here from the model as it stands, without a copy of it, when None.

    Raises:
        ValueError: a row is too long, or ``reference`` has another shape.
    """
    import numpy as np
    from datasets import Dataset
    from trl import DPOConfig

    ids = tokenise(tokenizer, rows, sides=["chosen", "rejected"])
    triples = list(zip(ids["prompt_ids"], ids["chosen_ids"], ids["rejected_ids"], strict=True))
    lengths = [len(p) + max(len(c), len(r)) for p, c, r in triples]
    _check_lengths(lengths, settings.max_length)
    columns: dict[str, Any] = {**ids, "length": lengths}
    if reference is not None:
        reference = np.asarray(reference, dtype=float)
        if reference.shape != (len(rows), 2):
            raise ValueError(f"reference has shape {reference.shape}; give ({len(rows)}, 2): chosen, rejected")
        columns |= {"ref_chosen_logps": reference[:, 0], "ref_rejected_logps": reference[:, 1]}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = DPOConfig(
            **_arguments(settings, seed, folder),
            beta=settings.beta,
            loss_type=list(settings.loss_type),
            loss_weights=list(settings.loss_weights),
            label_smoothing=settings.label_smoothing,
            precompute_ref_log_probs=True,
            precompute_ref_batch_size=128,
        )
        trainer = _dpo_trainer()(
            model, args=arguments, train_dataset=Dataset.from_dict(columns), processing_class=tokenizer
        )
        tokens = sum(2 * len(p) + len(c) + len(r) for p, c, r in triples)
        return _run(trainer, int(tokens * settings.epochs))


def _dpo_trainer() -> Any:
    """TRL's DPOTrainer, which takes rows as they are when they are tokenised or scored already."""
    from trl import DPOTrainer

    class Trainer(DPOTrainer):
        def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:
            return dataset

        def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
            if "ref_chosen_logps" in dataset.column_names:
                return dataset
            return super()._precompute_ref_logps(dataset, name, batch_size)

    return Trainer
