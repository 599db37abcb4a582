import numpy as np
import pytest

from rapo.world import prompts
from rapo.world.annotators import SKILLS, Annotator, panel
from rapo.world.data import make_world
from rapo.world.reward import Gold


def test_a_perfect_annotator_makes_no_mistakes() -> None:
    rng = np.random.default_rng(0)
    for prompt in prompts.draw(100, split="train", seed=3):
        text = Annotator("ideal", dict.fromkeys(SKILLS, 1.0), verbosity=0.0).answer(prompt, rng).text
        assert Gold().attributes(prompt, text)[:4] == pytest.approx([1, 1, 1, 1])


def test_skill_raises_gold() -> None:
    questions = prompts.draw(400, split="train", seed=4)
    means = []
    for skill in (0.0, 0.5, 1.0):
        rng = np.random.default_rng(0)
        writer = Annotator("x", dict.fromkeys(SKILLS, skill), verbosity=0.3)
        means.append(Gold().score(questions, [writer.answer(q, rng).text for q in questions]).mean())
    assert means[0] + 0.3 < means[1] < means[2] - 0.3


def test_skill_and_verbosity_of_the_panel_are_unrelated() -> None:
    writers = panel(lowest=0.2, highest=0.8)
    related = np.corrcoef([w.skills["order"] for w in writers], [w.verbosity for w in writers])[0, 1]
    assert abs(related) < 0.4


def test_a_perfect_annotator_of_the_many_sided_world_scores_ten() -> None:
    world, rng = make_world({"regime": "many-sided"}), np.random.default_rng(0)
    ideal = Annotator("ideal", dict.fromkeys(SKILLS, 1.0), verbosity=0.0, styled=True)
    questions = world.ask(200, split="train", seed=3)
    assert world.gold.score(questions, [ideal.answer(q, rng).text for q in questions]) == pytest.approx(10)


@pytest.mark.parametrize("side", ["count", "truth", "order", "facts", "form", "close"])
def test_each_skill_turns_its_own_side(side: str) -> None:
    world = make_world({"regime": "many-sided"})
    questions = world.ask(300, split="train", seed=4)
    means = []
    for level in (0.3, 1.0):
        rng = np.random.default_rng(0)
        writer = Annotator("x", dict.fromkeys(SKILLS, 0.8) | {side: level}, verbosity=0.0, styled=True)
        means.append(world.gold.table(questions, [writer.answer(q, rng).text for q in questions]).mean(axis=0))
    change = dict(zip(world.gold.sides, means[1] - means[0], strict=True))
    assert max(change, key=lambda name: change[name]) == side
    assert change[side] > 0.1


def test_skills_of_a_many_sided_panel_are_unrelated() -> None:
    writers = panel(lowest=0.1, highest=0.7, many_sided=True)
    table = np.array([[*writer.skills.values(), writer.verbosity] for writer in writers])
    related = np.abs(np.corrcoef(table.T) - np.eye(table.shape[1]))
    assert related.mean() < 0.3
    assert table[:, 0].min() == pytest.approx(0.1)
    assert table[:, 0].max() == pytest.approx(0.7)
