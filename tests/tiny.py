"""Tiny causal LMs of many architectures, rows to score, and scores by brute force in fp64."""

import copy
import random
from typing import Any

import pyarrow as pa
import torch
import transformers

from rapo.models import tiny

WORDS = [f"w{i}" for i in range(40)]
TOKENIZER = tiny.build_tokenizer(WORDS)
SIZE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
# Heads that scale, cap, add a bias or share the embedding, each strong enough to be seen in a random model.
SPECIAL: dict[str, tuple[str, dict[str, Any]]] = {
    "gemma2, capped": ("Gemma2Config", {"final_logit_softcapping": 0.5, "head_dim": 8, "num_key_value_heads": 4}),
    "granite, divided": ("GraniteConfig", {"logits_scaling": 0.25, "num_key_value_heads": 4}),
    "cohere, multiplied": ("CohereConfig", {"logit_scale": 4.0, "num_key_value_heads": 4}),
    "phi, biased": ("PhiConfig", {}),
    "gpt2, tied": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512}),
}


def special_model(name: str) -> Any:
    """A random model of one of the architectures in `SPECIAL`."""
    kind, own = SPECIAL[name]
    size = {} if kind == "GPT2Config" else SIZE | {"max_position_embeddings": 512}
    ids = {"vocab_size": len(TOKENIZER), "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None}
    model = tiny.random_model(getattr(transformers, kind)(**size, **ids, **own, initializer_range=0.3), seed=1)
    if (bias := model.get_output_embeddings().bias) is not None:
        torch.nn.init.normal_(bias, generator=torch.Generator().manual_seed(2))
    return model.eval()


def model(seed: int = 1, architecture: str = "llama", *, width: int = 32, layers: int = 2, **own: Any) -> Any:
    """A random model of one of rapo's own architectures; ``own`` goes over its configuration."""
    config = tiny.tiny_config(architecture, vocab_size=len(TOKENIZER), width=width, layers=layers)
    config.update(own)
    return tiny.random_model(config, seed=seed)


def rows(n: int, *, seed: int = 0, plain: bool = False, longest: int = 30) -> pa.Table:
    """Random preference rows; plain strings, or messages with an answer in every other prompt."""
    draw = random.Random(seed)

    def text() -> str:
        return " ".join(draw.choices(WORDS, k=draw.randint(1, longest)))

    if plain:
        made = [{"prompt": text(), "chosen": f" {text()} ", "rejected": f" {text()} "} for _ in range(n)]
        return pa.Table.from_pylist(made)
    talks = []
    for i in range(n):
        prompt = [{"role": "user", "content": text()}]
        if i % 2:
            prompt += [{"role": "assistant", "content": text()}, {"role": "user", "content": text()}]
        sides = {side: [{"role": "assistant", "content": text()}] for side in ("chosen", "rejected")}
        talks.append({"prompt": prompt, **sides, "number": i})
    return pa.Table.from_pylist(talks)


def brute_force(model: Any, ids: list[int], start: int) -> float:
    """Sum of log p(ids[i] | ids[:i]) for i >= start: one sequence, every logit, in fp64."""
    exact = copy.deepcopy(model).double()
    with torch.no_grad():
        logprobs = exact(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return sum(logprobs[i - 1, ids[i]].item() for i in range(start, len(ids)))


def token_ids(row: dict[str, Any], side: str) -> tuple[list[int], int]:
    """Ids of a row of messages and where the response starts: the words of every turn between its two marks."""
    ids: list[int] = []
    for turn in [*row["prompt"], *row[side]]:
        start = len(ids) + 1
        ids += TOKENIZER.convert_tokens_to_ids([f"<{turn['role']}>", *turn["content"].split(), "<end>"])
    return ids, start
