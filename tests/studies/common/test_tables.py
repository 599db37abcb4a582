"""Estimates that every study shares: arithmetic by hand on tiny tables."""

import numpy as np
import pandas as pd
import pytest

from rapo.stats.intervals import Interval
from rapo.studies.common import tables

# Two seeds, two prompts; an answer of the second prompt is broken.
ANSWERS = pd.DataFrame(
    {
        "arm": "UF",
        "seed": [1, 1, 2, 2],
        "prompt": ["a", "b"] * 2,
        "gold": [2.0, 4.0, 3.0, 7.0],
        "sentences": [1.0, np.nan, 3.0, 2.0],
        "parseable": [True, False, True, True],
    }
)


def test_cells_are_means_over_seeds_and_prompts() -> None:
    found = tables.cells(tables.with_form(ANSWERS), ["arm"]).set_index("metric")
    assert found["estimate"].to_dict() == {"gold": 4.0, "sentences": 1.5, "unparseable": 25.0}
    assert found[["n_seeds", "n_prompts"]].to_numpy().tolist() == [[2, 2]] * 3
    assert found["arm"].tolist() == ["UF"] * 3


def test_a_metric_that_a_group_lacks_is_left_out() -> None:
    both = pd.concat([ANSWERS, ANSWERS.assign(arm="base", gold=np.nan)])
    assert tables.cells(both, ["arm"], ["gold"])["arm"].tolist() == ["UF"]


def test_every_model_must_answer_every_prompt() -> None:
    with pytest.raises(ValueError, match="lack gold for some prompts"):
        tables.matrix(ANSWERS.iloc[:-1])


def test_models_without_an_architecture_are_of_one() -> None:
    named = tables.matrix(ANSWERS.assign(architecture="llama"))
    assert tables.strata(tables.matrix(ANSWERS)) is None
    assert tables.over_models(named) == tables.over_models(tables.matrix(ANSWERS))


def test_slopes_by_hand() -> None:
    first = tables.matrix(ANSWERS)
    # At 0, 1 and 4 (mean 5/3): weights -5/3, -2/3, 7/3 over 26/3; on first, first and first + 2: 2 * 7/26.
    found = tables.slope([first, first, first + 2], [0, 1, 4])
    assert found.to_numpy() == pytest.approx(np.full((2, 2), 14 / 26))


def test_the_least_is_named() -> None:
    found = {name: Interval(value, 0.0, 1.0, n=2) for name, value in (("UF", 0.4), ("SFT", 0.3), ("base", 0.9))}
    assert tables.least(found) == ("SFT", found["SFT"])


def test_a_mean_of_one_known_value_has_no_limits() -> None:
    found = tables.mean([np.nan, 2.0])
    assert (found.estimate, found.n) == (2.0, 1)
    assert np.isnan([found.low, found.high]).all()


def test_over_seeds_by_hand() -> None:
    frame = pd.DataFrame({"arm": ["a", "a"], "value": [1.0, np.e**2]})
    (plain,) = tables.over_seeds(frame, "value", keys=["arm"]).to_dict("records")
    (logs,) = tables.over_seeds(frame, "value", keys=["arm"], of=tables.geometric_mean).to_dict("records")
    assert plain["estimate"] == pytest.approx((1 + np.e**2) / 2)
    # Logs 0 and 2: mean 1, standard error 1, t(0.975, 1 degree) = 12.7062.
    assert logs["estimate"] == pytest.approx(np.e)
    assert np.log(logs["high"]) == pytest.approx(1 + 12.7062, rel=1e-4)
