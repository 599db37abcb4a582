"""From answers of every regime to the map (RA-map): gains, features and contrasts, with intervals. No training here."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from rapo import config
from rapo.stats import intervals
from rapo.stats.intervals import Interval
from rapo.studies.common import tables
from rapo.studies.common.tables import estimates, over_models, with_form
from rapo.world import data

LONGEST = "UF, equal steps, g=10"
CONTROLS = ("base, g=10", "UF", "UF, g=10", "UF, equal steps", LONGEST)
DEFAULT = "default"


def name_of(regime: Mapping[str, Any]) -> str:
    """A regime in words: "judge noise: 3"."""
    return regime["level"] if regime["axis"] == "default" else f"{regime['axis']}: {regime['level']}"


def goals_of(arms: Mapping[str, tuple[str, int | None]], model: str, names: Iterable[str]) -> list[int | None]:
    """The goals (None: asked plainly) under which a model answers for those of its arms that are named."""
    return [arms[name][1] for name in names if arms[name][0] == model]


def gains(answers: pd.DataFrame, pairs: pd.DataFrame, recipe: Mapping[str, Any]) -> pd.DataFrame:
    """RA less its best control and less plain UF in every regime, beside what the regime looks like.

    Returns:
        One row a regime: regime, axis, level, control (the best by mean gold on the tuning prompts), estimate, low,
        high (gold of RA less that control, of 10), naive, naive_low, naive_high (less UF asked plainly), the columns of
        ``pairs``, base (gold, asked for 10), slope (gold of the base asked for 10 less asked for 1), miss (mean
        distance of the sentences of UF, longest and prompted, from the best number; NaN where they do not count),
        unparseable (of RA, %).
    """
    rows = []
    for regime, part in answers.groupby("regime", sort=False):
        control = best_control(part)
        test = part[part["split"] == "test"]
        gain, naive = (gap(test, "RA", other) for other in (control, "UF"))
        means = test.groupby("arm")["gold"].mean()
        rows.append(
            {
                "regime": regime, "axis": part["axis"].iloc[0], "level": part["level"].iloc[0], "control": control,
                "estimate": gain.estimate, "low": gain.low, "high": gain.high,
                "naive": naive.estimate, "naive_low": naive.low, "naive_high": naive.high,
                "base": means["base, g=10"], "slope": means["base, g=10"] - means["base, g=1"],
                "miss": _miss(test, peak_of(recipe, str(regime))),
                "unparseable": 100 * (1 - test.loc[test["arm"] == "RA", "parseable"].mean()),
            }
        )  # fmt: skip
    return pd.DataFrame(rows).merge(pairs, on="regime", how="left", validate="one_to_one")


def best_control(part: pd.DataFrame) -> str:
    """The control with the highest mean gold on the tuning prompts of one regime."""
    means = part[part["split"] == "tuning"].groupby("arm")["gold"].mean()
    return str(means[list(CONTROLS)].idxmax())


def peak_of(recipe: Mapping[str, Any], regime: str) -> int | None:
    """The best number of sentences in a regime; None where sentences do not count."""
    (found,) = [each for each in recipe["regimes"] if name_of(each) == regime]
    return data.make_world(config.merge(recipe["central"]["world"], found.get("world", {}))).gold.best_sentences


def _miss(test: pd.DataFrame, peak: int | None) -> float:
    if peak is None:
        return float("nan")
    sentences = test.loc[test["arm"] == LONGEST, "sentences"].fillna(0.0)
    return float((sentences - peak).abs().mean())


def overshoot(answers: pd.DataFrame, regime: str, arm: str, peak: int) -> Interval:
    """Sentences of an arm's answers less the best number, signed; an unparseable answer has none."""
    test = answers[(answers["regime"] == regime) & (answers["split"] == "test")]
    return over_models(matrix(with_form(test), arm, "sentences") - peak)


def overshoots(answers: pd.DataFrame, recipe: Mapping[str, Any]) -> pd.DataFrame:
    """`overshoot` where the optimum lies inside, for plain DPO, plain DPO at its longest and prompted, and RA.

    Returns:
        Columns group (arm), name (regime), estimate, low, high.
    """
    peaks = {str(regime): peak_of(recipe, str(regime)) for regime in answers["regime"].unique()}
    rows = [
        (arm, regime, overshoot(answers, regime, arm, peak))
        for arm, (regime, peak) in product(("UF", LONGEST, "RA"), peaks.items())
        if peak
    ]
    return estimates(rows, ["group", "name"])


