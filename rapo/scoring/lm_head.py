"""Log-probabilities of given words without ever holding their logits: the LM head in tiles.

A tile is a few hundred positions by a few thousand words; the log of the partition function is gathered over tiles
in fp32 (fp64 for fp64 models), whatever the model's own precision. Added memory is one tile, so it depends neither
on the vocabulary nor on the number of positions.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from rapo.models.fast_cpu import onednn_is_exact, products

_log = logging.getLogger(__name__)

LogProbs = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

TOKENS, WORDS = 256, 8192  # a tile on a CPU: 8 MiB of logits, about the size of its caches
CUDA_TOKENS, CUDA_WORDS = 1024, 32768
CAST_ELEMENTS = 2**22  # weights that are raised to fp32 at a time, where the device cannot do it while multiplying
_HALVES = (torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Head:
    """The last step of a causal LM: logits = cap(scale * (hidden @ weight.T + bias)), cap(z) = c tanh(z / c)."""

    weight: torch.Tensor  # Shape: (n_words, width)
    bias: torch.Tensor | None = None  # Shape: (n_words,)
    scale: float = 1.0  # Cohere, Granite, Falcon-H1, MiniCPM3
    softcap: float | None = None  # c above (Gemma 2); None leaves the logits as they are

    @property
    def precision(self) -> torch.dtype:
        """What is computed in: fp32, or fp64 for weights in fp64."""
        return torch.float64 if self.weight.dtype == torch.float64 else torch.float32

    def logits(self, hidden: torch.Tensor, words: slice = slice(None)) -> torch.Tensor:
        """Logits of a range of words. Shapes: hidden (n, width) -> (n, n_words in the range)"""
        logits = _product(hidden, self.weight[words], self.precision)
        if self.bias is not None:
            logits += self.bias[words]
        return self._finish(logits)

    def logits_of(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The logit of one word at each position. Shapes: hidden (n, width), targets (n,) -> (n,)"""
        weight = self.weight[targets].to(self.precision)
        logits = (hidden.to(self.precision) * weight).sum(dim=1)
        if self.bias is not None:
            logits += self.bias[targets]
        return self._finish(logits)

    def _finish(self, logits: torch.Tensor) -> torch.Tensor:
        if self.scale != 1.0:
            logits.mul_(self.scale)
        if self.softcap is not None:
            logits.div_(self.softcap).tanh_().mul_(self.softcap)
        return logits


def _product(hidden: torch.Tensor, weight: torch.Tensor, precision: torch.dtype) -> torch.Tensor:
    """hidden @ weight.T without rounding the products to half precision."""
    if weight.dtype in _HALVES and hidden.dtype == weight.dtype and hidden.device.type == "cuda":
        return torch.mm(hidden, weight.T, out_dtype=precision)
    return torch.mm(hidden.to(precision), weight.to(precision).T)


def tiled_logprobs(
    hidden: torch.Tensor, targets: torch.Tensor, *, head: Head, tokens: int | None = None, words: int | None = None
) -> torch.Tensor:
    """log p(target | hidden state), in nats, by tiles of ``tokens`` positions by ``words`` words.

    Shapes: hidden states of the last layer (n, width), ids of the targets (n,) -> (n,)
    """
    step_tokens, step_words = _tile(head)
    tokens, words = tokens or step_tokens, words or step_words
    to_onednn = head.weight.device.type == "cpu" and onednn_is_exact()  # see `rapo.models.fast_cpu`
    with products("medium") if to_onednn else nullcontext():
        out = [
            head.logits_of(h, t) - _log_partition(_padded(h), head, words)[: len(h)]
            for h, t in zip(hidden.split(tokens), targets.split(tokens), strict=True)
        ]
    return torch.cat(out) if out else hidden.new_zeros(0, dtype=head.precision)


