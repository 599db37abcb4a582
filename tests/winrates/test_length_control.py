"""Length-controlled win rates: against the official function, liblinear, the published leaderboard, and the truth."""

import logging

import liblinear
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from official import annotations, calibration_file, load, win_rate

from rapo.judging import judgements
from rapo.stats import intervals
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
    ours = length_control.length_controlled(rows, calibration=made_up, baseline_regulariser=regulariser).iloc[0]
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
        table = length_control.length_controlled(rows, calibration=known, match="position")
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
    ours = length_control.length_controlled(frame, calibration=file, match="position").set_index("model")
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
    ours = length_control.length_controlled(frame, calibration=file, match="position").set_index("model")
    published = pd.read_csv(folder / "published.csv", index_col=0)["length_controlled_winrate"]
    gap = (ours["length_controlled_winrate"].reindex(published.index) - published).abs()
    # The file is a reconstruction: its own README says 0.05 points on average, 0.4 at worst.
    assert gap.mean() < 0.06
    assert gap.max() < 0.4


def test_which_models_the_official_match_by_position_shifts(shared_data) -> None:
    folder = shared_data / "alpaca_eval"
    frame = judgements.read(folder / "annotations.parquet")
    found = length_control.compare_matches(frame, calibration=folder / "df_gamed_reconstructed.csv.gz")
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
    delta, boot, few, again = (
        length_control.length_controlled(rows, calibration=known, interval=kind, n_resamples=n)
        for kind, n in (("delta", 300), ("bootstrap", 300), ("bootstrap", 20), ("bootstrap", 20))
    )
    np.testing.assert_allclose(delta["lc_high"] - delta["lc_low"], boot["lc_high"] - boot["lc_low"], rtol=0.2)
    pd.testing.assert_frame_equal(few, again)


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
    for work in (length_control.length_controlled, length_control.contributions):
        with pytest.raises(ValueError, match=r"length control needs the column \['length_model'\]"):
            work(FRAME.drop(columns="length_model"))


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


# Contributions of single judgements, against the regression itself and against refits.


def two_models(n: int = 400, *, seed: int = 0, models: tuple[str, ...] = ("a", "b")) -> pd.DataFrame:
    """Two models that answer the same instructions; an instruction's difficulty is theirs together."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(size=n)
    parts = []
    for place, model in enumerate(models):
        ours, theirs = rng.integers(50, 400, n), rng.integers(50, 400, n)
        z = 0.4 * place + hard + 0.8 * (ours - theirs) / 200 + 0.3 * rng.normal(size=n)
        parts.append(
            pd.DataFrame(
                {"model": model, "instruction": [f"i{k:03d}" for k in range(n)], "preference": 1 + 1 / (1 + np.exp(-z)),
                 "length_model": ours, "length_baseline": theirs}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True).sample(frac=1, random_state=seed)


def test_means_are_the_rates_and_spreads_their_errors() -> None:
    frame = two_models()
    values = length_control.contributions(frame)
    assert values.index.equals(frame.index)
    table = length_control.length_controlled(frame, calibration=None).set_index("model")
    by_model = values.groupby(frame["model"])
    np.testing.assert_allclose(by_model.mean(), table["length_controlled_winrate"].sort_index(), rtol=1e-12)
    errors = by_model.std(ddof=1) / np.sqrt(by_model.size())
    np.testing.assert_allclose(errors, table["lc_delta_error"].sort_index(), rtol=5e-3)


def test_a_difference_is_as_certain_as_refits_say() -> None:
    """Paired by instruction: against the spread of the difference over 150 bootstrap refits of both models."""
    frame = two_models()
    values = frame.assign(value=length_control.contributions(frame))
    wide = values.pivot(index="instruction", columns="model", values="value")
    found = intervals.t_interval(wide["b"] - wide["a"])
    rng = np.random.default_rng(1)
    rows = {model: part.sort_values("instruction") for model, part in frame.groupby("model")}
    gaps = []
    for _ in range(150):
        draw = rng.integers(0, 400, 400)
        drawn = [part.iloc[draw].assign(instruction=[f"i{k:03d}" for k in range(400)]) for part in rows.values()]
        table = length_control.length_controlled(pd.concat(drawn), calibration=None, interval=None).set_index(
            "model"
        )
        gaps.append(table["length_controlled_winrate"]["b"] - table["length_controlled_winrate"]["a"])
    assert (found.high - found.low) / 2 == pytest.approx(1.966 * np.std(gaps, ddof=1), rel=0.12)
    unpaired = np.hypot(*(wide[name].std() / 20 for name in "ab"))
    assert (found.high - found.low) / 2 < 0.8 * 1.966 * unpaired


def test_a_model_that_cannot_be_fitted_has_no_contribution() -> None:
    frame = two_models(n=40)
    frame.loc[frame["model"] == "a", ["length_model", "length_baseline"]] = [100, 50]
    values = length_control.contributions(frame)
    assert values[frame["model"] == "a"].isna().all()
    assert values[frame["model"] == "b"].notna().all()


def test_another_kind_of_interval_level_or_rule_for_errors_is_refused() -> None:
    for option, message in (
        ({"interval": "wald"}, "interval is 'wald'; use one of delta, bootstrap, None"),
        ({"errors": "coerce"}, "errors is 'coerce'; use one of raise, note"),
        ({"level": 95}, "level is 95; give a share"),
    ):
        with pytest.raises(ValueError, match=message):
            length_control.length_controlled(two_models(n=40), **option)


def test_under_the_weakest_penalty_rates_are_those_of_plain_logistic_regression():
    rng = np.random.default_rng(5)
    made = pd.DataFrame({"model": np.repeat(["m", "k"], 300), "instruction": np.tile(np.arange(300), 2)})
    made["length_model"], made["length_baseline"] = rng.integers(50, 400, 600), 200
    odds = 0.4 + (made["length_model"] - 200) / 150
    made["preference"] = 1.0 + (rng.random(600) < 1 / (1 + np.exp(-odds)))
    loose = length_control.loosely_penalised(made)
    for model, part in made.groupby("model"):
        longer = (part["length_baseline"] - part["length_model"]).astype(float)
        design = np.stack([np.tanh(longer / longer.std()), np.ones(300)], axis=1)
        peer = sm.GLM(part["preference"] - 1, design, family=sm.families.Binomial()).fit(tol=1e-12)
        # C is 10,000: the penalty moves the rate by less than a hundredth of a point.
        assert loose[model] == pytest.approx(100 / (1 + np.exp(-peer.params.iloc[1])), abs=0.01)


def test_models_that_cannot_be_fitted_have_no_loose_rate():
    made = pd.DataFrame(
        {"model": "m", "instruction": range(5), "preference": 2.0, "length_model": 1, "length_baseline": 2}
    )
    assert length_control.loosely_penalised(made).empty


def judged_again(n_runs, *, lean, noise, seed=0):
    """Runs of a judge over one model's judgements, each with a leaning of its own; Shape: (n_runs, n)."""
    rng, base = np.random.default_rng(seed), one(FRAME, "model 05")["preference"].to_numpy()
    shift = lean * np.linspace(-1, 1, n_runs)[:, None]
    return np.clip(base + shift + noise * rng.standard_normal((n_runs, len(base))), 1, 2)


