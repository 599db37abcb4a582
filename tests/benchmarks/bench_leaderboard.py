"""Speed of agreement and Bradley-Terry, with peers in the same run, interleaved; medians of a few repeats."""

import argparse
import importlib.util
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score

from rapo.judging import agreement
from rapo.stats import intervals
from rapo.winrates import leaderboard
from rapo.winrates.bradley_terry import bradley_terry


def timed(tasks: dict[str, Callable[[], object]], *, repeats: int) -> dict[str, float]:
    """Median seconds of the processor that each task takes, taking turns; other jobs disturb the clock's."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(repeats):
        for name, task in tasks.items():
            start = time.process_time()
            task()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def show(title: str, seconds: dict[str, float]) -> None:
    """A table with each task's time over ours, the first."""
    ours = next(iter(seconds.values()))
    print(f"\n{title}")
    for name, taken in seconds.items():
        print(f"  {name:<52} {1000 * taken:10.1f} ms {taken / ours:10.1f} x")


def battles(n_models: int, n_prompts: int) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Every model against a baseline on every prompt, with two style features."""
    rng = np.random.default_rng(0)
    strength = np.append(rng.normal(-1, 1, n_models), 0.0)
    model = np.repeat(np.arange(n_models), n_prompts)
    style = rng.normal(size=(len(model), 2))
    won = rng.random(len(model)) < expit(strength[model] + 0.5 * style[:, 0])
    frame = pd.DataFrame(
        {"model_a": [f"m{m:03d}" for m in model], "model_b": "base", "outcome": won.astype(float)}
    ).assign(instruction=np.tile(np.arange(n_prompts), n_models))
    design = np.zeros((len(model), n_models))
    design[np.arange(len(model)), model] = 1
    return frame, pd.DataFrame(style, columns=["length", "bold"]), np.hstack([design, style])


def arena_rank(frame: pd.DataFrame) -> pd.DataFrame:
    """arena-rank's ratings and limits."""
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    data = PairDataset.from_pandas(frame, outcome_col="outcome", outcome_map=float)
    found = BradleyTerry(n_competitors=len(data.competitors)).compute_ratings_and_cis(data)
    columns = {"rating": "ratings", "rating_low": "rating_lower", "rating_high": "rating_upper"}
    values = {ours: np.asarray(found[theirs]) for ours, theirs in columns.items()}
    return pd.DataFrame(values, index=pd.Index(found["competitors"], name="model"))


def bench_arena(n_models: int, n: int, repeats: int) -> None:
    """Free battles with ties, beside evalica (no analytic intervals) and arena-rank where they are installed."""
    rng = np.random.default_rng(0)
    a = rng.integers(0, n_models, n)
    b = (a + rng.integers(1, n_models, n)) % n_models
    strength, names = rng.normal(size=n_models), np.array([f"m{m:03d}" for m in range(n_models)])
    won = np.where(rng.random(n) < 0.15, 0.5, rng.random(n) < expit(strength[a] - strength[b])).astype(float)
    frame = pd.DataFrame({"model_a": names[a], "model_b": names[b], "outcome": won})
    tasks: dict[str, Callable[[], object]] = {
        "rapo, with covariance": lambda: bradley_terry(frame, n_resamples=0),
        "rapo, with covariance and 5 resamples": lambda: bradley_terry(frame, n_resamples=5),
    }
    if importlib.util.find_spec("evalica"):
        import evalica

        winner = {1.0: evalica.Winner.X, 0.5: evalica.Winner.Draw, 0.0: evalica.Winner.Y}
        rows = frame["model_a"].tolist(), frame["model_b"].tolist(), [winner[outcome] for outcome in won]
        tasks["evalica"] = lambda: evalica.bradley_terry(*rows)
        tasks["evalica, 5 resamples"] = lambda: evalica.bootstrap(
            evalica.bradley_terry, *rows, n_resamples=5, bootstrap_method="percentile"
        )
    if importlib.util.find_spec("arena_rank"):
        tasks["arena-rank, with covariance"] = lambda: arena_rank(frame)
    show(f"Bradley-Terry, {n_models} models, {n:,} battles", timed(tasks, repeats=repeats))
    if importlib.util.find_spec("evalica"):
        fit, theirs = bradley_terry(frame, n_resamples=0), np.log(evalica.bradley_terry(*rows).scores)
        apart = (theirs - theirs.mean()).reindex(list(fit.models)) - (fit.strengths - fit.strengths.mean())
        print(f"  largest difference from evalica: {apart.abs().max():.1e} log odds")
    if importlib.util.find_spec("arena_rank"):
        ours = leaderboard.leaderboard(bradley_terry(frame, n_resamples=0), interval="analytic").set_index("model")
        theirs = arena_rank(frame).reindex(ours.index)
        columns = ["rating", "rating_low", "rating_high"]
        ours = ours[columns] - ours["rating"].mean() + theirs["rating"].mean()
        gaps = (ours - theirs[columns]).abs().max()
        print(
            "  largest difference from arena-rank, Elo points: "
            + ", ".join(f"{k} {v:.1e}" for k, v in gaps.items())
        )


