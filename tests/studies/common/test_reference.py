"""The reference of win rates: fixed, of every length; the same for every answer to a prompt."""

import itertools

import pandas as pd
import pytest

from rapo import config
from rapo.studies.common import reference
from rapo.world import answers, data
from rapo.world import prompts as prompts_

RECIPE = config.recipe("central_results", "small")


def test_every_answer_to_a_prompt_is_judged_against_the_same_reference() -> None:
    recipe = {**RECIPE, "prompts": 4}
    world = data.make_world(recipe["world"])
    prompts = [p.id for p in world.ask_distinct(4, split="test", seed=recipe["prompt_seed"])]
    texts = {"base": "oak .", "UF": "apple , fig , kiwi ."}
    rows = [
        {"architecture": "llama", "seed": 1, "temperature": 0.7, "prompt": prompt, "arm": arm, "text": text,
         "length": len(text.split())}
        for prompt in prompts for arm, text in texts.items()
    ]  # fmt: skip
    judged = reference.judge(pd.DataFrame(rows), recipe)
    assert (judged.groupby("prompt")["reference_length"].nunique() == 1).all()
    assert judged["preference"].between(1, 2).all()
    shuffled = reference.judge(pd.DataFrame(rows[::-1]), recipe).iloc[::-1]
    assert shuffled["reference_length"].tolist() == judged["reference_length"].tolist()


@pytest.mark.parametrize("room", [reference.ROOM, 1], ids=["few", "more-than-there-is-room-for"])
def test_a_preference_depends_on_nothing_beside_its_answer(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "ROOM", room)
    recipe = {**RECIPE, "prompts": 3}
    prompts = [
        p.id for p in data.make_world(recipe["world"]).ask_distinct(3, split="test", seed=recipe["prompt_seed"])
    ]
    about = itertools.product(["base", "UF"], [1, 2], prompts, [0, 1])
    frame = pd.DataFrame(about, columns=["arm", "seed", "prompt", "answer"]).assign(text="apple , fig .", length=4)
    judged = reference.judge(frame, recipe)
    cells = judged.groupby(["seed", "prompt", "answer"])["preference"]
    assert (cells.nunique() == 1).all()  # the arms are read with the same random numbers
    assert cells.first().nunique() == cells.ngroups  # and nothing else is
    alone = reference.judge(frame[frame["arm"] == "UF"].iloc[::-1], recipe)
    assert alone["preference"].to_dict() == judged.loc[judged["arm"] == "UF", "preference"].to_dict()


def test_reference_answers_come_from_writers_of_every_verbosity() -> None:
    prompts = prompts_.draw_distinct(200, split="test", seed=1)
    world = data.make_world({})
    texts = reference.reference_answers(world, prompts, seed=3)
    assert texts[:5] == reference.reference_answers(world, prompts[:5], seed=3)
    sentences = [len(answers.parse(text).sentences) for text in texts]
    assert {0, 1, 2, 3} <= set(sentences)
    assert 4 < world.gold.score(prompts, texts).mean() < 6  # good, and far from the optimum
