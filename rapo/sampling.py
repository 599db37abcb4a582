"""Batched sampling from a causal LM, one reproducible draw a row."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

Messages = list[dict[str, str]]


@torch.no_grad()
def sample(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Messages],
    *,
    temperature: float = 1.0,
    max_new_tokens: int = 96,
    seed: int = 0,
    batch_size: int = 300,
) -> list[str]:
    """Sample one answer to each prompt; special tokens are left out of the text.

    A row's draws depend on (seed, row number) alone: neither batch size nor the other rows change them, beyond the
    rounding of the logits. A hand-written loop over ``past_key_values`` because it draws so.

    Args:
        model: a causal LM.
        tokenizer: with a chat template.
        prompts: messages. Shape: (n,)
        temperature: 0 takes the likeliest token.
        max_new_tokens: where an answer is cut.
        seed: of the draws.
        batch_size: rows at a time; rows are sorted by length.

    Returns:
        Texts, in the order of the prompts. Shape: (n,)
    """
    model.eval()
    ids = [tokenizer.apply_chat_template(p, add_generation_prompt=True, return_dict=False) for p in prompts]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    texts = [""] * len(ids)
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        noise = None if temperature == 0 else _noise(rows, max_new_tokens, seed)
        tokens = _decode(model, tokenizer, [ids[i] for i in rows], temperature, max_new_tokens, noise)
        for row, text in zip(rows, tokenizer.batch_decode(tokens, skip_special_tokens=True), strict=True):
            texts[row] = text
    return texts


def _noise(rows: Sequence[int], steps: int, seed: int) -> Tensor:
    """One uniform draw a row and step, for sampling by inverse distribution function. Shape: (rows, steps)."""
    import numpy as np

    draws = [np.random.default_rng([seed, row]).random(steps) for row in rows]
    return torch.from_numpy(np.stack(draws))


def _decode(
    model: Any, tokenizer: Any, ids: list[list[int]], temperature: float, steps: int, noise: Tensor | None
) -> Tensor:
    """Token ids of the answers, padded. Shape: (rows, at most steps)."""
    longest = max(map(len, ids))
    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    tokens = torch.tensor([[pad] * (longest - len(row)) + row for row in ids], device=model.device)
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in ids], device=model.device)
    position = (mask.cumsum(1) - 1).clamp(min=0)
    done = torch.zeros(len(ids), dtype=torch.bool, device=model.device)
    cache, made = None, []
    for step in range(steps):
        out = model(
            tokens, attention_mask=mask, position_ids=position, past_key_values=cache, use_cache=True,
            logits_to_keep=1,
        )  # fmt: skip
        cache = out.past_key_values
        draw = None if noise is None else noise[:, step].to(model.device)
        token = _pick(out.logits[:, -1], temperature, draw).masked_fill(done, pad)
        made.append(token)
        done |= token == end
        if done.all():
            break
        tokens, position = token[:, None], position[:, -1:] + 1
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
    return torch.stack(made, dim=1)


def _pick(logits: Tensor, temperature: float, draw: Tensor | None) -> Tensor:
    """The likeliest token, or the one where the distribution function passes the draw. Shape: (rows,)."""
    if draw is None:
        return logits.argmax(-1)
    mass = torch.softmax(logits.double() / temperature, dim=-1).cumsum(-1)
    return torch.searchsorted(mass, draw[:, None] * mass[:, -1:]).squeeze(1).clamp(max=logits.shape[-1] - 1)