def bench_fit(n_models: int, n_prompts: int, repeats: int) -> None:
    frame, style, design = battles(n_models, n_prompts)
    outcome = frame["outcome"].to_numpy()
    logistic = LogisticRegression(C=1e10, fit_intercept=False, tol=1e-8, max_iter=1000, solver="newton-cholesky")
    tasks: dict[str, Callable[[], object]] = {
        "rapo, with style": lambda: bradley_terry(frame, style=style, baseline="base", n_resamples=0),
        "scikit-learn newton-cholesky, C = 1e10": lambda: logistic.fit(design, outcome),
        "statsmodels GLM": lambda: sm.GLM(outcome, design, family=sm.families.Binomial()).fit(),
        "rapo, without style": lambda: bradley_terry(frame, baseline="base", n_resamples=0),
        "rapo, with style, 100 resamples": lambda: bradley_terry(
            frame, style=style, baseline="base", n_resamples=100
        ),
    }
    show(f"Bradley-Terry, {n_models} models x {n_prompts} prompts", timed(tasks, repeats=repeats))
    ours = bradley_terry(frame, style=style, baseline="base", n_resamples=0)
    names = [ours.models.index(f"m{m:03d}") for m in range(n_models)]
    found = np.concatenate([ours.strengths[names], ours.style])
    peer = sm.GLM(outcome, design, family=sm.families.Binomial()).fit(tol=1e-12).params
    print(f"  largest difference from statsmodels: {np.abs(found - peer).max():.1e} log odds")


def bench_agreement(n: int, n_resamples: int, repeats: int) -> None:
    rng = np.random.default_rng(0)
    first = rng.choice([-1, 1], n)
    second = np.where(rng.random(n) < 0.8, first, -first)
    labels = rng.integers(0, n // 3, n)

    def peer() -> list[float]:
        draws = rng.integers(0, n, size=(n_resamples, n))
        return [cohen_kappa_score(first[draw], second[draw]) for draw in draws]

    tasks: dict[str, Callable[[], object]] = {
        f"rapo, {n_resamples} resamples": lambda: agreement.agreement(first, second, n_resamples=n_resamples),
        f"rapo, {n_resamples} resamples of clusters": lambda: agreement.agreement(
            first, second, n_resamples=n_resamples, clusters=labels
        ),
        f"scikit-learn cohen_kappa_score, {n_resamples} resamples": peer,
    }
    show(f"Agreement and kappa with intervals, {n:,} pairs", timed(tasks, repeats=repeats))


def bench_bootstrap(n: int, repeats: int) -> None:
    from scipy import stats

    values, rng = np.random.default_rng(0).random(n), np.random.default_rng(1)
    tasks: dict[str, Callable[[], object]] = {
        "rapo bootstrap, mean": lambda: intervals.bootstrap(values),
        "scipy bootstrap, mean, percentile": lambda: stats.bootstrap(
            (values,), np.mean, method="percentile", n_resamples=2000, rng=rng
        ),
    }
    show(f"Bootstrap of a mean, {n:,} values, 2,000 resamples", timed(tasks, repeats=repeats))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    bench_fit(25, 500, repeats)
    bench_arena(50, 1_000_000, repeats)
    bench_agreement(2000, 500, repeats)
    bench_bootstrap(2000, repeats)
    start = time.perf_counter()
    big = np.random.default_rng(0).choice([-1, 1], size=(2, 1_000_000))
    agreement.agreement(*big)
    print(f"\nagreement and kappa of 1,000,000 pairs with intervals: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
