"""Length-controlled win rates: against the official function, liblinear, the published leaderboard, and the truth."""

import logging

import liblinear
import numpy as np
import pandas as pd
import pytest
from official import annotations, calibration_file, load, win_rate

from rapo.judging import judgements
from rapo.studies.winrates import simulation
from rapo.winrates import calibration, length_control

MADE = simulation.judgements(n_models=8, n_instructions=150, seed=1)
FRAME = MADE.judgements


@pytest.fixture(scope="module")
def official():
    """The peer; skips where it is not installed."""
    try:
        return load()
    except ImportError as error:
        pytest.skip(f"the official function is not installed ({error}): pip install alpaca_eval==0.6.6")


@pytest.fixture(scope="module")
def made_up(tmp_path_factory) -> calibration.Calibration:
    """A calibration with gamed baselines for the made-up judgements."""
    return calibration.load(calibration_file(tmp_path_factory.mktemp("c") / "df_gamed.csv", n=150, seed=4))


def one(frame: pd.DataFrame, model: str) -> pd.DataFrame:
    return frame[frame["model"] == model].reset_index(drop=True)


@pytest.mark.parametrize("regulariser", [0.2, 0.0])
def test_it_equals_liblinear_on_doubled_rows(made_up, regulariser) -> None:
    rows, gamed = one(FRAME, "model 05"), made_up.gamed
    delta = (rows["length_baseline"] - rows["length_model"]).to_numpy()
    own = np.stack([np.tanh(delta / delta.std(ddof=1)), made_up.difficulty, np.ones(150)], axis=1)
    extra = np.stack([np.tanh(gamed["std_delta_len"]), gamed["instruction_difficulty"], np.zeros(300)], axis=1)
    x, p, s = own, rows["preference"].to_numpy() - 1, np.ones(150)
    if regulariser:
        # Two baselines share the weight: 0.2 / 2 for each of their rows, which come first.
        x, p = np.concatenate([extra, own]), np.concatenate([gamed["preference"], p])
        s = np.concatenate([np.full(300, regulariser / 2), s])
    best, weights, _ = liblinear.cross_validated(x, p, s)
    expected = 100 / (1 + np.exp(-(own[:, 1] * weights[1] + weights[2])))
    ours = length_control.fit(
        rows["preference"],
        rows["length_model"],
        rows["length_baseline"],
        difficulty=made_up.difficulty,
        gamed=gamed,
        baseline_regulariser=regulariser,
    )
    assert pytest.approx(np.logspace(-4, 4, 10)[best]) == ours.C
    np.testing.assert_allclose([ours.theta, ours.psi, ours.phi], weights, atol=1e-7)
    assert ours.length_controlled_winrate == pytest.approx(expected.mean(), abs=1e-6)
    assert ours.lc_standard_error == pytest.approx(expected.std(ddof=1) / 150**0.5, abs=1e-6)


@pytest.mark.parametrize("lacking", [0, 1, 2, 3, 4])
def test_parity_with_the_official_function_on_made_up_judgements(official, tmp_path, lacking) -> None:
    file = calibration_file(tmp_path / "df_gamed.csv", n=150, seed=4)
    known = calibration.load(file)
    for model in ("model 01", "model 04", "model 08"):
        rows = one(FRAME, model).iloc[: 150 - lacking]
        table = length_control.length_controlled(rows, calibration=known, alignment="position")
        peer = annotations(rows, model=model)
        tight, plain = (win_rate(official, peer, file, tight=flag) for flag in (True, False))
        assert table["length_controlled_winrate"][0] == pytest.approx(tight["length_controlled_winrate"], abs=1e-6)
        assert table["lc_standard_error"][0] == pytest.approx(tight["lc_standard_error"], abs=1e-6)
        assert table["length_controlled_winrate"][0] == pytest.approx(plain["length_controlled_winrate"], abs=0.02)


def test_parity_with_the_official_function_on_real_judgements(official, shared_data) -> None:
    folder = shared_data / "alpaca_eval"
    file = folder / "df_gamed_reconstructed.csv.gz"
    frame = judgements.read(folder / "annotations.parquet")
    frame["model"] = frame["model"].astype(str)
    ours = length_control.length_controlled(frame, calibration=file, alignment="position").set_index("model")
    assert len(ours) == 24
    for model, row in ours.iterrows():
        peer = annotations(one(frame, model), model=model)
        tight, plain = (win_rate(official, peer, file, tight=flag) for flag in (True, False))
        assert row["length_controlled_winrate"] == pytest.approx(tight["length_controlled_winrate"], abs=1e-6), (
            model
        )
        assert row["length_controlled_winrate"] == pytest.approx(plain["length_controlled_winrate"], abs=0.02), (
            model
        )


