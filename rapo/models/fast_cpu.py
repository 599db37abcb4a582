"""Tiny models at twice the speed on a CPU, in fp32 all the same.

What is done, while `fast` is open, and what it gave on one core of an EPYC for a model of 0.9 M parameters:

* fp32 matrix products go to oneDNN, which uses AVX-512 on any processor that has it; MKL does so on Intel's alone
  (108 -> 250 GFLOP/s). Torch has no switch for this. Precision "medium" has the effect, and on processors without
  AMX it has no other: `onednn_is_exact` measures that before anything is changed.
* Attention as plain products, `attend`: the small products inside sdpa's CPU kernel lose by the change above
  (8,000 tokens/s in training against 20,000), those of a single query too, which therefore stay with MKL.
* Freed memory stays with the process: to hand pages back and zero them anew took 6 to 8 % of the time.
* oneDNN remembers 32 shapes of an operation, not 1,024 (its own variables say otherwise where they are set): batches
  come in hundreds of shapes, and what was kept for them took 1.4 of a process's 2.4 GB.
"""

import ctypes
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import eager_mask

ATTENTION = "rapo_products"
# Read once, when oneDNN (its own cache) and torch (its cache of oneDNN's operations) compute first.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
os.environ.setdefault("LRU_CACHE_CAPACITY", "32")

MODEL_TYPES = ("llama", "qwen2", "gemma2")  # whose attention `attend` covers; others are left as they are


@contextmanager
def fast(model: PreTrainedModel) -> Iterator[None]:
    """While open, a model of `MODEL_TYPES` on the CPU trains and samples fast; any other is left as it is.

    Results differ from the usual ones by the rounding of fp32. All is undone at the end, but for freed memory, which
    the process keeps from the first call on.
    """
    if not applies(model):
        yield
        return
    _keep_freed_memory()
    attention = model.config._attn_implementation
    model.set_attn_implementation(ATTENTION)
    try:
        with products("medium"):
            yield
    finally:
        model.set_attn_implementation(attention)


def applies(model: PreTrainedModel) -> bool:
    """True for fp32 models of `MODEL_TYPES` on a CPU where oneDNN keeps the precision of fp32."""
    on_cpu = model.device.type == "cpu" and model.dtype == torch.float32
    return on_cpu and model.config.model_type in MODEL_TYPES and onednn_is_exact()


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float = 1.0,
    dropout: float = 0.0,
    softcap: float | None = None,
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """Attention under the signature of transformers' `AttentionInterface`, by two matrix products.

    Shapes: query (n, heads, n_queries, size); key and value (n, heads or a divisor of it, n_keys, size);
    attention_mask (n, 1, n_queries, n_keys), added to the scores -> attended values (n, n_queries, heads, size);
    weights (n, heads, n_queries, n_keys). ``scaling`` and ``softcap`` (Gemma 2) are factor and bound of the scores.
    """
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    with products("highest") if query.shape[2] == 1 else nullcontext():  # "highest" is MKL's
        scores = torch.matmul(query * scaling, key.transpose(2, 3))
        if softcap is not None:
            scores = torch.tanh(scores / softcap) * softcap
        if attention_mask is not None:
            scores.add_(attention_mask)
        weights = torch.nn.functional.softmax(scores, dim=-1)
        weights = torch.nn.functional.dropout(weights, dropout, module.training)
        return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


@contextmanager
def products(precision: str) -> Iterator[None]:
    """While open, fp32 products have this precision, as `torch.set_float32_matmul_precision` names it."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@functools.cache
def onednn_is_exact() -> bool:
    """Whether precision "medium", which lets oneDNN lower the precision, leaves it as it is on this processor."""
    draws = torch.Generator().manual_seed(0)
    left, right = (torch.randn(128, 128, generator=draws) for _ in range(2))
    with products("medium"):
        error = (left @ right - left.double() @ right.double()).abs().max()
    return bool(error < 1e-3)  # fp32: about 2e-5; bf16: about 0.1


@functools.cache
def _keep_freed_memory() -> None:
    """Tell glibc's allocator not to return memory to the system; other allocators are left alone."""
    mmap_threshold, trim_threshold, most = -3, -1, 2**30
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(mmap_threshold, most)
    mallopt(trim_threshold, most)


AttentionInterface.register(ATTENTION, attend)
AttentionMaskInterface.register(ATTENTION, eager_mask)
