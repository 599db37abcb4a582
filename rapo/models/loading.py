"""Causal LMs to score with: loaded with tokenizer and adapter, named by the content of their weights."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from rapo.config import content_hash
from rapo.models import tiny

DTYPES = ("auto", "float32", "bfloat16", "float16", "float64")
# No code that comes with a model is ever run, and no pickle, which could hold some, is opened.
TRUST: dict[str, Any] = {"trust_remote_code": False, "use_safetensors": True}
# What a configuration says that no logit depends on.
_VOLATILE = {
    *("_name_or_path", "transformers_version", "architectures", "use_cache", "dtype", "torch_dtype"),
    *("base_model_name_or_path", "revision", "inference_mode", "peft_version", "auto_mapping"),
}


@dataclass(frozen=True)
class Checkpoint:
    """A model that is ready to score."""

    model: Any  # a causal LM in evaluation mode, an adapter within it
    name: str
    key: str  # hash of weights, precision, adapter and configuration

    @property
    def dtype(self) -> str:
        """Precision of the weights, as "bfloat16"."""
        return precision(self.model)

    @property
    def device(self) -> str:
        """Where the model begins."""
        return str(self.model.get_input_embeddings().weight.device)

    @property
    def state(self) -> str:
        """The key, and of a model with adapters also which of them are on or merged, and by what they are scaled."""
        layers = _adapted(self.model)
        return content_hash(self.key, *layers) if layers else self.key


def load(
    model: Any,
    *,
    adapter: str | Path | None = None,
    dtype: str | None = None,
    device: str | None = None,
    what: str = "model",
) -> Checkpoint:
    """Load a causal LM from a folder or hub, or take one that is loaded.

    Args:
        model: a folder, a hub's id, or a model of transformers or PEFT, which is taken as it is.
        adapter: folder or hub's id of a PEFT adapter to put on it.
        dtype: one of `DTYPES`; "auto" and None mean what the checkpoint says.
        device: "cpu", "cuda", "cuda:1".
        what: what an error calls it.

    Raises:
        FileNotFoundError: a folder holds no model.
        ValueError: the model cannot be loaded, or options do not fit.
    """
    if dtype not in (None, *DTYPES):
        raise ValueError(f"dtype is {dtype!r}; use one of {', '.join(DTYPES)}")
    if isinstance(model, str | Path):
        name = str(model)
        check_folder(name, what)
        with told(what, name):
            model = AutoModelForCausalLM.from_pretrained(name, dtype=dtype or "auto", **TRUST)
        model = model.to(device or "cpu")
    else:
        name = model.config.name_or_path or type(model).__name__
        if dtype not in (None, "auto") or device is not None:
            raise ValueError(
                f"the {what} is loaded already: convert or move it yourself, without dtype= and device="
            )
    if adapter is not None:
        name = f"{name} + {adapter}"
        try:
            from peft import PeftModel
        except ImportError as error:
            raise ImportError("adapters need the package peft; pip install peft") from error
        if Path(adapter).is_dir() and not (Path(adapter) / "adapter_model.safetensors").is_file():
            raise FileNotFoundError(
                f"the folder {adapter} holds no adapter (adapter_model.safetensors is missing)"
            )
        with told(f"adapter of the {what}", str(adapter)):
            model = PeftModel.from_pretrained(model, str(adapter))
    model = unwrapped(model, what)
    return Checkpoint(model.eval(), name, content_key(model))


def check_folder(name: str, what: str) -> None:
    """Refuse a folder that holds something else than a model; a name that is no folder may be a hub's."""
    folder = Path(name)
    if not folder.exists() and (folder.is_absolute() or name.startswith(".") or name.count("/") > 1):
        raise FileNotFoundError(f"{name} does not exist; give the folder of a {what}, or a hub's id")
    if not folder.is_dir() or (folder / "config.json").is_file():
        return
    if (folder / "adapter_config.json").is_file():
        raise ValueError(f"{name} is an adapter; give its base as {what} and this folder as adapter")
    raise FileNotFoundError(f"the folder {name} holds no {what} (config.json is missing)")


