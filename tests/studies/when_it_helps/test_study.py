"""The plan of the map: what regimes share, and what they do not."""

from collections.abc import Callable

import pandas as pd
import pytest

from rapo.config import SHIFT
from rapo.studies.common import arms
from rapo.studies.when_it_helps import ladder, study
from rapo.studies.when_it_helps.tables import CONTROLS, name_of
from rapo.world import data

RECIPE = study.recipe_of("small")
BY_NAME = {name_of(regime): regime for regime in RECIPE["regimes"]}


def base_key(name: str) -> str:
    return study.model_run(RECIPE, BY_NAME[name], "base", {}, 1).key


def test_names_are_unique_and_the_grid_names_regimes() -> None:
    assert len(BY_NAME) == len(RECIPE["regimes"])
    levels = {regime["level"] for regime in RECIPE["regimes"]}
    assert {level for cells in RECIPE["grid"].values() for level in cells.values()} <= levels


def many_sided(monkeypatch: pytest.MonkeyPatch, scale: str = "small", **central: object) -> dict:
    """The recipe as it is where the central study's world is many-sided."""
    plain = study.with_central("when_it_helps", scale)
    moved = {**plain, "central": {**plain["central"], "world": {"regime": "many-sided"}, **central}}
    monkeypatch.setattr(study, "with_central", lambda *_: moved)
    return study.recipe_of(scale)


