"""What common random numbers give: the spread of a paired difference with and without them.

    python tests/benchmarks/bench_common_draws.py MODEL OTHER [--answers 4] [--goal 10]

Two models of the micro world (folders with config.json; those of trained runs lie in build/runs/*/model) answer the
same prompts. The first answers with one seed; the other once with the same seed, once with another one. Told: the
standard deviation over prompts of the difference of mean gold, and how much lower common draws make its square.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from rapo.models import tiny
from rapo.relabelling.goals import COMPACT
from rapo.studies.common.micro_runs import answered
from rapo.world import data


def gold(folder: Path, seed: int, args: argparse.Namespace) -> pd.Series:
    """Mean gold of a model's answers to each prompt."""
    model, tokenizer = tiny.load(folder)
    world = data.make_world({"regime": args.regime})
    questions = world.ask_distinct(args.prompts, split="tuning", seed=5)
    wish = COMPACT.text(args.goal) if args.goal else None
    frame = answered(
        model, tokenizer, world, questions, wish=wish, temperature=0.7, seed=seed, n=args.answers, about={}
    )
    return frame.groupby("prompt")["gold"].mean()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--answers", type=int, default=4)
    parser.add_argument("--prompts", type=int, default=155)
    parser.add_argument("--goal", type=int, default=0)
    parser.add_argument("--regime", default="many-sided")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    spreads: dict[str, list[float]] = {"common draws": [], "draws of their own": []}
    for seed in range(args.seeds):
        first = gold(args.model, seed, args)
        for name, other in zip(spreads, (seed, 1000 + seed), strict=True):
            spreads[name].append(float((first - gold(args.other, other, args)).var(ddof=1)))
    means = {name: float(np.mean(found)) for name, found in spreads.items()}
    for name, variance in means.items():
        print(f"{name}: SD of the paired difference {variance**0.5:.3f} of 10")
    own, common = means["draws of their own"], means["common draws"]
    print(f"variance {100 * (1 - common / own):.0f} % lower, over {args.seeds} seeds")


if __name__ == "__main__":
    main()
