"""Pictures of self-play show each round beside the one before."""

import pandas as pd

from rapo.studies.self_play import plots
from rapo.studies.self_play.tables import ASKED, ORDER, QUALITIES


def test_the_first_round_is_hollow_and_the_best_of_the_last_is_told() -> None:
    rows = [
        (arm, turn, name, 50.0 + turn + 5 * (arm == "MAP"), 40.0, 70.0)
        for arm in ("uniform", "MAP")
        for turn in (1, 2)
        for name in QUALITIES
    ]
    quality = pd.DataFrame(rows, columns=["arm", "round", "quality", "estimate", "low", "high"])
    figure = plots.plot_pairs(quality)
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [line.get_markerfacecolor() == "white" for line in marks] == [True, False, True, False]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["MAP", "uniform"]
    told = figure.get_suptitle().replace("\n", " ")
    assert told.startswith("Labels that gold confirms: highest MAP 57.0 [40.0, 70.0], lowest uniform 52.0")


def test_what_a_round_adds_stands_below_its_lines() -> None:
    rows = [(arm, asked, turn, 100.0 + turn, 7.0) for arm in ORDER for asked in ASKED for turn in (0, 1)]
    curves = pd.DataFrame(rows, columns=["arm", "asked", "round", "pairs", "estimate"])
    growth = curves[curves["round"] == 0].assign(low=-1.0, high=1.0, estimate=0.0)
    growth.loc[(growth["arm"] == "MAP") & (growth["asked"] == "test"), "low"] = 0.1
    figure = plots.plot_rounds(curves, growth[["arm", "asked", "estimate", "low", "high"]])
    assert [text.get_text() for text in figure.axes[2].get_yticklabels()] == list(ORDER)
    assert figure.get_suptitle().replace("\n", " ") == (
        "More rounds surely add gold reward with MAP on test prompts (1 of 12)"
    )
