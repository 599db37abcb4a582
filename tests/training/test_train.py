"""TRL's own losses, whatever was made faster; training learns what the data say, lengths included."""

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from tiny import TOKENIZER, WORDS

from rapo.models.tiny import load, save
from rapo.pairs import files, writing
from rapo.scoring.score import score, sums
from rapo.scoring.tokens import PAIR, tokenise
from rapo.training import fit, train
from rapo.training.batches import LengthBatches
from rapo.training.settings import DPOSettings, KTOSettings, ORPOSettings, Settings, SimPOSettings

pytestmark = pytest.mark.filterwarnings("ignore")  # TRL's and its dependencies' own

Row = dict[str, Any]


def pairs(n: int) -> list[Row]:
    return tiny.rows(n, longest=10).select(["prompt", *PAIR]).to_pylist()


def answered(prompt: str, answer: str) -> Row:
    """A row for SFT."""
    return {
        "prompt": [{"role": "user", "content": prompt}],
        "completion": [{"role": "assistant", "content": answer}],
    }


def exact(model: Any, rows: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Log-probability sums in fp64, and token counts, row by row without padding. Shape of each: (n_rows, 2)"""
    ids = [[tiny.token_ids(row, side) for side in PAIR] for row in rows]
    found = [[tiny.brute_force(model, *both) for both in sides] for sides in ids]
    return np.array(found), np.array([[len(whole) - start for whole, start in sides] for sides in ids])


def trl_history(model: Any, rows: list[Row], settings: DPOSettings, order: Any) -> list[dict[str, float]]:
    """TRL as it comes: rows of messages, a reference model in memory, its own tokenisation; the order alone is ours."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    class Ordered(DPOTrainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return order

    with fit.quiet_folder() as folder:
        given = fit.arguments(settings, seed=0, folder=folder) | {"precompute_ref_log_probs": False}
        trainer = Ordered(
            model,
            ref_model=copy.deepcopy(model),
            args=DPOConfig(**given),
            train_dataset=Dataset.from_list(rows),
            processing_class=TOKENIZER,
        )
        trainer.train()
    return [entry for entry in trainer.state.log_history if "loss" in entry]


LOSSES: dict[str, dict[str, Any]] = {
    "sigmoid": {},
    "less beta": {"beta": 0.1},
    "ipo": {"loss_type": ("ipo",)},
    "hinge": {"loss_type": ("hinge",)},
    "with likelihood": {"loss_type": ("sigmoid", "sft"), "loss_weights": (1.0, 0.5)},
    "smoothed": {"loss_type": ("robust",), "label_smoothing": 0.2},
    "length desensitised": {"ld_alpha": 0.3},
}


@pytest.mark.parametrize(
    ("name", "fast"), [*((name, False) for name in LOSSES), ("sigmoid", True), ("with likelihood", True)]
)
def test_dpo_is_trls_own_step_by_step(
    name: str, fast: bool, scored: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not fast:
        monkeypatch.setattr("rapo.models.fast_cpu.applies", lambda model: False)
    settings = DPOSettings(learning_rate=3e-3, warmup=0.0, batch_size=4, **LOSSES[name])
    reference = None if settings.ld_alpha else scored
    log = train.train_dpo(tiny.model(), TOKENIZER, ROWS, settings=settings, seed=3, reference=reference)
    lengths = [max(len(tiny.token_ids(row, side)[0]) for side in PAIR) for row in ROWS]
    order = LengthBatches(lengths, 4, seed=3, grouped=name != "with likelihood")
    expected = trl_history(tiny.model(), ROWS, settings, order)
    assert len(log.history) == len(expected) == 4
    assert len({round(entry["loss"], 4) for entry in expected}) == 4  # it trains
    for ours, theirs in zip(log.history, expected, strict=True):
        # The first step is before any update; afterwards rounding in the products is amplified by Adam.
        tolerance = 1e-6 if ours["step"] == 1 or not fast else 1e-4
        assert ours["loss"] == pytest.approx(theirs["loss"], abs=tolerance)
        assert ours["rewards/margins"] == pytest.approx(theirs["rewards/margins"], abs=10 * tolerance)


ROWS = pairs(16)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Reference sums, read from a file that holds scored rows."""
    file = tmp_path_factory.mktemp("scored") / "rows.parquet"
    table = tiny.rows(16, longest=10)
    writing.write(score(table, tiny.model(), tokenizer=TOKENIZER, cache=False).attach(table), file)
    return sums(files.read(file))


def test_reference_logprobs_are_brute_force_in_fp64() -> None:
    model, rows = tiny.model().train(), pairs(9)
    assert train.reference_logprobs(model, TOKENIZER, rows) == pytest.approx(exact(model, rows)[0], abs=1e-4)
    assert model.training  # left as it was


def test_first_dpo_loss_by_hand_with_another_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("trl.DPOTrainer.compute_ref_log_probs")  # nothing is left to compute
    rows, beta = pairs(6), 0.3
    reference, policy = exact(tiny.model(seed=5), rows)[0], exact(tiny.model(), rows)[0]
    margin = beta * ((policy - reference)[:, 0] - (policy - reference)[:, 1])
    settings = DPOSettings(batch_size=6, beta=beta)
    log = train.train_dpo(tiny.model(), TOKENIZER, rows, settings=settings, seed=0, reference=reference)
    assert log.history[0]["loss"] == pytest.approx(np.log1p(np.exp(-margin)).mean(), abs=1e-5)
    assert log.history[0]["rewards/margins"] == pytest.approx(margin.mean(), abs=1e-5)


def test_first_simpo_loss_by_hand() -> None:
    rows, beta, gamma = pairs(6), 2.0, 0.7
    found, counts = exact(tiny.model(), rows)
    means = found / counts
    margin = beta * (means[:, 0] - means[:, 1]) - gamma  # Eq. 6 of arXiv:2405.14734
    settings = SimPOSettings(batch_size=6, beta=beta, gamma=gamma)
    log = train.train_simpo(tiny.model(), TOKENIZER, rows, settings=settings, seed=0)
    assert log.history[0]["loss"] == pytest.approx(np.log1p(np.exp(-margin)).mean(), abs=1e-5)


def test_first_sft_loss_is_the_mean_over_tokens_of_the_completions() -> None:
    rows = pairs(6)
    found, counts = exact(tiny.model(), rows)
    imitated = [{"prompt": row["prompt"], "completion": row["chosen"]} for row in rows]
    log = train.train_sft(tiny.model(), TOKENIZER, imitated, settings=Settings(batch_size=6), seed=0)
    assert log.history[0]["loss"] == pytest.approx(-found[:, 0].sum() / counts[:, 0].sum(), abs=1e-5)


def test_sft_learns_answers() -> None:
    from rapo.models.sampling import sample

    rows = [answered(word, f"{word} w0") for word in WORDS[:10]] * 16
    model = tiny.model(layers=1)
    log = train.train_sft(model, TOKENIZER, rows, settings=Settings(learning_rate=1e-2, epochs=8), seed=0)
    assert log.history[-1]["loss"] < 0.1 * log.history[0]["loss"]
    answers = sample(model, TOKENIZER, [row["prompt"] for row in rows[:10]], temperature=0)
    assert answers == [f"{word} w0" for word in WORDS[:10]]


def test_batches_of_like_length_do_not_teach_the_model_to_stop_early() -> None:
    # Half the answers are "w0", half are twelve times "w0": after the first word, half of them end.
    rows = [answered("w1", " ".join(["w0"] * n)) for n in [1, 12] * 128]
    model = tiny.model(layers=1)
    settings = Settings(learning_rate=5e-3, batch_size=16, epochs=5)
    train.train_sft(model, TOKENIZER, rows, settings=settings, seed=0)
    ids = TOKENIZER.apply_chat_template(rows[0]["prompt"], add_generation_prompt=True, return_dict=False)
    with torch.no_grad():
        logits = model(torch.tensor([[*ids, TOKENIZER.convert_tokens_to_ids("w0")]])).logits[0, -1]
    # With each batch divided by its own number of tokens this is 0.7.
    assert logits.softmax(-1)[TOKENIZER.eos_token_id].item() == pytest.approx(0.5, abs=0.1)


def test_dpo_raises_the_chosen_over_the_rejected() -> None:
    said = {"chosen": "w1 w2", "rejected": "w3"}
    sides = {side: [{"role": "assistant", "content": text}] for side, text in said.items()}
    rows = [{**row, **sides} for row in pairs(64)]
    model = tiny.model()
    before = train.reference_logprobs(model, TOKENIZER, rows)
    settings = DPOSettings(learning_rate=3e-3, batch_size=8, epochs=2)
    log = train.train_dpo(model, TOKENIZER, rows, settings=settings, seed=0)
    gain = train.reference_logprobs(model, TOKENIZER, rows) - before
    assert (gain[:, 0] > gain[:, 1]).all()
    assert log.history[-1]["rewards/accuracies"] == 1.0


def test_the_log_counts_tokens_and_steps() -> None:
    rows = pairs(10)
    tokens = sum(2 * len(p) + len(c) + len(r) for p, c, r in zip(*tokenise(TOKENIZER, rows).values(), strict=True))
    log = train.train_dpo(tiny.model(), TOKENIZER, rows, settings=DPOSettings(batch_size=4, epochs=2), seed=0)
    assert (log.tokens, log.steps) == (2 * tokens, 2 * math.ceil(10 / 4))
    assert log.tokens_per_second > 0
    log = train.train_dpo(tiny.model(), TOKENIZER, rows, settings=DPOSettings(batch_size=4, max_steps=1), seed=0)
    assert log.steps == 1
    assert log.tokens < tokens


def test_accumulated_batches_are_one_step() -> None:
    one, two = (
        train.train_dpo(
            tiny.model(), TOKENIZER, pairs(8), settings=DPOSettings(batch_size=size, accumulate=8 // size), seed=0
        )
        for size in (8, 4)
    )
    assert one.steps == two.steps == 1
    assert one.history[0]["grad_norm"] == pytest.approx(two.history[0]["grad_norm"], rel=1e-4)


def test_the_seed_is_all_that_chance_depends_on() -> None:
    weights = []
    for seed in (0, 0, 1):
        torch.rand(seed + len(weights))
        model = tiny.model()
        train.train_dpo(model, TOKENIZER, pairs(12), settings=DPOSettings(batch_size=4), seed=seed)
        weights.append(model.get_output_embeddings().weight.detach().clone())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_model_is_left_as_a_model(tmp_path: Path) -> None:
    model = tiny.model()
    train.train_dpo(model, TOKENIZER, pairs(4), settings=DPOSettings(), seed=0)
    assert not model.training
    assert "forward" not in vars(model)
    assert all(weight.grad is None for weight in model.parameters())
    again, _ = load(save(model, TOKENIZER, tmp_path))
    ids = torch.tensor([[6, 7, 8]])
    with torch.no_grad():
        assert torch.allclose(model(ids).logits, again(ids).logits, atol=1e-6)


def test_long_rows_are_dropped_with_their_reference() -> None:
    rows = pairs(6)
    rows[2]["chosen"] = [{"role": "assistant", "content": " ".join(WORDS * 2)}]
    reference = train.reference_logprobs(tiny.model(), TOKENIZER, rows)
    settings = DPOSettings(max_length=80, batch_size=6)
    with pytest.raises(ValueError, match="1 of 6 rows are longer than max_length=80"):
        train.train_dpo(tiny.model(), TOKENIZER, rows, settings=settings, seed=0, reference=reference)
    settings = DPOSettings(max_length=80, batch_size=6, long_rows="drop")
    log = train.train_dpo(tiny.model(), TOKENIZER, rows, settings=settings, seed=0, reference=reference)
    assert log.dropped == [2]
    assert log.history[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)  # policy = reference in every row


def test_references_that_do_not_fit() -> None:
    model, rows = tiny.model(), pairs(3)

    def given(reference: np.ndarray, **own: Any) -> None:
        train.train_dpo(model, TOKENIZER, rows, settings=DPOSettings(**own), seed=0, reference=reference)

    with pytest.raises(ValueError, match=r"shape \(3,\); give \(3, 2\)"):
        given(np.zeros(3))
    with pytest.raises(ValueError, match="no number for row 1"):
        given(np.array([[0, 0], [np.nan, 0], [0, 0]]))
    with pytest.raises(ValueError, match="with ld_alpha, reference sums"):
        given(np.zeros((3, 2)), ld_alpha=0.5)


def test_smoothing_that_the_loss_ignores_is_told(caplog: pytest.LogCaptureFixture) -> None:
    for loss, told in (("robust", False), ("sigmoid", True)):
        caplog.clear()
        settings = DPOSettings(label_smoothing=0.3, loss_type=(loss,), batch_size=3)
        train.train_dpo(tiny.model(), TOKENIZER, pairs(3), settings=settings, seed=0)
        assert ("label_smoothing 0.3 has no effect" in caplog.text) == told


# KTO and ORPO: what TRL is fed, and that its losses are what the papers say.

IDS = {
    "prompt_ids": [[1], [2, 2], [3]],
    "chosen_ids": [[11], [12], [13, 13]],
    "rejected_ids": [[21], [22, 22], [23]],
}
FEW = tiny.rows(6, longest=8).to_pylist()
NEVER = {"learning_rate": 1e-12, "schedule": "constant", "warmup": 0.0, "batch_size": 8}


def test_kto_reads_chosen_then_rejected_of_each_batch() -> None:
    reference = np.array([[-1.0, -2.0], [-3.0, -4.0], [-5.0, -6.0]])
    columns = train.unpaired(IDS, reference, [2, 0, 1], batch_size=2)
    assert columns["prompt_ids"] == [[3], [1], [3], [1], [2, 2], [2, 2]]
    assert columns["completion_ids"] == [[13, 13], [11], [23], [21], [12], [22, 22]]
    assert columns["label"] == [True, True, False, False, True, False]
    assert columns["ref_logps"] == [-5.0, -1.0, -6.0, -2.0, -3.0, -4.0]
    # Each batch rotated by one, so that a response meets another prompt.
    assert columns["KL_completion_ids"] == [[21], [13, 13], [11], [23], [22, 22], [12]]


def test_ktos_loss_against_a_shifted_reference() -> None:
    model = tiny.model()
    known = train.reference_logprobs(model, TOKENIZER, FEW)
    settings = KTOSettings(**NEVER, beta=0.5)
    log = train.train_kto(
        model, TOKENIZER, FEW, settings=settings, seed=0, reference=known + np.array([2.0, -1.0])
    )
    # The policy is the model that estimates the KL term, so that is 0. Chosen log-ratio -2: 1 - sigmoid(-1) = .7311;
    # rejected log-ratio 1: 1 - sigmoid(-.5) = .6225; as many of each.
    assert log.history[-1]["loss"] == pytest.approx((0.7311 + 0.6225) / 2, abs=1e-3)
    assert log.steps == 1


def test_kto_scores_its_own_reference() -> None:
    settings = KTOSettings(**NEVER)
    log = train.train_kto(tiny.model(), TOKENIZER, FEW, settings=settings, seed=0)
    assert log.history[-1]["loss"] == pytest.approx(0.5, abs=1e-4)  # 1 - sigmoid(0)


def test_orpos_loss_is_likelihood_and_odds_ratio() -> None:
    model, rows = tiny.model(), FEW[:1]
    means, likelihood = {}, 0.0
    for side in ("chosen", "rejected"):
        ids, start = tiny.token_ids(rows[0], side)
        means[side] = tiny.brute_force(model, ids, start) / (len(ids) - start)
        if side == "chosen":  # of every token but the first, the prompt's included
            likelihood = -tiny.brute_force(model, ids, 1) / (len(ids) - 1)
    odds = {side: mean - math.log(1 - math.exp(mean)) for side, mean in means.items()}
    ratio = math.log(1 / (1 + math.exp(odds["rejected"] - odds["chosen"])))
    settings = ORPOSettings(**NEVER, beta=0.7)
    log = train.train_orpo(model, TOKENIZER, rows, settings=settings, seed=0)
    assert log.history[-1]["loss"] == pytest.approx(likelihood - 0.7 * ratio, abs=1e-3)


def test_a_reference_of_another_shape_is_refused() -> None:
    settings = KTOSettings(**NEVER)
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        train.train_kto(tiny.model(), TOKENIZER, FEW, settings=settings, seed=0, reference=np.zeros(2))


@pytest.mark.parametrize(
    ("trainer", "settings"),
    [
        (train.train_dpo, DPOSettings(batch_size=6)),
        (train.train_simpo, SimPOSettings(batch_size=6)),
        (train.train_kto, KTOSettings(batch_size=6)),
        (train.train_orpo, ORPOSettings(batch_size=6)),
    ],
)
def test_an_arrow_table_trains_as_its_rows_do(trainer: Any, settings: Any) -> None:
    table = tiny.rows(6, longest=10).select(["prompt", *PAIR])
    logs = [
        trainer(tiny.model(), TOKENIZER, rows, settings=settings, seed=0) for rows in (table, table.to_pylist())
    ]
    losses = [[step.get("loss") for step in log.history] for log in logs]
    assert losses[0] == losses[1] != []
