"""Small models of real architectures, a word-level tokenizer, chat templates with and without a system role."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PretrainedConfig, PreTrainedModel
from transformers import PreTrainedTokenizerFast as Tokenizer

PAD, END, SYSTEM, USER, ASSISTANT = SPECIAL = ("<pad>", "<end>", "<system>", "<user>", "<assistant>")
ARCHITECTURES = ("llama", "qwen2", "gemma2")
MAX_LENGTH = 512
BATCH = 900  # answers sampled at a time: on a CPU a sixth faster than 300 at a time

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


def build_tokenizer(
    words: Sequence[str], *, chat_template: str = CHAT_TEMPLATES["system"], unknown: str | None = None
) -> Tokenizer:
    """A word-level tokenizer: one id a word, split at white space; decoding joins with single spaces.

    Args:
        words: the vocabulary; a word's id is its place here plus the five special tokens.
        chat_template: one of `CHAT_TEMPLATES`, or any Jinja text.
        unknown: a word that is not among them, to stand for every other; None: other words are errors.

    Raises:
        ValueError: a word is empty, holds white space, is a special token or stands twice.

    >>> tokenizer = build_tokenizer(["six", "fruits", "!"])
    >>> tokenizer.decode(tokenizer("six fruits !")["input_ids"])
    'six fruits !'
    """
    from tokenizers import Tokenizer as Backend
    from tokenizers import models, pre_tokenizers

    wrong = [word for word in words if word.split() != [word] or word in SPECIAL]
    twice = [word for word, times in Counter(words).items() if times > 1]
    if wrong or twice:
        raise ValueError(
            f"no vocabulary: white space or special tokens {wrong[:3]}, repeated {twice[:3]}; give each word once"
        )
    ids = {word: i for i, word in enumerate([*SPECIAL, *words, *([unknown] if unknown else [])])}
    backend = Backend(models.WordLevel(ids, unk_token=unknown))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Tokenizer(
        tokenizer_object=backend,
        pad_token=PAD,
        eos_token=END,
        unk_token=unknown,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT],
        chat_template=chat_template,
        clean_up_tokenization_spaces=False,
        model_max_length=MAX_LENGTH,
    )


def frequent_words(texts: Iterable[str], *, most: int = 4000) -> list[str]:
    """The most frequent words of some texts, split at white space: a vocabulary for `build_tokenizer`.

    >>> frequent_words(["six fruits", "six tools", "two"], most=2)
    ['fruits', 'six']
    """
    counts = Counter(word for text in texts for word in text.split() if word not in SPECIAL)
    return sorted(word for word, _ in counts.most_common(most))


def tiny_config(
    architecture: str, *, vocab_size: int, width: int = 96, layers: int = 3, heads: int = 4
) -> PretrainedConfig:
    """The real configuration class of an architecture at a tiny size.

    Embeddings are untied: tied ones make the digits of a goal collapse into one direction. Gemma 2 keeps its own
    ways: both soft caps, and a sliding window of half the positions in every second layer.

    Raises:
        ValueError: the architecture is not one of llama, qwen2, gemma2, or width is no multiple of 2 * heads.
    """
    from transformers import Gemma2Config, LlamaConfig, Qwen2Config

    classes: dict[str, Any] = {"llama": LlamaConfig, "qwen2": Qwen2Config, "gemma2": Gemma2Config}
    if architecture not in classes:
        raise ValueError(f"architecture is {architecture!r}; use one of {', '.join(classes)}")
    if width % (2 * heads):
        raise ValueError(
            f"width {width} does not give {heads} heads of an even size; use a multiple of {2 * heads}"
        )
    size = width // heads
    gemma2 = {"head_dim": size, "query_pre_attn_scalar": size, "sliding_window": MAX_LENGTH // 2}
    return classes[architecture](
        vocab_size=vocab_size,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=MAX_LENGTH,
        tie_word_embeddings=False,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
        initializer_range=0.05,
        **(gemma2 if architecture == "gemma2" else {}),
    )


def random_model(config: PretrainedConfig, *, seed: int) -> PreTrainedModel:
    """A model with random fp32 weights that depend on the seed alone; the caller's random state is kept."""
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
        raise FileNotFoundError(f"{folder} holds no model (config.json is missing); train or copy one there first")
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), load_tokenizer(folder)


def load_tokenizer(source: str | Path) -> Any:
    """Read a tokenizer from a folder or a hub's id.

    Differs from `AutoTokenizer`, which for some model types (qwen2) puts the type's own way of splitting text in the
    place of what the folder says: a word-level tokenizer then loses every word without a warning.
    """
    told = Path(source) / "tokenizer_config.json"
    own = json.loads(told.read_text()).get("tokenizer_class") if told.is_file() else None
    as_it_is = own in ("TokenizersBackend", "PreTrainedTokenizerFast")
    return (Tokenizer if as_it_is else AutoTokenizer).from_pretrained(str(source))
