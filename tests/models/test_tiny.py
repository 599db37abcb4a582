"""The tokenizer gives texts back, templates differ in the system turn, models are what their names say."""

import random
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rapo.models import tiny

WORDS = ["six", "fruits", ",", "apple", "!", "10"]
TALK = [{"role": "user", "content": "six fruits !"}]


@given(st.lists(st.sampled_from(WORDS), min_size=1))
def test_decoding_gives_the_text_back(words: list[str]) -> None:
    text = " ".join(words)
    tokenizer = tiny.build_tokenizer(WORDS)
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_ids_are_places_in_the_vocabulary_after_five_special_tokens() -> None:
    tokenizer = tiny.build_tokenizer(WORDS)
    assert tokenizer("apple six")["input_ids"] == [5 + 3, 5 + 0]
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id, len(tokenizer)) == (0, 1, 5 + len(WORDS))


@pytest.mark.parametrize("words", [["a b"], [""], ["<end>"], ["a", "a"]])
def test_no_vocabulary(words: list[str]) -> None:
    with pytest.raises(ValueError, match="give each word once"):
        tiny.build_tokenizer(words)


def test_templates_with_and_without_a_system_role() -> None:
    system = [{"role": "system", "content": "10"}, *TALK]
    rendered = tiny.build_tokenizer(WORDS).apply_chat_template(system, tokenize=False, add_generation_prompt=True)
    assert rendered == "<system> 10 <end> <user> six fruits ! <end> <assistant>"
    without = tiny.build_tokenizer(WORDS, chat_template=tiny.CHAT_TEMPLATES["prefix"])
    with pytest.raises(Exception, match="System role not supported"):
        without.apply_chat_template(system, tokenize=False)
    assert without.apply_chat_template(TALK, tokenize=False) == "<user> six fruits ! <end> "


@pytest.mark.parametrize("kind", list(tiny.CHAT_TEMPLATES))
def test_a_prompt_is_a_prefix_of_prompt_and_answer(kind: str) -> None:
    tokenizer = tiny.build_tokenizer(WORDS, chat_template=tiny.CHAT_TEMPLATES[kind])
    prompt = tokenizer.apply_chat_template(TALK, add_generation_prompt=True, return_dict=False)
    whole = tokenizer.apply_chat_template([*TALK, {"role": "assistant", "content": "apple"}], return_dict=False)
    assert whole == [*prompt, tokenizer.convert_tokens_to_ids("apple"), tokenizer.eos_token_id]


@pytest.mark.parametrize(
    ("architecture", "name"),
    [("llama", "LlamaForCausalLM"), ("qwen2", "Qwen2ForCausalLM"), ("gemma2", "Gemma2ForCausalLM")],
)
def test_architectures_are_the_real_ones_with_untied_embeddings(architecture: str, name: str) -> None:
    model = tiny.random_model(tiny.tiny_config(architecture, vocab_size=11, width=16, layers=2), seed=0)
    assert type(model).__name__ == name
    assert model.get_input_embeddings().weight.data_ptr() != model.get_output_embeddings().weight.data_ptr()
    assert model.dtype == torch.float32


def test_llama_has_the_parameters_that_its_shape_says() -> None:
    model = tiny.random_model(tiny.tiny_config("llama", vocab_size=11, width=16, layers=2), seed=0)
    # Two embeddings 2 * 11 * 16; a layer: attention 4 * 16 * 16, gated units 3 * 16 * 48, two norms; one last norm.
    assert model.num_parameters() == 2 * 11 * 16 + 2 * (4 * 16 * 16 + 3 * 16 * 48 + 2 * 16) + 16


def test_gemma_keeps_its_soft_caps_and_sliding_window() -> None:
    config = tiny.tiny_config("gemma2", vocab_size=11, width=16, layers=2)
    assert config.layer_types == ["sliding_attention", "full_attention"]
    assert (config.attn_logit_softcapping, config.final_logit_softcapping) == (50.0, 30.0)
    assert config.sliding_window == 256


def test_configs_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="llama, qwen2, gemma2"):
        tiny.tiny_config("gpt", vocab_size=11)
    with pytest.raises(ValueError, match="multiple of 8"):
        tiny.tiny_config("llama", vocab_size=11, width=18)


def test_weights_depend_on_the_seed_alone_and_the_callers_random_state_is_kept() -> None:
    config = tiny.tiny_config("llama", vocab_size=11, width=16, layers=1)
    torch.manual_seed(random.randrange(1000))
    before = torch.random.get_rng_state()
    first = tiny.random_model(config, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(3)
    weights = [m.get_output_embeddings().weight for m in (first, tiny.random_model(config, seed=1))]
    assert torch.equal(*weights)
    assert not torch.equal(weights[0], tiny.random_model(config, seed=2).get_output_embeddings().weight)


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_what_is_saved_is_loaded(architecture: str, tmp_path: Path) -> None:
    tokenizer = tiny.build_tokenizer(WORDS)
    config = tiny.tiny_config(architecture, vocab_size=len(tokenizer), width=16, layers=2)
    model = tiny.random_model(config, seed=0).eval()
    with torch.no_grad():  # scores large enough for Gemma's soft cap to matter
        for name, weight in model.named_parameters():
            weight.mul_(60.0 if "q_proj" in name or "k_proj" in name else 1.0)
    again, words = tiny.load(tiny.save(model, tokenizer, tmp_path / "model"))
    ids = torch.tensor([tokenizer("six fruits , apple apple !")["input_ids"]])
    with torch.no_grad():
        assert torch.allclose(model(ids).logits, again.eval()(ids).logits, atol=1e-6)
    talk = words.apply_chat_template(TALK, add_generation_prompt=True, return_dict=False)
    assert talk == tokenizer.apply_chat_template(TALK, add_generation_prompt=True, return_dict=False)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no model"):
        tiny.load(tmp_path)


def test_frequent_words_come_first_and_special_tokens_never() -> None:
    texts = ["a b a", "b <user> c", "a"]
    assert tiny.frequent_words(texts) == ["a", "b", "c"]
    assert tiny.frequent_words(texts, most=1) == ["a"]
    tiny.build_tokenizer(tiny.frequent_words(texts))


def test_one_word_may_stand_for_every_other() -> None:
    tokenizer = tiny.build_tokenizer(WORDS, unknown="<unknown>")
    assert tokenizer.decode(tokenizer("six pears !")["input_ids"]) == "six <unknown> !"
    with pytest.raises(Exception, match="UNK"):
        tiny.build_tokenizer(WORDS)("six pears !")
