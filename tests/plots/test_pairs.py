from itertools import pairwise

import matplotlib.pyplot as plt
import pyarrow as pa
import pytest
from matplotlib.axes import Axes

from rapo.pairs import audit
from rapo.pairs.check import check
from rapo.plots import pairs as draw

ROWS = [(9, 6), (5, 2), (10, 10), (4, 1)]


@pytest.fixture
def table() -> pa.Table:
    rows = [
        {"prompt": "q", "chosen": "a", "rejected": "b", "score_chosen": c, "score_rejected": r} for c, r in ROWS
    ]
    return check(pa.Table.from_pylist(rows))


@pytest.fixture
def ax() -> Axes:
    return plt.subplots()[1]


def heights(ax: Axes) -> list[float]:
    return [patch.get_height() for patch in ax.patches]


def test_scores_stand_side_by_side(table: pa.Table, ax: Axes):
    assert draw.plot_scores(audit.score_histogram(table), ax=ax) is ax
    assert sum(heights(ax)) == pytest.approx(200)  # 100 % of each side
    spans = sorted((patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans)), "bars overlap"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["chosen (n = 4)", "rejected (n = 4)"]


def test_ties_stand_apart_among_the_margins(table: pa.Table, ax: Axes):
    draw.plot_margins(audit.margin_histogram(table), ax=ax)
    assert sum(heights(ax)) == pytest.approx(100)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a margin (3)", "ties (1)"]


def test_margins_without_a_tie_name_none(table: pa.Table, ax: Axes):
    draw.plot_margins(audit.margin_histogram(table.slice(0, 2)), ax=ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a margin (2)"]


def test_premises_show_counts_and_intervals(table: pa.Table, ax: Axes):
    shares = audit.shares(table)
    draw.plot_premises(shares, ax=ax)
    assert next(text.get_text() for text in ax.get_yticklabels()) == "ties\n1 of 4"
    points = ax.lines[0].get_xdata()
    assert list(points) == pytest.approx((100 * shares["share"]).to_list())


def test_a_figure_is_made_where_none_is_given(table: pa.Table):
    axes = draw.plot_margins(audit.margin_histogram(table))
    assert axes.get_ylabel() == "pairs (%), n = 4"
    assert "25 % are ties" in axes.figure.get_suptitle()  # 1 of 4


def test_the_overview_holds_all_three(table: pa.Table):
    figure = draw.plot_overview(audit.score_histogram(table), audit.margin_histogram(table), audit.shares(table))
    assert [axes.get_xlabel().split(":")[0] for axes in figure.axes] == [
        "score",
        "margin",
        "share (%), with 95 % interval",
    ]
