import logging

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from rapo.scoring import lm_head, sequences
from rapo.scoring.sequences import Completion


@given(lengths=st.lists(st.integers(1, 60), max_size=40), budget=st.integers(1, 200))
def test_batches_hold_every_sequence_once_within_the_budget(lengths, budget):
    batches = sequences.plan(lengths, budget=budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget
    firsts = [lengths[batch[0]] for batch in batches]
    assert firsts == sorted(firsts, reverse=True)


def scored(model, completions, **options):
    return sequences.logprob_sums(model, lm_head.logprobs_of(model), completions, **options)


COMPLETIONS = [
    Completion([5, 6, 7, 8], 2),
    Completion([9, 10], 1),
    Completion([11, 12, 13, 14, 15, 16, 17], 3),
    Completion([18, 19], 2),  # the prompt fills it: nothing to score
]


@pytest.mark.parametrize("name", tiny.SPECIAL)
def test_sums_equal_brute_force_in_fp64(name):
    model = tiny.special_model(name)
    found = scored(model, COMPLETIONS, budget=14)
    expected = [tiny.brute_force(model, one.ids, one.start) for one in COMPLETIONS[:3]]
    np.testing.assert_allclose(found[:3], expected, rtol=1e-6)
    assert np.isnan(found[3])


@pytest.mark.parametrize("budget", [1, 8, 14, 1000])
def test_batches_change_nothing(budget):
    model = tiny.model()
    alone = [scored(model, [one], budget=1)[0] for one in COMPLETIONS]
    np.testing.assert_allclose(scored(model, COMPLETIONS, budget=budget), alone, rtol=1e-6)


def test_every_sequence_is_counted_once_it_is_done():
    ticks = []
    scored(tiny.model(), COMPLETIONS, budget=8, tick=ticks.append)
    # one has no token to score; then batches of 1 (7 tokens), 2 (4 and 2 tokens)
    assert ticks == [1, 1, 2]


def test_foreign_token_ids_are_told():
    with pytest.raises(ValueError, match="token id 45, but LlamaForCausalLM knows 45 words; use the tokenizer"):
        scored(tiny.model(), [Completion([5, 45], 1)], budget=8)


def test_a_batch_that_does_not_fit_is_done_in_halves(monkeypatch, caplog):
    model, whole, sizes = tiny.model(), sequences.batch_sums, []

    def tight(model, logprobs, batch):
        sizes.append(len(batch))
        if len(batch) > 1:
            raise torch.OutOfMemoryError("no room")
        return whole(model, logprobs, batch)

    expected = scored(model, COMPLETIONS, budget=1000)
    monkeypatch.setattr(sequences, "batch_sums", tight)
    with caplog.at_level(logging.WARNING):
        found = scored(model, COMPLETIONS, budget=1000)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert sizes == [3, 1, 2, 1, 1]
    assert "a batch of 3 sequences did not fit" in caplog.text


def test_a_sequence_that_does_not_fit_alone_is_an_error(monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(sequences, "batch_sums", full)
    with pytest.raises(torch.OutOfMemoryError):
        scored(tiny.model(), COMPLETIONS[:1], budget=8)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_a_gpu_gives_the_same_sums(dtype, tolerance):
    model = tiny.model()
    expected = scored(model, COMPLETIONS[:3], budget=100)
    found = scored(model.to("cuda", dtype), COMPLETIONS[:3], budget=100)
    np.testing.assert_allclose(found, expected, rtol=tolerance)