def arms(answers: pd.DataFrame) -> pd.DataFrame:
    """Every arm in every regime on the test prompts: columns regime, arm, gold, sentences, unparseable (%)."""
    table = with_form(answers[answers["split"] == "test"])
    means = table.groupby(["regime", "arm"], sort=False)[["gold", "sentences", "unparseable"]].mean()
    return means.reset_index()


def matrix(test: pd.DataFrame, arm: str, value: str = "gold") -> pd.DataFrame:
    """Gold, or another value, of one arm by seed x prompt."""
    return tables.matrix(test[test["arm"] == arm], value)


def gap(test: pd.DataFrame, arm: str, other: str) -> Interval:
    """Gold of one arm less another's, paired by seed and prompt."""
    return over_models(matrix(test, arm) - matrix(test, other))


def contrast(answers: pd.DataFrame, regime: str) -> Interval:
    """Gain of RA over its best control in one regime less that in the default, paired by seed and prompt."""
    leads = [_lead(answers[answers["regime"] == name]) for name in (regime, DEFAULT)]
    return over_models(leads[0] - leads[1])


def contrasts(answers: pd.DataFrame) -> pd.DataFrame:
    """`contrast` of every regime with the default: columns group (axis), name (regime), estimate, low, high."""
    rows = [
        (part["axis"].iloc[0], regime, contrast(answers, str(regime)))
        for regime, part in answers.groupby("regime", sort=False)
        if regime != DEFAULT
    ]
    return estimates(rows, ["group", "name"])


def over_regimes(values: Sequence[float]) -> Interval:
    """Student's interval over regimes, each one unit: how it is on average on this map."""
    return intervals.t_interval(np.asarray(values, dtype=float))


def over_bases(answers: pd.DataFrame) -> Interval:
    """RA less its best control, a mean over regimes; the interval is over bases and tasks, the regimes as they are."""
    parts = [part for _, part in answers.groupby("regime", sort=False)]
    return over_models(tables.average([_lead(part) for part in parts]))


def _lead(part: pd.DataFrame) -> pd.DataFrame:
    """Gold of RA less its best control in one regime."""
    test = part[part["split"] == "test"]
    return matrix(test, "RA") - matrix(test, best_control(part))


def association(table: pd.DataFrame, feature: str) -> Interval:
    """Spearman's rank correlation of the gain with a feature over regimes; the interval resamples regimes.

    A constant feature (the smallest scale has few regimes) has no correlation: NaN.
    """
    known = table[[feature, "estimate"]].dropna()
    if len(known) < 4 or known[feature].nunique() < 2:
        return Interval(np.nan, np.nan, np.nan, len(known))
    ranks = known.rank().to_numpy()
    rng = np.random.default_rng(0)
    draws = [ranks[rng.integers(0, len(ranks), len(ranks))] for _ in range(2000)]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.array([np.corrcoef(draw.T)[0, 1] for draw in draws])
    estimate = float(np.corrcoef(ranks.T)[0, 1])
    return intervals.percentile(estimate, found[np.isfinite(found)], n=len(ranks))


BEFORE, AFTER, HERE = "seen before training", "seen after training", "known in this world only"
FEATURES = {
    "slope": (BEFORE, "how well the base follows goals (gold at 10 less at 1)"),
    "base": (BEFORE, "gold of the base asked for 10"),
    "good_rejected": (BEFORE, "share of good rejected"),
    "bad_chosen": (BEFORE, "share of bad chosen"),
    "unparseable": (AFTER, "answers of RA that break the form (%)"),
    "miss": (HERE, "how far UF misses the best number of sentences"),
    "label_right": (HERE, "share of right labels"),
    "best_chosen": (HERE, "share of nearly optimal chosen"),
}


def associations(table: pd.DataFrame) -> pd.DataFrame:
    """`association` of the gain with every feature: columns group (who can see it), name, estimate, low, high."""
    rows = [(seen, words, association(table, feature)) for feature, (seen, words) in FEATURES.items()]
    return estimates(rows, ["group", "name"])


