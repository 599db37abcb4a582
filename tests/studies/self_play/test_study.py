"""The plan of self-play: what each arm adds, what rounds need, what all arms share."""

import pytest

from rapo.studies.common import arms
from rapo.studies.self_play import study

RECIPE = study.recipe_of("small")
OPTIONS = study.options_of(RECIPE)[0]
MODELS = study.models(RECIPE, OPTIONS, 1)
LAST = RECIPE["rounds"]


def test_the_base_is_the_central_studys() -> None:
    base = arms.base_run(RECIPE["central"], RECIPE["architecture"], 1)
    assert MODELS[study.BASE, 0][0].key == base.key
    trained = [model for model, data in MODELS.values() if data is not None]
    assert {model.needs["base"].key for model in trained} == {base.key}


def test_a_round_needs_the_model_and_the_data_of_the_round_before() -> None:
    for arm in study.ARMS:
        for turn in range(1, LAST + 1):
            model, data = MODELS[arm, turn]
            old_model, old_data = MODELS[(arm, turn - 1) if turn > 1 else (study.FIRST, 0)]
            assert data is not None
            assert old_data is not None
            assert model.needs["data"].key == data.key
            assert data.needs["model"].key == old_model.key
            assert data.needs["data"].key == old_data.key


def test_arms_differ_in_metric_and_evolution_alone() -> None:
    found = {}
    for arm in study.ARMS:
        data = MODELS[arm, 1][1]
        assert data is not None
        found[arm] = dict(data.config)
    assert {(config.pop("metric"), config.pop("evolve")) for config in found.values()} == set(study.ARMS.values())
    own = found.pop("own answers")
    assert all(config == found["MAP"] for config in found.values())
    assert found["MAP"]["reward"] == MODELS[study.FIRST, 0][1].config["reward"]  # type: ignore[union-attr]
    assert own.pop("prompts") >= RECIPE["kept"]  # nothing is selected: no more are needed than ties cost
    assert own == {name: value for name, value in found["MAP"].items() if name != "prompts"}


def test_no_two_rounds_draw_alike_and_seeds_do_not_meet() -> None:
    seeds = [
        data.config["seed"]
        for seed in (*RECIPE["seeds"], *RECIPE["central"]["tuning_seeds"])
        for (arm, _), (_, data) in study.models(RECIPE, OPTIONS, seed).items()
        if data is not None and arm in (study.FIRST, "MAP")
    ]
    assert len(set(seeds)) == len(seeds) == (len(RECIPE["seeds"]) + 1) * (1 + LAST)


def test_plain_data_is_as_much_as_self_play_adds() -> None:
    for turn in range(1, LAST + 1):
        data = MODELS[study.PLAIN, turn][1]
        assert data is not None
        assert data.config["pairs"] == RECIPE["pairs"] + turn * RECIPE["kept"]
        assert data.needs["base"].key == MODELS[study.BASE, 0][0].key  # the untrained base goes on writing
        assert data.config["world"] == MODELS["MAP", turn][1].config["world"]  # type: ignore[union-attr]


def test_the_control_takes_as_many_steps_on_the_first_pairs() -> None:
    model, data = MODELS[study.LONGER, LAST]
    assert data is not None
    assert data.key == MODELS[study.FIRST, 0][1].key  # type: ignore[union-attr]
    rows = data.config["pairs"] * model.config["arm"]["epochs"]
    assert rows == pytest.approx(RECIPE["pairs"] + LAST * RECIPE["kept"])
    others = {run.config["arm"]["epochs"] for key, (run, data) in MODELS.items()
              if data is not None and key[0] != study.LONGER}  # fmt: skip
    assert others == {1}


def test_the_reward_model_is_that_of_the_selection_study() -> None:
    from rapo.studies.alignment_potential import study as potential

    selection = potential.recipe_of("small")
    assert RECIPE["reward"] == selection["reward"]
    assert {name: RECIPE[name] for name in ("answers", "temperature", "top_p")} == selection["candidates"]


def test_every_setting_has_a_rate_of_its_own_and_the_rest_in_common() -> None:
    options = study.options_of(RECIPE)
    rates = {each["learning_rate"] for each in options}
    assert len(rates) == len(options) == 4
    assert max(rates) / min(rates) >= 32
    assert {(each["beta"], each["gamma"], each["batch_size"]) for each in options} == {(2.5, 0.5, 32)}


def test_answers_judge_by_the_worlds_gold_not_by_the_faulty_reward_model() -> None:
    run = study.answer_run(RECIPE, MODELS["MAP", LAST][0], 1)
    assert run.config["world"] == RECIPE["central"]["world"]
    assert run.config["seed"] == arms.own_seed(RECIPE["architecture"], 1)


def test_kept_results_are_missed_by_name(rapo_root: object) -> None:
    with pytest.raises(FileNotFoundError, match="rapo reproduce"):
        study.results(scale="small", measure=False, jobs=1)
