import numpy as np
import pytest

from rapo.world import prompts
from rapo.world.annotators import Annotator, panel
from rapo.world.reward import Gold


def test_a_perfect_annotator_makes_no_mistakes() -> None:
    rng = np.random.default_rng(0)
    for prompt in prompts.draw(100, split="train", seed=3):
        text = Annotator("ideal", skill=1.0, verbosity=0.0).answer(prompt, rng).text
        assert Gold().attributes(prompt, text)[:4] == pytest.approx([1, 1, 1, 1])


def test_skill_raises_gold() -> None:
    questions = prompts.draw(400, split="train", seed=4)
    means = []
    for skill in (0.0, 0.5, 1.0):
        rng = np.random.default_rng(0)
        writer = Annotator("x", skill=skill, verbosity=0.3)
        means.append(Gold().score(questions, [writer.answer(q, rng).text for q in questions]).mean())
    assert means[0] + 0.3 < means[1] < means[2] - 0.3


def test_skill_and_verbosity_of_the_panel_are_unrelated() -> None:
    writers = panel(lowest=0.2, highest=0.8)
    related = np.corrcoef([w.skill for w in writers], [w.verbosity for w in writers])[0, 1]
    assert abs(related) < 0.4
