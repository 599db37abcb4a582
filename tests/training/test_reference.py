"""Training with reference log-probabilities from a scored data set: TRL's own losses, without a reference model."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tiny

from rapo.pairs import files
from rapo.scoring import score as logprobs
from rapo.training import train as training
from rapo.training.train import DPOSettings

pytestmark = pytest.mark.filterwarnings("ignore")  # TRL's and its dependencies' own

ROWS = tiny.rows(16, longest=12)
SETTINGS = DPOSettings(learning_rate=3e-3, batch_size=len(ROWS), max_steps=4, max_length=200, warmup=0.0, beta=0.5)


def prompts_and_sides() -> list[dict[str, Any]]:
    return ROWS.select(["prompt", "chosen", "rejected"]).to_pylist()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Every loss that a TRL trainer computes, and its last trainer."""
    from trl import DPOTrainer

    seen: dict[str, Any] = {"losses": [], "passes": 0}
    loss, reference = DPOTrainer._compute_loss, DPOTrainer.compute_ref_log_probs

    def noted(self: Any, *args: Any, **options: Any) -> Any:
        value = loss(self, *args, **options)
        seen["losses"].append(float(value[0] if isinstance(value, tuple) else value))
        seen["trainer"] = self
        return value

    def counted(self: Any, *args: Any, **options: Any) -> Any:
        seen["passes"] += 1
        return reference(self, *args, **options)

    monkeypatch.setattr(DPOTrainer, "_compute_loss", noted)
    monkeypatch.setattr(DPOTrainer, "compute_ref_log_probs", counted)
    return seen


def trls_losses(watched: dict[str, Any], ours: Any, folder: str) -> list[float]:
    """Losses of TRL's trainer, which tokenises for itself and holds a reference model."""
    from datasets import Dataset
    from trl import DPOTrainer

    arguments = replace(ours.args, output_dir=folder, precompute_ref_log_probs=False, remove_unused_columns=True)
    watched["losses"] = []
    data = Dataset.from_list(prompts_and_sides())
    trainer = DPOTrainer(
        tiny.model(), tiny.model(), args=arguments, train_dataset=data, processing_class=tiny.TOKENIZER
    )
    trainer.train()
    return watched["losses"]


def our_losses(watched: dict[str, Any], settings: DPOSettings, reference: np.ndarray) -> list[float]:
    """Losses of `train_dpo` with known reference log-probabilities."""
    watched["losses"] = []
    training.train_dpo(
        tiny.model(), tiny.TOKENIZER, prompts_and_sides(), settings=settings, seed=0, reference=reference
    )
    return watched["losses"]


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Reference sums, read from a file that holds scored rows."""
    file = tmp_path_factory.mktemp("scored") / "rows.parquet"
    scores = logprobs.score(ROWS, tiny.model(), reference=tiny.model(), tokenizer=tiny.TOKENIZER, cache=False)
    files.write(scores.attach(ROWS), file)
    return logprobs.sums(files.read(file), reference=True)


@pytest.mark.parametrize(
    "change",
    [{}, {"beta": 0.1}, {"learning_rate": 1e-3}, {"loss_type": ("ipo",)}, {"loss_type": ("hinge",)}],
    ids=str,
)
def test_losses_equal_trls_own_whatever_beta_and_learning_rate(change, scored, tmp_path, watched):
    settings = replace(SETTINGS, **change)
    found = our_losses(watched, settings, scored)
    ours = watched["trainer"]
    assert (ours.ref_model, watched["passes"]) == (None, 0)
    assert (ours.args.beta, ours.args.learning_rate) == (settings.beta, settings.learning_rate)
    expected = trls_losses(watched, ours, str(tmp_path))
    assert len(expected) == 4
    assert len({round(loss, 4) for loss in expected}) == 4  # it trains
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_another_reference_gives_other_losses(scored, watched):
    """Else the test above would pass without the reference being looked at."""
    losses = [our_losses(watched, SETTINGS, sums)[0] for sums in (scored, scored + np.array([1.0, 0.0]))]
    # all ratios of policy to reference are 0 at first: -log sigmoid(0) = 0.693, -log sigmoid(0.5 * -1) = 0.974
    assert losses == pytest.approx([0.6931, 0.9741], abs=1e-3)
