"""Settings of a training run, and what it says of itself afterwards."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

SMOOTHED = ("robust", "exo_pair")  # losses of TRL 1.16 that label smoothing has an effect on
_TRL_NAMES = {
    "schedule": "lr_scheduler_type",
    "warmup": "warmup_steps",
    "epochs": "num_train_epochs",
    "batch_size": "per_device_train_batch_size",
    "accumulate": "gradient_accumulation_steps",
    "gamma": "simpo_gamma",
    "sft_weight": "cpo_alpha",
}


@dataclass(frozen=True)
class Settings:
    """What SFT and preference training share.

    Attributes:
        learning_rate: peak of the schedule.
        schedule: "cosine", "linear", "constant_with_warmup", ... as transformers names them.
        warmup: share of the steps that warm up.
        batch_size: rows (pairs) on a device at a time.
        accumulate: batches before each step.
        epochs: passes over the data.
        max_steps: overrides epochs where positive.
        max_length: tokens of prompt and response together.
        long_rows: what becomes of longer rows: "error", or "drop" (told in the log and in `TrainLog.dropped`). TRL
            would cut some and drop others, in silence.
        weight_decay: of AdamW.
        max_grad_norm: where gradients are clipped.
    """

    learning_rate: float = 1e-4
    schedule: str = "cosine"
    warmup: float = 0.1
    batch_size: int = 32
    accumulate: int = 1
    epochs: float = 1.0
    max_steps: int = -1
    max_length: int = 512
    long_rows: Literal["error", "drop"] = "error"
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0

    def options(self) -> dict[str, Any]:
        """The settings in the names of TRL's trainers and of its command line."""
        own = {_TRL_NAMES.get(name, name): value for name, value in asdict(self).items() if name != "long_rows"}
        return own | {"save_strategy": "no", "report_to": "none"}


@dataclass(frozen=True)
class DPOSettings(Settings):
    """Direct alignment with TRL's DPO trainer.

    Attributes:
        beta: strength of the pull towards the reference.
        loss_type: names that TRL knows ("sigmoid", "ipo", "hinge", "sft", ...), summed with ``loss_weights``.
        loss_weights: as many as names.
        label_smoothing: chance that a label is wrong, for the losses that use it (`SMOOTHED`).
        ld_alpha: weight of the tokens that the longer response has more than the shorter, from 0 to 1 (LD-DPO,
            arXiv:2409.06411). None: DPO's own, 1.
    """

    beta: float = 0.3
    loss_type: tuple[str, ...] = ("sigmoid",)
    loss_weights: tuple[float, ...] = (1.0,)
    label_smoothing: float = 0.0
    ld_alpha: float | None = None

    def options(self) -> dict[str, Any]:
        """As `Settings.options`. Reference log-probabilities are computed beforehand: no second model is held."""
        losses = {"loss_type": list(self.loss_type), "loss_weights": list(self.loss_weights)}
        return super().options() | losses | {"precompute_ref_log_probs": True}


def idle_smoothing(smoothing: float, loss_type: Iterable[str]) -> str | None:
    """Why label smoothing does nothing under these losses; None where it does something, or is 0."""
    if not smoothing or set(SMOOTHED) & set(loss_type):
        return None
    known = " and ".join(SMOOTHED)
    return f"label_smoothing {smoothing:g} has no effect: this TRL smooths the losses {known} only; name one, or set 0"


@dataclass(frozen=True)
class SimPOSettings(Settings):
    """SimPO (arXiv:2405.14734): no reference, mean log-probabilities, a target margin."""

    beta: float = 2.5  # scale of the mean log-probabilities
    gamma: float = 0.5  # target margin of beta times their difference, as in the paper's Eq. 6
    sft_weight: float = 0.0  # weight of the negative log-likelihood of the chosen response

    def options(self) -> dict[str, Any]:
        """As `Settings.options`."""
        return super().options() | {"loss_type": "simpo"}


@dataclass(frozen=True)
class KTOSettings(Settings):
    """KTO (arXiv:2402.01306), desirable and undesirable responses weighing alike; ``batch_size`` counts pairs."""

    beta: float = 1.0  # strength of the pull towards the reference

    def options(self) -> dict[str, Any]:
        """As `Settings.options`; TRL counts responses, two a pair."""
        own = {"per_device_train_batch_size": 2 * self.batch_size, "precompute_ref_log_probs": True}
        return super().options() | own


@dataclass(frozen=True)
class ORPOSettings(Settings):
    """ORPO (arXiv:2403.07691): the likelihood of prompt and chosen response, and an odds ratio; no reference."""

    beta: float = 1.0  # weight of the odds ratio, the paper's lambda


@dataclass
class TrainLog:
    """What a training run says of itself.

    Attributes:
        history: what TRL logged, about 20 times: step, epoch, loss, learning_rate, grad_norm, rewards/accuracies, ...
        tokens: trained tokens, prompts included and padding not.
        seconds: of the training loop alone.
        steps: of the optimiser.
        dropped: ids (or numbers, from 0) of rows that were too long.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0
    steps: int = 0
    dropped: list[str | int] = field(default_factory=list)

    @property
    def tokens_per_second(self) -> float:
        """Trained tokens, prompt included, per second."""
        return self.tokens / self.seconds if self.seconds else float("nan")
