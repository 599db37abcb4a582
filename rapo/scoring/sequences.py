"""Score token sequences with a causal LM: batches of like length within a budget of tokens, completions only."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rapo.models import fast_cpu
from rapo.scoring.lm_head import LogProbs, backbone_of, logprobs_of

_log = logging.getLogger(__name__)

CPU_BUDGET, CUDA_BUDGET = 2048, 16384


def budget_of(device: str) -> int:
    """Tokens in a batch where nobody says how many."""
    return CUDA_BUDGET if device.startswith("cuda") else CPU_BUDGET


@dataclass(frozen=True)
class Completion:
    """A sequence of prompt and completion, of which the end is scored."""

    ids: list[int]
    start: int  # position of the first scored token; at least 1, since nothing predicts position 0

    @property
    def tokens(self) -> int:
        """Number of scored tokens; 0 where the prompt alone fills the context."""
        return max(len(self.ids) - self.start, 0)


def plan(lengths: Sequence[int], *, budget: int) -> list[list[int]]:
    """Indices of sequences in batches, longest first: rows times longest row is at most ``budget`` tokens.

    A sequence that is longer than the budget has a batch of its own. The longest come first, so that a lack of
    memory shows at once.

    >>> plan([3, 9, 4, 3], budget=8)
    [[1], [2, 0], [3]]
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    batches, at = [], 0
    while at < len(order):
        size = max(1, budget // max(lengths[order[at]], 1))
        batches.append(order[at : at + size])
        at += size
    return batches


@torch.no_grad()
def logprob_sums(
    model: Any,
    logprobs: LogProbs,
    completions: Sequence[Completion],
    *,
    budget: int,
    tick: Callable[[int], object] = lambda _: None,
) -> np.ndarray:
    """Sum of the log-probabilities of each completion's tokens.

    Args:
        model: a causal LM in evaluation mode.
        logprobs: its head, from `rapo.scoring.lm_head.logprobs_of`.
        completions: what to score; a ValueError where a token id lies outside the model's vocabulary.
        budget: tokens in a batch, padding included; a batch that does not fit the device is done in halves.
        tick: called with the number of sequences after each batch.

    Returns:
        Nats, summed in fp64; NaN where there is no token to score. Shape: (n_completions,)
    """
    sums = np.full(len(completions), np.nan)
    scored = [i for i, completion in enumerate(completions) if completion.tokens]
    _check_ids(model, [completions[i] for i in scored])
    tick(len(completions) - len(scored))
    for batch in plan([len(completions[i].ids) for i in scored], budget=budget):
        chosen = [scored[i] for i in batch]
        sums[chosen] = _within_memory(model, logprobs, [completions[i] for i in chosen])
        tick(len(chosen))
    return sums


def completion_logprobs(model: Any, completions: Sequence[Completion]) -> np.ndarray:
    """`logprob_sums` of a small model at full speed: `fast_cpu.fast`, its own head. The model is left as it is."""
    was_training = model.training
    model.eval()
    try:
        with fast_cpu.fast(model):
            return logprob_sums(model, logprobs_of(model), completions, budget=budget_of(str(model.device)))
    finally:
        model.train(was_training)


def _check_ids(model: Any, completions: Sequence[Completion]) -> None:
    words = len(model.get_input_embeddings().weight)
    top = max((max(completion.ids) for completion in completions), default=0)
    if top >= words:
        raise ValueError(
            f"the tokenizer gives token id {top}, but {type(model).__name__} knows {words} words; "
            "use the tokenizer that the model was trained with"
        )


def _within_memory(model: Any, logprobs: LogProbs, batch: list[Completion]) -> np.ndarray:
    """Sums of a batch; a batch that does not fit the device is done in halves."""
    try:
        return batch_sums(model, logprobs, batch)
    except torch.OutOfMemoryError:
        if len(batch) == 1:
            raise
    _log.warning("a batch of %d sequences did not fit the device; it is done in halves", len(batch))
    torch.cuda.empty_cache()
    half = len(batch) // 2
    return np.concatenate([_within_memory(model, logprobs, part) for part in (batch[:half], batch[half:])])


def batch_sums(model: Any, logprobs: LogProbs, batch: list[Completion]) -> np.ndarray:
    """One forward pass. Padding stands on the right, where no token looks, so no attention mask is needed."""
    device = model.get_input_embeddings().weight.device
    filler = int(model.config.get_text_config().pad_token_id == 0)  # some models warn of their own padding token
    ids = torch.full((len(batch), max(len(completion.ids) for completion in batch)), filler)
    for row, completion in enumerate(batch):
        ids[row, : len(completion.ids)] = torch.tensor(completion.ids)
    rows = torch.repeat_interleave(torch.tensor([completion.tokens for completion in batch]))
    places = torch.cat([torch.arange(completion.start, len(completion.ids)) for completion in batch])
    targets = ids[rows, places]
    hidden = backbone_of(model)(input_ids=ids.to(device), use_cache=False).last_hidden_state
    hidden = hidden[rows.to(hidden.device), places.to(hidden.device) - 1]
    head = model.get_output_embeddings().weight.device
    found = logprobs(hidden.to(head), targets.to(head))
    return torch.zeros(len(batch), dtype=torch.float64).index_add_(0, rows, found.cpu().double()).numpy()
