"""Answers of a model that is loaded here, in batches; each has random numbers of its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from rapo.models import loading
from rapo.models.answers import Answer, Ask
from rapo.models.loading import Checkpoint
from rapo.models.sampling import Decoder


class Generator:
    """Answers a batch of asks; whatever else is in the batch changes nothing, beyond the rounding of the logits."""

    def __init__(
        self, checkpoint: Checkpoint, tokenizer: Any, *, temperature: float, top_p: float, max_new_tokens: int
    ) -> None:
        self.model, self.tokenizer, self.steps = checkpoint.model, tokenizer, max_new_tokens
        self._decode = Decoder(checkpoint.model, tokenizer, temperature, top_p, max_new_tokens)

    def check(self, asks: Sequence[Ask]) -> None:
        """Refuse, before any work, prompts that the chat template refuses or that leave no room for an answer.

        Raises:
            ValueError: names the first prompt and what to type.
        """
        room = loading.context(self.model)
        talks = list({str(ask.messages): ask.messages for ask in asks}.values())
        for messages, tokens in zip(talks, self._tokens(talks), strict=True):
            if room is not None and len(tokens) + self.steps > room:
                shorter = f"say --max-new-tokens {room - len(tokens)}, or " if len(tokens) < room else ""
                raise ValueError(
                    f"a prompt of {len(tokens)} tokens and an answer of up to {self.steps} do not fit the model's "
                    f"{room} tokens: {_begin(messages)}; {shorter}leave the prompt out"
                )

    def __call__(self, asks: Sequence[Ask]) -> list[Answer]:
        """An answer for each, in order; a batch too big for the memory is answered in halves."""
        try:
            return self._answers(asks)
        except torch.OutOfMemoryError:
            if len(asks) == 1:
                raise
        torch.cuda.empty_cache()
        half = len(asks) // 2
        return [*self(asks[:half]), *self(asks[half:])]

    def _answers(self, asks: Sequence[Ask]) -> list[Answer]:
        draws = torch.from_numpy(np.stack([np.random.default_rng(ask.seed).random(self.steps) for ask in asks]))
        made = self._decode(self._tokens([ask.messages for ask in asks]), draws)
        texts = self.tokenizer.batch_decode(made, skip_special_tokens=True)
        return [Answer(text, len(ids), len(ids) == self.steps) for text, ids in zip(texts, made, strict=True)]

    def _tokens(self, talks: list[list[dict[str, str]]]) -> list[list[int]]:
        """What the model reads, up to where its answer begins."""
        if not talks:
            return []
        try:
            return self.tokenizer.apply_chat_template(talks, add_generation_prompt=True, return_dict=False)
        except Exception as error:  # templates and tokenizers raise what they like
            for talk in talks if len(talks) > 1 else []:
                self._tokens([talk])
            raise ValueError(f"the model's tokenizer refuses the prompt {_begin(talks[0])}: {error}") from error


def _begin(messages: list[dict[str, str]]) -> str:
    """What is asked, shortened."""
    return repr(messages[-1]["content"][:60])
