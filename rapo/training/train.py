"""Training through TRL's own trainers, with the overhead that a tiny model would feel taken away.

Rows are tokenised once (`rapo.scoring.tokens.tokenise`, as TRL does it); reference log-probabilities come with the
rows or are computed once: no reference model is held, and nothing is computed twice when the learning rate, beta or
folder change (trl#3985). What is left of TRL's overhead is measured in tests/benchmarks/bench_training.py.

Each function trains ``model`` (a causal LM) in place on ``rows``: mappings of messages, tokenised with ``tokenizer``,
which needs a chat template, in an order that depends on ``seed``. Importing this does not import TRL.
"""

import logging
from typing import Any

import numpy as np

from rapo.scoring.sequences import completion_logprobs
from rapo.scoring.tokens import PAIR, Ids, Rows, completions, tokenise
from rapo.training.fit import fit
from rapo.training.rows import Kept, joined, joined_pairs, name, prepare
from rapo.training.settings import DPOSettings, Settings, SimPOSettings, TrainLog, idle_smoothing

_log = logging.getLogger(__name__)

__all__ = [
    "DPOSettings", "Settings", "SimPOSettings", "TrainLog", "reference_logprobs", "reference_of", "train_dpo",
    "train_sft", "train_simpo",
]  # fmt: skip


def reference_logprobs(model: Any, tokenizer: Any, rows: Rows) -> np.ndarray:
    """Log-probability sums of both responses under a model, as `train_dpo` takes them. The model is left as it is.

    Returns:
        Nats; chosen first. Shape: (n_rows, 2)
    """
    return _sums(model, tokenise(tokenizer, rows))


def _sums(model: Any, ids: Ids) -> np.ndarray:
    both = [one for side in PAIR for one in completions(ids, side)[0]]
    return completion_logprobs(model, both).reshape(2, -1).T


def reference_of(model: Any, kept: Kept, reference: Any, n_rows: int) -> np.ndarray:
    """The reference sums of the rows that are kept: those given for all rows, or those of the model as it stands.

    Raises:
        ValueError: ``reference`` has another shape than (n_rows, 2).
    """
    if reference is None:
        return _sums(model, kept.ids)
    values = np.asarray(reference, dtype=float)
    if values.shape != (n_rows, 2):
        raise ValueError(f"reference has shape {values.shape}; give ({n_rows}, 2): chosen, rejected")
    return values[kept.places]


def train_sft(model: Any, tokenizer: Any, rows: Rows, *, settings: Settings, seed: int) -> TrainLog:
    """Supervised fine-tuning with TRL's SFTTrainer, loss on the completion only.

    Rows hold ``prompt`` and ``completion``.

    Args:
        model: a causal LM, trained in place.
        tokenizer: with a chat template.
        rows: a list of mappings; responses and prompts are lists of messages.
        settings: `rapo.training.settings.Settings`.
        seed: of the order of the rows and of dropout.

    Returns:
        Steps, tokens, tokens per second and the history that the trainer logged.

    Raises:
        ValueError: there are no rows, or a row is too long.
    """
    from rapo.training.trainers import SFT

    kept = prepare(tokenizer, rows, settings, sides=["completion"])
    return fit(SFT, model, tokenizer, joined(kept.ids, "completion"), kept=kept, settings=settings, seed=seed)


def train_dpo(
    model: Any, tokenizer: Any, rows: Rows, *, settings: DPOSettings, seed: int, reference: Any = None
) -> TrainLog:
    """Direct alignment with TRL's DPOTrainer.

    Rows hold ``prompt``, ``chosen`` and ``rejected``.

    Args:
        model: a causal LM, trained in place.
        tokenizer: with a chat template.
        rows: a list of mappings; responses and prompts are lists of messages.
        settings: `rapo.training.settings.DPOSettings`.
        seed: of the order of the rows and of dropout.
        reference: log-probability sums of the reference model, in nats, chosen first: from `reference_logprobs` or
            `rapo.scoring.score.sums`. Shape: (n_rows, 2). None: those of the model as it stands.

    Returns:
        Steps, tokens, tokens per second and the history that the trainer logged.

    Raises:
        ValueError: there are no rows, a row is too long, ``reference`` has another shape or no number for a row, or
            is given for LD-DPO, which weighs tokens before it sums them.
    """
    from rapo.training.trainers import DPO

    if settings.ld_alpha is not None and reference is not None:
        raise ValueError("with ld_alpha, reference sums of whole responses do not serve; leave reference out")
    if told := idle_smoothing(settings.label_smoothing, settings.loss_type):
        _log.warning("%s", told)
    kept = prepare(tokenizer, rows, settings)
    values = reference_of(model, kept, reference, len(rows))
    if settings.ld_alpha is not None:
        values = settings.ld_alpha * values + (1 - settings.ld_alpha) * _sums(model, _shared(kept.ids))
    missing = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(missing):
        place = kept.places[missing[0]]
        raise ValueError(
            f"reference holds no number for row {name(rows[place], place)!r}; score it, or drop the row"
        )
    columns = {**kept.ids, "ref_chosen_logps": values[:, 0], "ref_rejected_logps": values[:, 1]}
    by_length = "sft" not in settings.loss_type
    return fit(DPO, model, tokenizer, columns, kept=kept, settings=settings, seed=seed, by_length=by_length)


def _shared(ids: Ids) -> Ids:
    """Both responses cut to the length of the shorter."""
    shared = [min(map(len, both)) for both in zip(*(ids[f"{side}_ids"] for side in PAIR), strict=True)]
    cut = {f"{side}_ids": [a[:n] for a, n in zip(ids[f"{side}_ids"], shared, strict=True)] for side in PAIR}
    return {**ids, **cut}


def train_simpo(model: Any, tokenizer: Any, rows: Rows, *, settings: SimPOSettings, seed: int) -> TrainLog:
    """SimPO with TRL's CPOTrainer.

    Rows hold ``prompt``, ``chosen`` and ``rejected``.

    Args:
        model: a causal LM, trained in place.
        tokenizer: with a chat template.
        rows: a list of mappings; responses and prompts are lists of messages.
        settings: `rapo.training.settings.SimPOSettings`.
        seed: of the order of the rows and of dropout.

    Returns:
        Steps, tokens, tokens per second and the history that the trainer logged.

    Raises:
        ValueError: there are no rows, or a row is too long.
    """
    from rapo.training.trainers import CPO

    kept = prepare(tokenizer, rows, settings)
    columns, by_length = joined_pairs(kept.ids), settings.sft_weight == 0
    return fit(CPO, model, tokenizer, columns, kept=kept, settings=settings, seed=seed, by_length=by_length)
