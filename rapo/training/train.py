"""Training through TRL's own trainers, with the overhead that a tiny model would feel taken away.

Rows are tokenised once, as TRL does it; reference log-probabilities come with the rows or are computed once, so that
no reference model is held (trl#3985). Importing this does not import TRL.
"""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from rapo.scoring import binding
from rapo.scoring.sequences import completion_logprobs
from rapo.scoring.tokens import PAIR, Ids, Rows, completions, tokenise
from rapo.training.batches import LengthBatches
from rapo.training.fit import fit
from rapo.training.rows import Kept, joined, joined_pairs, listed, name, prepare, scored
from rapo.training.settings import (
    DPOSettings,
    KTOSettings,
    ORPOSettings,
    Settings,
    SimPOSettings,
    TrainLog,
    idle_smoothing,
)  # fmt: skip

_log = logging.getLogger(__name__)

__all__ = [
    "DPOSettings", "KTOSettings", "ORPOSettings", "Settings", "SimPOSettings", "TrainLog", "reference_logprobs",
    "train_dpo", "train_kto", "train_orpo", "train_sft", "train_simpo", "unpaired",
]  # fmt: skip


def reference_logprobs(model: Any, tokenizer: Any, rows: Rows) -> np.ndarray:
    """Log-probability sums (nats) of both responses, chosen first, as `train_dpo` takes them. Shape: (n_rows, 2)"""
    return _sums(model, tokenise(tokenizer, rows))


def _sums(model: Any, ids: Ids) -> np.ndarray:
    both = [one for side in PAIR for one in completions(ids, side)[0]]
    return completion_logprobs(model, both).reshape(2, -1).T


def _reference(model: Any, kept: Kept, reference: Any, n_rows: int) -> np.ndarray:
    """The reference sums of the rows that are kept: those given for all rows, or those of the model as it stands."""
    if reference is None:
        return _sums(model, kept.ids)
    values = np.asarray(reference, dtype=float)
    if values.shape != (n_rows, 2):
        raise ValueError(f"reference has shape {values.shape}; give ({n_rows}, 2): chosen, rejected")
    return values[kept.places]


def train_sft(model: Any, tokenizer: Any, rows: Rows, *, settings: Settings, seed: int) -> TrainLog:
    """Supervised fine-tuning with TRL's SFTTrainer, loss on the completion only.

    Args:
        model: a causal LM, trained in place.
        tokenizer: with a chat template.
        rows: mappings with ``prompt`` and ``completion``, lists of messages, or an Arrow table of them.
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

    Args:
        model: a causal LM, trained in place.
        tokenizer: with a chat template.
        rows: mappings with ``prompt``, ``chosen`` and ``rejected``, lists of messages, or an Arrow table of them. Where
            they bring log-probabilities (`rapo score --trl`), these are the reference's, once they are known to be
            of this model, tokenizer, chat template and max_length, and of these rows.
        settings: `rapo.training.settings.DPOSettings`.
        seed: of the order of the rows and of dropout.
        reference: log-probability sums of the reference model, in nats, chosen first: from `reference_logprobs` or
            `rapo.scoring.score.sums`. Shape: (n_rows, 2). None: those of the rows, or of the model as it stands.

    Returns:
        Steps, tokens, tokens per second and the history that the trainer logged.

    Raises:
        ValueError: there are no rows, a row is too long, a score is no number, ``reference`` has another shape or no
            number for a row, the rows' own log-probabilities were computed otherwise, or either is given for LD-DPO,
            which weighs tokens before it sums them.
    """
    from rapo.training.trainers import DPO

    rows = listed(rows)
    _check_reference(model, tokenizer, rows, settings, reference)
    if told := idle_smoothing(settings.label_smoothing, settings.loss_type):
        _log.warning("%s", told)
    kept = prepare(tokenizer, rows, settings)
    values = _reference(model, kept, scored(rows, kept, settings) or reference, len(rows))
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


