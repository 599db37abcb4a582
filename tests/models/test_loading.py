import copy
import json

import pytest
import tiny
import torch

from rapo.models import loading, rewards
from rapo.models.tiny import CHAT_TEMPLATES, build_tokenizer, save


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(tiny.model(), tiny.TOKENIZER, tmp_path_factory.mktemp("model"))


def test_the_key_is_the_content(folder):
    key = loading.load(folder).key
    assert loading.load(str(folder)).key == key
    assert loading.load(tiny.model()).key == key
    assert loading.load(tiny.model(seed=2)).key != key
    assert loading.load(folder, dtype="bfloat16").key != key
    model = tiny.model()
    with torch.no_grad():
        model.model.norm.weight[3] += 1e-6
    assert loading.load(model).key != key


def test_settings_that_bear_on_logits_are_in_the_key_and_others_are_not():
    key = loading.content_key(tiny.special_model("gemma2, capped"))
    model = tiny.special_model("gemma2, capped")
    model.config.final_logit_softcapping = 0.6
    assert loading.content_key(model) != key
    model = tiny.special_model("gemma2, capped")
    model.config.use_cache, model.config.pad_token_id, model.config._name_or_path = False, 3, "elsewhere"
    assert loading.content_key(model) == key


class Layer(torch.nn.Module):
    """What a layer of PEFT tells of itself."""

    def __init__(self):
        super().__init__()
        self.disable_adapters, self.active_adapters = False, ["first"]
        self.merged_adapters, self.scaling = [], {"first": 2.0, "second": 2.0}


def test_the_state_says_which_adapters_are_on_and_is_the_key_where_there_are_none():
    model = tiny.model()
    found = loading.load(model)
    assert found.state == found.key
    model.layer = Layer()
    seen = {found.key, found.state}
    for changed in ({"disable_adapters": True}, {"active_adapters": ["second"]}, {"merged_adapters": ["first"]},
                    {"scaling": {"first": 1.0, "second": 2.0}}):  # fmt: skip
        vars(model.layer).update(vars(Layer()) | changed)
        seen.add(found.state)
    assert len(seen) == 6
    assert loading.load(model).key == found.key


def test_a_loaded_model_is_put_in_evaluation_mode_and_not_copied():
    model = tiny.model().train()
    found = loading.load(model)
    assert found.model is model
    assert (model.training, found.dtype, found.device, found.name) == (False, "float32", "cpu", "LlamaForCausalLM")


def test_precision_and_device_are_for_models_loaded_here(folder):
    assert loading.load(folder, dtype="bfloat16", device="cpu").dtype == "bfloat16"
    for options in ({"dtype": "bfloat16"}, {"device": "cpu"}):
        with pytest.raises(ValueError, match="the model is loaded already: convert or move it yourself"):
            loading.load(tiny.model(), **options)
    with pytest.raises(ValueError, match="dtype is 'half'; use one of auto, float32"):
        loading.load(folder, dtype="half")


def test_what_is_no_model_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no reference \(config\.json is missing\)"):
        loading.load(tmp_path, what="reference")
    with pytest.raises(FileNotFoundError, match=r"does not exist; give the folder of a model, or a hub's id"):
        loading.load(tmp_path / "nothing")
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ValueError, match="is an adapter; give its base as model and this folder as adapter"):
        loading.load(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"cannot be loaded: .* Give a folder written by save_pretrained"):
        loading.load(tmp_path)


