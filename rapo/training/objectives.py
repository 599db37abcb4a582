"""KTO and ORPO by TRL's own trainers, fed as `rapo.training.train` feeds DPO and SimPO; what is said there holds here.

Rows hold ``prompt``, ``chosen`` and ``rejected``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rapo.scoring.sequences import completion_logprobs
from rapo.scoring.tokens import PAIR, Ids, Rows, completions
from rapo.training.batches import LengthBatches
from rapo.training.fit import fit
from rapo.training.rows import joined_pairs, prepare
from rapo.training.settings import KTOSettings, ORPOSettings, TrainLog
from rapo.training.train import reference_of

__all__ = ["KTOSettings", "ORPOSettings", "train_kto", "train_orpo", "unpaired"]


def train_kto(
    model: Any, tokenizer: Any, rows: Rows, *, settings: KTOSettings, seed: int, reference: Any = None
) -> TrainLog:
    """KTO with TRL's KTOTrainer on both responses of every pair.

    Args:
        model, tokenizer, rows, settings, seed: as in `rapo.training.train`; the model stands at its reference state.
        reference: as `rapo.training.train.train_dpo` takes it.

    Raises:
        ValueError: there are no rows, a row is too long, or ``reference`` has another shape.
    """
    from rapo.training.trainers import KTO

    kept = prepare(tokenizer, rows, settings)
    values = reference_of(model, kept, reference, len(rows))
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
    """ORPO with TRL's ORPOTrainer.

    Raises:
        ValueError: there are no rows, or a row is too long.
    """
    from rapo.training.trainers import ORPO

    kept = prepare(tokenizer, rows, settings)
    columns = joined_pairs(kept.ids)
    return fit(ORPO, model, tokenizer, columns, kept=kept, settings=settings, seed=seed, by_length=False)
