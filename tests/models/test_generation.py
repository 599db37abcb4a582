"""Answers of a loaded model: the sampler's draws, one stream an answer, whatever the batch."""

import copy

import pytest
import tiny
import torch
from tiny import TOKENIZER

from rapo.models import loading, sampling
from rapo.models.answers import Answer, Ask
from rapo.models.generation import Generator

MODEL = tiny.model(3)
CHECKPOINT = loading.load(MODEL)


def generator(steps: int = 6, temperature: float = 1.0) -> Generator:
    return Generator(CHECKPOINT, TOKENIZER, temperature=temperature, top_p=1.0, max_new_tokens=steps)


def asks(n: int, *, seed: int = 0) -> list[Ask]:
    return [
        Ask(f"{i}", [{"role": "user", "content": " ".join(f"w{j}" for j in range(i % 4 + 1))}], seed + i)
        for i in range(n)
    ]


def test_the_likeliest_answer_is_the_samplers() -> None:
    made = generator(temperature=0)(asks(4))
    expected = sampling.sample(
        MODEL, TOKENIZER, [ask.messages for ask in asks(4)], temperature=0, max_new_tokens=6
    )
    assert [answer.text for answer in made] == expected


def test_an_answer_depends_on_its_seed_alone() -> None:
    made = generator()(asks(9))
    alone = [generator()([ask])[0] for ask in asks(9)]
    assert made == alone
    assert generator()(asks(9)[::-1]) == alone[::-1]
    assert generator()(asks(9, seed=50)) != made


def test_answers_that_end_are_told_from_those_that_are_cut() -> None:
    one = asks(1)[0]
    found = [generator(12)([Ask("k", one.messages, seed)])[0] for seed in range(40)]
    assert {answer.cut for answer in found} == {True, False}
    for answer in found:
        assert answer.tokens is not None
        assert answer.tokens >= len(answer.text.split())  # marks of turns are no text
        assert answer.cut == (answer.tokens == 12)


def test_a_batch_too_big_for_the_memory_is_answered_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, expected = generator(), generator()(asks(5))
    whole, sizes = engine._answers, []

    def small(part: list[Ask]) -> list[Answer]:
        sizes.append(len(part))
        if len(part) > 2:
            raise torch.OutOfMemoryError
        return whole(part)

    monkeypatch.setattr(engine, "_answers", small)
    assert engine(asks(5)) == expected
    assert sizes == [5, 2, 3, 1, 2]
    monkeypatch.setattr(engine, "_answers", lambda part: (_ for _ in ()).throw(torch.OutOfMemoryError))
    with pytest.raises(torch.OutOfMemoryError):
        engine(asks(1))


def test_what_does_not_fit_is_told_before_any_work() -> None:
    generator(500).check(asks(4))
    with pytest.raises(
        ValueError,
        match=r"a prompt of 5 tokens and an answer of up to 508 .* 512 tokens: 'w0 w1'; say --max-new-tokens 507",
    ):
        generator(508).check(asks(4)[1:])
    too_long = [Ask("k", [{"role": "user", "content": "w1 " * 600}], 0)]
    with pytest.raises(ValueError, match=r"a prompt of 603 tokens .* 512 tokens: [^;]*; leave the prompt out$"):
        generator(1).check(too_long)  # not even one token fits behind it
    with pytest.raises(ValueError, match="refuses the prompt 'two tone'"):
        generator().check([*asks(2), Ask("k", [{"role": "user", "content": "two tone"}], 0)])
    generator().check([])


NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-4), (torch.bfloat16, 0.05)])
def test_the_likeliest_answers_are_fp32s_within_a_bound(device: str, dtype: torch.dtype, bound: float) -> None:
    """Each of their words is, to the fp32 model, within so many nats of its own likeliest word."""
    given = loading.load(copy.deepcopy(MODEL).to(device, dtype))
    engine, n = Generator(given, TOKENIZER, temperature=0, top_p=1.0, max_new_tokens=6), 0
    for ask, answer in zip(asks(24), engine(asks(24)), strict=True):
        prompt = TOKENIZER.apply_chat_template(ask.messages, add_generation_prompt=True, return_dict=False)
        said = TOKENIZER(answer.text, add_special_tokens=False)["input_ids"]
        if len(said) < (answer.tokens or 0) - 1:
            continue  # a mark of a turn stood between the words, which the text does not tell
        with torch.no_grad():
            logprobs = MODEL(torch.tensor([[*prompt, *said]])).logits[0].log_softmax(-1)
        steps = logprobs[len(prompt) - 1 : len(prompt) - 1 + len(said)]
        lost = steps.max(-1).values - steps.gather(1, torch.tensor(said)[:, None])[:, 0]
        assert not len(said) or lost.max() <= bound
        n += len(said)
    assert n > 6
