"""Several processes that share one job: a launcher of accelerate or torch starts them, this says who does what."""

import atexit
import gc
import os
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Processes:
    """This process among its like."""

    index: int = 0
    count: int = 1
    device: str = "cpu"  # where it computes: its own GPU, or the CPU

    @property
    def is_main(self) -> bool:
        """True for the one that writes the result."""
        return self.index == 0

    def mine(self, number: int) -> bool:
        """Whether a piece of work is this process's."""
        return number % self.count == self.index

    def gather(self, value: Any) -> list[Any]:
        """Every process's value, in the order of their numbers, in every process; waits for all of them."""
        if self.count == 1:
            return [value]
        from accelerate.utils import gather_object

        return gather_object([value])


def current() -> Processes:
    """The processes that this one was launched with; alone without a launcher.

    accelerate's state is one for the whole program, so without a launcher it is left untouched.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Processes(device="cuda" if torch.cuda.is_available() else "cpu")
    from accelerate import PartialState

    on_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")
    started_here = not torch.distributed.is_initialized()
    state = PartialState(cpu=on_cpu or not torch.accelerator.is_available())
    if started_here:
        atexit.register(_part)
    return Processes(state.process_index, state.num_processes, str(state.device))


def _part() -> None:
    """Part from the other processes: threads that still wait for them would abort this one as it ends.

    A trainer that still held the group would let go of it last, and wait for ever for a thread that waits for Python.
    """
    gc.collect()
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
