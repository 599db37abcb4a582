"""Contributions to length-controlled win rates against the regression itself and against refits."""

import numpy as np
import pandas as pd
import pytest

from rapo.stats import intervals
from rapo.winrates import contributions as lccontributions
from rapo.winrates import length_control


def judged(n: int = 400, *, seed: int = 0, models: tuple[str, ...] = ("a", "b")) -> pd.DataFrame:
    """Two models that answer the same instructions; an instruction's difficulty is theirs together."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(size=n)
    parts = []
    for place, model in enumerate(models):
        ours, theirs = rng.integers(50, 400, n), rng.integers(50, 400, n)
        z = 0.4 * place + hard + 0.8 * (ours - theirs) / 200 + 0.3 * rng.normal(size=n)
        parts.append(
            pd.DataFrame(
                {"model": model, "instruction": [f"i{k:03d}" for k in range(n)], "preference": 1 + 1 / (1 + np.exp(-z)),
                 "length_model": ours, "length_baseline": theirs}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True).sample(frac=1, random_state=seed)


def test_means_are_the_rates_and_spreads_their_errors() -> None:
    frame = judged()
    values = lccontributions.contributions(frame)
    assert values.index.equals(frame.index)
    table = length_control.length_controlled(frame, calibration=None).set_index("model")
    by_model = values.groupby(frame["model"])
    np.testing.assert_allclose(by_model.mean(), table["length_controlled_winrate"].sort_index(), rtol=1e-12)
    errors = by_model.std(ddof=1) / np.sqrt(by_model.size())
    np.testing.assert_allclose(errors, table["lc_delta_error"].sort_index(), rtol=5e-3)


def test_a_difference_is_as_certain_as_refits_say() -> None:
    """Paired by instruction: against the spread of the difference over 300 bootstrap refits of both models."""
    frame = judged()
    values = frame.assign(value=lccontributions.contributions(frame))
    wide = values.pivot(index="instruction", columns="model", values="value")
    found = intervals.t_interval(wide["b"] - wide["a"])
    rng = np.random.default_rng(1)
    rows = {model: part.sort_values("instruction") for model, part in frame.groupby("model")}
    gaps = []
    for _ in range(300):
        draw = rng.integers(0, 400, 400)
        drawn = [part.iloc[draw].assign(instruction=[f"i{k:03d}" for k in range(400)]) for part in rows.values()]
        table = length_control.length_controlled(pd.concat(drawn), calibration=None, interval=None).set_index(
            "model"
        )
        gaps.append(table["length_controlled_winrate"]["b"] - table["length_controlled_winrate"]["a"])
    assert (found.high - found.low) / 2 == pytest.approx(1.966 * np.std(gaps, ddof=1), rel=0.12)
    unpaired = np.hypot(*(wide[name].std() / 20 for name in "ab"))
    assert (found.high - found.low) / 2 < 0.8 * 1.966 * unpaired


def test_a_model_that_cannot_be_fitted_has_no_contribution() -> None:
    frame = judged(n=40)
    frame.loc[frame["model"] == "a", ["length_model", "length_baseline"]] = [100, 50]
    values = lccontributions.contributions(frame)
    assert values[frame["model"] == "a"].isna().all()
    assert values[frame["model"] == "b"].notna().all()


def test_lengths_are_needed() -> None:
    with pytest.raises(ValueError, match=r"length control needs the column \['length_model'\]"):
        lccontributions.contributions(judged(n=20).drop(columns="length_model"))
