import numpy as np
import pytest

from rapo.world import lexicon, prompts


def test_splits_share_no_task() -> None:
    for facts, several in ((False, 1), (True, 4)):
        parts = [set(prompts.tasks(split, facts=facts)) for split in prompts.SPLITS]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 6 * len(lexicon.CATEGORIES) * 3 * several


def test_a_hundred_and_fifty_test_prompts_ask_for_as_many_tasks() -> None:
    asked = prompts.draw_distinct(150, split="test", seed=5, facts=True)
    assert len({prompt.task for prompt in asked}) == 150
    assert {prompt.asks for prompt in asked} <= set(prompts.tasks("test", facts=True))


def test_more_prompts_than_tasks_are_spread_evenly() -> None:
    tasks = [prompt.task for prompt in prompts.draw_distinct(100, split="test", seed=5)]
    assert {tasks.count(task) for task in set(tasks)} <= {2, 3}  # 39 tasks


def test_an_unknown_split_is_named() -> None:
    with pytest.raises(ValueError, match="split is 'dev'; use one of train, tuning, test"):
        prompts.draw(1, split="dev")


def test_too_many_different_prompts() -> None:
    with pytest.raises(ValueError, match="different prompts"):
        prompts.draw_distinct(9_000, split="tuning")


def test_evolved_prompts_are_harder_or_different() -> None:
    rng = np.random.default_rng(0)
    for prompt in prompts.draw(50, split="train", seed=9):
        harder = prompts.evolve(prompt, rng)
        assert harder != prompt
        assert harder.count >= prompt.count
