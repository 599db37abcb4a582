"""How verdicts move with length."""

import numpy as np
import pandas as pd
import pytest

from rapo.studies.winrates import simulation
from rapo.winrates import calibration, length_control, length_effect

MADE = simulation.judgements(n_models=6, n_instructions=400, length_bias=2.0, seed=0)
KNOWN = calibration.from_pool(MADE.judgements)
TABLE = length_control.length_controlled(MADE.judgements, calibration=KNOWN)


def test_bins_hold_the_judgements_and_rise_with_length() -> None:
    found = length_effect.within_model(MADE.judgements, TABLE, model="model 04", calibration=KNOWN, n_bins=5)
    bins = found[found["kind"] == "judged"]
    assert bins["n"].tolist() == [80] * 5
    rows = MADE.judgements[MADE.judgements["model"] == "model 04"]
    assert bins["win_rate"].mean() == pytest.approx(100 * (rows["preference"].mean() - 1))
    assert bins["win_rate"].iloc[-1] > bins["win_rate"].iloc[0] + 20
    assert bins["longer"].is_monotonic_increasing


def test_the_curve_goes_through_the_length_controlled_win_rate() -> None:
    found = length_effect.within_model(MADE.judgements, TABLE, model="model 04", calibration=KNOWN)
    point = found[found["kind"] == "at equal length"].iloc[0]
    row = TABLE.set_index("model").loc["model 04"]
    assert point["win_rate"] == pytest.approx(row["length_controlled_winrate"], abs=1e-9)
    fitted = found[found["kind"] == "fitted"]
    assert fitted["win_rate"].is_monotonic_increasing
    assert np.interp(0.0, fitted["longer"], fitted["win_rate"]) == pytest.approx(point["win_rate"], abs=0.5)


def test_a_model_that_was_not_fitted_is_refused() -> None:
    with pytest.raises(ValueError, match="model 'nobody' is not among"):
        length_effect.within_model(MADE.judgements, TABLE, model="nobody", calibration=KNOWN)


def test_length_ratio_by_hand() -> None:
    rows = pd.DataFrame(
        {
            "model": ["a", "a", "b"],
            "instruction": [0, 1, 0],
            "preference": 1.5,
            "length_model": [10.0, 20.0, 5.0],
            "length_baseline": [10.0, 10.0, 10.0],
        }
    )
    found = length_effect.across_models(rows, pd.DataFrame({"model": ["b", "a"]}))
    # b: 5 / 10; a: 30 / 20
    assert found["length_ratio"].tolist() == [0.5, 1.5]


def test_beside_published(tmp_path) -> None:
    (tmp_path / "p.csv").write_text(
        ",win_rate,length_controlled_winrate\nmodel 01,1,50\nnobody,2,3\nmodel 02,3,\n"
    )
    found = length_effect.beside_published(TABLE, tmp_path / "p.csv")
    assert found["model"].tolist() == ["model 01"]
    ours = TABLE.set_index("model").loc["model 01", "length_controlled_winrate"]
    assert found["difference"].tolist() == [pytest.approx(ours - 50)]
    (tmp_path / "q.csv").write_text(",win_rate\nmodel 01,1\n")
    with pytest.raises(ValueError, match="no column length_controlled_winrate"):
        length_effect.beside_published(TABLE, tmp_path / "q.csv")