def heat_map(table: pd.DataFrame, grid: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Gains of the two-way grid: columns row, column, estimate, low, high.

    Args:
        table: of `gains`.
        grid: row -> column -> level of a regime; those that were not measured are left out.
    """
    by_level = table.set_index("level")
    rows = [
        (row, column, *by_level.loc[level, ["estimate", "low", "high"]])
        for row, cells in grid.items()
        for column, level in cells.items()
        if level in by_level.index
    ]
    return pd.DataFrame(rows, columns=["row", "column", "estimate", "low", "high"])


def with_mean(table: pd.DataFrame, columns: Sequence[str] = ("estimate", "low", "high")) -> pd.DataFrame:
    """Every regime and, last, the mean over all of them.

    Args:
        table: of `gains`.
        columns: where the estimate and its limits stand.

    Returns:
        Columns group ("one regime" or "all regimes"), name, estimate, low, high.
    """
    each = table[["regime", *columns]].set_axis(["name", "estimate", "low", "high"], axis=1)
    mean = estimates([("all regimes", "mean", over_regimes(table[columns[0]].tolist()))], ["group", "name"])
    return pd.concat([each.assign(group="one regime"), mean], ignore_index=True)


def most_alike(table: pd.DataFrame, *, good_rejected: float, bad_chosen: float) -> "pd.Series[Any]":
    """The regime on the default base whose pairs have the most similar shares of good rejected and bad chosen.

    Args:
        table: of `gains`.
        good_rejected, bad_chosen: shares of the pairs, between 0 and 1.
    """
    same_base = table[table["axis"].isin(["default", "judge noise", "length bias", "judge", "rejected", "chosen"])]
    away = (same_base["good_rejected"] - good_rejected) ** 2 + (same_base["bad_chosen"] - bad_chosen) ** 2
    return same_base.iloc[int(np.argmin(away.to_numpy()))]


FOLLOWS = 1.0  # gold a base gains when it is asked for 10 instead of 1, from which on it is said to follow goals


def by_following(table: pd.DataFrame) -> pd.DataFrame:
    """The gain where the base follows goals, and where it does not.

    Args:
        table: of `gains`.

    Returns:
        Columns follows (its gold at 10 less at 1 is at least `FOLLOWS`), regimes, gain (mean), lowest, highest.
    """
    found = table.groupby(table["slope"] >= FOLLOWS)["estimate"].agg(["size", "mean", "min", "max"])
    return (
        found.rename_axis("follows")
        .reset_index()
        .set_axis(["follows", "regimes", "gain", "lowest", "highest"], axis=1)
    )


def advice(table: pd.DataFrame, moved: pd.DataFrame | None = None) -> str:
    """What the map says to someone with data of their own, in plain words made of its numbers.

    Args:
        table: of `gains`.
        moved: of `contrasts`; None leaves out what changes the gain.
    """
    helps, hurts = (table["low"] > 0).sum(), (table["high"] < 0).sum()
    best, worst = (table.loc[table["estimate"].agg(which)] for which in ("idxmax", "idxmin"))
    fair, naive = (over_regimes(table[name].tolist()) for name in ("estimate", "naive"))
    words = [
        f"Against the best equally prompted or equally long control, reward augmentation is surely ahead in {helps} of "
        f"{len(table)} regimes and surely behind in {hurts}; on average {fair.estimate:+.2f} of 10 "
        f"[{fair.low:.2f}, {fair.high:.2f}], where against UF asked plainly it is {naive.estimate:+.2f}. It gains most "
        f"in '{best['regime']}' ({best['estimate']:+.2f}) and least in '{worst['regime']}' ({worst['estimate']:+.2f})."
    ]
    for follows, n, gain, lowest, highest in by_following(table).itertuples(index=False):
        words.append(
            f"On bases that {'follow' if follows else 'hardly follow'} goals ({'at least' if follows else 'less than'} "
            f"{FOLLOWS:g} of 10 between being asked for 10 and for 1; regimes: {n}) it gains {gain:+.2f} on average, "
            f"from {lowest:+.2f} to {highest:+.2f}."
        )
    if moved is not None:
        words += [_moved(moved[moved["high"] < 0], "less"), _moved(moved[moved["low"] > 0], "more")]
    return "\n".join([*words, _predictors(associations(table))])


def _moved(part: pd.DataFrame, how: str) -> str:
    if part.empty:
        return f"In no regime does it gain surely {how} than in the default one."
    part = part.sort_values("estimate", key=abs, ascending=False)
    told = [f"'{name}' ({gap:+.2f})" for name, gap in part[["name", "estimate"]].to_numpy()]
    return f"It gains surely {how} than in the default regime in {', '.join(told)}."


def _predictors(found: pd.DataFrame) -> str:
    """Which features the gain rises or falls with, as far as intervals leave out zero; strongest first."""
    found = found[(found["low"] > 0) | (found["high"] < 0)].sort_values("estimate", key=abs, ascending=False)
    if found.empty:
        return "No feature that was looked at goes with the gain: its rank correlations all have intervals around zero."
    told = [f"{name} ({rho:+.2f}, {seen})" for seen, name, rho in found[["group", "name", "estimate"]].to_numpy()]
    return f"It goes with (rank correlation over regimes): {'; '.join(told)}."
