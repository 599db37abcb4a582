"""Samples follow the model's probabilities; a row's draws are its own."""

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import TOKENIZER, WORDS

from rapo.models.sampling import Decoder, Messages, nucleus, sample, samples
from rapo.models.tiny import ARCHITECTURES


def sharp(architecture: str = "llama", *, sharpness: float = 40.0) -> torch.nn.Module:
    window = {"sliding_window": 4} if architecture == "gemma2" else {}  # shorter than the prompts
    model = tiny.model(3, architecture, **window)
    with torch.no_grad():  # far from uniform
        model.get_output_embeddings().weight.mul_(sharpness)
    return model.eval()


def ask(n: int) -> list[Messages]:
    rng = np.random.default_rng(0)
    return [[{"role": "user", "content": " ".join(rng.choice(WORDS, size=rng.integers(1, 9)))}] for _ in range(n)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_greedy_is_what_generate_gives(architecture: str) -> None:
    model, prompts = sharp(architecture), ask(7)
    expected = []
    for prompt in prompts:
        batch = TOKENIZER.apply_chat_template(prompt, add_generation_prompt=True, return_tensors="pt")
        ids = model.generate(**batch, do_sample=False, max_new_tokens=12)[0, batch["input_ids"].shape[1] :]
        expected.append(TOKENIZER.decode(ids, skip_special_tokens=True))
    assert sample(model, TOKENIZER, prompts, temperature=0, max_new_tokens=12) == expected
    assert len(set(expected)) > 1


def test_neither_batch_size_nor_order_changes_a_rows_answer() -> None:
    model, prompts = sharp(), ask(25)
    once = sample(model, TOKENIZER, prompts, seed=4, max_new_tokens=10)
    assert sample(model, TOKENIZER, prompts, seed=4, max_new_tokens=10, batch_size=3) == once
    order = np.random.default_rng(1).permutation(25)
    shuffled = sample(
        model, TOKENIZER, [prompts[i] for i in order], seed=4, max_new_tokens=10, ids=order.tolist(), batch_size=8
    )
    assert shuffled == [once[i] for i in order]


def test_another_seed_gives_other_answers_and_the_same_seed_the_same() -> None:
    model, prompts = sharp(sharpness=1.0), ask(8)
    first = sample(model, TOKENIZER, prompts, seed=0, max_new_tokens=10)
    assert sample(model, TOKENIZER, prompts, seed=0, max_new_tokens=10) == first
    assert sample(model, TOKENIZER, prompts, seed=1, max_new_tokens=10) != first


def test_several_answers_to_a_prompt_the_first_of_which_is_the_single_one() -> None:
    model, prompts = sharp(sharpness=1.0), ask(5)
    several = samples(model, TOKENIZER, prompts, n=3, seed=2, max_new_tokens=6, batch_size=4)
    assert [texts[0] for texts in several] == sample(model, TOKENIZER, prompts, seed=2, max_new_tokens=6)
    assert all(len(set(texts)) == 3 for texts in several)


def test_first_words_are_drawn_with_the_models_probabilities() -> None:
    model, prompt, n = sharp(sharpness=15.0), ask(1), 4000
    batch = TOKENIZER.apply_chat_template(prompt[0], add_generation_prompt=True, return_tensors="pt")
    with torch.no_grad():
        logits = model(**batch).logits[0, -1]
    expected = torch.softmax(logits.double() / 0.7, dim=-1)
    made = samples(model, TOKENIZER, prompt, n=n, temperature=0.7, max_new_tokens=1, batch_size=n)[0]
    for word in WORDS:
        p = expected[TOKENIZER.convert_tokens_to_ids(word)].item()
        # Five standard errors of a binomial share, and one more draw.
        assert abs(made.count(word) / n - p) < 5 * (p * (1 - p) / n) ** 0.5 + 1 / n


def test_the_token_where_the_distribution_function_passes_the_draw() -> None:
    decoder = Decoder(sharp(), TOKENIZER, 1.0, 1.0, 1)
    logits = torch.log(torch.tensor([[0.0, 0.2, 0.5, 0.3]] * 5))
    # Distribution function: 0, .2, .7, 1. A draw of 0 must not give the first word, which has no probability.
    draws = torch.tensor([0.0, 0.19, 0.2 + 1e-6, 0.69, 0.7 + 1e-6], dtype=torch.float64)
    assert decoder._pick(logits, draws).tolist() == [1, 1, 2, 2, 3]


def test_nucleus() -> None:
    # In order .5, .3, .2: the words before .3 have .5 < .6, those before .2 have .8 >= .6.
    mass = torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64)
    assert nucleus(mass, 0.6).tolist() == [[0.0, 0.5, 0.3]]
    assert nucleus(mass, 0.5).tolist() == [[0.0, 0.5, 0.0]]
    assert nucleus(mass, 0.01).tolist() == [[0.0, 0.5, 0.0]]


@given(
    weights=st.lists(st.floats(0.01, 1), min_size=2, max_size=8),
    top_p=st.floats(0.05, 1, exclude_max=True),
)
def test_a_nucleus_is_the_smallest_set_of_enough_probability(weights: list[float], top_p: float) -> None:
    mass = torch.tensor([weights], dtype=torch.float64)
    mass /= mass.sum()
    kept = nucleus(mass, top_p)
    inside = kept[0] > 0
    assert kept.sum() >= top_p - 1e-12
    assert kept.sum() - mass[0][inside].min() < top_p  # without its least likely word it is too small
    assert mass[0][inside].min() >= mass[0][~inside].max() if (~inside).any() else True


def test_an_answer_ends_at_any_of_the_models_end_tokens() -> None:
    model = sharp(sharpness=1.0)
    prompts = ask(40)
    plain = samples(model, TOKENIZER, prompts, n=1, max_new_tokens=8)
    model.generation_config.eos_token_id = [TOKENIZER.eos_token_id, TOKENIZER.convert_tokens_to_ids("w3")]
    ended = samples(model, TOKENIZER, prompts, n=1, max_new_tokens=8)
    assert ended == [[text.split("w3 ")[0].removesuffix("w3").strip()] for [text] in plain]
    assert ended != plain


def test_the_model_is_left_as_it_was() -> None:
    model = sharp().train()
    sample(model, TOKENIZER, ask(2), max_new_tokens=2)
    assert model.training
    assert model.config._attn_implementation == "sdpa"


def test_no_prompts_give_no_answers() -> None:
    assert sample(sharp(), TOKENIZER, []) == []


@pytest.mark.parametrize(
    "options", [{"temperature": -1}, {"top_p": 0}, {"top_p": 1.1}, {"max_new_tokens": 0}, {"batch_size": 0}]
)
def test_options_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="cannot sample"):
        sample(sharp(), TOKENIZER, ask(1), **options)  # type: ignore[arg-type]


def test_ids_for_other_prompts() -> None:
    with pytest.raises(ValueError, match="1 ids for 2 prompts"):
        sample(sharp(), TOKENIZER, ask(2), ids=[0])
