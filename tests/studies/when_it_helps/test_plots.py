"""Pictures of the map show the numbers that they are given."""

import pytest
from made_up_ladder import LADDER

from rapo.studies.when_it_helps import plots, rungs


@pytest.mark.filterwarnings("ignore")  # seaborn's own
def test_a_place_without_a_number_stays_empty() -> None:
    cells = rungs.heat_map(rungs.gains(LADDER))
    axes = plots.plot_heat_map(cells, xlabel="prompts", ylabel="share")
    assert {text.get_position(): text.get_text().splitlines()[0] for text in axes.texts} == {
        (0.5, 0.5): "-0.10",
        (1.5, 0.5): "+0.50",
        (0.5, 1.5): "+0.25",
    }
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("prompts", "share")


def test_slopes_have_a_line_a_share_and_ticks_where_they_were_measured() -> None:
    axes = plots.plot_slopes(rungs.slopes(LADDER))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "40", "80"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["0 % scored", "45 % scored"]