def test_weights_that_are_cut_short_or_pickled_are_told_as_that(folder, tmp_path):
    whole = (folder / "model.safetensors").read_bytes()
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    for size, told in [(len(whole) - 7, f"cut short: {len(whole) - 7:,} of {len(whole):,} bytes"),
                       (100, r"cut short or damaged \(100 bytes; its head"), (3, "cut short or damaged")]:  # fmt: skip
        (tmp_path / "model.safetensors").write_bytes(whole[:size])
        with pytest.raises(
            ValueError, match=rf"cannot be loaded: model\.safetensors is {told}.* Copy or download"
        ):
            loading.load(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(tiny.model().state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(
        ValueError, match=r"its weights are pickled \(pytorch_model\.bin\).* save_pretrained it yourself"
    ):
        loading.load(tmp_path)


def test_code_that_comes_with_a_model_is_never_run(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: "y")  # transformers asks where it is not told
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    ran = tmp_path / "ran"
    (tmp_path / "own.py").write_text(f"import pathlib\npathlib.Path({str(ran)!r}).touch()\n")
    code = {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M", "AutoModelForSequenceClassification": "own.M"}
    config = json.loads((tmp_path / "config.json").read_text()) | {"model_type": "own", "auto_map": code}
    (tmp_path / "config.json").write_text(json.dumps(config))
    told = json.loads((tmp_path / "tokenizer_config.json").read_text())
    own = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.T", "own.T"]}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(told | own))
    for load in (loading.load, rewards.load, loading.config_of, lambda name: loading.load_tokenizer(None, name)):
        with pytest.raises(ValueError, match="Code that comes with a model is never run"):
            load(str(tmp_path))
    assert not ran.exists()


def test_the_tokenizer_comes_with_the_model_or_is_given(folder, tmp_path):
    assert loading.load_tokenizer(None, folder).get_vocab() == tiny.TOKENIZER.get_vocab()
    assert loading.load_tokenizer(folder, tiny.model()).get_vocab() == tiny.TOKENIZER.get_vocab()
    assert loading.load_tokenizer(tiny.TOKENIZER, folder) is tiny.TOKENIZER
    with pytest.raises(ValueError, match="comes without tokenizer; give tokenizer="):
        loading.load_tokenizer(None, tiny.model())
    with pytest.raises(ValueError, match=r"the tokenizer .* cannot be loaded"):
        loading.load_tokenizer(None, tmp_path)


def test_a_reference_with_other_words_is_refused(folder, tmp_path):
    loading.check_same_vocabulary(tiny.TOKENIZER, folder, words=45)
    other = build_tokenizer([*tiny.WORDS[:-1], "owl"])
    save(tiny.model(), other, tmp_path)
    told = (
        "'owl' is unknown to the model and id 44 to the reference; choose a reference with the model's vocabulary"
    )
    with pytest.raises(ValueError, match=told):
        loading.check_same_vocabulary(tiny.TOKENIZER, tmp_path, words=45)
    reordered = build_tokenizer(tiny.WORDS[::-1])
    save(tiny.model(), reordered, tmp_path)
    with pytest.raises(ValueError, match="'w0' is id 5 to the model and id 44 to the reference"):
        loading.check_same_vocabulary(tiny.TOKENIZER, tmp_path, words=45)


def test_a_reference_without_tokenizer_is_compared_by_size():
    loading.check_same_vocabulary(tiny.TOKENIZER, tiny.model(), words=45)
    with pytest.raises(ValueError, match="the reference knows 45 words and the model 44"):
        loading.check_same_vocabulary(tiny.TOKENIZER, tiny.model(), words=44)


def test_the_context_is_read_off_the_configuration(folder):
    assert loading.context(folder) == 512
    assert loading.context(tiny.special_model("gpt2, tied")) == 512


def test_the_tokenizers_key_covers_words_and_template_but_not_padding():
    key = loading.tokenizer_key(tiny.TOKENIZER)
    padded = copy.deepcopy(tiny.TOKENIZER)
    padded(["w1", "w2 w3"], padding=True, truncation=True, max_length=3)
    assert loading.tokenizer_key(padded) == key
    assert loading.tokenizer_key(build_tokenizer(tiny.WORDS[::-1])) != key
    prefix = build_tokenizer(tiny.WORDS, chat_template=CHAT_TEMPLATES["prefix"])
    assert loading.tokenizer_key(prefix) != key


@pytest.mark.filterwarnings("ignore")  # PEFT's own
def test_an_adapter_needs_peft_or_is_put_on(folder, tmp_path):
    try:
        import peft
    except ImportError:
        with pytest.raises(ImportError, match="adapters need the package peft"):
            loading.load(folder, adapter=tmp_path)
        return
    settings = peft.LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    adapted = peft.get_peft_model(tiny.model(), settings)
    adapted.save_pretrained(tmp_path)
    found, plain = loading.load(folder, adapter=tmp_path), loading.load(folder)
    assert found.key == loading.load(adapted).key != plain.key
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        torch.testing.assert_close(found.model(ids).logits, adapted(ids).logits)
        assert not torch.allclose(found.model(ids).logits, plain.model(ids).logits)
    tokens = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    with pytest.raises(ValueError, match="prepends virtual tokens, which is not supported"):
        loading.load(peft.get_peft_model(tiny.model(), tokens))
