"""Small models of real architectures, a word-level tokenizer and chat templates with and without a system role."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PretrainedConfig, PreTrainedModel
from transformers import PreTrainedTokenizerFast as Tokenizer

PAD, END, SYSTEM, USER, ASSISTANT = SPECIAL = ("<pad>", "<end>", "<system>", "<user>", "<assistant>")
ARCHITECTURES = ("llama", "qwen2", "gemma2")

_TURNS = (
    "{% for message in messages %}"
    "{{ '<' + message['role'] + '> ' + message['content'] + ' <end> ' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)
_NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
)
CHAT_TEMPLATES: dict[str, str] = {"system": _TURNS, "prefix": _NO_SYSTEM + _TURNS}


def build_tokenizer(words: Sequence[str], *, chat_template: str = CHAT_TEMPLATES["system"]) -> Tokenizer:
    """A word-level tokenizer: one id a word, split at white space; decoding joins with single spaces.

    Raises:
        ValueError: a word holds white space or stands twice.
    """
    from tokenizers import Tokenizer as Backend
    from tokenizers import models, pre_tokenizers

    wrong = [word for word in words if word.split() != [word] or word in SPECIAL]
    if wrong or len(set(words)) != len(words):
        raise ValueError(f"vocabulary has words with white space, special or repeated words: {wrong[:3]}")
    ids = {word: i for i, word in enumerate([*SPECIAL, *words])}
    backend = Backend(models.WordLevel(ids, unk_token=None))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Tokenizer(
        tokenizer_object=backend,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT],
        chat_template=chat_template,
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )


def tiny_config(
    architecture: str, *, vocab_size: int, width: int = 96, layers: int = 3, heads: int = 4
) -> PretrainedConfig:
    """The real configuration class of an architecture at a tiny size, embeddings untied.

    Raises:
        ValueError: the architecture is not one of llama, qwen2, gemma2.
    """
    from transformers import Gemma2Config, LlamaConfig, Qwen2Config

    classes: dict[str, Any] = {"llama": LlamaConfig, "qwen2": Qwen2Config, "gemma2": Gemma2Config}
    if architecture not in classes:
        raise ValueError(f"architecture is {architecture!r}; use one of {', '.join(classes)}")
    own: dict[str, Any] = {}
    if architecture == "gemma2":
        own = {"head_dim": width // heads, "query_pre_attn_scalar": width // heads, "attn_implementation": "eager"}
    return classes[architecture](
        vocab_size=vocab_size,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=512,
        tie_word_embeddings=False,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
        initializer_range=0.05,
        **own,
    )


def random_model(config: PretrainedConfig, *, seed: int) -> PreTrainedModel:
    """A model with random weights that depend on the seed alone; the caller's random state is kept."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def save(model: PreTrainedModel, tokenizer: Tokenizer, folder: str | Path) -> Path:
    """Write model and tokenizer where `load`, TRL and any other user of transformers can read them."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Path(folder)


def load(folder: str | Path) -> tuple[PreTrainedModel, Any]:
    """Read a model (fp32) and its tokenizer.

    Raises:
        FileNotFoundError: the folder holds no model.
    """
    if not (Path(folder) / "config.json").is_file():
        raise FileNotFoundError(f"{folder} holds no model (config.json is missing)")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model, AutoTokenizer.from_pretrained(folder)