@pytest.mark.parametrize("scale", ["smoke", "small"])
def test_the_map_follows_the_world(scale: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = many_sided(monkeypatch, scale)
    names = [name_of(regime) for regime in recipe["regimes"]]
    assert len(set(names)) == len(names)
    assert "length bias: 1.5" in names
    assert not any("elaboration" in name or "optimum" in name for name in names)
    levels = {regime["level"] for regime in recipe["regimes"]}
    assert scale == "smoke" or {level for cells in recipe["grid"].values() for level in cells.values()} <= levels
    for regime in recipe["regimes"]:
        world = data.make_world(study.judged(study.local(recipe, regime), regime)["world"])
        assert world.many_sided
        assert world.gold.best_sentences is None
        assert world.length_bias == (1.5 if "length bias" in name_of(regime) else 0.3)


def test_a_regimes_world_changes_what_it_names_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = many_sided(monkeypatch, world={"regime": "many-sided", "gold": {"strict": False}})
    (rare,) = [regime for regime in recipe["regimes"] if regime["axis"] == "rarity"]
    gold = data.make_world(study.local(recipe, rare)["world"]).gold
    assert (gold.exponent, gold.strict) == (3.0, False)


def test_another_taste_is_learned_before_a_base_is_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    aligned = {"pairs": 30, "training": {"learning_rate": 1e-4}}
    recipe = many_sided(monkeypatch, aligned=aligned, base_seed=None)
    (rare,) = [regime for regime in recipe["regimes"] if regime["axis"] == "rarity"]
    top = study.base_of(recipe, rare, 2)
    learned, first = top.needs["base"], top.needs["base"].needs["base"]
    assert top.function.endswith("train_arm")
    assert top.config["world"]["gold"] == learned.config["world"]["gold"] == {"exponent": 3.0}
    assert (first.config["seed"], learned.config["seed"], first.needs) == (2, 102, {})
    assert "gold" not in first.config["world"]


def test_what_only_changes_pairs_shares_the_base() -> None:
    default = base_key("default")
    assert {base_key(name) for name in ("judge noise: 3", "pairs: 300", "rejected: all good")} == {default}
    assert base_key("rarity: exponent 3") != default


def test_another_taste_is_learned_on_top_of_the_central_base() -> None:
    base = study.base_of(RECIPE, BY_NAME["rarity: exponent 3"], 1)  # aligned, as the central one
    learned, usual = base.needs["base"], arms.base_run(RECIPE["central"], "llama", 1)
    assert usual.key == base_key("default")
    assert learned.needs["base"].key == usual.needs["base"].key
    assert learned.config["world"]["gold"] == {"exponent": 3.0}
    assert learned.config["seed"] != usual.needs["base"].config["seed"], "or it would read the same texts again"


def test_a_noisy_judge_changes_the_pairs() -> None:
    arms = [
        study.model_run(RECIPE, BY_NAME[name], "RA", {"learning_rate": 1e-4}, 1)
        for name in ("default", "judge noise: 3")
    ]
    assert arms[0].config["world"] != arms[1].config["world"]
    assert arms[0].needs["base"].key == arms[1].needs["base"].key


def test_picked_pairs_have_their_own_run() -> None:
    run = study.model_run(RECIPE, BY_NAME["rejected: all good"], "UF", {"learning_rate": 1e-4}, 2)
    assert run.function == "rapo.studies.when_it_helps.runs:train_picked"
    assert run.config["pick"] == {"rejected": "good"}
    assert run.config["seed"] == arms.own_seed(RECIPE["architecture"], 2)


def test_every_control_is_an_arm_and_every_arm_a_model() -> None:
    assert set(CONTROLS) < set(study.ARMS)
    assert {model for model, _ in study.ARMS.values()} == {"base", *study.MODELS}


def test_answers_are_named_by_what_was_asked() -> None:
    table = pd.DataFrame(
        {
            "prompt": ["a"] * 3,
            "task": "t",
            "answer": 0,
            "gold": 1.0,
            "sentences": 0.0,
            "parseable": True,
            "goal": [float("nan"), 10.0, 1.0],
        }
    )
    assert study.by_arm(table, "base")["arm"].tolist() == ["base", "base, g=10", "base, g=1"]


def test_kept_results_are_missed_by_name(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPO_ROOT", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="when_it_helps_answers"):
        study.results(scale="small", measure=False, jobs=1)


@pytest.fixture
def climbed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[float]]:
    """What `study.results` gives as the ladder; nothing is measured, and its runs are there or are not."""
    monkeypatch.setattr(study, "measure_or_read", lambda *_, **__: {})
    monkeypatch.setattr(study, "manifest", lambda: {"when_it_helps_ladder.parquet": {}})
    monkeypatch.setattr(study, "kept", lambda name: pd.DataFrame({"gold": [6.0]}))
    monkeypatch.setattr(study, "store", lambda *_, **__: None)
    monkeypatch.setattr(ladder, "climb", lambda *_, **__: pd.DataFrame({"gold": [7.0]}))

    def found(*, there: bool = False, scale: str = "small", **options: bool) -> list[float]:
        monkeypatch.setattr(ladder, "is_climbed", lambda *_, **__: there)
        frame = study.results(scale=scale, jobs=1, **{"measure": True, **options})["ladder"]
        return [] if frame.empty else frame["gold"].tolist()

    return found


def test_the_ladder_is_measured_if_asked_for_or_there_and_else_as_kept(
    climbed: Callable[..., list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, kept = [7.0], [6.0]
    assert climbed(ladder_anew=True) == climbed(there=True) == climbed(scale="smoke") == measured
    assert climbed() == climbed(measure=False, there=True, ladder_anew=True) == kept
    with monkeypatch.context() as nothing_kept:
        nothing_kept.setattr(study, "manifest", dict)
        assert climbed() == []
    monkeypatch.setenv(SHIFT, "500")
    assert climbed() == []
    assert climbed(ladder_anew=True) == measured


def test_tuning_prompts_are_answered_by_controls_alone_and_test_prompts_by_every_arm() -> None:
    asked = {
        split: {name: study.asked_of(name, split) for name in ("base", *study.MODELS)}
        for split in ("tuning", "test")
    }
    assert asked["tuning"] == {
        "base": [10],
        "UF": [None],
        "UF for g=10": [10],
        "UF, equal steps": [None, 10],
        "RA": [],
    }
    assert asked["test"] == {
        "base": [None, 10, 1],
        "UF": [None],
        "UF for g=10": [10],
        "UF, equal steps": [None, 10],
        "RA": [10],
    }
