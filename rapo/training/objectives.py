"""KTO and ORPO by TRL's own trainers, fed as `rapo.training.train` feeds DPO and SimPO; importing this imports TRL.

What differs from TRL is where rows come from and in what order (see `rapo.training.trainers`).
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from trl import KTOConfig, KTOTrainer

from rapo.models import fast_cpu
from rapo.scoring.lm_head import logprobs_of
from rapo.scoring.sequences import CPU_BUDGET, CUDA_BUDGET, Completion, logprob_sums
from rapo.training import train
from rapo.training.rows import PAIR, Rows, keep
from rapo.training.settings import Settings, TrainLog
from rapo.training.trainers import LengthBatches, _Fed

with warnings.catch_warnings():  # TRL announces that this part of it may change
    warnings.simplefilter("ignore")
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

Ids = Mapping[str, Sequence[list[int]]]


@dataclass(frozen=True)
class KTOSettings(Settings):
    """KTO (arXiv:2402.01306), desirable and undesirable responses weighing alike.

    Attributes:
        beta: strength of the pull towards the reference. ``batch_size`` counts pairs.
    """

    beta: float = 1.0


@dataclass(frozen=True)
class ORPOSettings(Settings):
    """ORPO (arXiv:2403.07691): the likelihood of prompt and chosen response, and an odds ratio; no reference.

    Attributes:
        beta: weight of the odds ratio, the paper's lambda.
    """

    beta: float = 1.0


class KTO(KTOTrainer):
    """TRL's KTOTrainer for rows that are tokenised, in order, and hold reference log-probabilities.

    It reads rows in their order, the same in every epoch: a row's KL term is estimated from its batch.
    """

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:
        return dataset

    def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
        return dataset


class ORPO(_Fed, ORPOTrainer):
    """TRL's ORPOTrainer for rows that are tokenised."""

    def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, Any]:
        """The row as it is."""
        return feature


def train_kto(
    model: Any, tokenizer: Any, rows: Rows, *, settings: KTOSettings, seed: int, reference: Any = None
) -> TrainLog:
    """KTO with TRL's KTOTrainer on both responses of every pair. The model is trained in place.

    Args:
        model: a causal LM at its reference state.
        tokenizer: its tokenizer, with a chat template.
        rows: mappings with ``prompt``, ``chosen`` and ``rejected`` (messages).
        settings: beta and so on.
        seed: order of the rows.
        reference: as `rapo.training.train.train_dpo` takes it; None: log-probabilities of the model as it stands.

    Raises:
        ValueError: there are no rows, a row is too long, or ``reference`` has another shape.
    """
    from datasets import Dataset

    kept = keep(train.tokenise(tokenizer, rows, sides=PAIR), rows, settings)
    known = train._given(reference, len(rows))[kept.places] if reference is not None else None
    values = train._reference(model, kept.ids) if known is None else known
    order = list(LengthBatches(kept.lengths, settings.batch_size, seed=seed))
    columns = unpaired(kept.ids, values, order, batch_size=settings.batch_size)
    columns["ref_KL_logps"] = _sums(model, columns["prompt_ids"], columns["KL_completion_ids"])
    with train._room() as folder:
        single = replace(settings, batch_size=2 * settings.batch_size)
        arguments = KTOConfig(
            **train._arguments(single, seed, folder), beta=settings.beta, precompute_ref_log_probs=True
        )
        data = Dataset.from_dict(columns)
        trainer = KTO(model, args=arguments, train_dataset=data, processing_class=tokenizer)
        return train._run(trainer, kept, settings, seed, grouped=True)


def unpaired(ids: Ids, reference: np.ndarray, order: Sequence[int], *, batch_size: int) -> dict[str, Any]:
    """Pairs as single labelled responses, in the order in which KTO reads them.

    Of each batch of pairs the chosen responses come first, then the rejected ones. A row's KL completion is the
    response before it in the batch, which then belongs to another prompt (unless a batch holds a single pair).

    Args:
        ids: token ids of prompts and responses, as `rapo.training.train.tokenise` gives them.
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


def _sums(model: Any, prompts: Sequence[list[int]], answers: Sequence[list[int]]) -> list[float]:
    """Log-probability sums of answers to prompts, in nats."""
    wholes = [Completion([*prompt, *answer], len(prompt)) for prompt, answer in zip(prompts, answers, strict=True)]
    budget = CPU_BUDGET if model.device.type == "cpu" else CUDA_BUDGET
    model.eval()
    with fast_cpu.fast(model):
        return logprob_sums(model, logprobs_of(model), wholes, budget=budget).tolist()


def train_orpo(model: Any, tokenizer: Any, rows: Rows, *, settings: ORPOSettings, seed: int) -> TrainLog:
    """ORPO with TRL's ORPOTrainer. The model is trained in place.

    Args:
        model: a causal LM.
        tokenizer: its tokenizer, with a chat template.
        rows: mappings with ``prompt``, ``chosen`` and ``rejected`` (messages).
        settings: beta and so on.
        seed: order of the rows.

    Raises:
        ValueError: there are no rows, or a row is too long.
    """
    from datasets import Dataset

    kept = keep(train.tokenise(tokenizer, rows, sides=PAIR), rows, settings)
    with train._room() as folder:
        arguments = ORPOConfig(**train._arguments(settings, seed, folder), beta=settings.beta)
        data = Dataset.from_dict(labelled(kept.ids))
        trainer = ORPO(model, args=arguments, train_dataset=data, processing_class=tokenizer)
        # Its likelihood is a mean over a batch's tokens: among batches of like length short answers would weigh more.
        return train._run(trainer, kept, settings, seed, grouped=False)


def labelled(ids: Ids) -> dict[str, Any]:
    """Prompts and responses in one, as TRL's experimental trainers take tokenised pairs; prompts have label -100."""
    prompts = ids["prompt_ids"]
    columns: dict[str, Any] = {
        "prompt_input_ids": prompts,
        "prompt_attention_mask": [[1] * len(prompt) for prompt in prompts],
    }
    for side in PAIR:
        pairs = list(zip(prompts, ids[f"{side}_ids"], strict=True))
        columns[f"{side}_input_ids"] = [[*prompt, *answer] for prompt, answer in pairs]
        columns[f"{side}_attention_mask"] = [[1] * len(prompt + answer) for prompt, answer in pairs]
        columns[f"{side}_labels"] = [[-100] * len(prompt) + answer for prompt, answer in pairs]
    return columns
