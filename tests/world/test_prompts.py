import numpy as np
import pytest

from rapo.world import lexicon, prompts


def test_splits_share_no_combination() -> None:
    parts = [set(prompts.combinations(split)) for split in prompts.SPLITS]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 6 * len(lexicon.CATEGORIES) * 3


def test_an_unknown_split_is_named() -> None:
    with pytest.raises(ValueError, match="split is 'dev'; use one of train, tuning, test"):
        prompts.draw(1, split="dev")


def test_too_many_different_prompts() -> None:
    with pytest.raises(ValueError, match="different prompts"):
        prompts.draw_distinct(4000, split="tuning")


def test_evolved_prompts_are_harder_or_different() -> None:
    rng = np.random.default_rng(0)
    for prompt in prompts.draw(50, split="train", seed=9):
        harder = prompts.evolve(prompt, rng)
        assert harder != prompt
        assert harder.count >= prompt.count
