"""RA's tables beside ours."""

import pandas as pd

from rapo.stats.intervals import Interval
from rapo.studies.more_than_data import plots

ARMS = pd.DataFrame(
    {"arm": ["base", "UF", "half RA", "RA", "IRA"], "estimate": 8.0, "low": 7.0, "high": 9.0, "metric": "gold"}
)
GAP = Interval(0.2, 0.1, 0.3, n=9)


def test_half_the_prompts_are_compared_by_order_alone() -> None:
    left, right = (figure := plots.plot_half(ARMS, GAP)).axes
    assert (len(left.patches), len(right.patches)) == (2, 4)
    assert figure.get_suptitle().startswith("Half RA above UF (as many pairs)? Published: yes. Here: surely above")


def test_the_furthest_of_each_line_is_told() -> None:
    moved = pd.DataFrame({"line": ["UF", "UF", "RA"], "distance": [0.1, 0.36, 0.004]})
    assert (
        plots.farthest(moved, ["RA", "UF", "IRA"])
        == "Furthest from the base, in nats an answer: RA under 0.01; UF 0.36"
    )


def test_implicit_goals_stand_beside_the_published_ones() -> None:
    left, right = plots.plot_implicit(ARMS, GAP).axes
    assert [round(bar.get_height(), 2) for bar in left.patches] == [20.93, 21.46, 31.17, 32.61]
    assert [bar.get_height() + 1 for bar in right.patches] == [8.0] * 4
