"""Reward models: each score is that of the conversation alone, read at its last word."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from tiny import TOKENIZER, WORDS
from transformers import LlamaForSequenceClassification

from rapo.models import rewards
from rapo.models import tiny as models


def saved(folder: Path, *, labels: int = 1) -> str:
    config = models.tiny_config("llama", vocab_size=len(TOKENIZER), width=32, layers=2)
    config.num_labels = labels
    torch.manual_seed(0)
    model = LlamaForSequenceClassification(config)
    torch.nn.init.normal_(model.score.weight)
    models.save(model, TOKENIZER, folder)
    return str(folder)


def talks(n: int) -> list[list[dict[str, str]]]:
    rng = np.random.default_rng(0)

    def say(role: str) -> dict[str, str]:
        return {"role": role, "content": " ".join(rng.choice(WORDS, size=rng.integers(1, 9)))}

    return [[say("user"), say("assistant")] for _ in range(n)]


def by_hand(model: Any, talk: list[dict[str, str]], *, last: int = 10_000) -> float:
    ids = TOKENIZER.apply_chat_template(talk, return_dict=False)[-last:]
    with torch.no_grad():
        hidden = model.model(torch.tensor([ids])).last_hidden_state[0, -1]
        return float(hidden @ model.score.weight[0])


@pytest.mark.parametrize("batch_size", [1, 4, 50])
def test_scores_by_hand_whatever_the_batch(tmp_path: Path, batch_size: int) -> None:
    reward = rewards.load(saved(tmp_path))
    found = reward(talks(10), batch_size=batch_size)
    np.testing.assert_allclose(found, [by_hand(reward.model, talk) for talk in talks(10)], atol=1e-5)
    assert len(set(found.round(4))) == 10
    assert reward([]).tolist() == []


def test_a_conversation_that_is_too_long_loses_its_beginning_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reward = rewards.load(saved(tmp_path))
    reward.model.config.max_position_embeddings = 8
    found = reward(talks(6))
    np.testing.assert_allclose(found, [by_hand(reward.model, talk, last=8) for talk in talks(6)], atol=1e-5)
    assert "of 6 conversations pass the 8 tokens" in caplog.text


def test_models_that_do_not_score_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no reward model"):
        rewards.load(str(tmp_path))
    models.save(tiny.model(), TOKENIZER, tmp_path / "lm")
    with pytest.raises(
        ValueError, match=r"is no reward model: it has no score\.weight, whose numbers would be random"
    ):
        rewards.load(str(tmp_path / "lm"))
    with pytest.raises(ValueError, match="has 3 outputs; give a reward model with one"):
        rewards.load(saved(tmp_path / "three", labels=3))
    with pytest.raises(ValueError, match="dtype is 'int8'"):
        rewards.load(str(tmp_path / "lm"), dtype="int8")


def test_a_conversation_that_the_template_refuses(tmp_path: Path) -> None:
    reward = rewards.load(saved(tmp_path))
    with pytest.raises(ValueError, match="refuses a conversation"):
        reward([[{"role": "user", "content": "unheard"}]])
