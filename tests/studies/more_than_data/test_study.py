"""The plan of the studies beside the central one: what is shared, what is new, whose setting it takes."""

import pandas as pd
import pytest

from rapo.studies.central_results import study as central
from rapo.studies.common import arms
from rapo.studies.more_than_data import study

RECIPE = study.recipe_of("small")
UF = {"learning_rate": 4e-4, "beta": 1.0, "batch_size": 32}
OTHER = {"learning_rate": 1e-4, "beta": 1.0, "batch_size": 32}


def model(data: str) -> study.Run:
    return study.model_run(RECIPE, data, OTHER, 1, uf=UF)


def central_uf() -> study.Run:
    return arms.arm_run(RECIPE["central"], RECIPE["architecture"], {"data": "uf"}, UF, 1)


def test_half_ra_is_an_arm_as_the_central_study_trains_it() -> None:
    run = model("half ra")
    expected = arms.arm_run(RECIPE["central"], RECIPE["architecture"], {"data": "half ra"}, OTHER, 1)
    assert run.key == expected.key


def test_a_second_plain_round_starts_from_the_central_uf_model() -> None:
    run = model("uf again")
    assert run.needs["base"].key == central_uf().key
    assert run.config["training"] == OTHER
    assert run.config["arm"] == {"data": "uf"}


def test_implicit_goals_come_from_the_central_uf_model_and_train_the_base() -> None:
    run = model("implicit ra")
    assert run.needs["source"].key == central_uf().key
    assert run.needs["base"].key == arms.base_run(RECIPE["central"], RECIPE["architecture"], 1).key
    assert (run.config["source_beta"], run.config["arm"]["levels"]) == (UF["beta"], 10)


def test_every_arm_is_trained_on_the_same_pairs() -> None:
    runs = [central_uf(), *(model(data) for data, _, _ in study.ARMS.values())]
    assert {(run.config["seed"], run.config["pairs"]) for run in runs} == {
        (arms.own_seed(RECIPE["architecture"], 1), RECIPE["central"]["pairs"])
    }


def test_uf_is_watched_at_its_own_rate_and_at_that_of_ra(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[study.Run] = []

    def stop(runs: list[study.Run], **_: object) -> None:
        planned.extend(runs)
        raise InterruptedError

    monkeypatch.setattr(study, "run_all", stop)
    tuning = pd.DataFrame({"arm": ["UF", "RA"], "learning_rate": [8e-4, 1e-4], "beta": 1.0, "best": True})
    recipe = {**RECIPE, "unlearning": {**RECIPE["unlearning"], "seeds": [1]}}
    with pytest.raises(InterruptedError):
        study.watch(recipe, tuning, jobs=1)
    told = [(run.config["arm"]["data"], run.config["training"]["learning_rate"]) for run in planned]
    assert told == [("uf", 8e-4), ("uf", 1e-4), ("ra", 1e-4)]
    assert len({run.needs["base"].key for run in planned}) == 1
    assert planned[0].config["distance"] == {"prompts": 200, "prompt_seed": RECIPE["central"]["prompt_seed"]}


def test_every_setting_is_tuned_here_or_in_the_central_study() -> None:
    taken = {tuned for _, _, tuned in study.ARMS.values()}
    assert taken <= set(study.TUNED) | set(central.TUNED)
    assert set(study.TUNED) <= set(study.ARMS)
    # What differs between duplicated pairs and two epochs is the order alone.
    assert study.ARMS["UF, duplicated"][2] == "UF, equal steps"


def test_the_fault_is_asked_for_goals_that_the_central_study_asks_too() -> None:
    for scale in ("smoke", "small"):
        recipe = study.recipe_of(scale)
        assert set(recipe["fault"]["goals"]) <= set(recipe["central"]["goals"])
        for part in ("fault", "unlearning"):
            assert set(recipe[part]["seeds"]) <= set(recipe["central"]["seeds"])
        assert {recipe["architecture"], recipe["fault"]["architecture"]} <= set(recipe["central"]["architectures"])


def test_goal_quality_by_hand() -> None:
    responses = pd.DataFrame({"goal": [1.0, 1.0, 10.0], "score": [2.0, 5.0, 5.0], "gold": [1.0, 4.0, 9.0]})
    found = study.goal_quality(responses)
    assert found[["kind", "goal", "gold", "n"]].to_numpy().tolist() == [
        ["implicit", 1.0, 2.5, 2],
        ["implicit", 10.0, 9.0, 1],
        ["judge", 2.0, 1.0, 1],
        ["judge", 5.0, 6.5, 2],
    ]
    # Ranks (1.5, 1.5, 3) against (1, 2, 3): covariance 1.5, variances 1.5 and 2, so 1.5 / sqrt(3); judge's likewise.
    assert found["correlation"].tolist() == pytest.approx([1.5 / 3**0.5] * 4)


def test_the_fault_takes_ra_and_base_from_the_central_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    """Which of the central answers are used, with no run at all."""
    monkeypatch.setattr(study, "run_all", lambda runs, **_: [])
    recipe = {**RECIPE, "fault": {"architecture": "gemma2", "seeds": [], "goals": [1, 10]}}
    rows = [
        ("base", "base", 1, None), ("base", "base, g=10", 1, 10.0), ("base", "", 1, 4.0), ("RA", "RA", 1, 10.0),
        ("UF", "UF", 1, None), ("UF", "UF, g=10", 1, 10.0), ("SFT", "SFT", 1, None), ("RA", "", 1, 1.0),
    ]  # fmt: skip
    measured = pd.DataFrame(rows, columns=["trained", "arm", "seed", "goal"]).assign(
        architecture="gemma2", prompt="p", task="t", answer=0, gold=5.0, length=3, sentences=0.0, parseable=True
    )
    tuning = pd.DataFrame(
        {"architecture": "gemma2", "arm": ["RA", "UF, equal steps, g=10"], "learning_rate": 1e-4, "beta": 1.0,
         "best": True}
    )  # fmt: skip
    assert len(study.faulty(recipe, measured, tuning, jobs=1)) == 0  # no seed, no answer
    recipe["fault"]["seeds"] = [1]
    monkeypatch.setattr(study, "product", lambda *_: iter(()))
    found = study.faulty(recipe, measured, tuning, jobs=1)
    assert found["arm"].tolist() == ["base", "base", "RA", "RA", "UF", "UF, g=10"]
    assert found["goal"].fillna(0).tolist() == [0, 10, 10, 1, 0, 10]


def test_kept_results_are_missed_by_name(rapo_root: object) -> None:
    with pytest.raises(FileNotFoundError, match="rapo reproduce"):
        study.results(scale="small", measure=False, jobs=1)


def test_what_the_central_study_trains_is_asked_for_with_its_whole_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an arm would have another setting here than there."""
    asked: dict[str, object] = {}

    def measure_arms(recipe: dict, **options: object) -> None:
        asked.update(options, recipe=recipe)
        raise InterruptedError

    monkeypatch.setattr(central, "measure_arms", measure_arms)
    with pytest.raises(InterruptedError):
        study.frames(RECIPE, jobs=1)
    assert asked == {"recipe": RECIPE["central"], "architectures": ["llama", "gemma2"], "jobs": 1}