@pytest.mark.parametrize(("lean", "noise"), [(0.0, 0.0), (0.0, 0.2), (0.1, 0.1), (0.2, 0.0)])
def test_limits_with_the_judge_are_those_of_runs_that_are_fitted_each_by_itself(lean, noise) -> None:
    runs = judged_again(4, lean=lean, noise=noise)
    frame = one(FRAME, "model 05").assign(preference=runs.mean(axis=0))
    table = length_control.length_controlled(frame).set_index("model")
    found = length_control.judge_limits(frame, runs)
    alone = np.stack([length_control.contributions(frame.assign(preference=run)) for run in runs])
    crossed = intervals.crossed(alone, clusters=frame["instruction"])
    # Wide by the crossed interval of the runs' own fits, on the log-odds scale around the rate of their mean.
    rate, half = table["length_controlled_winrate"]["model 05"] / 100, (crossed.high - crossed.estimate) / 100
    expected = [
        100 / (1 + np.exp(-np.log(rate / (1 - rate)) - side * half / (rate * (1 - rate)))) for side in (-1, 1)
    ]
    np.testing.assert_allclose(found.loc["model 05"], expected, atol=1.5)
    if not lean and not noise:
        np.testing.assert_allclose(found.loc["model 05"], table.loc["model 05", ["lc_low", "lc_high"]], atol=0.2)
    elif lean:
        width = found["lc_judge_high"] - found["lc_judge_low"]
        assert width["model 05"] > 1.1 * (table["lc_high"] - table["lc_low"])["model 05"]


def test_limits_with_the_judge_know_difficulty_and_leave_out_what_a_run_left_unclear(made_up) -> None:
    runs = judged_again(3, lean=0.1, noise=0.1)
    frame = one(FRAME, "model 05").assign(preference=runs.mean(axis=0))
    whole = length_control.judge_limits(frame, runs, calibration=made_up)
    rate = length_control.length_controlled(frame, calibration=made_up)["length_controlled_winrate"][0]
    assert whole["lc_judge_low"]["model 05"] < rate < whole["lc_judge_high"]["model 05"]
    runs[1, :5] = np.nan
    part = length_control.judge_limits(frame, runs, calibration=made_up)
    np.testing.assert_allclose(part, whole, atol=2)
    runs[1, 1:] = np.nan
    assert length_control.judge_limits(frame, runs, calibration=made_up).isna().all(axis=None)
    with pytest.raises(ValueError, match=r"runs have shape \(1, 150\) for 150 judgements; give two runs or more"):
        length_control.judge_limits(frame, runs[:1])
