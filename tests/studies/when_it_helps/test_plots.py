"""Pictures of the map show the numbers that they are given."""

import pandas as pd
from made_up_ladder import LADDER

from rapo.studies.when_it_helps import plots, rungs


def test_a_place_without_a_number_stays_empty() -> None:
    cells = rungs.heat_map(rungs.gains(LADDER))
    axes = plots.plot_heat_map(cells, xlabel="prompts", ylabel="share")
    assert {text.get_position(): text.get_text().splitlines()[0] for text in axes.texts} == {
        (0, 0): "-0.10",
        (1, 0): "+0.50",
        (0, 1): "+0.25",
    }
    title = axes.figure.get_suptitle().replace("\n", " ")
    assert title.startswith("RA is surely ahead in 2 of 3 cells, surely behind in 1; it gains most, 0.5")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("prompts", "share")


def test_slopes_have_a_line_a_share_and_ticks_where_they_were_measured() -> None:
    axes = plots.plot_slopes(rungs.slopes(LADDER))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "40", "80"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["45 %", "0 %"]
    assert axes.get_legend().get_title().get_text() == "scored"
    title = axes.figure.get_suptitle().replace("\n", " ")
    assert title == (
        "After RA the reward surely follows the goal on 2 of 2 kinds of base, most (0.58 points a point) where 45 % of "
        "the corpus has a score"
    )


REGIMES = pd.DataFrame(
    [
        ("one regime", "few", 0.5, 0.1, 0.9),
        ("one regime", "many", -0.5, -0.9, -0.1),
        ("all regimes", "mean", 0, -1, 1),
    ],
    columns=["group", "name", "estimate", "low", "high"],
)


def test_gains_tell_in_how_many_regimes_they_are_sure() -> None:
    figure = plots.plot_gains(REGIMES, REGIMES)
    told = figure.get_suptitle().replace("\n", " ")
    assert told == "RA is surely ahead of its best control in 1 of 2 regimes, surely behind in 1"
    assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes] == [
        "less its best control",
        "less UF asked plainly",
    ]


def test_features_and_overshoots_stand_in_panels() -> None:
    gains = pd.DataFrame({"slope": [0.0, 1.0], "estimate": [0.1, 0.2], "low": [0.0, 0.1], "high": [0.2, 0.3]})
    left, right = plots.plot_features(REGIMES, gains).axes
    assert left.get_xlim() == (-1, 1)
    assert len(right.collections) == 1
    beyond = REGIMES.assign(group=["UF", "RA", "RA"])
    told = plots.overshoot_panels(beyond).get_suptitle().replace("\n", " ")
    assert told == "RA ends within its interval of the best number in 1 of 2 regimes"