def _check_reference(model: Any, tokenizer: Any, rows: Rows, settings: DPOSettings, reference: Any) -> None:
    """Refuse, before any work, what cannot serve as the reference of these rows."""
    if settings.ld_alpha is not None and reference is not None:
        raise ValueError("with ld_alpha, reference sums of whole responses do not serve; leave reference out")
    if not binding.is_bound(rows):
        return
    columns = ", ".join(binding.COLUMNS)
    if settings.ld_alpha is not None or reference is not None:
        given = (
            "with ld_alpha, sums of whole responses do not serve"
            if reference is None
            else "reference is given too"
        )
        raise ValueError(f"the rows bring reference log-probabilities, and {given}; drop the columns {columns}")
    here = binding.origin(max_length=settings.max_length, tokenizer=tokenizer, model=model)
    binding.check_origin(rows, here)


def _shared(ids: Ids) -> Ids:
    """Both responses cut to the length of the shorter."""
    shared = [min(map(len, both)) for both in zip(*(ids[f"{side}_ids"] for side in PAIR), strict=True)]
    cut = {f"{side}_ids": [a[:n] for a, n in zip(ids[f"{side}_ids"], shared, strict=True)] for side in PAIR}
    return {**ids, **cut}


def train_simpo(model: Any, tokenizer: Any, rows: Rows, *, settings: SimPOSettings, seed: int) -> TrainLog:
    """SimPO with TRL's CPOTrainer.

    Args:
        model: a causal LM, trained in place.
        tokenizer: with a chat template.
        rows: mappings with ``prompt``, ``chosen`` and ``rejected``, lists of messages, or an Arrow table of
            them.
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


def train_kto(
    model: Any, tokenizer: Any, rows: Rows, *, settings: KTOSettings, seed: int, reference: Any = None
) -> TrainLog:
    """KTO with TRL's KTOTrainer on both responses of every pair. Arguments and errors are those of `train_dpo`, but
    log-probabilities that rows bring are not read."""
    from rapo.training.trainers import KTO

    kept = prepare(tokenizer, rows, settings)
    values = _reference(model, kept, reference, len(rows))
    order = list(LengthBatches(kept.lengths, settings.batch_size, seed=seed))
    columns = unpaired(kept.ids, values, order, batch_size=settings.batch_size)
    foreign = {"prompt_ids": columns["prompt_ids"], "foreign_ids": columns["KL_completion_ids"]}
    columns["ref_KL_logps"] = completion_logprobs(model, completions(foreign, "foreign")[0]).tolist()
    return fit(KTO, model, tokenizer, columns, kept=kept, settings=settings, seed=seed)


def unpaired(ids: Ids, reference: np.ndarray, order: Sequence[int], *, batch_size: int) -> dict[str, Any]:
    """Pairs as single labelled responses, in the order in which KTO reads them.

    Of each batch of pairs the chosen responses come first, then the rejected ones. A row's KL completion is the
    response before it in the batch, which then belongs to another prompt (unless a batch holds a single pair).

    Args:
        ids: token ids of prompts and responses, as `rapo.scoring.tokens.tokenise` gives them.
        reference: log-probability sums of the reference, chosen first. Shape: (n_pairs, 2)
        order: pairs, in batches.
        batch_size: pairs of a batch.

    Returns:
        prompt_ids, completion_ids, KL_completion_ids, label and ref_logps. Shape of each: (2 * n_pairs,)
    """
    names = ("prompt_ids", "completion_ids", "KL_completion_ids", "label", "ref_logps")
    columns: dict[str, Any] = {name: [] for name in names}
    for start in range(0, len(order), batch_size):
        batch = list(order[start : start + batch_size])
        answers = [ids[f"{side}_ids"][i] for side in PAIR for i in batch]
        columns["prompt_ids"] += [ids["prompt_ids"][i] for _ in PAIR for i in batch]
        columns["completion_ids"] += answers
        columns["KL_completion_ids"] += [answers[-1], *answers[:-1]]
        columns["label"] += [side == "chosen" for side in PAIR for _ in batch]
        columns["ref_logps"] += reference[batch].T.ravel().tolist()
    return columns


def train_orpo(model: Any, tokenizer: Any, rows: Rows, *, settings: ORPOSettings, seed: int) -> TrainLog:
    """ORPO with TRL's ORPOTrainer. Arguments and errors are those of `train_simpo`."""
    from rapo.training.trainers import ORPO

    kept = prepare(tokenizer, rows, settings)
    return fit(
        ORPO, model, tokenizer, joined_pairs(kept.ids), kept=kept, settings=settings, seed=seed, by_length=False
    )
