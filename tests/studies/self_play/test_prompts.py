"""Evolved prompts: new, harder, and never those of the tuning or test split."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.studies.self_play.prompts import difficulty, evolved, harder
from rapo.world import data
from rapo.world import prompts as asked
from rapo.world.prompts import Prompt

ONE, MANY = data.World(), data.make_world({"regime": "many-sided"})


@given(st.integers(0, 1000))
def test_evolved_prompts_are_new_and_of_the_training_split(seed: int) -> None:
    pool = asked.draw(8, split="train", seed=seed)
    known = asked.draw(30, split="train", seed=seed)
    found = evolved(ONE, pool, 20, known=known, seed=seed)
    texts = [prompt.text for prompt in found]
    assert len(texts) == 20 == len(set(texts))
    assert not set(texts) & {prompt.text for prompt in known}
    assert {prompt.asks for prompt in found} <= set(asked.tasks("train"))


def test_an_evolved_prompt_is_one_step_harder_than_its_own() -> None:
    pool = [Prompt(count=3, category="fruits", order="any"), Prompt(count=5, category="tools", order="reverse")]
    for new in evolved(ONE, pool, 12, known=pool, seed=1):
        (old,) = [prompt for prompt in pool if prompt.category == new.category]
        steps = (new.count > old.count, old.order == "any" != new.order, bool(new.without))
        assert sum(steps) == 1
        assert new.count >= old.count


def test_every_selected_prompt_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = [task for split in asked.SPLITS for task in asked.tasks(split)]
    monkeypatch.setattr(asked, "tasks", lambda split, facts: everything)
    pool = [Prompt(count=3, category=name, order="any") for name in asked.CATEGORIES]
    for n in (8, 16):  # nothing is thrown away but repetitions, so that the n-th turn comes after the others
        found = [new.category for new in evolved(ONE, pool, n, known=pool, seed=2)]
        assert Counter(found) == dict.fromkeys(asked.CATEGORIES, n // 8)


def test_a_small_pool_gives_what_it_has() -> None:
    done = Prompt(count=8, category="fruits", order="alphabetical", without="fig")
    # All that is left to do to it is to turn the order round, which gives one prompt or none.
    assert len(evolved(ONE, [done], 10, known=[done], seed=0)) <= 1


def test_harder_prompts_stay_in_their_split_and_ask_for_more() -> None:
    found = harder(ONE, 60, split="test", steps=2, seed=5)
    assert len({prompt.text for prompt in found}) == 60
    assert {prompt.asks for prompt in found} <= set(asked.tasks("test"))
    plain = difficulty(asked.draw_distinct(60, split="test", seed=5))
    assert all(difficulty(found)[name] > share for name, share in plain.items())
    assert harder(ONE, 20, split="test", steps=2, seed=5) == found[:20]


def test_too_many_harder_prompts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "draw", lambda n, **_: [Prompt(count=3, category="fruits", order="any")] * 5)
    with pytest.raises(ValueError, match="ask for fewer"):
        harder(ONE, 200, split="test", steps=1, seed=0)


def test_difficulty_by_hand() -> None:
    prompts = [
        Prompt(count=4, category="fruits", order="any"),
        Prompt(count=7, category="fruits", order="reverse", without="fig"),
    ]
    assert difficulty(prompts) == {"items": 5.5, "ordered": 0.5, "without": 0.5}
    assert difficulty([]) == {}


def test_where_facts_are_asked_for_one_more_is_a_step() -> None:
    easy = Prompt(count=8, category="fruits", order="reverse", without="fig", facts=1)
    found = evolved(MANY, [easy], 10, known=[easy], seed=0)
    assert {prompt.facts for prompt in found} <= {1, 2}
    assert {prompt.asks for prompt in found} <= set(asked.tasks("train", facts=True))
    assert all(
        prompt.asks in asked.tasks("test", facts=True)
        for prompt in harder(MANY, 30, split="test", steps=2, seed=5)
    )
