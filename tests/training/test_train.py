"""TRL's own losses, whatever was made faster; training learns what the data say, lengths included."""

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rapo.models import tiny as models
from rapo.training import train as training
from rapo.training.train import DPOSettings, Settings, SimPOSettings

WORDS = [f"w{i}" for i in range(20)]
TOKENIZER = models.build_tokenizer(WORDS)
SIDES = ("chosen", "rejected")


def tiny(*, seed: int = 0, width: int = 16, layers: int = 2) -> Any:
    return models.random_model(
        models.tiny_config("llama", vocab_size=len(TOKENIZER), width=width, layers=layers), seed=seed
    )


def text(rng: np.random.Generator, most: int) -> str:
    return " ".join(rng.choice(WORDS, size=rng.integers(1, most)))


def pairs(n: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    return [
        {
            "prompt": [{"role": "user", "content": text(rng, 9)}],
            **{side: [{"role": "assistant", "content": text(rng, 12)}] for side in SIDES},
        }
        for _ in range(n)
    ]


def brute_force(model: Any, rows: list[dict[str, Any]], side: str) -> tuple[np.ndarray, np.ndarray]:
    """Log-probability sums in fp64, and token counts, row by row without padding."""
    model = copy.deepcopy(model).double()
    sums, counts = [], []
    for row in rows:
        start = TOKENIZER.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=False)
        whole = TOKENIZER.apply_chat_template([*row["prompt"], *row[side]], return_dict=False)
        with torch.no_grad():
            logprobs = model(torch.tensor([whole])).logits[0].log_softmax(-1)
        places = range(len(start), len(whole))
        sums.append(sum(logprobs[i - 1, whole[i]].item() for i in places))
        counts.append(len(places))
    return np.array(sums), np.array(counts)


