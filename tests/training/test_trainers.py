"""TRL's LM head on a CPU as on a GPU."""

from typing import Any

import pytest
import tiny
import torch


@pytest.fixture
def utils() -> Any:
    """The module of TRL that the head stands in; imported late, because that takes seconds."""
    import trl.trainer.utils

    return trl.trainer.utils


def test_the_lean_head_gives_the_same_numbers_and_is_put_back(utils: Any) -> None:
    from rapo.training.trainers import lean_head

    model = tiny.model(architecture="gemma2")
    utils.add_fused_lm_head(model, outputs=("log_probs", "entropy", "mean_logits", "is_top1"))
    ids = torch.randint(5, len(tiny.TOKENIZER), (3, 9), generator=torch.Generator().manual_seed(0))
    labels = ids.masked_fill(torch.arange(9) < 4, -100)
    names = "_use_triton", "_CHUNKED_LOGPROB_CHUNK_SIZE"
    before = [getattr(utils, name) for name in names]
    usual = model(ids, labels=labels, fused_lm_head=True)
    with lean_head(model):
        assert len(tiny.TOKENIZER) == utils._CHUNKED_LOGPROB_CHUNK_SIZE
        lean = model(ids, labels=labels, fused_lm_head=True)
    assert [getattr(utils, name) for name in names] == before
    for name in ("log_probs", "entropy", "mean_logits"):
        assert torch.allclose(lean[name], usual[name], atol=1e-6)
    assert torch.equal(lean.is_top1, usual.is_top1)


def test_without_trls_private_names_nothing_is_changed(utils: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from rapo.training.trainers import lean_head

    monkeypatch.delattr(utils, "_use_triton")
    model = tiny.model()
    with lean_head(model):
        assert utils._CHUNKED_LOGPROB_CHUNK_SIZE == 32768
        assert not hasattr(utils, "_use_triton")