def test_published_win_rates_are_met_as_far_as_the_calibration_file_is_the_official_one(shared_data) -> None:
    folder = shared_data / "alpaca_eval"
    frame = judgements.read(folder / "annotations.parquet")
    file = folder / "df_gamed_reconstructed.csv.gz"
    ours = length_control.length_controlled(frame, calibration=file, alignment="position").set_index("model")
    published = pd.read_csv(folder / "published.csv", index_col=0)["length_controlled_winrate"]
    gap = (ours["length_controlled_winrate"].reindex(published.index) - published).abs()
    # The file is a reconstruction: its own README says 0.05 points on average, 0.4 at worst.
    assert gap.mean() < 0.06
    assert gap.max() < 0.4


def test_which_models_the_official_alignment_shifts(shared_data) -> None:
    folder = shared_data / "alpaca_eval"
    frame = judgements.read(folder / "annotations.parquet")
    found = length_control.compare_alignments(frame, calibration=folder / "df_gamed_reconstructed.csv.gz")
    moved = found[found["difference"].abs() > 1e-9].set_index("model")
    # Exactly the three models that lack rows.
    assert set(moved.index) == {"gpt35_turbo_instruct", "alpaca-7b_verbose", "phi-2"}
    assert moved["n_total"].to_dict() == {"gpt35_turbo_instruct": 804, "alpaca-7b_verbose": 802, "phi-2": 803}
    assert moved["difference"].abs().max() == pytest.approx(2.73, abs=0.01)
    assert (found["n_shifted"] > 0).sum() == 3


def test_a_batch_equals_one_model_at_a_time(made_up) -> None:
    holes = FRAME.drop(index=[3, 200, 201, 500])
    together = length_control.length_controlled(holes, calibration=made_up).set_index("model")
    for model in together.index:
        alone = length_control.length_controlled(one(holes, model), calibration=made_up).iloc[0]
        for column in ("length_controlled_winrate", "lc_standard_error", "lc_delta_error", "theta", "psi", "phi"):
            assert together.loc[model, column] == pytest.approx(alone[column], abs=1e-8), (model, column)


def test_the_order_of_rows_does_not_matter_by_instruction(made_up) -> None:
    shuffled = FRAME.sample(frac=1, random_state=3)
    for known in (made_up, "pool", None):
        one_way = length_control.length_controlled(FRAME, calibration=known)
        other = length_control.length_controlled(shuffled, calibration=known)
        pd.testing.assert_frame_equal(one_way, other, atol=1e-7, rtol=0)


def test_formulas_by_calibration(made_up) -> None:
    names = {"pool": "length_controlled_noreg", None: "length_controlled_minimal"}
    for known, name in names.items():
        assert set(length_control.length_controlled(FRAME, calibration=known)["formula"]) == {name}
    assert set(length_control.length_controlled(FRAME, calibration=made_up)["formula"]) == {"length_controlled_v1"}
    noreg = length_control.length_controlled(FRAME, calibration=made_up, formula="length_controlled_noreg")
    zero = length_control.length_controlled(FRAME, calibration=made_up, baseline_regulariser=0.0)
    pd.testing.assert_frame_equal(noreg.drop(columns="formula"), zero.drop(columns="formula"))
    minimal = length_control.length_controlled(FRAME, calibration=made_up, formula="length_controlled_minimal")
    assert (minimal["psi"] == 0).all()
    # All predictions are one number then: their spread says nothing.
    assert minimal["lc_standard_error"].isna().all()


