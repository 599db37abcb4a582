import logging

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rapo.scoring import lm_head
from rapo.scoring.lm_head import Head


def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def exact(hidden: torch.Tensor, targets: torch.Tensor, head: Head) -> torch.Tensor:
    """All logits in fp64."""
    logits = hidden.double() @ head.weight.double().T
    logits = logits + (0 if head.bias is None else head.bias.double())
    logits = logits * head.scale
    if head.softcap is not None:
        logits = head.softcap * torch.tanh(logits / head.softcap)
    return logits.log_softmax(-1)[torch.arange(len(targets)), targets]


@settings(max_examples=60)
@given(
    n=st.integers(0, 9),
    vocabulary=st.integers(1, 40),
    tokens=st.integers(1, 10),
    words=st.integers(1, 50),
    biased=st.booleans(),
    scale=st.sampled_from([1.0, 0.0625, 5.0]),
    softcap=st.sampled_from([None, 0.7, 30.0]),
    seed=st.integers(0, 1000),
)
def test_tiles_of_any_size_give_the_log_softmax(n, vocabulary, tokens, words, biased, scale, softcap, seed):
    bias = draw(vocabulary, seed=seed + 1) if biased else None
    head = Head(draw(vocabulary, 6, seed=seed + 2), bias, scale, softcap)
    hidden, targets = draw(n, 6, seed=seed), torch.arange(n) * 7 % vocabulary
    found = lm_head.tiled_logprobs(hidden, targets, head=head, tokens=tokens, words=words)
    torch.testing.assert_close(found.double(), exact(hidden, targets, head), rtol=1e-5, atol=5e-5)


def test_huge_logits_do_not_overflow():
    head = Head(torch.tensor([[1.0], [-1.0]]))
    found = lm_head.tiled_logprobs(torch.tensor([[1e4], [1e4]]), torch.tensor([0, 1]), head=head, words=1)
    # log softmax of (1e4, -1e4) is (0, -2e4)
    assert found.tolist() == [0.0, -2e4]


def test_half_precision_weights_are_normalised_in_fp32():
    head = Head(draw(500, 64, seed=1, dtype=torch.bfloat16))
    hidden, targets = draw(50, 64, seed=2, dtype=torch.bfloat16), torch.arange(50)
    expected = exact(hidden, targets, head)
    found = lm_head.tiled_logprobs(hidden, targets, head=head)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    rounded = (hidden @ head.weight.T).log_softmax(-1)[torch.arange(50), targets]
    assert (rounded.double() - expected).abs().max() > 0.01


def test_double_weights_are_used_in_fp64():
    head = Head(draw(30, 8, dtype=torch.float64))
    hidden, targets = draw(5, 8, dtype=torch.float64), torch.arange(5)
    found = lm_head.tiled_logprobs(hidden, targets, head=head)
    torch.testing.assert_close(found, exact(hidden, targets, head), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", tiny.SPECIAL)
def test_the_head_of_an_architecture_is_read_off_its_configuration(name, caplog):
    model = tiny.special_model(name)
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    with torch.no_grad():
        hidden = lm_head.backbone_of(model)(input_ids=ids).last_hidden_state[0]
        expected = model(input_ids=ids).logits[0].log_softmax(-1)[torch.arange(5), ids[0]]
        found = lm_head.logprobs_of(model)(hidden, ids[0])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert not caplog.records  # read, not fallen back on the model's own code


def test_special_heads_differ_from_plain_ones():
    """Else the test above could pass without scale, cap and bias."""
    for name in ("gemma2, capped", "granite, divided", "cohere, multiplied", "phi, biased"):
        head = lm_head.read(tiny.special_model(name))
        assert (head.scale, head.softcap, head.bias is None) != (1.0, None, True), name


@pytest.mark.parametrize("name", ["granite, divided", "gpt2, tied"])
def test_an_unknown_head_falls_back_on_the_models_own_code(name, caplog, monkeypatch):
    model = tiny.special_model(name)
    monkeypatch.setattr(lm_head, "_scale", lambda config: 3.0)
    monkeypatch.setattr(lm_head, "WORDS", 1)  # so that the positions are taken in several steps
    monkeypatch.setattr(lm_head, "TOKENS", 90)
    hidden, targets = draw(5, 32), torch.arange(5)
    with torch.no_grad(), caplog.at_level(logging.WARNING):
        found = lm_head.logprobs_of(model)(hidden, targets)
        scale = 4 if "granite" in name else 1
        expected = (scale * model.lm_head(hidden)).log_softmax(-1)[torch.arange(5), targets]
    assert f"{type(model).__name__} ends in an LM head of an unknown kind" in caplog.text
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():  # the model computes as before
        assert model(input_ids=ids).logits.shape == (1, 3, len(tiny.TOKENIZER))
    assert "forward" not in vars(model.base_model)


def test_a_model_without_head_is_refused():
    with pytest.raises(ValueError, match="LlamaModel has no backbone with an LM head"):
        lm_head.backbone_of(tiny.model().model)
