"""What the two papers publish: the claims by id, and their numbers with source and certainty. Facts only.

RA is arXiv:2410.08067, AP is arXiv:2503.01864. No exact source of AP's own numbers was at hand: its figures are
compared by direction only. Certainty: "exact" is printed by the authors (poster, paper page or repository),
"secondary" is printed in a public summary, "digitised" is read off a bar chart (within 0.4). Numbers of the SimPO
repository stand where a paper starts from the same models and data: RA's baselines, and AP on all pairs.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Paper:
    """One paper, as a reader would look it up."""

    key: str
    title: str
    reference: str
    url: str


@dataclass(frozen=True)
class Entry:
    """One row of the reproduction table: the ids under which it is measured, and what the paper shows."""

    ids: tuple[str, ...]
    paper: str
    title: str


PAPERS: dict[str, Paper] = {
    "RA": Paper(
        "RA",
        "Reward-Augmented Data Enhances Direct Preference Alignment of LLMs",
        "Zhang et al., ICML 2025, arXiv:2410.08067",
        "https://arxiv.org/abs/2410.08067",
    ),
    "AP": Paper(
        "AP",
        "Larger or Smaller Reward Margins to Select Preferences for Alignment?",
        "Huang et al., ICML 2025, arXiv:2503.01864",
        "https://arxiv.org/abs/2503.01864",
    ),
}

_CLAIMS: tuple[tuple[str, str], ...] = (
    ("RA-T1", "Toy policy: DPO unlearns a good rejected answer; the goal-conditioned policy keeps it"),
    ("RA-T2", "Toy policy: DPO learns a bad chosen answer; the goal-conditioned policy ranks all three"),
    ("RA-T3", "Where the best answers are rare, what is learned at goals 8 and 9 carries over to goal 10"),
    ("RA-F1", "Construction of the reward-augmented data set, N pairs to 2N"),
    ("RA-F2", "Base, +DPO(UF) and +DPO(RA) for five models: win rates, MT-Bench, Arena-Hard-Auto"),
    ("RA-T4", "Six academic benchmarks: the average does not fall"),
    ("RA-T5", "Half RA, with the original number of pairs, still beats DPO(UF)"),
    ("RA-T6", "Goals from DPO's own implicit reward (IRA) do as well as a judge's scores"),
    ("RA-T7", "On data the model was already trained on, DPO(UF) hurts and DPO(RA) helps"),
    ("RA-F3", "Good rejected answers lose far less log-probability with RA than with UF"),
    ("RA-T8", "Conditioning on several attributes at once"),
    ("RA-T9", "On-policy data: sampled from the model, scored by a reward model, relabelled"),
    ("RA-A1", "Robust to the range and the scale of the reward"),
    ("RA-A2", "The realised reward follows the goal"),
    ("RA-A3", "Works unchanged with other direct alignment objectives"),
    ("RA-A4", "Against conditional and reward-aware baselines"),
    ("RA-Th", "Theorem 4.1: sub-optimality decays with the square root of the number of pairs"),
    ("RA-map", "When does it help? A question that the paper leaves open, asked in the micro world"),
    ("AP-F1a", "The same pair is good by one margin and bad by the other"),
    ("AP-F1b AP-F4 AP-F5", "Training on the top 40 % by each metric: alignment potential is best"),
    ("AP-F2", "A reward-noise example that the explicit margin calls good and alignment potential does not"),
    ("AP-F3", "A second judge agrees more often on pairs selected by alignment potential"),
    ("AP-A1", "Weight of the implicit margin"),
    ("AP-A2", "Share of the pairs that is selected"),
    (
        "AP-map",
        "Which errors of a reward model make which metric right? The paper leaves it open; asked in the micro world",
    ),
    ("AP-S1", "Self-play: evolving prompts selected by alignment potential beats other metrics and plain data"),
    ("AP-S2", "Self-play: more data and more rounds keep improving"),
    ("AP-Th", "Theorem 3.1: sampling the pair with the largest gap needs no more steps than uniform sampling"),
)
CLAIMS: tuple[Entry, ...] = tuple(Entry(tuple(ids.split()), ids[:2], title) for ids, title in _CLAIMS)


def entry(claim: str) -> Entry | None:
    """The row of the reproduction table to which a claim's id belongs; None for a claim of neither paper.

    >>> entry("RA-F2/controlled").title
    'Base, +DPO(UF) and +DPO(RA) for five models: win rates, MT-Bench, Arena-Hard-Auto'
    """
    root = claim.split("/")[0]
    return next((row for row in CLAIMS if root in row.ids), None)


_UNITS = {
    "LC win rate": "%",
    "win rate": "%",
    "MT-Bench": "1-10",
    "Arena-Hard": "%",
    "length": "characters",
    "GSM8K": "%",
    "GPQA": "%",
    "TruthfulQA": "%",
    "average of six": "%",
}
_ALPACA = ("LC win rate", "win rate", "MT-Bench", "Arena-Hard")
_ACADEMIC = ("GSM8K", "GPQA", "TruthfulQA", "average of six")
_SIMPO = ("LC win rate", "win rate", "Arena-Hard")
_LC = ("LC win rate",)

_Block = tuple[str, str, tuple[str, ...], str, str]
# (ids, source, metrics, certainty: one for all metrics or one each, rows "model | arm | value of each metric")
_BLOCKS: tuple[_Block, ...] = (
    (
        "RA-F2 RA-T7",
        "RA poster",
        _ALPACA,
        "exact",
        """
        SPPO (Gemma-2-9B-It-SPPO-Iter3) | base | 55.60 | 49.61 | 8.40 | 47.6
        SPPO (Gemma-2-9B-It-SPPO-Iter3) | UF | 52.75 | 40.58 | 8.41 | 40.4
        SPPO (Gemma-2-9B-It-SPPO-Iter3) | RA | 60.97 | 66.41 | 8.73 | 49.0
        """,
    ),
    (
        "RA-F2 RA-T6",
        "RA poster",
        _ALPACA,
        "exact",
        """
        Qwen2-7B-It | base | 20.93 | 18.22 | 7.90 | 24.3
        Qwen2-7B-It | UF | 21.46 | 19.35 | 8.33 | 21.9
        Qwen2-7B-It | RA | 31.17 | 27.58 | 8.47 | 30.1
        """,
    ),
    ("RA-T6", "RA poster", _ALPACA, "exact", "Qwen2-7B-It | IRA | 32.61 | 29.15 | 8.49 | 28.3"),
    (
        "RA-F2",
        "public summary of RA; RA bar chart",
        _ALPACA,
        "secondary digitised secondary secondary",
        """
        Gemma-2-9B-It | base | 49.20 | 37.6 | 8.54 | 42.8
        Gemma-2-9B-It | UF | 50.70 | 35.0 | 8.54 | 35.8
        Gemma-2-9B-It | RA | 59.27 | 54.6 | 8.59 | 43.9
        """,
    ),
    (
        "RA-F2",
        "RA bar chart",
        _ALPACA,
        "digitised",
        """
        Mistral-7B-It | base | 19.6 | 15.4 | 7.67 | 17.0
        Mistral-7B-It | UF | 18.7 | 16.9 | 7.66 | 17.5
        Mistral-7B-It | RA | 26.0 | 28.4 | 7.69 | 18.3
        Llama-3.1-8B-It | base | 24.8 | 27.4 | 8.44 | 26.9
        Llama-3.1-8B-It | UF | 28.7 | 30.2 | 8.47 | 33.0
        Llama-3.1-8B-It | RA | 31.2 | 35.9 | 8.47 | 34.4
        """,
    ),
    (
        "RA-T4",
        "public summary of RA",
        _ACADEMIC,
        "secondary",
        """
        Llama-3.1-8B | UF | 78.47 | 33.72 | 56.61 | 53.50
        Llama-3.1-8B | RA | 78.77 | 32.55 | 63.32 | 54.37
        Gemma-2-9B | UF | 83.32 | 34.14 | 65.12 | 59.22
        Gemma-2-9B | RA | 83.62 | 35.74 | 65.27 | 59.75
        """,
    ),
    ("RA-T8", "public summary of RA", _LC, "secondary", "Llama-3-8B | RA, several attributes | 56.57"),
    ("RA-T8", "SimPO repository", _LC, "exact", "Llama-3-8B | SimPO | 53.7"),
    (
        "RA-A4",
        "SimPO repository",
        _SIMPO,
        "exact",
        """
        Llama-3-Instruct-8B v0.2 | RRHF | 37.9 | 31.6 | 28.8
        Llama-3-Instruct-8B v0.2 | SLiC-HF | 33.9 | 32.5 | 29.3
        Llama-3-Instruct-8B v0.2 | IPO | 46.8 | 42.4 | 36.6
        Llama-3-Instruct-8B v0.2 | CPO | 34.1 | 36.4 | 30.9
        Llama-3-Instruct-8B v0.2 | KTO | 34.1 | 32.1 | 27.3
        Llama-3-Instruct-8B v0.2 | ORPO | 38.1 | 33.8 | 28.2
        Llama-3-Instruct-8B v0.2 | R-DPO | 48.0 | 45.8 | 35.1
        """,
    ),
    (
        "RA-A4 AP-F1b",
        "SimPO repository",
        _SIMPO,
        "exact",
        """
        Llama-3-Instruct-8B v0.2 | DPO | 48.2 | 47.5 | 35.2
        Llama-3-Instruct-8B v0.2 | SimPO | 53.7 | 47.5 | 36.5
        """,
    ),
    (
        "AP-F1b",
        "SimPO repository",
        ("LC win rate", "win rate", "length", "Arena-Hard"),
        "exact",
        """
        Gemma-2-9b-it | base | 51.1 | 38.1 | 1571 | 40.8
        Gemma-2-9b-it | DPO | 67.8 | 65.4 | 2016 | 58.9
        Gemma-2-9b-it | SimPO | 72.4 | 65.9 | 1833 | 59.1
        """,
    ),
)


def table(claim: str = "") -> "pd.DataFrame":
    """Published numbers, one row a number; those of one claim when ``claim`` is given (a suffix is ignored).

    Columns: paper, id, model, arm ("base", "UF", "RA", ... as in `rapo.plots.style.COLOURS`), metric, value, unit,
    certainty, source. A number that serves several claims stands under each. A claim without published numbers
    gives no rows.

    Raises:
        ValueError: no paper has a claim with this id.

    >>> frame = table("RA-T6")
    >>> frame.loc[frame.metric == "LC win rate", ["arm", "value"]].to_dict("list")
    {'arm': ['base', 'UF', 'RA', 'IRA'], 'value': [20.93, 21.46, 31.17, 32.61]}
    """
    numbers = _numbers()
    if not claim:
        return numbers.copy()
    if entry(claim) is None:
        known = ", ".join(name for row in CLAIMS for name in row.ids)
        raise ValueError(f"no paper has a claim {claim!r}; the ids are {known}")
    return numbers[numbers["id"] == claim.split("/")[0]].reset_index(drop=True)


def wide(claim: str) -> "pd.DataFrame":
    """Published numbers of one claim as papers print them: one row a model and arm, one column a metric.

    >>> wide("RA-T8")[["arm", "LC win rate (%)", "certainty"]].to_dict("list")["certainty"]
    ['secondary', 'exact']
    """
    import pandas as pd

    rows = []
    for (model, arm), numbers in table(claim).groupby(["model", "arm"], sort=False):
        values = {f"{number.metric} ({number.unit})": number.value for number in numbers.itertuples()}
        sure = numbers["certainty"].mode()[0]
        other = [
            f"{number.metric} {number.certainty}" for number in numbers.itertuples() if number.certainty != sure
        ]
        about = {"certainty": "; ".join([sure, *other]), "source": numbers["source"].iloc[0]}
        rows.append({"model": model, "arm": arm, **values, **about})
    frame = pd.DataFrame(rows)
    last = [column for column in ("certainty", "source") if column in frame]
    return frame[[*frame.columns.difference(last, sort=False), *last]]


@cache
def _numbers() -> "pd.DataFrame":
    import pandas as pd

    columns = ("paper", "id", "model", "arm", "metric", "value", "unit", "certainty", "source")
    records = []
    for ids, source, metrics, certainty, text in _BLOCKS:
        sure = certainty.split() * (len(metrics) if " " not in certainty else 1)
        for name in ids.split():
            for line in text.strip().splitlines():
                model, arm, *values = (cell.strip() for cell in line.split("|"))
                for metric, value, how in zip(metrics, values, sure, strict=True):
                    number = (float(value), _UNITS[metric], how, source)
                    records.append((name[:2], name, model, arm, metric, *number))
    return pd.DataFrame(records, columns=list(columns))
