"""TRL's trainers as they are, but for where rows come from and in what order; importing this imports TRL (seconds).

What differs from `trl.trainer`, and why:

* rows come tokenised, and DPO's with their reference log-probabilities: `_prepare_dataset` and
  `_precompute_ref_logps` hand back what they are given (TRL would tokenise again, row by row, and crash on the
  reference's columns);
* batches hold rows of like length, in random order (`LengthBatches`; transformers' own sampler feeds long rows first
  and short ones last, fifty batches at a time, so training would end on short answers);
* SFT divides by the mean number of tokens in a batch rather than each batch's own, because among batches of like
  length the latter gives tokens of short answers more weight, and the model learns to stop early;
* on a CPU, TRL's LM head scores the response's positions alone, as it does on a GPU (`lean_head`).
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import trl.trainer.utils as trl_utils
from torch.utils.data import Sampler
from trl import DPOTrainer, SFTTrainer

with warnings.catch_warnings():  # TRL announces that this part of it may change
    warnings.simplefilter("ignore")
    from trl.experimental.cpo import CPOConfig, CPOTrainer

__all__ = ["CPO", "DPO", "SFT", "CPOConfig", "LengthBatches", "lean_head"]

WINDOW = 16  # batches that are sorted by length together; 16 leave 5 % of padding, 50 would leave 2 %, none 65 %


class LengthBatches(Sampler[int]):
    """Row numbers, so that each run of ``batch_size`` of them is a batch of like length; a new order each epoch.

    Args:
        lengths: of the rows.
        batch_size: rows of a batch.
        seed: of the order; with the epoch it is all that the order depends on.
        grouped: False gives a plain random order.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, *, seed: int, grouped: bool = True) -> None:
        self.lengths, self.batch_size, self.seed, self.grouped = np.asarray(lengths), batch_size, seed, grouped
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by accelerate before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(len(self.lengths))
        if self.grouped:
            order = np.concatenate([self._window(window, rng) for window in self._windows(order)])
        return iter(order.tolist())

    def _windows(self, rows: np.ndarray) -> list[np.ndarray]:
        """About `WINDOW` whole batches each."""
        batches = -(-len(rows) // self.batch_size)
        cuts = np.linspace(0, batches, max(round(batches / WINDOW), 1) + 1).astype(int)[1:-1]
        return np.split(rows, cuts * self.batch_size)

    def _window(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Rows sorted by length, then their batches shuffled; what does not fill a batch stays last."""
        rows = rows[np.argsort(self.lengths[rows], kind="stable")]
        full = len(rows) // self.batch_size * self.batch_size
        # The remainder is taken from anywhere, or it would always be the longest rows.
        rest = rng.choice(len(rows), size=len(rows) - full, replace=False)
        batches = np.delete(rows, rest).reshape(-1, self.batch_size)
        return np.concatenate([rng.permutation(batches).ravel(), rows[rest]])


class _Fed:
    """What the three trainers have in common: the order of the rows is set before `train`."""

    order: LengthBatches

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self.order


class SFT(_Fed, SFTTrainer):
    """TRL's SFTTrainer; ``tokens_per_step`` is what the summed loss of each step is divided by."""

    tokens_per_step: float

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """TRL's loss, divided by the same number in every step."""
        return super().compute_loss(model, inputs, return_outputs, torch.tensor(self.tokens_per_step))


class DPO(_Fed, DPOTrainer):
    """TRL's DPOTrainer for rows that are tokenised and hold reference log-probabilities."""

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:
        return dataset

    def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
        return dataset


class CPO(_Fed, CPOTrainer):
    """TRL's CPOTrainer for rows that are tokenised."""

    def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, Any]:
        """The row as it is."""
        return feature


@contextmanager
def lean_head(model: Any) -> Iterator[None]:
    """While open, TRL's LM head on a CPU scores labelled positions only, in a buffer of the vocabulary's width.

    On a CPU it scores all positions through a buffer of 4,096 by 32,768 numbers, of which a small vocabulary uses
    every 80th row of memory pages. Both are private names of TRL's; where they are gone, nothing is changed.
    """
    lean: dict[str, Any] = {
        "_use_triton": _always,
        "_CHUNKED_LOGPROB_CHUNK_SIZE": min(model.config.get_text_config().vocab_size, 32768),
    }
    before = {name: getattr(trl_utils, name, None) for name in lean}
    if model.device.type != "cpu" or None in before.values():
        yield
        return
    try:
        vars(trl_utils).update(lean)
        yield
    finally:
        vars(trl_utils).update(before)


_always: Callable[[torch.device], bool] = lambda device: True  # noqa: E731