@contextmanager
def told(what: str, name: str) -> Iterator[None]:
    """Errors of transformers as one line with a remedy; a file of weights that is cut short is told as that.

    Raises:
        ValueError: in place of what transformers and safetensors raise.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        whole = str(error).strip()
        why, remedy = whole.split("\n")[0], "Give a folder written by save_pretrained, or a hub's id."
        if "custom code" in why:
            remedy = "Code that comes with a model is never run; choose one that transformers knows."
        elif cut := _cut_short(Path(name)):
            why, remedy = f"{cut}.", "Copy or download that file again."
        elif "safetensors" in whole and (files := sorted(Path(name).glob("*.bin"))):
            why = f"its weights are pickled ({files[0].name}), which can run code, and are not opened."
            remedy = "If you trust them, load and save_pretrained it yourself: that writes safetensors."
        raise ValueError(f"the {what} {name!r} cannot be loaded: {why} {remedy}") from error


def _cut_short(folder: Path) -> str:
    """Which file of weights holds fewer bytes than its head says, in words; nothing where all are whole."""
    for file in sorted(folder.glob("*.safetensors")):
        size = file.stat().st_size
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            head = opened.read(length) if size >= 8 + length else b""
        try:
            tensors = json.loads(head)
            wanted = 8 + length + max(one["data_offsets"][1] for one in tensors.values() if "data_offsets" in one)
        except (ValueError, LookupError, TypeError, AttributeError):
            return f"{file.name} is cut short or damaged ({size:,} bytes; its head cannot be read)"
        if size < wanted:
            return f"{file.name} is cut short: {size:,} of {wanted:,} bytes"
    return ""


def unwrapped(model: Any, what: str) -> Any:
    """The model that PEFT has put its layers into; they stay active in it."""
    if not hasattr(model, "get_base_model"):
        return model
    if getattr(model.active_peft_config, "is_prompt_learning", False):
        raise ValueError(
            f"the {what}'s adapter prepends virtual tokens, which is not supported; give one that changes weights "
            "(LoRA and its like)"
        )
    return model.get_base_model()


def load_tokenizer(tokenizer: Any, model: Any) -> Any:
    """The tokenizer as given, or by name, or the one that lies with the model; a ValueError where there is none."""
    source = tokenizer if tokenizer is not None else model
    if not isinstance(source, str | Path):
        if tokenizer is not None:
            return tokenizer
        raise ValueError("a model that is loaded already comes without tokenizer; give tokenizer=")
    with told("tokenizer", str(source)):  # as tiny.load_tokenizer, on which the keys of kept runs rest
        config = Path(source) / "tokenizer_config.json"
        kind = json.loads(config.read_text(encoding="utf-8")).get("tokenizer_class") if config.is_file() else None
        own = kind in ("TokenizersBackend", "PreTrainedTokenizerFast")
        return (tiny.Tokenizer if own else AutoTokenizer).from_pretrained(str(source), trust_remote_code=False)


def check_same_vocabulary(tokenizer: Any, reference: Any, *, words: int | None) -> None:
    """Refuse a reference model, or its folder or hub's id, that would read the token ids as other words.

    Where a tokenizer lies with it, every word must have the same id in both; without one, the model's number of
    ``words`` is compared with the reference's.

    Raises:
        ValueError: the vocabularies differ.
    """
    remedy = "choose a reference with the model's vocabulary"
    try:
        other = load_tokenizer(None, reference)
    except ValueError:
        size = config_of(reference).get_text_config().vocab_size
        if words is not None and size != words:
            raise ValueError(f"the reference knows {size} words and the model {words}; {remedy}") from None
        return
    ours, theirs = tokenizer.get_vocab(), other.get_vocab()
    if ours != theirs:
        word = min((w for w in ours.keys() | theirs.keys() if ours.get(w) != theirs.get(w)), key=str)
        ids = [f"id {vocabulary[word]}" if word in vocabulary else "unknown" for vocabulary in (ours, theirs)]
        raise ValueError(
            f"the reference {reference} has another vocabulary: {word!r} is {ids[0]} to the model and {ids[1]} to the "
            f"reference; {remedy}"
        )


def config_of(model: Any) -> Any:
    """The configuration of a model that may not be loaded yet."""
    if not isinstance(model, str | Path):
        return model.config
    check_folder(str(model), "model")
    with told("model", str(model)):
        return AutoConfig.from_pretrained(str(model), trust_remote_code=False)


def context(model: Any) -> int | None:
    """How many tokens a model reads at most; None where its configuration does not say."""
    value = getattr(config_of(model).get_text_config(), "max_position_embeddings", None)
    return int(value) if value else None


def precision(model: Any) -> str:
    """Precision of a model's weights, as "bfloat16"."""
    return str(model.get_input_embeddings().weight.dtype).removeprefix("torch.")


def content_key(model: Any) -> str:
    """Hash of everything that a model's log-probabilities depend on; names, folders and devices are not in it.

    Which adapters are on is not in it either (`Checkpoint.state`): a reference is the model with its adapters off.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    adapters = getattr(model, "peft_config", {}).values()
    configs = [model.config.to_dict(), *(adapter.to_dict() for adapter in adapters)]
    return content_hash(digest.hexdigest(), *map(_settled, configs))


def _adapted(model: Any) -> list[str]:
    """How PEFT's layers stand, as text; a model of transformers has a method where a layer says whether it is off."""
    told = ("disable_adapters", "active_adapters", "merged_adapters", "scaling")
    layers = [pair for pair in model.named_modules() if isinstance(getattr(pair[1], told[0], None), bool)]
    return [f"{name} {[getattr(layer, state, None) for state in told]}" for name, layer in layers]


def _settled(config: Mapping[str, Any]) -> str:
    """What of a configuration bears on logits, as text."""
    kept = {key: value for key, value in config.items() if key not in _VOLATILE and not key.endswith("_token_id")}
    return json.dumps(
        kept, sort_keys=True, default=lambda v: sorted(map(str, v)) if isinstance(v, set) else str(v)
    )


def tokenizer_key(tokenizer: Any) -> str:
    """Hash of a tokenizer's rules and chat template; how it pads or cuts is not in it."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    rules = tokenizer.get_vocab() if backend is None else json.loads(backend.to_str())
    if backend is not None:
        rules = {key: value for key, value in rules.items() if key not in ("padding", "truncation")}
    return content_hash(json.dumps(rules, sort_keys=True), json.dumps(tokenizer.chat_template))


def template_key(tokenizer: Any) -> str:
    """Hash of a tokenizer's chat template alone."""
    return content_hash(json.dumps(tokenizer.chat_template))
