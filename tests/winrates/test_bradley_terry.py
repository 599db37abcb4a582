"""Bradley-Terry fits against statsmodels, scikit-learn and closed forms."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from rapo.winrates.bradley_terry import bradley_terry, head_to_head


def simulated(*, n_models=5, n=600, n_features=0, seed=0):
    """Random battles with ties and weights, and random style."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, n_models, n)
    b = (a + rng.integers(1, n_models, n)) % n_models
    strengths, style = rng.normal(size=n_models), rng.normal(size=(n, n_features))
    odds = strengths[a] - strengths[b] + style @ np.linspace(1, -1, n_features)
    outcome = np.where(rng.random(n) < 0.1, 0.5, rng.random(n) < expit(odds))
    names = np.array([f"model {i}" for i in range(n_models)])
    frame = pd.DataFrame({"model_a": names[a], "model_b": names[b], "outcome": outcome.astype(float)})
    frame["weight"] = rng.choice([1.0, 3.0], n)
    design = np.zeros((n, n_models))
    design[np.arange(n), a], design[np.arange(n), b] = 1, -1
    columns = [f"feature {i}" for i in range(n_features)]
    return frame, pd.DataFrame(style, columns=columns), np.hstack([design, style])


@pytest.mark.parametrize("n_features", [0, 3])
def test_maximum_likelihood_is_statsmodels(n_features):
    frame, style, design = simulated(n_features=n_features)
    fit = bradley_terry(frame, style=style if n_features else None, baseline="model 0", n_resamples=0)
    peer = sm.GLM(frame["outcome"], design[:, 1:], family=sm.families.Binomial(), var_weights=frame["weight"]).fit(
        tol=1e-12
    )
    assert_allclose(np.concatenate([fit.strengths[1:], fit.style]), peer.params, atol=1e-6)
    assert fit.strengths[0] == 0


@pytest.mark.parametrize("n_features", [0, 2])
def test_ridge_is_scikit_learns(n_features):
    frame, style, design = simulated(n=80, n_features=n_features)
    fit = bradley_terry(frame, style=style if n_features else None, ridge=2.0, n_resamples=0)
    # A tie is half a win and half a loss.
    rows = np.vstack([design, design])
    labels = np.repeat([1, 0], len(frame))
    weights = np.concatenate([frame["weight"] * frame["outcome"], frame["weight"] * (1 - frame["outcome"])])
    peer = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-10, max_iter=10_000)
    peer.fit(rows[weights > 0], labels[weights > 0], sample_weight=weights[weights > 0])
    assert_allclose(np.concatenate([fit.strengths, fit.style]), peer.coef_[0], atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.05, 0.95), min_size=1, max_size=6))
def test_against_one_baseline_a_win_rate_is_the_mean_outcome(rates):
    frame = pd.DataFrame(
        {"model_a": [f"m{i}" for i in range(len(rates))], "model_b": "base", "outcome": rates},
    )
    fit = bradley_terry(frame, baseline="base", n_resamples=0)
    assert_allclose(fit.strengths[1:], logit(rates), atol=1e-6)
    rates_found = head_to_head(fit)["base"]
    assert_allclose([rates_found[f"m{i}"] for i in range(len(rates))], 100 * np.array(rates), atol=1e-5)


def test_strengths_are_evalicas():
    evalica = pytest.importorskip("evalica", reason="pip install evalica to compare with it")
    frame, *_ = simulated(n=3000)
    winners = {1.0: evalica.Winner.X, 0.5: evalica.Winner.Draw, 0.0: evalica.Winner.Y}
    peer = evalica.bradley_terry(
        frame["model_a"].tolist(),
        frame["model_b"].tolist(),
        [winners[outcome] for outcome in frame["outcome"]],
        weights=frame["weight"].tolist(),
        tolerance=1e-12,
        limit=10_000,
    ).scores
    fit = bradley_terry(frame, n_resamples=0)
    log_scores = np.log(peer[list(fit.models)])
    assert_allclose(fit.strengths, log_scores - log_scores.mean(), atol=1e-6)


def test_published_win_rates(shared_data):
    from rapo.judging import judgements
    from rapo.winrates import battles

    folder = shared_data / "alpaca_eval"
    published = pd.read_csv(folder / "published.csv").rename(columns={"Unnamed: 0": "model"})
    judged = judgements.read(folder / "annotations.parquet")
    fit = bradley_terry(
        battles.from_judgements(judged, baseline="the baseline"), baseline="the baseline", n_resamples=0
    )
    rates = head_to_head(fit)["the baseline"]
    known = published.set_index("model")["win_rate"]
    common = [model for model in fit.models if model in known]
    assert len(common) >= 20
    assert_allclose(rates[common], known[common], atol=1e-3)