def trl_history(
    model: Any, rows: list[dict[str, Any]], settings: DPOSettings, order: Any
) -> list[dict[str, float]]:
    """TRL as it comes: rows of messages, a reference model in memory, its own tokenisation; the order alone is ours."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    class Ordered(DPOTrainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return order

    with training._room() as folder:
        arguments = training._arguments(settings, 0, folder) | {
            "beta": settings.beta,
            "loss_type": list(settings.loss_type),
            "loss_weights": list(settings.loss_weights),
            "label_smoothing": settings.label_smoothing,
            "ld_alpha": settings.ld_alpha,
        }
        trainer = Ordered(
            model,
            ref_model=copy.deepcopy(model),
            args=DPOConfig(**arguments),
            train_dataset=Dataset.from_list(rows),
            processing_class=TOKENIZER,
        )
        trainer.train()
    return [entry for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.parametrize(
    ("loss_type", "weights", "other"),
    [
        (("sigmoid",), (1.0,), {}),
        (("sigmoid", "sft"), (1.0, 0.5), {}),
        (("robust",), (1.0,), {"label_smoothing": 0.2}),
        (("sigmoid",), (1.0,), {"ld_alpha": 0.3}),
    ],
)
@pytest.mark.parametrize("fast", [False, True])
def test_dpo_is_trls_own_step_by_step(
    loss_type: tuple[str, ...],
    weights: tuple[float, ...],
    other: dict[str, float],
    fast: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rapo.training.trainers import LengthBatches

    if not fast:
        monkeypatch.setattr(training.fast_cpu, "applies", lambda model: False)
    rows = pairs(20)
    settings = DPOSettings(learning_rate=1e-2, batch_size=4, loss_type=loss_type, loss_weights=weights, **other)
    log = training.train_dpo(tiny(), TOKENIZER, rows, settings=settings, seed=3)
    ids = training.tokenise(TOKENIZER, rows, sides=SIDES)
    lengths = [
        len(prompt) + max(len(chosen), len(rejected))
        for prompt, chosen, rejected in zip(*ids.values(), strict=True)
    ]
    order = LengthBatches(lengths, 4, seed=3, grouped="sft" not in loss_type)
    expected = trl_history(tiny(), rows, settings, order)
    assert len(log.history) == len(expected) == 5
    for ours, theirs in zip(log.history, expected, strict=True):
        # The first step is before any update; afterwards rounding in the products is amplified by Adam.
        tolerance = 1e-6 if ours["step"] == 1 else 1e-6 if not fast else 1e-4
        assert ours["loss"] == pytest.approx(theirs["loss"], abs=tolerance)
        assert ours["rewards/margins"] == pytest.approx(theirs["rewards/margins"], abs=10 * tolerance)


def test_reference_logprobs_are_brute_force_in_fp64() -> None:
    model, rows = tiny(), pairs(9)
    found = training.reference_logprobs(model, TOKENIZER, rows)
    for column, side in enumerate(SIDES):
        assert found[:, column] == pytest.approx(brute_force(model, rows, side)[0], abs=1e-4)


def test_first_dpo_loss_by_hand_with_another_reference() -> None:
    rows, beta = pairs(6), 0.3
    reference = np.stack([brute_force(tiny(seed=5), rows, side)[0] for side in SIDES], axis=1)
    policy = np.stack([brute_force(tiny(), rows, side)[0] for side in SIDES], axis=1)
    margin = beta * ((policy - reference)[:, 0] - (policy - reference)[:, 1])
    log = training.train_dpo(
        tiny(), TOKENIZER, rows, settings=DPOSettings(batch_size=6, beta=beta), seed=0, reference=reference
    )
    assert log.history[0]["loss"] == pytest.approx(np.log1p(np.exp(-margin)).mean(), abs=1e-5)
    assert log.history[0]["rewards/margins"] == pytest.approx(margin.mean(), abs=1e-5)


def test_first_simpo_loss_by_hand() -> None:
    rows, beta, gamma = pairs(6), 2.0, 0.7
    means = [sums / counts for sums, counts in (brute_force(tiny(), rows, side) for side in SIDES)]
    margin = beta * (means[0] - means[1]) - gamma  # Eq. 6 of arXiv:2405.14734
    settings = SimPOSettings(batch_size=6, beta=beta, gamma=gamma)
    log = training.train_simpo(tiny(), TOKENIZER, rows, settings=settings, seed=0)
    assert log.history[0]["loss"] == pytest.approx(np.log1p(np.exp(-margin)).mean(), abs=1e-5)


def test_first_sft_loss_is_the_mean_over_tokens_of_the_completions() -> None:
    rows = [{"prompt": row["prompt"], "completion": row["chosen"]} for row in pairs(6)]
    sums, counts = brute_force(tiny(), rows, "completion")
    log = training.train_sft(tiny(), TOKENIZER, rows, settings=Settings(batch_size=6), seed=0)
    assert log.history[0]["loss"] == pytest.approx(-sums.sum() / counts.sum(), abs=1e-5)


def test_sft_learns_answers() -> None:
    from rapo.models.sampling import sample

    rows = [
        {
            "prompt": [{"role": "user", "content": word}],
            "completion": [{"role": "assistant", "content": f"{word} w0"}],
        }
        for word in WORDS
    ] * 16
    model = tiny(width=32, layers=1)
    log = training.train_sft(model, TOKENIZER, rows, settings=Settings(learning_rate=1e-2, epochs=8), seed=0)
    assert log.curve()[-1][1] < 0.1 * log.curve()[0][1]
    assert sample(model, TOKENIZER, [row["prompt"] for row in rows[:20]], temperature=0) == [
        f"{w} w0" for w in WORDS
    ]


def test_batches_of_like_length_do_not_teach_the_model_to_stop_early() -> None:
    # Half the answers are "w0", half are twelve times "w0": after the first word, half of them end.
    rows = [
        {
            "prompt": [{"role": "user", "content": "w1"}],
            "completion": [{"role": "assistant", "content": " ".join(["w0"] * n)}],
        }
        for n in [1, 12] * 256
    ]
    model = tiny(width=32, layers=1)
    training.train_sft(
        model, TOKENIZER, rows, settings=Settings(learning_rate=2e-3, batch_size=16, epochs=5), seed=0
    )
    ids = TOKENIZER.apply_chat_template(rows[0]["prompt"], add_generation_prompt=True, return_dict=False)
    with torch.no_grad():
        logits = model(torch.tensor([[*ids, TOKENIZER.convert_tokens_to_ids("w0")]])).logits[0, -1]
    # With each batch divided by its own number of tokens this is 0.7.
    assert logits.softmax(-1)[TOKENIZER.eos_token_id].item() == pytest.approx(0.5, abs=0.1)


def test_dpo_raises_the_chosen_over_the_rejected() -> None:
    rows = [
        {
            **row,
            "chosen": [{"role": "assistant", "content": "w1 w2"}],
            "rejected": [{"role": "assistant", "content": "w3"}],
        }
        for row in pairs(64)
    ]
    model = tiny(width=32)
    before = training.reference_logprobs(model, TOKENIZER, rows)
    log = training.train_dpo(
        model, TOKENIZER, rows, settings=DPOSettings(learning_rate=3e-3, batch_size=8, epochs=2), seed=0
    )
    gain = training.reference_logprobs(model, TOKENIZER, rows) - before
    assert (gain[:, 0] > gain[:, 1]).all()
    assert log.curve("rewards/accuracies")[-1][1] == 1.0


def test_the_log_counts_tokens_and_steps() -> None:
    rows = pairs(10)
    ids = training.tokenise(TOKENIZER, rows, sides=SIDES)
    tokens = sum(2 * len(p) + len(c) + len(r) for p, c, r in zip(*ids.values(), strict=True))
    log = training.train_dpo(tiny(), TOKENIZER, rows, settings=DPOSettings(batch_size=4, epochs=2), seed=0)
    assert (log.tokens, log.steps) == (2 * tokens, 2 * math.ceil(10 / 4))
    assert log.tokens_per_second > 0
    log = training.train_dpo(tiny(), TOKENIZER, rows, settings=DPOSettings(batch_size=4, max_steps=1), seed=0)
    assert log.steps == 1
    assert log.tokens < tokens


def test_accumulated_batches_are_one_step() -> None:
    rows = pairs(8)
    one, two = (
        training.train_dpo(
            tiny(), TOKENIZER, rows, settings=DPOSettings(batch_size=size, accumulate=8 // size), seed=0
        )
        for size in (8, 4)
    )
    assert one.steps == two.steps == 1
    assert one.history[0]["grad_norm"] == pytest.approx(two.history[0]["grad_norm"], rel=1e-4)


def test_the_seed_is_all_that_chance_depends_on() -> None:
    weights = []
    for seed in (0, 0, 1):
        torch.rand(seed + len(weights))
        model = tiny()
        training.train_dpo(model, TOKENIZER, pairs(12), settings=DPOSettings(batch_size=4), seed=seed)
        weights.append(model.get_output_embeddings().weight.detach().clone())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_model_is_left_as_a_model(tmp_path: Path) -> None:
    model = tiny()
    training.train_dpo(model, TOKENIZER, pairs(4), settings=DPOSettings(), seed=0)
    assert not model.training
    assert "forward" not in vars(model)
    assert all(weight.grad is None for weight in model.parameters())
    again, _ = models.load(models.save(model, TOKENIZER, tmp_path))
    ids = torch.tensor([[6, 7, 8]])
    with torch.no_grad():
        assert torch.allclose(model(ids).logits, again(ids).logits, atol=1e-6)


def test_long_rows_are_dropped_with_their_reference() -> None:
    rows = pairs(6)
    rows[2]["chosen"] = [{"role": "assistant", "content": " ".join(WORDS * 3)}]
    reference = training.reference_logprobs(tiny(), TOKENIZER, rows)
    settings = DPOSettings(max_length=50, batch_size=6)
    with pytest.raises(ValueError, match="1 of 6 rows are longer than max_length=50"):
        training.train_dpo(tiny(), TOKENIZER, rows, settings=settings, seed=0, reference=reference)
    settings = DPOSettings(max_length=50, batch_size=6, long_rows="drop")
    log = training.train_dpo(tiny(), TOKENIZER, rows, settings=settings, seed=0, reference=reference)
    assert log.dropped == [2]
    assert log.history[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)  # policy = reference in every row


def test_references_that_do_not_fit() -> None:
    rows = pairs(3)
    with pytest.raises(ValueError, match=r"shape \(3,\); give \(3, 2\)"):
        training.train_dpo(tiny(), TOKENIZER, rows, settings=DPOSettings(), seed=0, reference=np.zeros(3))
    holes = np.zeros((3, 2))
    holes[1, 0] = np.nan
    with pytest.raises(ValueError, match="no number for row 1"):
        training.train_dpo(tiny(), TOKENIZER, rows, settings=DPOSettings(), seed=0, reference=holes)
    settings = DPOSettings(ld_alpha=0.5)
    with pytest.raises(ValueError, match="with ld_alpha, reference sums"):
        training.train_dpo(tiny(), TOKENIZER, rows, settings=settings, seed=0, reference=np.zeros((3, 2)))


def test_smoothing_that_the_loss_ignores_is_told(caplog: pytest.LogCaptureFixture) -> None:
    for loss, told in (("robust", False), ("sigmoid", True)):
        caplog.clear()
        settings = DPOSettings(label_smoothing=0.3, loss_type=(loss,), batch_size=3)
        training.train_dpo(tiny(), TOKENIZER, pairs(3), settings=settings, seed=0)
        assert ("label_smoothing 0.3 has no effect" in caplog.text) == told