def _tile(head: Head) -> tuple[int, int]:
    if head.weight.device.type == "cuda":
        return CUDA_TOKENS, CUDA_WORDS
    if head.weight.dtype == head.precision:
        return TOKENS, WORDS
    return TOKENS, min(WORDS, max(256, CAST_ELEMENTS // head.weight.shape[1]))


def _padded(hidden: torch.Tensor) -> torch.Tensor:
    """Rows of zeros up to a multiple of 32: oneDNN keeps code and memory for every number of rows that it meets."""
    return torch.nn.functional.pad(hidden, (0, 0, 0, -len(hidden) % 32))


def _log_partition(hidden: torch.Tensor, head: Head, words: int) -> torch.Tensor:
    """log sum_w exp(logit_w), gathered over ranges of words. Shape: (n,)"""
    total = hidden.new_full((len(hidden),), -torch.inf, dtype=head.precision)
    for start in range(0, len(head.weight), words):
        logits = head.logits(hidden, slice(start, start + words))
        top = logits.amax(dim=1)
        part = logits.sub_(top[:, None]).exp_().sum(dim=1).log_().add_(top)
        total = torch.logaddexp(total, part)
    return total


def backbone_of(model: Any) -> Any:
    """The part of a causal LM that ends with hidden states; a ValueError where there is none."""
    backbone = model.base_model
    if backbone is model or model.get_output_embeddings() is None:
        raise ValueError(f"{type(model).__name__} has no backbone with an LM head on top; give a causal LM")
    return backbone


def logprobs_of(model: Any) -> LogProbs:
    """How to score hidden states of a model: ``f(hidden, targets) -> log-probabilities``.

    The head is read off the model's configuration and tried against the model's own logits. Where it does not
    reproduce them (a head wrapped by an adapter, a scale we do not know), the model's own last steps are used.
    """
    head = read(model)
    if head is not None and _agrees(model, head):
        return partial(tiled_logprobs, head=head)
    _log.warning(
        "%s ends in an LM head of an unknown kind: its own code is used, which takes more time and memory",
        type(model).__name__,
    )
    return partial(own_logprobs, model=model)


def read(model: Any) -> Head | None:
    """The head as the configuration tells it; None where it is no plain linear layer."""
    layer, config = model.get_output_embeddings(), model.config.get_text_config()
    if type(layer) is not torch.nn.Linear:
        return None
    return Head(
        layer.weight.detach(), layer.bias, _scale(config), getattr(config, "final_logit_softcapping", None)
    )


def _scale(config: Any) -> float:
    """What logits are multiplied by, under the names that architectures give it."""
    for name in ("logit_scale", "output_multiplier", "lm_head_multiplier"):
        if isinstance(value := getattr(config, name, None), int | float):
            return float(value)
    if value := getattr(config, "logits_scaling", None):
        return float(value) if config.model_type == "hyperclovax" else 1 / float(value)
    return 1.0


@torch.no_grad()
def _agrees(model: Any, head: Head) -> bool:
    """Whether the head reproduces the model's own logits on a few words."""
    layer = model.get_input_embeddings().weight
    ids = torch.linspace(0, len(layer) - 1, 10, device=layer.device).long()[None, 1:-1]  # padding lies at an end
    expected = model(input_ids=ids, use_cache=False).logits[0]
    hidden = backbone_of(model)(input_ids=ids, use_cache=False).last_hidden_state[0]
    found = head.logits(hidden.to(head.weight.device))
    if found.shape != expected.shape:
        return False
    tolerance = 3e-2 if expected.dtype in _HALVES else 1e-4
    expected = expected.to(found)
    return bool((found - expected).abs().max() <= tolerance * (1 + expected.abs().max()))


def own_logprobs(hidden: torch.Tensor, targets: torch.Tensor, *, model: Any) -> torch.Tensor:
    """Like `tiled_logprobs`, through the model's own forward, which is handed the hidden states as if computed.

    Whole rows of logits are held, so the number of positions at a time shrinks as the vocabulary grows.
    """
    backbone = backbone_of(model)
    ids = torch.zeros((1, 1), dtype=torch.long, device=model.get_input_embeddings().weight.device)
    answer = backbone(input_ids=ids, use_cache=False)
    step = max(1, TOKENS * WORDS // len(model.get_input_embeddings().weight))
    out = []
    for h, t in zip(hidden.split(step), targets.split(step), strict=True):
        with _answering(backbone, answer, h[None]):
            logits = model(input_ids=ids, use_cache=False).logits[0]
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        out.append(logits.gather(1, t[:, None].to(logits.device))[:, 0] - logits.logsumexp(dim=1))
    return torch.cat(out) if out else hidden.new_zeros(0, dtype=torch.float32)


@contextmanager
def _answering(backbone: Any, answer: Any, hidden: torch.Tensor) -> Iterator[None]:
    """While open, the backbone answers any call with these hidden states, in a kind of output of its own."""
    answer.last_hidden_state = hidden
    before = vars(backbone).get("forward")  # device hooks set one on the instance
    backbone.forward = lambda *_, **__: answer
    try:
        yield
    finally:
        del backbone.forward
        if before is not None:
            backbone.forward = before
