"""TRL's trainers as they are, but for where rows come from and in what order; importing this imports TRL (seconds).

What differs from `trl.trainer`, and why:

* rows come tokenised, and with reference log-probabilities where a loss needs them (TRL would tokenise again, row by
  row, and crash on the reference's columns);
* batches hold rows of like length, in random order (`rapo.training.batches`);
* SFT divides by the mean number of tokens in a batch rather than each batch's own, because among batches of like
  length the latter gives tokens of short answers more weight, and the model learns to stop early;
* on a CPU, TRL's LM head scores the response's positions alone, as it does on a GPU (`lean_head`).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import pyarrow.compute as pc
import torch
import trl.trainer.utils as trl_utils
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

from rapo.training.batches import LengthBatches

with warnings.catch_warnings():  # TRL announces that this part of it may change
    warnings.simplefilter("ignore")
    from trl.experimental.cpo import CPOConfig, CPOTrainer
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer


class _Ordered:
    """The order of the rows is set before `train`."""

    order: LengthBatches

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self.order


class _Ready:
    """Rows are tokenised and hold their reference log-probabilities: TRL's steps hand back what they are given.

    Operations are not counted: nobody reads their number, and to count a tiny model's takes 2 % of a step.
    """

    def floating_point_ops(self, inputs: Any) -> int:
        """None."""
        return 0

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset

    def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
        return dataset

    def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, Any]:
        """The row as it is."""
        return feature


class SFT(_Ordered, _Ready, SFTTrainer):
    """TRL's SFTTrainer for rows that are tokenised and labelled."""

    config = SFTConfig
    train_dataset: Any

    @cached_property
    def tokens_per_step(self) -> torch.Tensor:
        """Labelled tokens of a step in the mean: what the summed loss of each step is divided by."""
        labels = pc.list_flatten(self.train_dataset.data["labels"])
        labelled = pc.sum(pc.not_equal(labels, -100)).as_py()
        return torch.tensor(self.order.batch_size * labelled / len(self.order))

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """TRL's loss, divided by the same number in every step."""
        return super().compute_loss(model, inputs, return_outputs, self.tokens_per_step)


class DPO(_Ordered, _Ready, DPOTrainer):
    """TRL's DPOTrainer."""

    config = DPOConfig


class CPO(_Ordered, _Ready, CPOTrainer):
    """TRL's CPOTrainer."""

    config = CPOConfig


class ORPO(_Ordered, _Ready, ORPOTrainer):
    """TRL's ORPOTrainer."""

    config = ORPOConfig


class KTO(_Ready, KTOTrainer):
    """TRL's KTOTrainer. It reads rows in their order, the same in every epoch: a row's KL term is its batch's."""

    config = KTOConfig
    order: LengthBatches


@contextmanager
def lean_head(model: Any) -> Iterator[None]:
    """While open, TRL's LM head on a CPU scores labelled positions only, in a buffer of the vocabulary's width.

    On a CPU it scores all positions through a buffer of 4,096 by 32,768 numbers, of which a small vocabulary uses
    every 80th row of memory pages. Both are private names of TRL's; where they are gone, nothing is changed.
    """
    lean: dict[str, Any] = {
        "_use_triton": lambda device: True,
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
