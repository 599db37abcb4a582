"""Made-up judgements: as they say they are."""

import numpy as np
import pandas as pd
import pytest

from rapo.judging import judgements
from rapo.studies.winrates import simulation
from rapo.studies.winrates.claims import claims


def test_they_are_a_table_of_judgements() -> None:
    made = simulation.judgements(n_models=3, n_instructions=20, gamed=True)
    assert len(judgements.check(made.judgements, duplicates="error")) == 5 * 20
    assert made.truth["model"].tolist() == ["model 01", "model 02", "model 03"]


def test_the_truth_is_the_win_rate_of_a_judge_without_bias() -> None:
    made = simulation.judgements(n_models=4, n_instructions=20_000, length_bias=0.0)
    seen = 100 * (made.judgements.groupby("model")["preference"].mean() - 1)
    # Standard error of 20,000 verdicts: at most 0.35 points.
    np.testing.assert_allclose(seen, made.truth.set_index("model")["win_rate"], atol=1.4)


def test_the_bias_moves_win_rates_with_wordiness() -> None:
    made = simulation.judgements(n_models=12, n_instructions=2000, length_bias=1.0)
    seen = 100 * (made.judgements.groupby("model")["preference"].mean() - 1)
    truth = made.truth.set_index("model")
    assert np.corrcoef(seen - truth["win_rate"], truth["verbosity"])[0, 1] > 0.9


def test_the_gamed_baselines_win_and_lose_by_length_alone() -> None:
    made = simulation.judgements(n_models=2, n_instructions=4000, gamed=True)
    rate = made.judgements.groupby("model")["preference"].mean() - 1
    verbose, concise = (rate[name] for name in simulation.GAMED)
    assert verbose > 0.6
    assert concise == pytest.approx(1 - verbose, abs=0.04)


def test_seeds() -> None:
    one, same, other = (simulation.judgements(n_models=2, n_instructions=30, seed=s).judgements for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one.equals(other)


def test_summary_by_hand() -> None:
    recovered = pd.DataFrame(
        {
            "repeat": 0,
            "verbosity": [0.0, 1.0, 2.0],
            "truth": [50.0, 50.0, 50.0],
            "win_rate": [49.0, 52.0, 55.0],
            "length_controlled_winrate": [50.0, 53.0, 50.0],
            "lc_low": [48.0, 51.0, 49.0],
            "lc_high": [52.0, 55.0, 51.0],
        }
    )
    found = simulation.summary(recovered).loc[0]
    # (1 + 4 + 25) / 3 = 10 and (0 + 9 + 0) / 3 = 3; errors -1, 2, 5 are a line in 0, 1, 2; two of three covered.
    expected = {"raw_error": 10**0.5, "lc_error": 3**0.5, "raw_follows": 1.0, "lc_follows": 0.0, "covered": 2 / 3}
    assert found.to_dict() == pytest.approx(expected)


def test_claims_are_computed_from_the_summary() -> None:
    each = pd.DataFrame(
        {
            "raw_error": [3.0, 4.0],
            "lc_error": [1.0, 2.5],
            "raw_follows": 0.9,
            "lc_follows": 0.1,
            "covered": [0.5, 0.6],
        }
    )
    truth, length, interval = claims({"summary": each}, {})
    assert truth.estimate == pytest.approx(1.75)
    assert length.verdict == "holds"
    # Covered 0.55 of the time: off by 0.4, and the interval of two benchmarks is wide.
    assert interval.estimate == pytest.approx(-0.4)
    assert interval.verdict != "holds"
