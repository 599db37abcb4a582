"""One run of the studies beside the central one: implicit rewards as goals, and an arm of the central study watched
while it trains.

Each function is what `rapo.runs.queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import torch

from rapo.models import sampling, tiny
from rapo.relabelling.chat import placement
from rapo.relabelling.goals import COMPACT, quantile_goals
from rapo.scoring.lm_head import logprobs_of
from rapo.scoring.sequences import CPU_BUDGET, logprob_sums
from rapo.scoring.tokens import PAIR, completions, tokenise
from rapo.studies.common.micro_pairs import pairs
from rapo.studies.common.micro_runs import arm_rows, train_on
from rapo.studies.common.rows import ask, say
from rapo.studies.common.trainers import options_of
from rapo.studies.more_than_data.tables import OWN
from rapo.training import train
from rapo.world import data

Weights = dict[str, torch.Tensor]
WISHES = {"plain": None, "g=10": COMPACT.text(10)}  # conditionings that are the same for every response


def train_implicit(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train the base on pairs whose goals are the implicit rewards of a trained model, ``needs["source"]``.

    The goals are kept in goals.parquet, one row a response: implicit (nats), goal, score (the judge's), gold.
    """
    base, tokenizer = tiny.load(needs["base"] / "model")
    source, _ = tiny.load(needs["source"] / "model")
    table = pairs(data.make_world(config["world"]), config["pairs"], seed=config["seed"])
    table = with_implicit(table, source, base, tokenizer, beta=config["source_beta"])
    goals_of(table, levels=config["arm"]["levels"]).to_parquet(folder / "goals.parquet")
    return train_on(table, config, folder, needs)


def with_implicit(table: pa.Table, policy: Any, reference: Any, tokenizer: Any, *, beta: float) -> pa.Table:
    """Scored pairs with DPO's implicit reward beta * log(pi / pi_ref) of both responses, in nats times beta."""
    rows = table.select(["prompt", *PAIR]).to_pylist()
    sums = [train.reference_logprobs(model, tokenizer, rows) for model in (policy, reference)]
    rewards = beta * (sums[0] - sums[1])
    for place, side in enumerate(PAIR):
        table = table.append_column(f"implicit_{side}", pa.array(rewards[:, place]))
    return table


def goals_of(table: pa.Table, *, levels: int) -> pd.DataFrame:
    """Every response's implicit reward and goal beside its scores. Columns: implicit, goal, score, gold."""
    columns = {"implicit": "implicit", "score": "score", "gold": "gold_score"}
    values = {
        name: np.concatenate([table[f"{prefix}_{side}"].to_numpy() for side in PAIR])
        for name, prefix in columns.items()
    }
    goals = quantile_goals(values["implicit"], levels=levels, low=COMPACT.low, high=COMPACT.high)
    return pd.DataFrame({**values, "goal": goals})[["implicit", "goal", "score", "gold"]]


