"""From answers to the tables of `rapo.studies.objectives_and_baselines.study`. No training here."""

from collections.abc import Mapping, Sequence

import pandas as pd

from rapo.claims import published
from rapo.stats.intervals import Interval
from rapo.studies.common.tables import matrix, over_models

METRICS = ("gold", "sentences", "unparseable")
CONTROLS = ("UF", "UF, g=10")
OURS = ("sigmoid", "RA")  # DPO on relabelled pairs
BASE = "base"
SIZE = ["n_seeds", "n_prompts"]
Arm = tuple[str, str]  # method and arm


def label(method: str, arm: str) -> str:
    """One name for an arm of a method.

    >>> label("ipo", "UF, g=10")
    'ipo: UF, g=10'
    """
    return f"{method}: {arm}"


def told(answers: pd.DataFrame) -> pd.DataFrame:
    """With ``unparseable`` in percent; an unparseable answer has no sentences."""
    return answers.assign(
        unparseable=100.0 * ~answers["parseable"].astype(bool), sentences=answers["sentences"].fillna(0.0)
    )


def _values(answers: pd.DataFrame, method: str, arm: str, metric: str) -> pd.DataFrame:
    part = answers[(answers["method"] == method) & (answers["arm"] == arm)]
    if part.empty:
        raise ValueError(f"no answers of {label(method, arm)!r}; name the method under `run` in the recipe")
    return matrix(told(part), metric)


def gap(answers: pd.DataFrame, first: Arm, second: Arm, *, metric: str = "gold") -> Interval:
    """One arm less another, paired by seed and prompt; each is named by its method and arm.

    Raises:
        ValueError: there are no answers of one of them.
    """
    return over_models(_values(answers, *first, metric) - _values(answers, *second, metric))


def mean_gap(answers: pd.DataFrame, methods: Sequence[str], control: str) -> Interval:
    """RA less a control, averaged over methods, paired by seed and prompt."""
    each = [_values(answers, name, "RA", "gold") - _values(answers, name, control, "gold") for name in methods]
    return over_models(sum(each[1:], start=each[0]) / len(each))


def arms(answers: pd.DataFrame, *, metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """Metrics of every arm of every method, in the order of the answers.

    Returns:
        Columns method, arm, metric, estimate, low, high, n_seeds, n_prompts.
    """
    rows = []
    for method, arm in answers[["method", "arm"]].drop_duplicates().itertuples(index=False):
        for metric in metrics:
            values = _values(answers, method, arm, metric)
            found = over_models(values)
            rows.append((method, arm, metric, found.estimate, found.low, found.high, *values.shape))
    return pd.DataFrame(rows, columns=["method", "arm", "metric", "estimate", "low", "high", *SIZE])


def gains(answers: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """RA less UF and RA less UF asked for 10, under each objective.

    Returns:
        Columns method, arm (the control), estimate (gold, of 10), low, high.
    """
    rows = []
    for method in methods:
        for control in CONTROLS:
            found = gap(answers, (method, "RA"), (method, control))
            rows.append((method, control, found.estimate, found.low, found.high))
    return pd.DataFrame(rows, columns=["method", "arm", "estimate", "low", "high"])


def weakest(answers: pd.DataFrame, methods: Sequence[str], control: str) -> tuple[str, Interval]:
    """The objective under which RA gains least over a control on these very prompts, and how much."""
    found = {name: gap(answers, (name, "RA"), (name, control)) for name in methods}
    name = min(found, key=lambda method: found[method].estimate)
    return name, found[name]


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
        gold = over_models(_values(answers, method, arm, "gold"))
        for quantity, found in (("gold", gold), ("lead", gap(answers, OURS, (method, arm)))):
            rows.append((method, arm, quantity, found.estimate, found.low, found.high, gold.estimate))
    table = pd.DataFrame(rows, columns=["method", "arm", "quantity", "estimate", "low", "high", "order"])
    return table.sort_values("order", ascending=False, kind="stable", ignore_index=True).drop(columns="order")


def asked_how(arm: str) -> str:
    """What an arm is asked, in words.

    >>> asked_how("UF, g=10"), asked_how("own score"), asked_how("best")
    ('asked for 10', 'asked for 10', 'asked plainly')
    """
    return "asked for 10" if arm.endswith("g=10") or arm in ("own score", "RA") else "asked plainly"


def hardest(answers: pd.DataFrame, tuning: pd.DataFrame) -> tuple[str, Interval]:
    """The trained rival that DPO on relabelled pairs beats by least on these very prompts, and by how much."""
    found = {name: gap(answers, OURS, (name, arm)) for name, arm in asked_best(tuning).items()}
    name = min(found, key=lambda method: found[method].estimate)
    return name, found[name]


def compute(training: pd.DataFrame) -> pd.DataFrame:
    """Rows, sequences, tokens and steps of a model, by method and data; means over seeds.

    Args:
        training: of `rapo.studies.objectives_and_baselines.study.frames`.
    """
    told_ = training.groupby(["method", "data"], sort=False)[["rows", "sequences", "tokens", "steps"]].mean()
    return told_.reset_index()


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
