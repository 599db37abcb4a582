"""Data of the micro world: scored candidates in UltraFeedback's shape, and the corpora that base models learn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rapo.world import prompts, skills
from rapo.world.annotators import Annotator, panel
from rapo.world.draws import one, some, stream
from rapo.world.judge import Judge
from rapo.world.prompts import Prompt
from rapo.world.reward import Gold, whole

CANDIDATES = 4


@dataclass(frozen=True)
class World:
    """Every setting of the world in one place.

    Attributes:
        gold: the true reward.
        noise, length_bias, flips: of the judge who scores the preference data, as `Judge` takes them.
        skill: skills of the annotators who write the preference data.
        verbosity: chances of a further sentence, over the annotators.
        carelessness: of all annotators, as `Annotator` takes it.
        base_skill: skills of the annotators whose answers the base model learns from.
        many_sided: annotators have a skill of their own for each side, and prompts ask for facts as well.
    """

    gold: Gold = field(default_factory=Gold)
    noise: float = 1.0
    length_bias: float = 0.0
    flips: float = 0.0
    skill: tuple[float, float] = (0.2, 0.8)
    verbosity: tuple[float, float] = (0.0, 0.6)
    carelessness: float = 1.0
    base_skill: tuple[float, float] = (0.5, 0.95)
    many_sided: bool = False

    def judge(self, *, seed: int) -> Judge:
        """The judge of the preference data."""
        return Judge(self.gold, self.noise, self.length_bias, self.flips, seed)

    def panel(self) -> list[Annotator]:
        """Writers of the preference data."""
        return self._panel(self.skill)

    def base_panel(self) -> list[Annotator]:
        """Writers of the base model's corpus."""
        return self._panel(self.base_skill)

    def _panel(self, skill: tuple[float, float]) -> list[Annotator]:
        low, high = skill
        return panel(
            lowest=low,
            highest=high,
            verbosity=self.verbosity,
            carelessness=self.carelessness,
            many_sided=self.many_sided,
        )

    def ask(self, n: int, *, split: str, seed: int) -> list[Prompt]:
        """``n`` prompts of a split, as `prompts.draw` draws them."""
        return prompts.draw(n, split=split, seed=seed, facts=self.many_sided)

    def ask_distinct(self, n: int, *, split: str, seed: int) -> list[Prompt]:
        """``n`` different prompts of a split, as `prompts.draw_distinct` draws them."""
        return prompts.draw_distinct(n, split=split, seed=seed, facts=self.many_sided)


# Worlds by name; a config's other settings go before theirs.
REGIMES: dict[str, dict[str, Any]] = {
    "one-sided": {},
    "many-sided": {
        "many_sided": True,
        "noise": 1.5,
        "length_bias": 0.3,
        "skill": (0.1, 0.7),
        "verbosity": (0.0, 0.7),
        "carelessness": 1.6,
        "base_skill": (0.5, 0.95),
        "gold": {
            "exponent": 1.5,
            "strict": True,
            "weights": {
                "count": 0.15, "truth": 0.15, "order": 0.15, "facts": 0.25, "concise": 0.1, "form": 0.1, "close": 0.1,
            },
        },
    },
}  # fmt: skip


def make_world(settings: Mapping[str, Any]) -> World:
    """The world of a config: its ``regime`` (see `REGIMES`), with what the rest overrides (``gold`` is a mapping too).

    Raises:
        TypeError: a setting is unknown.
        ValueError: the regime is unknown.
    """
    regime = settings.get("regime", "one-sided")
    if regime not in REGIMES:
        raise ValueError(f"regime is {regime!r}; use one of {', '.join(REGIMES)}")
    given = {key: value for key, value in settings.items() if key != "regime"}
    plain: dict[str, Any] = REGIMES[regime] | given
    gold: dict[str, Any] = REGIMES[regime].get("gold", {}) | given.get("gold", {})
    plain = {key: tuple(v) if isinstance(v, list) else v for key, v in plain.items()}
    return World(**{**plain, "gold": Gold(**gold)})


@dataclass(frozen=True)
class Example:
    """One row of a training corpus: what is asked, what is answered, and the score prompt, if any.

    ``top`` is the best score of the scale that an overall goal is on.
    """

    prompt: str
    answer: str
    goal: dict[str, float] | float | None = None
    top: float = 10.0


def candidates(world: World, n: int, *, seed: int, split: str = "train") -> pa.Table:
    """``n`` prompts with four scored answers each, in UltraFeedback's shape. Row i depends on (seed, i) alone.

    Columns: prompt_id, instruction, completions (model, response, overall_score, annotations with one score an
    attribute on 1-10, gold_score).
    """
    writers = world.panel()
    questions = world.ask(n, split=split, seed=seed)
    rows: list[tuple[Prompt, str, str]] = []
    for i, question in enumerate(questions):
        rng = stream(seed, i, 17)
        for writer in some(writers, CANDIDATES, rng):
            rows.append((question, writer.name, writer.answer(question, rng).text))
    scores = annotate(world, [row[0] for row in rows], [row[2] for row in rows], seed=seed)
    completions = [{"model": row[1], "response": row[2], **each} for row, each in zip(rows, scores, strict=True)]
    several = [completions[first : first + CANDIDATES] for first in range(0, len(rows), CANDIDATES)]
    return as_candidates(questions, several, seed=seed)


