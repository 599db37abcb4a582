"""Self-play, evolve then select (AP-S1, AP-S2): rounds in which a model answers harder versions of the best prompts.

A round takes the model that the round before trained, evolves the prompts of the best pairs so far, pairs the best
and the worst of the model's own answers, adds the best of these pairs, and trains the base anew on all pairs. The
metric that names an arm ranks both times. All arms share the first pairs, which the base wrote, their model, and one
setting.

The objective is SimPO: the paper's, its implicit reward is the one that the metric reads, and without a reference
model a training from the base depends on its pairs alone. Its learning rate has the highest mean gold on the tuning
prompts (seed: that of no test) with plain data of the last round's size, which favours the rival.
"""

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from rapo.runs.queue import run_all
from rapo.runs.run import Result, Run
from rapo.studies.common import arms
from rapo.studies.common.results import measure_or_read, with_central
from rapo.studies.common.tuning import tune
from rapo.studies.self_play.runs import spared

RUNS = "rapo.studies.self_play.runs"
# The metric of an arm, and whether prompts are evolved. "plain data": the base, untrained, answers more prompts.
PLAIN = "plain data"
ARMS: dict[str, tuple[str, bool]] = {
    "own answers": ("uniform", False),
    "uniform": ("uniform", True),
    "M+": ("explicit-margin", True),
    "small Mpi": ("small-implicit-margin", True),
    "MAP": ("alignment-potential", True),
}
BASE, FIRST, LONGER = "base", "first pairs", "first pairs, equal steps"
FRAMES = ("tuning", "answers", "rounds", "examples")
COLUMNS = ["asked", "task", "prompt", "gold", "length", "sentences", "parseable"]
recipe_of = partial(with_central, "self_play")


# Of the recipe, for whoever draws pairs.
DRAWING = ("answers", "temperature", "top_p", "reward")


def size(recipe: Mapping[str, Any], turn: int) -> int:
    """Pairs after a round (0: the first pairs)."""
    return int(recipe["pairs"] + turn * recipe["kept"])


def first_run(recipe: Mapping[str, Any], seed: int, *, turn: int = 0) -> Run:
    """Pairs of the base's own answers, as many as any arm has after a round."""
    n, own = size(recipe, turn), arms.own_seed(recipe["architecture"], seed)
    drawing = {name: recipe[name] for name in DRAWING}
    config = {**drawing, "world": recipe["central"]["world"], "pairs": n, "seed": own}
    needs = {"base": arms.base_run(recipe["central"], recipe["architecture"], seed)}
    return Run(f"{RUNS}:first_pairs", config, needs, f"{n} first pairs, seed {seed}")


def train_run(
    recipe: Mapping[str, Any], data: Run, options: Mapping[str, Any], seed: int, *, epochs: float = 1
) -> Run:
    """The base trained on the pairs of a data run."""
    config = {
        "architecture": recipe["architecture"],
        "trainer": "simpo",
        "arm": {"data": "uf", "epochs": epochs},
        "training": dict(options),
        "seed": arms.own_seed(recipe["architecture"], seed),
    }
    needs = {"base": arms.base_run(recipe["central"], recipe["architecture"], seed), "data": data}
    return Run(f"{RUNS}:train", config, needs, f"train on {data.label}")


def play_run(recipe: Mapping[str, Any], arm: str, data: Run, model: Run, seed: int, turn: int) -> Run:
    """The pairs of an arm after a round, from its pairs and its model before."""
    metric, evolve = ARMS[arm]
    own = arms.own_seed(recipe["architecture"], seed) + 100 * turn
    # Without evolution nothing is selected either: no more prompts than ties ask for.
    prompts = recipe["prompts"] if evolve else spared(recipe["kept"])
    same = ("share", "kept", "weight", *DRAWING)
    config = {
        **{name: recipe[name] for name in same},
        "world": recipe["central"]["world"],
        "metric": metric,
        "evolve": evolve,
        "prompts": prompts,
        "round": turn,
        "seed": own,
    }
    return Run(f"{RUNS}:play", config, {"data": data, "model": model}, f"{arm} round {turn}, seed {seed}")


def rounds(recipe: Mapping[str, Any], options: Mapping[str, Any], seed: int, arm: str) -> list[tuple[Run, Run]]:
    """Data and model of an arm after each round, the first pairs (round 0) among them."""
    data = first_run(recipe, seed)
    found = [(data, train_run(recipe, data, options, seed))]
    for turn in range(1, recipe["rounds"] + 1):
        more = arm == PLAIN
        data = first_run(recipe, seed, turn=turn) if more else play_run(recipe, arm, *found[-1], seed, turn)
        found.append((data, train_run(recipe, data, options, seed)))
    return found


