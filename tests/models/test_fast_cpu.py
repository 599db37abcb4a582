"""Fast is the same: logits, gradients and attention against torch's own code and against brute force."""

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from rapo.models import fast_cpu
from rapo.models.tiny import ARCHITECTURES


def step(model: torch.nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of real positions, and the gradient of the first weights, for a batch padded left and right."""
    ids = torch.randint(5, len(tiny.TOKENIZER), (3, 12), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[0, :4], mask[1, 9:] = 0, 0
    logits = model(ids, attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp(min=0)).logits[mask.bool()]
    model.zero_grad()
    logits.logsumexp(-1).sum().backward()
    return logits.detach(), model.get_input_embeddings().weight.grad.clone()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_and_gradients_are_the_usual_ones(architecture: str) -> None:
    model = tiny.model(architecture=architecture)
    logits, gradient = step(model)
    with fast_cpu.fast(model):
        fast_logits, fast_gradient = step(model)
    assert torch.allclose(fast_logits, logits, atol=1e-5)
    assert torch.allclose(fast_gradient, gradient, atol=1e-4)


def test_everything_is_as_before_afterwards_even_after_an_error() -> None:
    model = tiny.model()
    before = torch.get_float32_matmul_precision(), model.config._attn_implementation
    with pytest.raises(RuntimeError, match="inside"), fast_cpu.fast(model):
        raise RuntimeError("inside")
    assert (torch.get_float32_matmul_precision(), model.config._attn_implementation) == before


def test_other_models_and_precisions_are_left_alone() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    other = GPT2LMHeadModel(GPT2Config(vocab_size=23, n_embd=16, n_layer=1, n_head=2, n_positions=32))
    for model in (other, tiny.model().to(torch.bfloat16)):
        attention = model.config._attn_implementation
        with fast_cpu.fast(model):
            assert model.config._attn_implementation == attention
            assert torch.get_float32_matmul_precision() == "highest"


def test_products_inside_keep_the_precision_of_fp32() -> None:
    model = tiny.model()
    left, right = (torch.randn(64, 256, generator=torch.Generator().manual_seed(i)) for i in range(2))
    with fast_cpu.fast(model):
        error = (left @ right.T - left.double() @ right.double().T).abs().max()
    assert error < 1e-4  # bf16 products would be off by about 0.1


@given(
    seed=st.integers(0, 10**6),
    queries=st.sampled_from([1, 3]),
    groups=st.sampled_from([1, 2]),
    softcap=st.sampled_from([None, 2.0]),
)
def test_attention_is_brute_force_in_fp64(seed: int, queries: int, groups: int, softcap: float | None) -> None:
    draws = torch.Generator().manual_seed(seed)
    query = torch.randn(2, 4, queries, 6, generator=draws)
    key, value = (torch.randn(2, 4 // groups, 5, 6, generator=draws) for _ in range(2))
    mask = torch.where(torch.rand(2, 1, queries, 5, generator=draws) < 0.3, -1e9, 0.0)
    mask[..., 0] = 0.0
    layer = torch.nn.Linear(1, 1).eval()
    found, _ = fast_cpu.attend(layer, query, key, value, mask, scaling=0.7, softcap=softcap)
    for row in range(2):
        for head in range(4):
            k, v = key[row, head // groups].double(), value[row, head // groups].double()
            scores = query[row, head].double() @ k.T * 0.7
            scores = scores if softcap is None else softcap * torch.tanh(scores / softcap)
            expected = torch.softmax(scores + mask[row, 0].double(), dim=-1) @ v
            assert torch.allclose(found[row, :, head].double(), expected, atol=1e-5)
