"""One run of the study of objectives: train the base on a data set with any of TRL's objectives.

Each function is what `rapo.runs.queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rapo.scoring.tokens import PAIR, Rows, tokenise
from rapo.studies.common import trainers
from rapo.studies.common.micro_pairs import pairs
from rapo.studies.common.micro_runs import train_on
from rapo.training import train
from rapo.world import data


def train_objective(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """`train_on` the annotators' pairs with the objective that ``config`` names (see `trainer_of`)."""
    table = pairs(data.make_world(config["world"]), config["pairs"], seed=config["seed"])
    return train_on(table, config, folder, needs, trainer=trainer_of(config))


def trainer_of(config: Mapping[str, Any]) -> trainers.Trainer:
    """The trainer of an objective: ``trainer`` of the config; DPO may have a ``length_penalty``, which makes it R-DPO.

    Raises:
        ValueError: the trainer is unknown.
    """
    if penalty := config.get("length_penalty", 0):
        return partial(train_r_dpo, penalty=penalty), train.DPOSettings
    own: dict[str, trainers.Trainer] = {
        "kto": (train.train_kto, train.KTOSettings),
        "orpo": (train.train_orpo, train.ORPOSettings),
    }
    return own.get(config["trainer"]) or trainers.trainer_of(config)


def train_r_dpo(
    model: Any,
    tokenizer: Any,
    rows: Rows,
    *,
    settings: train.DPOSettings,
    seed: int,
    penalty: float,
    reference: Any = None,
) -> train.TrainLog:
    """R-DPO (arXiv:2403.19159): DPO with `shifted` reference log-probabilities."""
    known = train.reference_logprobs(model, tokenizer, rows) if reference is None else reference
    moved = shifted(known, tokenizer, rows, penalty=penalty, beta=settings.beta)
    return train.train_dpo(model, tokenizer, rows, settings=settings, seed=seed, reference=moved)


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