def models(
    recipe: Mapping[str, Any], options: Mapping[str, Any], seed: int
) -> dict[tuple[str, int], tuple[Run, Run | None]]:
    """Model and data of every arm and round of one seed: the base, the first pairs once, then arm by arm."""
    base = arms.base_run(recipe["central"], recipe["architecture"], seed)
    data = first_run(recipe, seed)
    last = recipe["rounds"]
    found: dict[tuple[str, int], tuple[Run, Run | None]] = {
        (BASE, 0): (base, None),
        (FIRST, 0): (train_run(recipe, data, options, seed), data),
    }
    for arm in (PLAIN, *ARMS):
        for turn, (pairs, model) in enumerate(rounds(recipe, options, seed, arm)[1:], start=1):
            found[arm, turn] = model, pairs
    longer = size(recipe, last) / size(recipe, 0)
    found[LONGER, last] = train_run(recipe, data, options, seed, epochs=longer), data
    return found


def options_of(recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The settings to choose from."""
    return [{**recipe["training"], **options} for options in recipe["grid"]]


def tuning_table(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """Mean gold on the tuning prompts of every setting, on plain data of the last round's size.

    Returns:
        Columns seed, learning_rate, and those of `tune`.
    """
    base = recipe["central"]
    plain: list[arms.Condition] = [(None, base["temperature"])]
    cells = []
    for seed, options in product(base["tuning_seeds"], options_of(recipe)):
        model = train_run(recipe, first_run(recipe, seed, turn=recipe["rounds"]), options, seed)
        run = arms.evaluate_run(base, model, plain, split="tuning", seed=seed)
        cells.append(({"seed": seed, "learning_rate": options["learning_rate"]}, run, 0))
    return tune(cells, over=["seed"], name="selfplay-tuning", jobs=jobs)


def answer_run(recipe: Mapping[str, Any], model: Run, seed: int) -> Run:
    """A model's answers to the test prompts and to evolved ones."""
    base = recipe["central"]
    config = {
        **{name: base[name] for name in ("world", "prompts", "prompt_seed", "temperature", "answers")},
        "evolutions": recipe["evolutions"],
        "seed": arms.own_seed(recipe["architecture"], seed),
    }
    return Run(f"{RUNS}:answer", config, {"model": model}, f"answers, {model.label}, seed {seed}")


def frames(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, pd.DataFrame]:
    """Tune, play every arm on every seed, and sample the test prompts.

    Returns:
        "tuning"; "answers": one row an answer, with arm, round, pairs, architecture, seed and `COLUMNS`; "rounds":
        one row a data run, with what its metrics say; "examples": pairs that alignment potential added.
    """
    tuning = tuning_table(recipe, jobs=jobs)
    rate = tuning.loc[tuning["best"], "learning_rate"].iloc[0]
    (options,) = (each for each in options_of(recipe) if each["learning_rate"] == rate)
    found = {seed: models(recipe, options, seed) for seed in recipe["seeds"]}
    cells = [(seed, *key) for seed, each in found.items() for key in each]
    trained = [found[seed][arm, turn][0] for seed, arm, turn in cells]
    asking = [answer_run(recipe, model, cell[0]) for model, cell in zip(trained, cells, strict=True)]
    data = [pairs for each in found.values() for _, pairs in each.values() if pairs is not None]
    by_key = {result.key: result for result in run_all([*asking, *trained, *data], name="selfplay", jobs=jobs)}
    frames, told = [], []
    for (seed, arm, turn), model, question in zip(cells, trained, asking, strict=True):
        named = {"arm": arm, "round": turn, "seed": seed}
        pairs = by_key[model.key].metrics.get("pairs", 0)
        frame = arms.answers(by_key[question.key])[COLUMNS]
        frames.append(frame.assign(architecture=recipe["architecture"], pairs=pairs, **named))
        source = found[seed][arm, turn][1]
        if source is not None:
            steps = by_key[model.key].metrics["steps"]
            told.append({**named, **by_key[source.key].metrics, "pairs": pairs, "steps": steps})
    first = models(recipe, options, recipe["seeds"][0])["MAP", recipe["rounds"]][1]
    return {
        "tuning": tuning,
        "answers": pd.concat(frames, ignore_index=True),
        "rounds": pd.DataFrame(told),
        "examples": examples(by_key[first.key]) if first else pd.DataFrame(),
    }


def examples(result: Result, *, n: int = 2) -> pd.DataFrame:
    """A few pairs of each round of a data run: round, prompt, chosen, rejected (texts) and all scores."""
    table = pq.read_table(result.folder / "pairs.parquet").to_pandas()
    few = table.groupby("round").head(n).reset_index(drop=True)
    texts = {name: [turns[-1]["content"] for turns in few[name]] for name in ("prompt", "chosen", "rejected")}
    return few.drop(columns=["pair_id", "question"]).assign(**texts)


results = partial(measure_or_read, "self_play", FRAMES, frames)  # all that the notebook shows
