"""From answers to the tables of `rapo.studies.objectives_and_baselines.study`. No training here."""

from collections.abc import Mapping, Sequence

import pandas as pd

from rapo.claims import published
from rapo.stats.intervals import Interval
from rapo.studies.common import tables
from rapo.studies.common.tables import average, estimates, least, over_models, with_form

CONTROLS = ("UF", "UF, g=10")
OURS = ("sigmoid", "RA")  # DPO on relabelled pairs
BASE = "base"
Arm = tuple[str, str]  # method and arm


def _answers(answers: pd.DataFrame, method: str, arm: str) -> pd.DataFrame:
    part = answers[(answers["method"] == method) & (answers["arm"] == arm)]
    if part.empty:
        raise ValueError(f"no answers of '{method}: {arm}'; name the method under `run` in the recipe")
    return part


def _gold(answers: pd.DataFrame, method: str, arm: str) -> pd.DataFrame:
    return tables.matrix(_answers(answers, method, arm))


def gap(answers: pd.DataFrame, first: Arm, second: Arm) -> Interval:
    """Gold of one arm less another's, paired by seed and prompt; each is named by its method and arm.

    Raises:
        ValueError: there are no answers of one of them.
    """
    return tables.gap(_answers(answers, *first), _answers(answers, *second))


def mean_gap(answers: pd.DataFrame, methods: Sequence[str], control: str, other: Arm | None = None) -> Interval:
    """RA, or another arm in its place, less a control, averaged over methods, paired by seed and prompt."""
    each = [_gold(answers, *(other or (name, "RA"))) - _gold(answers, name, control) for name in methods]
    return over_models(average(each))


def arms(answers: pd.DataFrame) -> pd.DataFrame:
    """Gold, sentences and broken answers of every arm of every method, in the order of the answers.

    Returns:
        Columns method, arm, metric, estimate, low, high, n_seeds, n_prompts.
    """
    return tables.cells(with_form(answers), ["method", "arm"])


def gains(answers: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """RA less UF and RA less UF asked for 10, under each objective.

    Returns:
        Columns method, arm (the control), estimate (gold, of 10), low, high.
    """
    rows = [
        (method, control, gap(answers, (method, "RA"), (method, control)))
        for method in methods
        for control in CONTROLS
    ]
    return estimates(rows, ["method", "arm"])


def weakest(answers: pd.DataFrame, methods: Sequence[str], control: str) -> tuple[str, Interval]:
    """The objective under which RA gains least over a control, and how much."""
    return least({name: gap(answers, (name, "RA"), (name, control)) for name in methods})


def asked_best(tuning: pd.DataFrame) -> dict[str, str]:
    """Of each method's arms on data that is not relabelled, the one that did best on the tuning prompts: whether a
    method is asked plainly or for a score of 10 is chosen like its learning rate."""
    plain = tuning[(tuning["arm"] != "RA") & tuning["best"]]
    best = plain.loc[plain.groupby("method", sort=False)["gold"].idxmax()]
    return dict(zip(best["method"], best["arm"], strict=True))


def rivals(answers: pd.DataFrame, tuning: pd.DataFrame) -> pd.DataFrame:
    """Every method other than DPO on relabelled pairs, asked as `asked_best` says, and the untrained base.

    Returns:
        Columns method, arm (what is asked), quantity ("gold", or "lead": gold of DPO on relabelled pairs less that
        of the rival), estimate, low, high; the best rival first.
    """
    rows = []
    for method, arm in {**asked_best(tuning), BASE: "base, g=10"}.items():
        gold = over_models(_gold(answers, method, arm))
        for quantity, found in (("gold", gold), ("lead", gap(answers, OURS, (method, arm)))):
            rows.append((gold.estimate, method, arm, quantity, found))
    table = estimates(rows, ["order", "method", "arm", "quantity"])
    return table.sort_values("order", ascending=False, kind="stable", ignore_index=True).drop(columns="order")


def asked_how(arm: str) -> str:
    """What an arm is asked, in words.

    >>> asked_how("UF, g=10"), asked_how("own score"), asked_how("best")
    ('asked for 10', 'asked for 10', 'asked plainly')
    """
    return "asked for 10" if arm.endswith("g=10") or arm in ("own score", "RA") else "asked plainly"


def compute(training: pd.DataFrame) -> pd.DataFrame:
    """Rows, sequences, tokens and steps of a model, by method and data; means over seeds.

    Args:
        training: of `rapo.studies.objectives_and_baselines.study.frames`.
    """
    found = training.groupby(["method", "data"], sort=False)[["rows", "sequences", "tokens", "steps"]].mean()
    return found.reset_index()


def beside_published(found: pd.DataFrame, names: Mapping[str, str], known: Mapping[str, str]) -> pd.DataFrame:
    """Ours beside the published numbers of plain methods on Llama-3-Instruct-8B.

    Args:
        found: gold of one arm a method; columns method, arm, estimate, low, high.
        names: method -> its title.
        known: method -> what the published table calls it.

    Returns:
        One row a method of either, ours first: method, asked, gold, low, high, and the published LC win rate, win
        rate and Arena-Hard (%).
    """
    ours = found.assign(
        published=found["method"].map(known),
        method=found["method"].map(names),
        asked=found["arm"].map(asked_how),
        gold=found["estimate"],
    )
    wide = published.wide("RA-A4").drop(columns=["model", "certainty", "source"])
    both = ours.merge(wide.rename(columns={"arm": "published"}), on="published", how="outer")
    both["method"] = both["method"].fillna(both["published"])
    numbers = [column for column in wide.columns if column != "arm"]
    order = both.sort_values(["gold", numbers[0]], ascending=False, ignore_index=True)
    return order[["method", "asked", "gold", "low", "high", *numbers]]
