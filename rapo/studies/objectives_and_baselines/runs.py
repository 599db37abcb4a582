"""One run of the study of objectives: score a data set once, train the base on it with any of TRL's objectives.

Each function is what `rapo.runs.queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rapo.models import tiny
from rapo.scoring.tokens import PAIR, Rows, tokenise
from rapo.studies.common import micro_runs
from rapo.training import train as training
from rapo.world import data

TRAINERS = ("dpo", "simpo", "kto", "orpo", "sft")


def score(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """The base's log-probabilities of a seed's rows, which every objective and setting shares: reference.npy."""
    model, tokenizer = tiny.load(needs["base"] / "model")
    rows = _rows(config)
    np.save(folder / "reference.npy", training.reference_logprobs(model, tokenizer, rows))
    return {"rows": len(rows)}


def train(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train the base on ``config["data"]`` (see `rows_of`) with ``config["trainer"]`` (see `fit`)."""
    model, tokenizer = tiny.load(needs["base"] / "model")
    rows = _rows(config)
    reference = np.load(needs["reference"] / "reference.npy") if "reference" in needs else None
    log = fit(model, tokenizer, rows, config, reference=reference)
    tiny.save(model, tokenizer, folder / "model")
    sequences = len(rows) * (1 if config["trainer"] == "sft" else 2) * config["training"].get("epochs", 1)
    loss = [entry["loss"] for entry in log.history]
    return {"rows": len(rows), "sequences": sequences, "tokens": log.tokens, "steps": log.steps, "loss": loss}


def _rows(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    table = micro_runs.pairs(data.make_world(config["world"]), config["pairs"], seed=config["seed"])
    return rows_of(table, config["data"], placement=micro_runs.PLACEMENT[config["architecture"]])


def rows_of(table: pa.Table, kind: str, *, placement: str) -> list[dict[str, Any]]:
    """Rows for TRL made of scored pairs.

    Args:
        table: scored pairs of the micro world.
        kind: "uf" (the pairs), "ra" (relabelled), "best" (the chosen responses, to be imitated) or "own score" (both
            responses, each to be imitated under its own score, as in SteerLM and DPA).
        placement: where a goal stands.

    Raises:
        ValueError: the kind is unknown.
    """
    if kind in ("uf", "ra"):
        return micro_runs.training_rows(table, kind, placement=placement, seed=0)
    if kind == "best":
        return micro_runs.training_rows(table, "sft", placement=placement, seed=0)
    if kind == "own score":
        # Of relabelled rows, the preferred response is the one that the goal is the score of.
        new = micro_runs.training_rows(table, "ra", placement=placement, seed=0)
        return [{"prompt": row["prompt"], "completion": row["chosen"]} for row in new]
    raise ValueError(f"data is {kind!r}; use 'uf', 'ra', 'best' or 'own score'")


def fit(model: Any, tokenizer: Any, rows: Rows, config: Mapping[str, Any], *, reference: Any) -> training.TrainLog:
    """Train a model in place with the trainer that a config names.

    Args:
        model: the base.
        tokenizer: its tokenizer.
        rows: of `rows_of`.
        config: ``trainer``, ``training`` (its settings) and ``seed``; for "dpo" maybe ``length_penalty``.
        reference: log-probabilities for "dpo" and "kto"; None: those of the model as it stands.

    Raises:
        ValueError: the trainer is unknown.
    """
    trainer, options, seed = config["trainer"], dict(config["training"]), config["seed"]
    if trainer == "sft":
        return training.train_sft(model, tokenizer, rows, settings=training.Settings(**options), seed=seed)
    if trainer == "simpo":
        simpo = training.SimPOSettings(**options)
        return training.train_simpo(model, tokenizer, rows, settings=simpo, seed=seed)
    if trainer == "dpo":
        settings = training.DPOSettings(**options)
        if penalty := config.get("length_penalty", 0):
            known = training.reference_logprobs(model, tokenizer, rows) if reference is None else reference
            reference = shifted(known, tokenizer, rows, penalty=penalty, beta=settings.beta)
        return training.train_dpo(model, tokenizer, rows, settings=settings, seed=seed, reference=reference)
    from rapo.training import objectives as own

    if trainer == "kto":
        kto = own.KTOSettings(**options)
        return own.train_kto(model, tokenizer, rows, settings=kto, seed=seed, reference=reference)
    if trainer == "orpo":
        return own.train_orpo(model, tokenizer, rows, settings=own.ORPOSettings(**options), seed=seed)
    raise ValueError(f"trainer is {trainer!r}; use one of {', '.join(TRAINERS)}")


def shifted(reference: Any, tokenizer: Any, rows: Rows, *, penalty: float, beta: float) -> np.ndarray:
    """Reference log-probabilities that make DPO's loss that of R-DPO (arXiv:2403.19159).

    R-DPO maximises reward less ``penalty`` * tokens, so that its implicit reward is
    beta * log(pi / pi_ref) + penalty * tokens = beta * (log pi - (log pi_ref - penalty / beta * tokens)): the second
    bracket is what is returned, and DPO on it is R-DPO exactly.

    Args:
        reference: nats, chosen first. Shape: (n_rows, 2)
        tokenizer: counts the tokens of a response, its end included.
        rows: mappings with ``prompt``, ``chosen`` and ``rejected`` (messages).
        penalty: alpha, in units of reward a token.
        beta: of DPO.

    Returns:
        Nats. Shape: (n_rows, 2)
    """
    ids = tokenise(tokenizer, rows)
    tokens = np.array([[len(answer) for answer in ids[f"{side}_ids"]] for side in PAIR]).T
    return np.asarray(reference, dtype=float) - penalty / beta * tokens