def test_a_small_pool_does_without_difficulty_and_says_so(caplog) -> None:
    few = FRAME[FRAME["model"].isin(["model 01", "model 02"])]
    with caplog.at_level(logging.WARNING):
        table = length_control.length_controlled(few, calibration="pool")
    assert set(table["formula"]) == {"length_controlled_minimal"}
    assert "2 models judged are too few" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formula": "length_controlled_v2"}, "formula is 'length_controlled_v2'; use one of"),
        ({"formula": "length_controlled_noreg"}, "needs instruction difficulty; give a calibration"),
        ({"baseline_regulariser": 0.2}, "it needs a calibration with gamed baselines"),
        ({"calibration": "pool", "baseline_regulariser": 0.2}, "it needs a calibration with gamed baselines"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        length_control.length_controlled(FRAME, **options)


def test_the_delta_method_agrees_with_the_bootstrap_of_the_whole_fit() -> None:
    frame = simulation.judgements(n_models=6, n_instructions=800, gamed=True, seed=1).judgements
    known = calibration.from_pool(frame, gamed=simulation.GAMED)
    rows = frame[frame["model"].isin(["model 02", "model 05"])]
    delta, boot, again = (
        length_control.length_controlled(rows, calibration=known, interval=kind, n_resamples=300)
        for kind in ("delta", "bootstrap", "bootstrap")
    )
    np.testing.assert_allclose(delta["lc_high"] - delta["lc_low"], boot["lc_high"] - boot["lc_low"], rtol=0.2)
    pd.testing.assert_frame_equal(boot, again)


def test_the_interval_covers_where_the_regression_is_right() -> None:
    rng = np.random.default_rng(0)
    covered, n = 0, 300
    for _ in range(120):
        delta, hard = rng.normal(200, 400, n).round(), rng.normal(size=n)
        z = -1.0 * np.tanh(delta / delta.std(ddof=1)) + 0.8 * hard - 0.6
        truth = 100 / (1 + np.exp(-(0.8 * hard - 0.6)))
        frame = pd.DataFrame(
            {
                "model": "m",
                "instruction": np.arange(n),
                "preference": 1.0 + (rng.random(n) < 1 / (1 + np.exp(-z))),
                "length_model": 2000 - delta,
                "length_baseline": 2000.0,
            }
        )
        known = calibration.Calibration(pd.Series(hard), None, "the truth")
        row = length_control.length_controlled(frame, calibration=known).iloc[0]
        covered += row["lc_low"] <= truth.mean() <= row["lc_high"]
    # 120 draws of 0.95 lie above 0.90 with probability 0.985.
    assert covered / 120 > 0.90


def test_repeated_judgements_of_an_instruction_count_as_one_cluster() -> None:
    rows = one(FRAME, "model 06")
    twice = pd.concat([rows, rows], ignore_index=True)
    single, double = (length_control.length_controlled(frame).iloc[0] for frame in (rows, twice))
    assert double["lc_delta_error"] == pytest.approx(single["lc_delta_error"], rel=0.05)


def test_head_to_head_by_hand() -> None:
    table = pd.DataFrame({"model": ["a", "b"], "psi": [1.0, 0.5], "phi": [0.2, -0.3]})
    found = length_control.head_to_head(table, difficulty=[0.0, 2.0], baseline="base")
    # a against b: z = (1 - .5) * (0, 2) + .5 = .5, 1.5; mean of .622459 and .817574
    assert found.loc["a", "b"] == pytest.approx(72.00167, abs=1e-4)
    # a against the baseline: z = .2, 2.2; mean of .549834 and .900250
    assert found.loc["a", "base"] == pytest.approx(72.50420, abs=1e-4)
    np.testing.assert_allclose(found + found.T, 100)
    assert np.diag(found).tolist() == [50.0, 50.0, 50.0]


def test_head_to_head_with_the_baseline_is_the_win_rate_itself(made_up) -> None:
    table = length_control.length_controlled(FRAME, calibration=made_up)
    found = length_control.head_to_head(table, difficulty=made_up.difficulty, baseline="baseline")
    np.testing.assert_allclose(found["baseline"].iloc[:-1], table["length_controlled_winrate"], atol=1e-9)
    with pytest.raises(ValueError, match=r"pass difficulty=calibration\.difficulty"):
        length_control.head_to_head(table)


def test_length_control_comes_nearer_to_the_truth() -> None:
    found = simulation.summary(simulation.recovery(n_repeats=4, n_models=8, n_instructions=300))
    assert (found["lc_error"] < found["raw_error"]).all()


# What cannot be fitted, and what needs no fit.


def test_the_baseline_against_itself_has_50_by_construction() -> None:
    own = one(FRAME, "model 03").assign(model="baseline", length_model=lambda rows: rows["length_baseline"])
    table = length_control.length_controlled(pd.concat([FRAME, own]), calibration=None).set_index("model")
    row = table.loc["baseline"]
    assert (row["length_controlled_winrate"], row["theta"], row["phi"]) == (50.0, 0.0, 0.0)
    assert row["note"] == "the baseline itself"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.assign(length_model=rows["length_baseline"] + 7), r"every output is \+7 characters"),
        (lambda rows: rows.iloc[:9], "9 judgements are too few for length control"),
    ],
)
def test_a_model_that_cannot_be_fitted_stops_or_is_noted(change, message) -> None:
    frame = pd.concat([change(one(FRAME, "model 02").assign(model="odd")), one(FRAME, "model 01")])
    with pytest.raises(ValueError, match=f"model 'odd': .*{message}.*errors='note'"):
        length_control.length_controlled(frame)
    table = length_control.length_controlled(frame, errors="note").set_index("model")
    assert np.isnan(table.loc["odd", "length_controlled_winrate"])
    assert table.loc["odd", "note"] != ""
    assert table.index[-1] == "odd"
    assert np.isfinite(table.loc["model 01", "length_controlled_winrate"])
    odd = one(frame, "odd")
    with pytest.raises(ValueError, match=message):
        length_control.fit(odd["preference"], odd["length_model"], odd["length_baseline"])


