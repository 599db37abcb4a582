"""The order of the rows: batches of like length, in random order.

transformers' own sampler feeds long rows first and short ones last, fifty batches at a time, so training would end on
short answers.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

WINDOW = 16  # batches that are sorted by length together; 16 leave 5 % of padding, 50 would leave 2 %, none 65 %


class LengthBatches(Sampler[int]):
    """Row numbers, so that each run of ``batch_size`` of them is a batch of like length; a new order each epoch.

    The order depends on ``seed`` and the epoch alone; it is plainly random where rows are not to be ``grouped``.
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
