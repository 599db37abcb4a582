"""One training as every study does it: which trainer an arm's config names, with which options, and what is told."""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np

from rapo.studies.common.rows import IMITATED
from rapo.training import train

Trainer = tuple[Callable[..., train.TrainLog], type[train.Settings]]
TRAINERS: dict[str, Trainer] = {
    "sft": (train.train_sft, train.Settings),
    "dpo": (train.train_dpo, train.DPOSettings),
    "simpo": (train.train_simpo, train.SimPOSettings),
}


def trainer_of(config: Mapping[str, Any]) -> Trainer:
    """The trainer that a run's config names: ``trainer``, else DPO; SFT for data that is imitated.

    Raises:
        ValueError: the trainer is unknown.
    """
    named = "sft" if config["arm"]["data"] in IMITATED else config.get("trainer", "dpo")
    if named not in TRAINERS:
        raise ValueError(f"trainer is {named!r}; use one of {', '.join(TRAINERS)}")
    return TRAINERS[named]


def options_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the trainer: ``training`` of a run's config, with the arm's own ``epochs``."""
    epochs = {"epochs": config["arm"]["epochs"]} if "epochs" in config["arm"] else {}
    return {**config["training"], **epochs}


def takes_reference(trainer: Trainer, options: Mapping[str, Any]) -> bool:
    """Whether a trainer can be given the base's sums: LD-DPO cannot, which weighs tokens before it sums them."""
    return "reference" in signature(trainer[0]).parameters and "ld_alpha" not in options


def train_rows(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Mapping[str, Any]],
    *,
    trainer: Trainer,
    options: Mapping[str, Any],
    seed: int,
    reference: np.ndarray | None = None,
) -> dict[str, Any]:
    """Train a model in place and tell what came of it.

    Args:
        model, tokenizer, rows, seed: as `rapo.training.train` takes them.
        trainer: of `TRAINERS`, or one like them.
        options: of its settings.
        reference: log-probabilities, for a trainer that takes them. Shape: (n_rows, 2)

    Returns:
        ``rows``, ``dropped`` (rows that are too long), ``sequences`` (responses trained on, each as often as it
        is), ``steps``, ``tokens``, ``tokens_per_second``, ``loss`` and ``accuracy`` (as often as they were logged).
    """
    train_with, settings = trainer
    known = {} if reference is None else {"reference": reference}
    log = train_with(model, tokenizer, rows, settings=settings(**options), seed=seed, **known)
    responses = 1 if "completion" in rows[0] else 2
    return {
        "rows": len(rows),
        "dropped": len(log.dropped),
        "sequences": responses * len(rows) * options.get("epochs", 1),
        "steps": log.steps,
        "tokens": log.tokens,
        "tokens_per_second": log.tokens_per_second,
        "loss": [entry["loss"] for entry in log.history],
        "accuracy": [entry["rewards/accuracies"] for entry in log.history if "rewards/accuracies" in entry],
    }