def watch(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train an arm as `micro_runs.train_arm` does, and score good rejected responses and their rivals along the way,
    and what the base itself answers to the tuning prompts: how far from the base the model is.

    Weights are copied at steps on the way and scored when training is over, so that the run is the central study's.
    Writes logprobs.parquet: one row a response, step and conditioning, with step, share (of the steps),
    conditioning, side ("chosen", "rejected", "base's own"), pair, logprob (nats).
    """
    model, tokenizer = tiny.load(needs["base"] / "model")
    world = data.make_world(config["world"])
    table = pairs(world, config["pairs"], seed=config["seed"])
    rows = arm_rows(table, config, tokenizer)
    own = own_talks(model, tokenizer, world, config)
    settings = train.DPOSettings(**options_of(config))
    total = math.ceil(len(rows) / (settings.batch_size * settings.accumulate)) * int(settings.epochs)
    marks = sorted({round(share * total) for share in config["shares"]})
    with snapshots(model, marks) as states:
        log = train.train_dpo(model, tokenizer, rows, settings=settings, seed=config["seed"])
    if sorted(states) != marks or log.steps != total:
        raise RuntimeError(
            f"weights were kept at steps {sorted(states)} of {log.steps}, not at {marks} of {total}"
        )
    good = table.filter(pc.greater_equal(table["score_rejected"], config["good"])).slice(0, config["watched"])
    if not len(good):
        raise ValueError(f"no rejected response scores {config['good']} or more; lower good, or draw more pairs")
    talks = talks_of(good, config["conditionings"], placement=placement(tokenizer))
    found = scored_states(model, tokenizer, states, [*talks, *own])
    found.assign(share=found["step"] / total).to_parquet(folder / "logprobs.parquet")
    return {"pairs": len(table), "rows": len(rows), "steps": log.steps, "watched": len(good)}


@contextmanager
def snapshots(model: Any, steps: Sequence[int]) -> Iterator[dict[int, Weights]]:
    """Copies of a model's weights after each of these numbers of steps, taken while it is trained inside.

    A step is a forward pass with gradients, as it is without gradient accumulation; the last copy is taken at the end.
    """
    states: dict[int, Weights] = {}
    done = 0

    def keep() -> None:
        if done in steps:
            states[done] = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def before(*_: Any) -> None:
        nonlocal done
        if model.training and torch.is_grad_enabled():
            keep()
            done += 1

    handle = model.register_forward_pre_hook(before)
    try:
        yield states
        keep()
    finally:
        handle.remove()


def scored_states(
    model: Any, tokenizer: Any, states: Mapping[int, Weights], talks: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """Log-probability sums of responses under each copy of the weights.

    Args:
        model: takes the weights in turn; left with the last ones, in evaluation mode.
        tokenizer: its tokenizer.
        states: number of steps -> weights.
        talks: of `talks_of` or `own_talks`.

    Returns:
        Columns step, conditioning, side, pair, logprob (nats).
    """
    frames = []
    ids = tokenise(tokenizer, talks, sides=["completion"])
    wholes, _ = completions(ids, "completion")
    named = pd.DataFrame([{name: talk[name] for name in ("conditioning", "side", "pair")} for talk in talks])
    model.eval()
    for step, weights in sorted(states.items()):
        model.load_state_dict(weights)
        sums = logprob_sums(model, logprobs_of(model), wholes, budget=CPU_BUDGET)
        frames.append(named.assign(step=step, logprob=sums))
    return pd.concat(frames, ignore_index=True)


def own_talks(model: Any, tokenizer: Any, world: data.World, config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a model answers to the tuning prompts, asked plainly and for 10, at temperature 1, as rows of `talks_of`.

    How much likelier an answer was to the model that wrote it than to another is, on average, the Kullback-Leibler
    divergence of the other from it. As ``config["distance"]`` says: ``prompts``, ``prompt_seed``.
    """
    where, asked = placement(tokenizer), config["distance"]
    questions = world.ask_distinct(asked["prompts"], split="tuning", seed=asked["prompt_seed"])
    ids, talks = [int(question.id, 16) for question in questions], []
    for name in [name for name in config["conditionings"] if name in WISHES]:
        prompts = [ask(question.text, WISHES[name], placement=where) for question in questions]
        texts = sampling.sample(model, tokenizer, prompts, temperature=1.0, seed=config["seed"], ids=ids)
        talks += [
            {"prompt": prompt, "completion": say(text), "conditioning": name, "side": OWN, "pair": question.id}
            for question, prompt, text in zip(questions, prompts, texts, strict=True)
        ]
    return talks


def talks_of(table: pa.Table, conditionings: Sequence[str], *, placement: str) -> list[dict[str, Any]]:
    """One row a pair, side and conditioning: prompt and completion as messages, and what they are.

    Args:
        table: scored pairs of the micro world.
        conditionings: "plain", "own score" (each response under the score that it got itself) or "g=10".
        placement: where a goal stands.
    """
    talks = []
    for row in table.to_pylist():
        for side in PAIR:
            wishes = {**WISHES, "own score": COMPACT.text(row[f"score_{side}"])}
            for name in conditionings:
                prompt = ask(row["prompt"][-1]["content"], wishes[name], placement=placement)
                about = {"conditioning": name, "side": side, "pair": row["pair_id"]}
                talks.append({"prompt": prompt, "completion": row[side], **about})
    return talks
