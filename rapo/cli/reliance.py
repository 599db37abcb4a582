"""How far a judge can be relied on, in words: what `rapo judge` and `rapo winrate` tell alike."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from rapo.judging.reliability import Reliability
    from rapo.judging.repeated_scores import ScoreReliability
    from rapo.stats.intervals import Interval


def by_model(runs: "Sequence[pd.DataFrame]") -> "dict[str, Reliability | None]":
    """The reliability of each model's verdicts; None where fewer than two instructions have clear ones."""
    models = sorted(runs[0]["model"].unique()) if runs else []
    return {str(model): _relied([run[run["model"] == model] for run in runs]) for model in models}


def _relied(runs: "list[pd.DataFrame]") -> "Reliability | None":
    from rapo.judging.reliability import reliability

    clear = runs[0]["instruction"][sum(run["preference"].isna() for run in runs) == 0]
    return reliability(runs) if clear.nunique() > 1 else None


def lines(model: str, found: "Reliability") -> list[str]:
    """What to tell of a model's verdicts."""
    wins = f"{model}: wins {_percent(found.given_judge)} (n = {found.n:,} pairs)"
    flips = f"the verdict turns with the order in {_percent(found.flips)} of pairs"
    if found.alike is None or found.alpha is None:
        return [f"{wins}; {flips}"]
    noise, alpha = found.win_rate.scaled(100), found.alpha
    return [
        f"{wins}, with the judge's own noise [{noise.low:.1f}, {noise.high:.1f}]; {flips}",
        f"{found.n_runs} runs agree on {_percent(found.alike)} of pairs, Krippendorff's alpha {alpha.estimate:.2f} "
        f"[{alpha.low:.2f}, {alpha.high:.2f}]; variance of a verdict (judge = run): {_shares(found.parts)}",
    ]


def of_scores(found: "ScoreReliability") -> str:
    """What to tell of repeated scores."""
    alone, mean = found.one, found.mean
    return (
        f"{found.n_runs} runs of {found.n:,} answers: reliability of one score {alone.estimate:.2f} "
        f"[{alone.low:.2f}, {alone.high:.2f}], of their mean {mean.estimate:.2f} [{mean.low:.2f}, {mean.high:.2f}]; "
        f"variance of a score (judge = run): {_shares(found.parts)}"
    )


def _shares(parts: dict[str, float]) -> str:
    whole = sum(parts.values()) or 1.0
    return ", ".join(f"{part} {share / whole:.0%}" for part, share in parts.items())


def _percent(found: "Interval") -> str:
    return f"{100 * found.estimate:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"