def test_nothing_but_models_that_cannot_be_fitted_gives_notes_alone() -> None:
    table = length_control.length_controlled(one(FRAME, "model 01").iloc[:4], errors="note")
    assert table["length_controlled_winrate"].isna().all()
    assert table["n_total"].tolist() == [4]


def test_equal_lengths_leave_nothing_to_control() -> None:
    rows = one(FRAME, "model 04").assign(length_model=lambda rows: rows["length_baseline"])
    row = length_control.length_controlled(rows).iloc[0]
    assert row["theta"] == 0.0
    assert row["note"] == "outputs are as long as the baseline's: nothing to control"
    # Only the penalty keeps the constant's prediction from the plain win rate.
    assert row["length_controlled_winrate"] == pytest.approx(row["win_rate"], abs=0.5)


@pytest.mark.parametrize(("preference", "word"), [(1.0, "loss"), (2.0, "win")])
def test_judgements_that_are_all_alike_stay_finite(made_up, preference, word) -> None:
    rows = one(FRAME, "model 04").assign(preference=preference)
    for known in (made_up, None):
        row = length_control.length_controlled(rows, calibration=known).iloc[0]
        assert row["note"] == f"every judgement is a {word}"
        assert np.isfinite(row[["length_controlled_winrate", "lc_low", "lc_high"]].astype(float)).all()
        assert (row["length_controlled_winrate"] > 90) == (preference == 2.0)


def test_length_that_separates_perfectly_stays_finite(made_up) -> None:
    rows = one(FRAME, "model 04")
    rows["preference"] = 1.0 + (rows["length_model"] > rows["length_baseline"])
    row = length_control.length_controlled(rows, calibration=made_up).iloc[0]
    assert 0 < row["lc_low"] <= row["length_controlled_winrate"] <= row["lc_high"] < 100


def test_empty_outputs_count_as_length_0(made_up) -> None:
    frame = one(FRAME, "model 04").assign(
        length_model=lambda rows: rows["length_model"].where(rows.index > 9, 0.0)
    )
    assert np.isfinite(
        length_control.length_controlled(frame, calibration=made_up)["length_controlled_winrate"][0]
    )


def test_lengths_are_needed() -> None:
    with pytest.raises(ValueError, match=r"length control needs the column .*length_model"):
        length_control.length_controlled(FRAME.drop(columns="length_model"))


@pytest.mark.parametrize("values", [[1.0, 2.0, np.nan] * 5, [0.0, 1.0, 1.0] * 5])
def test_a_single_fit_refuses_what_is_no_preference(values) -> None:
    with pytest.raises(ValueError, match=r"must lie in \[1, 2\]"):
        length_control.fit(values, np.arange(15), np.full(15, 9))


def test_arguments_are_left_alone(made_up) -> None:
    before = FRAME.copy()
    length_control.length_controlled(FRAME, calibration=made_up, interval="bootstrap", n_resamples=20)
    pd.testing.assert_frame_equal(before, FRAME)


def test_more_models_than_one_chunk() -> None:
    many = simulation.judgements(n_models=70, n_instructions=40, seed=9).judgements
    many = many.sample(frac=0.9, random_state=0)
    table = length_control.length_controlled(many, calibration="pool").set_index("model")
    alone = length_control.length_controlled(one(many, "model 33"), calibration=calibration.from_pool(many)).iloc[
        0
    ]
    assert table.loc["model 33", "length_controlled_winrate"] == pytest.approx(
        alone["length_controlled_winrate"], abs=1e-8
    )
