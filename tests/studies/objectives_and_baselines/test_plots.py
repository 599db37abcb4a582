"""Pictures of objectives count what is sure."""

import pandas as pd
from matplotlib.colors import to_hex

from rapo.plots.colours import COLOURS, UNSURE
from rapo.studies.objectives_and_baselines import plots

NAMES = {"dpo": "DPO", "ipo": "IPO"}
GAINS = pd.DataFrame(
    [
        ("dpo", "UF", 1, 0.5, 2),
        ("ipo", "UF", -1, -2, -0.5),
        ("dpo", "UF, g=10", 0, -1, 1),
        ("ipo", "UF, g=10", 1, 0.1, 2),
    ],
    columns=["method", "arm", "estimate", "low", "high"],
)


def test_objectives_count_where_relabelled_pairs_are_surely_ahead() -> None:
    gold = GAINS.assign(estimate=5.0, low=4.0, high=6.0)
    figure = plots.plot_objectives(gold, GAINS, NAMES, start=5)
    told = figure.get_suptitle().replace("\n", " ")
    assert told == (
        "RA is surely ahead of UF under 1 of 2 (surely behind under 1); of UF asked for 10 under 1 of 2 "
        "(surely behind under 0)"
    )
    tones = [to_hex(tone) for marks in figure.axes[1].collections[1::2] for tone in marks.get_facecolors()]
    assert tones == [tone.lower() for tone in (COLOURS["RA"], COLOURS["UF"], UNSURE, COLOURS["RA"])]


def test_rivals_are_counted() -> None:
    both = pd.concat([GAINS.iloc[:2].assign(quantity=name) for name in ("gold", "lead")])
    figure = plots.plot_rivals(both, NAMES, mine=5)
    assert figure.get_suptitle() == "DPO on relabelled pairs is surely ahead of 1 of 2 rivals, surely behind 1"