def test_swapping_sides_changes_nothing_and_flips_style():
    frame, style, _ = simulated(n_features=2)
    swapped = frame.rename(columns={"model_a": "model_b", "model_b": "model_a"})
    swapped["outcome"] = 1 - frame["outcome"]
    one = bradley_terry(frame, style=style, n_resamples=20)
    other = bradley_terry(swapped, style=-style, n_resamples=20)
    assert_allclose(one.strengths, other.strengths, atol=1e-7)
    assert_allclose(one.style, other.style, atol=1e-7)
    assert_allclose(one.replicates, other.replicates, atol=1e-6)


def test_head_to_head_by_hand():
    # a beats b 3 of 4: log odds ln 3; b beats c 1 of 2: 0. So a beats c 75 % too.
    rows = [("a", "b", 0.75), ("b", "c", 0.5)]
    fit = bradley_terry(pd.DataFrame(rows, columns=["model_a", "model_b", "outcome"]), n_resamples=0)
    assert_allclose(head_to_head(fit).to_numpy(), [[50, 75, 75], [25, 50, 50], [25, 50, 50]], atol=1e-6)
    assert fit.strengths.sum() == pytest.approx(0, abs=1e-9)
    assert fit.n_battles.tolist() == [1, 2, 1]


def test_replicates_spread_as_standard_errors_do():
    frame, style, design = simulated(n=1500, n_features=1)
    fit = bradley_terry(frame.drop(columns="weight"), style=style, baseline="model 0", n_resamples=300)
    peer = sm.GLM(np.rint(frame["outcome"] + 1e-9), design[:, 1:], family=sm.families.Binomial()).fit()
    # Ties make outcomes a little less variable than the binomial, so allow 20 %.
    assert_allclose(fit.replicates[:, 1:].std(axis=0), peer.bse, rtol=0.2)


def test_battles_of_one_instruction_are_drawn_together():
    # Each prompt's verdict four times over: as wide as a quarter of the battles, not half as wide.
    rng = np.random.default_rng(0)
    verdicts = rng.choice([0.0, 1.0], 100)
    frame = pd.DataFrame({"model_a": "a", "model_b": "b", "outcome": verdicts.repeat(4)})
    alone = bradley_terry(frame[::4], baseline="b").replicates[:, 0].std()
    together = bradley_terry(frame.assign(instruction=np.arange(100).repeat(4)), baseline="b")
    assert together.replicates[:, 0].std() == pytest.approx(alone, rel=1e-6)


def test_resamples_without_a_finite_fit_are_counted(caplog):
    # c took one of its two battles: many resamples draw only wins or only losses of c.
    rows = [("a", "b", 1.0), ("a", "b", 0.0)] * 20 + [("c", "a", 1.0), ("c", "a", 0.0)]
    frame = pd.DataFrame(rows, columns=["model_a", "model_b", "outcome"])
    fit = bradley_terry(frame)
    lost = np.isnan(fit.replicates).any(axis=1)
    # Both are drawn with probability about (1 - 1/e)^2 = 0.40, so 120 of 200 are lost.
    assert 90 < lost.sum() < 150
    assert f"{lost.sum()} of 200 resamples" in caplog.text
    assert not np.isnan(bradley_terry(frame, ridge=0.1).replicates).any()


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (
            [("a", "b", 0.5), ("c", "d", 0.5)],
            {},
            r"2 groups that never met, such as \[\['a', 'b'\], \['c', 'd'\]\]",
        ),
        ([("a", "b", 0.5), ("c", "d", 0.5)], {"ridge": 1.0}, "never met"),
        ([("a", "b", 0.5), ("c", "a", 1.0), ("c", "b", 1.0)], {}, "c won or lost every battle .*say --ridge 1"),
        ([("a", "b", 0.5)], {"baseline": "z"}, "baseline 'z' fought no battle; the models are a, b"),
        ([("a", "b", 0.5)], {"ridge": -1.0}, "ridge is -1.0"),
        ([("a", "b", 0.5)], {}, "1 instruction: an interval needs at least two"),
        ([("a", "b", 0.5)], {"style": pd.DataFrame({"length": [1.0, 2.0]})}, "style has 2 rows for 1 battles"),
        ([("a", "b", 0.5)], {"style": pd.DataFrame({"length": [np.nan]})}, "not finite"),
    ],
)
def test_bad_input_is_named(rows, options, message):
    frame = pd.DataFrame(rows, columns=["model_a", "model_b", "outcome"])
    with pytest.raises(ValueError, match=message):
        bradley_terry(frame, **options)


def test_style_that_decides_everything_is_an_error():
    frame, _, _ = simulated()
    frame["outcome"] = np.rint(frame["outcome"])
    style = pd.DataFrame({"length": frame["outcome"] - 0.5})
    with pytest.raises(ValueError, match=r"strengths and style \(length\) decide some battles completely"):
        bradley_terry(frame, style=style, n_resamples=0)
    ridged = bradley_terry(frame, style=style, n_resamples=0, ridge=1.0)
    assert ridged.style[0] > 5
