"""Scores of a reward model: a sequence classifier with one output, read over a whole conversation."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification

from rapo.config import content_hash
from rapo.models import loading
from rapo.models.answers import Answer, Ask

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RewardModel:
    """A classifier that is ready to score, and the tokenizer whose chat template it reads."""

    model: Any
    tokenizer: Any
    name: str

    @property
    def key(self) -> str:
        """Hash of all that a score depends on but the conversation."""
        return content_hash(loading.content_key(self.model), loading.tokenizer_key(self.tokenizer))

    def __call__(self, talks: Sequence[list[dict[str, str]]], *, batch_size: int = 16) -> np.ndarray:
        """A score for each conversation, which ends with the answer that is scored. Shape: (n_talks,)

        What is longer than the model reads loses its beginning; how many do is told.

        Raises:
            ValueError: the chat template refuses a conversation.
        """
        rows, room = self._tokens(talks), loading.context(self.model)
        if long := sum(room is not None and len(row) > room for row in rows):
            _log.warning("%d of %d conversations pass the %d tokens that %s reads; their beginning is left out",
                         long, len(rows), room, self.name)  # fmt: skip
        rows = [row if room is None else row[-room:] for row in rows]
        scores, order = np.full(len(rows), np.nan), np.argsort([-len(row) for row in rows], kind="stable")
        for start in range(0, len(rows), batch_size):
            part = order[start : start + batch_size]
            scores[part] = self._batch([rows[place] for place in part])
        return scores

    def _tokens(self, talks: Sequence[list[dict[str, str]]]) -> list[list[int]]:
        try:
            return self.tokenizer.apply_chat_template(list(talks), return_dict=False) if len(talks) else []
        except Exception as error:  # templates and tokenizers raise what they like
            raise ValueError(f"the tokenizer of {self.name} refuses a conversation: {error}") from error

    def _batch(self, rows: list[list[int]]) -> np.ndarray:
        """Scores of some rows, padded behind with a word that none of them holds: the model looks for it."""
        longest, held = max(map(len, rows)), {token for row in rows for token in row}
        pad = next(token for token in range(len(held) + 1) if token not in held)
        tokens = torch.tensor([row + [pad] * (longest - len(row)) for row in rows], device=self.model.device)
        mask = torch.tensor(
            [[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=self.model.device
        )
        self.model.config.get_text_config().pad_token_id = self.model.config.pad_token_id = pad
        with torch.inference_mode():
            return self.model(input_ids=tokens, attention_mask=mask).logits[:, 0].float().cpu().numpy()


@dataclass(frozen=True)
class Scorer:
    """A reward model as what answers (`rapo.models.answers.collect`): what it is shown ends with the answer that is
    scored, and what it says is the score, as text that is that very number again."""

    model: RewardModel
    batch_size: int = 16

    def check(self, asks: Sequence[Ask]) -> None:
        """A template that refuses a conversation says so with its batch."""

    def __call__(self, asks: Sequence[Ask]) -> list[Answer]:
        """A score for each."""
        scores = self.model([ask.messages for ask in asks], batch_size=self.batch_size)
        return [Answer(repr(float(score)), None, False) for score in scores]


def load(name: str, *, dtype: str | None = None, device: str | None = None) -> RewardModel:
    """Load a reward model from a folder or a hub.

    Args:
        name: a folder, or a hub's id.
        dtype: one of `rapo.models.loading.DTYPES`; "auto" and None mean what the checkpoint says.
        device: "cpu", "cuda", "cuda:1".

    Raises:
        FileNotFoundError: a folder holds no model.
        ValueError: it cannot be loaded, has no head that scores, or one with several outputs.
    """
    if dtype not in (None, *loading.DTYPES):
        raise ValueError(f"dtype is {dtype!r}; use one of {', '.join(loading.DTYPES)}")
    loading.check_folder(name, "reward model")
    labels = getattr(loading.config_of(name), "num_labels", 1)
    with loading.told("reward model", name):
        model, about = AutoModelForSequenceClassification.from_pretrained(
            name, dtype=dtype or "auto", output_loading_info=True, **loading.TRUST
        )
    if missing := sorted(about["missing_keys"]):
        raise ValueError(
            f"{name} is no reward model: it has no {missing[0]}, whose numbers would be random; give a model that was "
            "trained as a sequence classifier (TRL's RewardTrainer)"
        )
    if labels != 1:
        raise ValueError(f"{name} has {labels} outputs; give a reward model with one, whose number is the score")
    return RewardModel(model.to(device or "cpu").eval(), loading.load_tokenizer(None, name), name)