def as_candidates(questions: Sequence[Prompt], completions: Sequence[Sequence[Any]], *, seed: int) -> pa.Table:
    """Prompts and their scored answers as a table in UltraFeedback's shape; ``seed`` tells draws apart by their ids."""
    return pa.table(
        {
            "prompt_id": [f"{seed}-{i}" for i in range(len(questions))],
            "instruction": [question.text for question in questions],
            "completions": [list(several) for several in completions],
        }
    )


def annotate(
    world: World, questions: Sequence[Prompt], texts: Sequence[str], *, seed: int
) -> list[dict[str, object]]:
    """What the world's annotation form says of every answer: overall, per-attribute and gold scores."""
    ids = range(len(texts))
    table = np.nan_to_num(world.gold.table(questions, texts), nan=0.0)
    gold = world.gold.overall(table)
    overall = whole(world.judge(seed=seed).seen(gold, texts, ids))
    noise = np.random.default_rng([seed, 19]).normal(0, world.noise / 2, table.shape)
    scores = whole(1 + 9 * table + noise)
    return [
        {
            "overall_score": float(overall[i]),
            "annotations": dict(zip(world.gold.sides, scores[i].tolist(), strict=True)),
            "gold_score": float(gold[i]),
        }
        for i in ids
    ]


def corpus(
    world: World,
    n: int,
    *,
    seed: int,
    scored: float = 0.5,
    attributes: float = 0.0,
    drill: float = 0.15,
    goal_noise: float = 2.0,
    scales: Mapping[str, float] | None = None,
) -> list[Example]:
    """What a base model learns from: answers of every quality, some under a (noisy) score prompt, and drills.

    Args:
        world: whose annotators write.
        n: how many examples.
        seed: example i depends on (seed, i) alone.
        scored: share of the answers that carry an overall score prompt.
        attributes: share that carries a score for each attribute instead.
        drill: share of held-out-skill questions.
        goal_noise: standard deviation of the score in the prompt around the truth, in points.
        scales: best score of another scale ("100") -> share of the overall score prompts that are on it, from 1.

    Raises:
        ValueError: a scale has no room for two scores, or the shares are more than one.
    """
    others = _shares(scales or {})
    writers = world.base_panel()
    questions = world.ask(n, split="train", seed=seed + 1_000_003)
    examples = []
    for i in range(n):
        rng = stream(seed, i, 23)
        kind, under = rng.random(), rng.random()
        if kind < drill:
            _, asked, right = skills.quiz(i, seed=seed + 1_000_003)
            examples.append(Example(asked, right))
            continue
        text = one(writers, rng).answer(questions[i], rng).text
        goal: dict[str, float] | float | None = None
        top = 10.0
        if under < scored + attributes:
            values = world.gold.attributes(questions[i], text)
            if under < scored:
                top = _scale(others, under / scored)
                goal = _overall(world, values, goal_noise, rng, top)
            else:
                goal = _each(world, values, goal_noise, rng)
        examples.append(Example(questions[i].text, text, goal, top))
    return examples


def _shares(scales: Mapping[str, float]) -> dict[float, float]:
    found = {float(top): float(share) for top, share in scales.items()}
    if min(found, default=10.0) < 2 or min(found.values(), default=0.0) < 0 or sum(found.values()) > 1:
        raise ValueError(
            f"scales is {dict(scales)}; give best scores of 2 or more, and shares that sum to at most 1"
        )
    return found


def _scale(shares: Mapping[float, float], place: float) -> float:
    """The best score of the scale that a place in [0, 1) falls on; 10 where it falls on none of them."""
    for top, share in shares.items():
        if place < share:
            return top
        place -= share
    return 10.0


def _overall(
    world: World, values: NDArray[np.float64], noise: float, rng: np.random.Generator, top: float
) -> float:
    """The overall score as someone saw it, on a scale from 1 to ``top``."""
    seen = world.gold.overall(values) + rng.normal(0, noise)
    return float(np.clip(np.rint(1 + (seen - 1) * (top - 1) / 9), 1, top))


def _each(world: World, values: NDArray[np.float64], noise: float, rng: np.random.Generator) -> dict[str, float]:
    """The sides' scores as someone saw them."""
    seen = whole(1 + 9 * values + rng.normal(0, noise / 2, len(values)))
    return dict(zip(world.gold.sides, seen.tolist(), strict=True))
