"""One run of the studies beside the central one: repeated pairs, implicit rewards as goals, the official code's fault,
and an arm of the central study watched while it trains.

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

from rapo.models import tiny
from rapo.relabelling.goals import COMPACT, quantile_goals
from rapo.relabelling.relabel import relabel
from rapo.scoring.lm_head import logprobs_of
from rapo.scoring.sequences import CPU_BUDGET, Completion, logprob_sums
from rapo.scoring.tokens import tokenise
from rapo.studies.common import micro_runs
from rapo.training import train
from rapo.world import data

SIDES = ("chosen", "rejected")
Weights = dict[str, torch.Tensor]


def train_rows(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train the base on rows that `micro.train_arm` does not know: ``config["data"]`` as `rows_of` takes it.

    "implicit ra" needs a further run, "source": the trained model whose implicit rewards are the goals. They are kept
    in goals.parquet, one row a response: implicit (nats), goal, score (the judge's), gold.
    """
    model, tokenizer = tiny.load(needs["base"] / "model")
    table = micro_runs.pairs(data.make_world(config["world"]), config["pairs"], seed=config["seed"])
    if config["data"] == "implicit ra":
        source, _ = tiny.load(needs["source"] / "model")
        table = with_implicit(table, source, model, tokenizer, beta=config["source_beta"])
        goals_of(table, levels=config["levels"]).to_parquet(folder / "goals.parquet")
    placement = micro_runs.PLACEMENT[config["architecture"]]
    rows = rows_of(table, config["data"], placement=placement, levels=config.get("levels", 10))
    settings = train.DPOSettings(**config["training"])
    log = train.train_dpo(model, tokenizer, rows, settings=settings, seed=config["seed"])
    tiny.save(model, tokenizer, folder / "model")
    loss = [entry["loss"] for entry in log.history]
    return {"pairs": len(table), "rows": len(rows), "steps": log.steps, "tokens": log.tokens, "loss": loss}


def rows_of(table: pa.Table, kind: str, *, placement: str, levels: int = 10) -> list[dict[str, Any]]:
    """Rows for TRL: "uf twice" (each pair twice), "implicit ra" (goals from implicit rewards) or "faulty ra".

    The fault is that of the official code's data set without system turns: rows whose goal is the rejected response's
    score keep the pair as it was.

    Raises:
        ValueError: the kind is unknown.
    """
    if kind == "uf twice":
        return 2 * micro_runs.training_rows(table, "uf", placement=placement, seed=0)
    if kind == "implicit ra":
        new = relabel(table, placement=placement, template=COMPACT, goal="implicit", levels=levels)
    elif kind == "faulty ra":
        new = relabel(table, placement=placement, template=COMPACT, official_fault="nosys_unswapped")
    else:
        raise ValueError(f"data is {kind!r}; use 'uf twice', 'implicit ra' or 'faulty ra'")
    return [micro_runs._one_line(row) for row in new.select(["prompt", *SIDES]).to_pylist()]


def with_implicit(table: pa.Table, policy: Any, reference: Any, tokenizer: Any, *, beta: float) -> pa.Table:
    """Scored pairs with DPO's implicit reward beta * log(pi / pi_ref) of both responses, in nats times beta."""
    rows = table.select(["prompt", *SIDES]).to_pylist()
    sums = [train.reference_logprobs(model, tokenizer, rows) for model in (policy, reference)]
    rewards = beta * (sums[0] - sums[1])
    for place, side in enumerate(SIDES):
        table = table.append_column(f"implicit_{side}", pa.array(rewards[:, place]))
    return table


def goals_of(table: pa.Table, *, levels: int) -> pd.DataFrame:
    """Every response's implicit reward and goal beside its scores. Columns: implicit, goal, score, gold."""
    columns = {"implicit": "implicit", "score": "score", "gold": "gold_score"}
    values = {
        name: np.concatenate([table[f"{prefix}_{side}"].to_numpy() for side in SIDES])
        for name, prefix in columns.items()
    }
    goals = quantile_goals(values["implicit"], levels=levels, low=COMPACT.low, high=COMPACT.high)
    return pd.DataFrame({**values, "goal": goals})[["implicit", "goal", "score", "gold"]]


def watch(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train an arm as `micro.train_arm` does, and score good rejected responses and their rivals along the way.

    Weights are copied at steps on the way and scored when training is over, so that the run is the central study's.
    Writes logprobs.parquet: one row a response, step and conditioning, with step, share (of the steps),
    conditioning, side, pair, logprob (nats).
    """
    model, tokenizer = tiny.load(needs["base"] / "model")
    table = micro_runs.pairs(data.make_world(config["world"]), config["pairs"], seed=config["seed"])
    placement = micro_runs.PLACEMENT[config["architecture"]]
    rows = micro_runs.training_rows(table, config["arm"]["data"], placement=placement, seed=config["seed"])
    settings = train.DPOSettings(**{**config["training"], "epochs": config["arm"].get("epochs", 1)})
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
    found = scored_states(model, tokenizer, states, good, config["conditionings"], placement=placement)
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
    model: Any,
    tokenizer: Any,
    states: Mapping[int, Weights],
    table: pa.Table,
    conditionings: Sequence[str],
    *,
    placement: str,
) -> pd.DataFrame:
    """Log-probability sums of both responses of every pair under each copy of the weights and each conditioning.

    Args:
        model: takes the weights in turn; left with the last ones, in evaluation mode.
        tokenizer: its tokenizer.
        states: number of steps -> weights.
        table: scored pairs of the micro world.
        conditionings: "plain", "own score" (each response under the score that it got itself) or "g=10".
        placement: where a goal stands.

    Returns:
        Columns step, conditioning, side, pair, logprob (nats).
    """
    talks, frames = _talks(table, conditionings, placement=placement), []
    ids = tokenise(tokenizer, talks, sides=["completion"])
    both = zip(ids["prompt_ids"], ids["completion_ids"], strict=True)
    wholes = [Completion([*prompt, *answer], len(prompt)) for prompt, answer in both]
    named = pd.DataFrame([{name: talk[name] for name in ("conditioning", "side", "pair")} for talk in talks])
    model.eval()
    for step, weights in sorted(states.items()):
        model.load_state_dict(weights)
        sums = logprob_sums(model, logprobs_of(model), wholes, budget=CPU_BUDGET)
        frames.append(named.assign(step=step, logprob=sums))
    return pd.concat(frames, ignore_index=True)


def _talks(table: pa.Table, conditionings: Sequence[str], *, placement: str) -> list[dict[str, Any]]:
    """One row a pair, side and conditioning: prompt and completion as messages, and what they are."""
    talks = []
    for row in table.to_pylist():
        for side in SIDES:
            goals = {"plain": None, "own score": row[f"score_{side}"], "g=10": 10}
            for name in conditionings:
                prompt = micro_runs.ask(row["prompt"][-1]["content"], goal=goals[name], placement=placement)
                about = {"conditioning": name, "side": side, "pair": row["pair_id"]}
                talks.append({"prompt": prompt, "completion": row[side], **about})
    return talks
