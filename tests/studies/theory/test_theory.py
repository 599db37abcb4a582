"""The two theorems: problems by hand, fits against another solver, rates on data made to have them, samplings."""

from itertools import islice

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

from rapo.claims.claim import Claim
from rapo.studies.theory import claims, problems, rates, sampling, study, tables


def endless(posed: problems.Problem) -> tuple[np.ndarray, np.ndarray]:
    """Expected counts of a million pairs and of their labels."""
    drawn = 1e6 * posed.pair_probability[None]
    return drawn, drawn[:, None, :] * posed.preference


# Problems


def test_tabular_rows_by_hand() -> None:
    posed = problems.problem("tabular", "RA", coverage=0.1)
    # Pairs (i, j), i < j, of scores 1..10: the last is (9, 10). Goals are 9 (first row) and 10 (second row).
    # R(9; 10) = -1/9, R(10; 10) = 0: the first answer wins with probability sigmoid(-1/9); at goal 9 the reverse.
    assert posed.preference[:, -1] == pytest.approx(expit([1 / 9, -1 / 9]))
    # A tabular policy at goal 10 learns from the row at goal 10 alone.
    assert posed.contrasts[0, -1].tolist() == [0] * 10
    assert posed.contrasts[1, -1].tolist() == [0] * 8 + [1, -1]


def test_plain_rows_by_hand() -> None:
    posed = problems.problem("tabular", "UF", coverage=0.1)
    # Scores 1 and 2, a third of a point apart in units of three points.
    assert posed.preference[0, 0] == pytest.approx(expit(-1 / 3))
    assert posed.contrasts[0, 0].tolist() == [1, -1] + [0] * 8


@pytest.mark.parametrize("policy", problems.POLICIES)
@pytest.mark.parametrize("coverage", [0.0, 0.05, 0.5])
def test_pairs_are_draws_without_replacement(policy: str, coverage: float) -> None:
    posed = problems.problem(policy, "RA", coverage=coverage)
    assert posed.pair_probability.sum() == pytest.approx(1)
    # The best answer is in the pair when drawn first, or second after another: c + (1 - c) * c / (1 - other),
    # where the nine others have (1 - c) / 9 each.
    other = (1 - coverage) / 9
    expected = coverage + (1 - coverage) * coverage / (1 - other)
    first, second = np.triu_indices(10, 1)
    best = np.repeat(posed.scores.argmax(axis=1), len(first))
    prompts = len(posed.scores)
    held = (np.tile(first, prompts) == best) | (np.tile(second, prompts) == best)
    assert posed.pair_probability[held].sum() == pytest.approx(expected)


def test_the_wanted_policy_maximises_reward_less_kl() -> None:
    posed = problems.problem("tabular", "RA", coverage=0.1)
    # Reference uniform: pi*(y) is proportional to exp(-((10 - r) / 3)^2).
    weights = np.exp(-(((10 - np.arange(1.0, 11.0)) / 3) ** 2))
    assert np.exp(posed.log_wanted[0]) == pytest.approx(weights / weights.sum())


def test_divergence_by_hand() -> None:
    # KL((1/2, 1/2) || (1/4, 3/4)) = 1/2 ln 2 + 1/2 ln(2/3)
    assert problems.divergence(np.zeros((1, 2)), np.log([[0.25, 0.75]])) == pytest.approx(
        0.5 * np.log(2) + 0.5 * np.log(2 / 3)
    )


def test_an_unknown_problem_is_an_error() -> None:
    with pytest.raises(ValueError, match="policy is 'neural'"):
        problems.problem("neural", "RA", coverage=0.1)
    with pytest.raises(ValueError, match="coverage 1"):
        problems.problem("tabular", "RA", coverage=1.0)


# Fits


@pytest.mark.parametrize(("policy", "coverage"), [("tabular", 0.05), ("log-linear", 0.05), ("log-linear", 0.0)])
def test_with_endless_data_the_optimum_is_found(policy: str, coverage: float) -> None:
    posed = problems.problem(policy, "RA", coverage=coverage)
    theta = rates.fit(posed, *endless(posed), anchor=1e-6)
    assert rates.judged(posed, theta)["suboptimality"] == pytest.approx([0], abs=1e-6)
    assert rates.judged(posed, theta)["shortfall"] == pytest.approx([0])


@pytest.mark.parametrize("policy", problems.POLICIES)
def test_with_endless_data_plain_dpo_tends_to_the_tilted_reference(policy: str) -> None:
    posed = problems.problem(policy, "UF", coverage=0.1)
    theta = rates.fit(posed, *endless(posed), anchor=1e-6)
    tilted = posed.log_reference + posed.sharpness * posed.scores / 3
    left = rates.judged(posed, theta)["suboptimality"][0]
    assert left == pytest.approx(float(problems.divergence(tilted, posed.log_wanted)), rel=1e-3)
    assert left > 0.01
    # No other beta would have served it better.
    others = [
        problems.divergence(posed.log_reference + beta * posed.scores / 3, posed.log_wanted) for beta in (1, 4)
    ]
    assert left < min(others)


def test_the_fit_agrees_with_another_solver() -> None:
    posed = problems.problem("log-linear", "RA", coverage=0.1)
    drawn, preferred = rates.draw_labels(posed, 400, n_seeds=2, rng=np.random.default_rng(0))
    anchor, seed = 0.5, 1

    def objective(theta: np.ndarray) -> float:
        margins = posed.contrasts @ theta
        lost = preferred[seed] * np.logaddexp(0, -margins) + (drawn[seed] - preferred[seed]) * np.logaddexp(
            0, margins
        )
        logits = posed.log_reference + posed.features @ theta
        kl = (np.exp(posed.log_reference) * (posed.log_reference - log_softmax(logits, axis=1))).sum(axis=1).mean()
        return float(lost.sum() / (2 * 400) + anchor / np.sqrt(400) * kl)

    found = minimize(objective, np.zeros(posed.features.shape[-1]), method="BFGS", options={"gtol": 1e-7})
    ours = rates.fit(posed, drawn, preferred, anchor=anchor)[seed]
    assert objective(ours) <= objective(found.x) + 1e-9
    assert ours == pytest.approx(found.x, abs=2e-3)


def test_labels_add_up() -> None:
    posed = problems.problem("tabular", "RA", coverage=0.3)
    drawn, preferred = rates.draw_labels(posed, 1000, n_seeds=3, rng=np.random.default_rng(0))
    assert drawn.sum(axis=1).tolist() == [1000] * 3
    assert (preferred <= drawn[:, None, :]).all()


def test_data_without_the_best_answer_leave_the_tabular_policy_at_the_reference() -> None:
    measured = rates.measure(coverages=[0.0], n_pairs=[50, 5000], n_seeds=2, policies=["tabular"], methods=["RA"])
    posed = problems.problem("tabular", "RA", coverage=0.0)
    expected = float(problems.divergence(posed.log_reference, posed.log_wanted))
    assert measured["suboptimality"].to_numpy() == pytest.approx(np.full(4, expected))


def test_more_pairs_help_and_a_seed_gives_the_same_numbers() -> None:
    run = {"coverages": [0.3], "n_pairs": [100, 10_000], "n_seeds": 4, "policies": ["log-linear"]}
    measured = rates.measure(**run)
    assert measured.equals(rates.measure(**run))
    means = measured.groupby(["method", "n_pairs"])["suboptimality"].mean().unstack()
    assert (means[10_000] < 0.1 * means[100]).all()


# Rates


def test_slopes_of_data_that_have_one() -> None:
    sizes = np.array([50.0, 500.0, 5000.0])
    frame = pd.concat(
        pd.DataFrame(
            {
                "policy": "p",
                "method": "RA",
                "coverage": 0.1,
                "n_pairs": sizes,
                "seed": seed,
                "suboptimality": scale,
            }
        )
        for seed, scale in enumerate([3 * sizes**-0.7, 5 * sizes**-0.9])
    )
    (row,) = tables.slopes(frame).to_dict("records")
    assert row["estimate"] == pytest.approx(-0.8)
    # Slopes -0.7 and -0.9: standard error 0.1, t(0.975, 1 degree) = 12.7062.
    assert row["low"] == pytest.approx(-0.8 - 1.27062, rel=1e-4)


def test_worst_case_by_hand() -> None:
    table = rates.worst_case([1, 2, 3], gaps=np.array([0.5]))
    wrong = 1 - expit(0.5)
    # One comparison: wrong with q. Two: both wrong q^2, or a draw 2 q (1 - q) and a coin: q again.
    # Three: at least two wrong, 3 q^2 (1 - q) + q^3.
    three = 3 * wrong**2 * (1 - wrong) + wrong**3
    assert table["suboptimality"].to_list() == pytest.approx([0.5 * wrong, 0.5 * wrong, 0.5 * three])


# Samplings


def one_problem(features: list[list[float]], optimum: list[float]) -> sampling.Problems:
    phi, theta = np.array([features]), np.array([optimum])
    return sampling.Problems(phi, theta, (phi @ theta[..., None])[..., 0])


def test_squared_updates_by_hand() -> None:
    # One pair, phi = 1, target 2, rate 1/2: theta goes 0, 1, 1.5, so the error goes 1, 1/2, 1/4.
    posed = one_problem([[1.0]], [2.0])
    errors = islice(sampling.path(posed, sampling="uniform", loss="squared", rates=np.array([0.5])), 3)
    assert np.ravel(list(errors)) == pytest.approx([1, 0.5, 0.25])


def test_a_logistic_update_by_hand() -> None:
    # Rates are in units of the inverse curvature, 4: theta = 4 * 0.5 * (sigmoid(2) - sigmoid(0)).
    posed = one_problem([[1.0]], [2.0])
    errors = list(islice(sampling.path(posed, sampling="adversarial", loss="logistic", rates=np.array([0.5])), 2))
    assert errors[1][0, 0] == pytest.approx((2 - 2 * (expit(2) - 0.5)) / 2)


def test_largest_gap_and_largest_pull_take_different_pairs() -> None:
    targets, margins = np.array([[[6.0, 1.0]]]), np.array([[[3.0, 0.0]]])
    rng = np.random.default_rng(0)
    # Gaps 3 and 1; pulls sigmoid(6) - sigmoid(3) = 0.045 and sigmoid(1) - sigmoid(0) = 0.231.
    assert sampling.pick(targets, margins, "adversarial", "logistic", rng).tolist() == [[0]]
    assert sampling.pick(targets, margins, "largest pull", "logistic", rng).tolist() == [[1]]
    assert sampling.pick(targets, margins, "largest pull", "squared", rng).tolist() == [[0]]


def test_orthogonal_pairs_take_one_update_each_or_a_coupon_collectors_time() -> None:
    dimension, problems_ = 6, 400
    phi = np.tile(np.eye(dimension), (problems_, 1, 1))
    posed = sampling.Problems(phi, np.ones((problems_, dimension)), np.ones((problems_, dimension)))
    needed = {
        name: sampling.updates_needed(
            sampling.path(posed, sampling=name, loss="squared", rates=np.array([1.0])), eps=1e-9, steps=1000
        )
        for name in ("adversarial", "uniform")
    }
    assert (needed["adversarial"] == dimension).all()
    # 6 (1 + 1/2 + ... + 1/6) = 14.7 draws on average, standard deviation 6.2.
    assert needed["uniform"].mean() == pytest.approx(14.7, abs=4 * 6.2 / np.sqrt(problems_))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), rate=st.floats(0.1, 1.0), name=st.sampled_from(sampling.SAMPLINGS))
def test_a_small_enough_step_never_leads_away(seed: int, rate: float, name: str) -> None:
    posed = sampling.draw(sampling.Kind(dimension=4, condition=5.0, n_pairs=20), 3, seed=seed)
    longest = (posed.features**2).sum(axis=2).max()
    rates_ = np.array([rate / longest])
    history = np.array(list(islice(sampling.path(posed, sampling=name, loss="squared", rates=rates_), 60)))
    assert (np.diff(history, axis=0) <= 1e-12).all()


def test_kinds_are_drawn_as_described() -> None:
    kind = sampling.Kind(dimension=5, condition=16.0, spread=3.0, noise=0.5, n_pairs=20_000)
    posed = sampling.draw(kind, 2, seed=0)
    eigenvalues = np.linalg.eigvalsh(np.cov(posed.features[0].T))
    assert eigenvalues[-1] / eigenvalues[0] == pytest.approx(16, rel=0.1)
    assert eigenvalues.sum() == pytest.approx(1, rel=0.05)
    exact = (posed.features @ posed.optimum[..., None])[..., 0]
    assert exact.std(axis=1) == pytest.approx([3, 3])
    assert (posed.targets - exact).std(axis=1) == pytest.approx([1.5, 1.5], rel=0.05)


def test_patience_waits_for_slower_rates() -> None:
    errors = np.array([[[1.0, 1.0]], [[0.1, 0.9]], [[0.1, 0.1]], [[0.1, 0.1]]])
    assert sampling.updates_needed(iter(errors), eps=0.5, steps=9, patience=1.0).tolist() == [[1, np.inf]]
    assert sampling.updates_needed(iter(errors), eps=0.5, steps=9, patience=2.0).tolist() == [[1, 2]]


def test_unknown_samplings_and_too_few_steps_are_errors() -> None:
    posed = one_problem([[1.0]], [2.0])
    with pytest.raises(ValueError, match="sampling is 'greedy'"):
        next(sampling.path(posed, sampling="greedy", loss="squared", rates=np.ones(1)))
    with pytest.raises(RuntimeError, match="steps=2"):
        study.compare(losses=["squared"], n_problems=2, steps=2)


def test_compare_finds_the_best_rate_of_each_problem() -> None:
    run = {"losses": ["squared"], "dimensions": [4], "n_problems": 3, "n_draws": 2, "seed": 7}
    measured = study.compare(**run)
    assert sorted(set(measured["sampling"])) == sorted(sampling.SAMPLINGS)
    posed = sampling.draw(sampling.Kind(dimension=4), 3, seed=7)
    adversarial = measured[measured["sampling"] == "adversarial"].set_index("problem")
    each = [
        sampling.updates_needed(
            sampling.path(posed, sampling="adversarial", loss="squared", rates=np.array([rate])),
            eps=0.1,
            steps=300,
        )[:, 0]
        for rate in study.RATES
    ]
    assert adversarial["iterations"].to_list() == np.min(each, axis=0).tolist()


def test_ratios_by_hand() -> None:
    rows = [("uniform", 0, 10.0), ("uniform", 1, 40.0), ("adversarial", 0, 5.0), ("adversarial", 1, 20.0)]
    rows += [("largest pull", 0, 10.0), ("largest pull", 1, 10.0)]
    frame = pd.DataFrame(rows, columns=["sampling", "problem", "iterations"]).assign(loss="squared")
    found = tables.ratios(frame, "iterations", keys=["loss"]).set_index("sampling")
    assert found.loc["adversarial", ["estimate", "low", "high"]].to_list() == pytest.approx([0.5] * 3)
    # Ratios 1 and 1/4: geometric mean 1/2.
    assert found.loc["largest pull", "estimate"] == pytest.approx(0.5)
    assert found.loc["adversarial", ["iterations", "iterations_uniform"]].to_list() == [12.5, 25.0]


def test_errors_and_curves_agree_with_the_path() -> None:
    kind = sampling.Kind(dimension=4, n_pairs=30)
    left = study.error_after(20, kind, noises=[0.0], n_problems=3, seed=1)
    curves = study.curves(20, kind, loss="squared", n_problems=3, keep=10, seed=1)
    last = curves[(curves["update"] == 20) & (curves["sampling"] == "adversarial")].sort_values("problem")
    assert last["error"].to_list() == pytest.approx(left[left["sampling"] == "adversarial"]["error"].to_list())
    assert (curves[curves["update"] == 0]["error"] == 1).all()


# Verdicts


def falling(slope: float, *, level: float = 1.0) -> pd.DataFrame:
    """Sub-optimality that falls with a given slope in every problem, RA's a tenth of plain DPO's."""
    rows = [
        {"policy": policy, "method": method, "coverage": coverage, "n_pairs": size, "seed": seed}
        | {
            "suboptimality": level
            * (1 + 0.01 * seed * size**0.001)
            * (10.0 if method == "UF" else 1.0)
            * size**slope
        }
        for policy in problems.POLICIES
        for method in problems.METHODS
        for coverage in (0.1, 0.0)
        for size in (100, 1000, 10_000)
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


def counted(ratio: float) -> dict[str, pd.DataFrame]:
    """Updates and errors of three problems: as many under every sampling, but ``ratio`` times those of uniform."""
    rows = [
        {"problem": problem, "sampling": name, "loss": "logistic", "dimension": 5, "condition": 1.0,
         "spread": 4.0, "noise": 1.0, "iterations": each, "error": each}
        for problem in range(3)
        for name, each in zip(sampling.SAMPLINGS, (1.0, *2 * [ratio * (1 + problem / 100)]), strict=True)
    ]  # fmt: skip
    return dict.fromkeys(study.FRAMES, pd.DataFrame(rows))


def verdicts(*, slope: float = -1.0, ratio: float = 0.5, worst: pd.DataFrame | None = None) -> dict[str, Claim]:
    measured = falling(slope)
    worst = rates.worst_case([50, 500, 5000], gaps=np.geomspace(1e-3, 10, 301)) if worst is None else worst
    frames = {"rates": measured, "heavy": measured, "beyond": measured, "worst": worst, **counted(ratio)}
    return {claim.id: claim for claim in claims.claims(frames, study.recipe_of("smoke"))}


@pytest.mark.parametrize(("slope", "verdict"), [(-1.0, "holds"), (-0.3, "does not hold")])
def test_the_rate_is_judged_against_one_half(slope: float, verdict: str) -> None:
    found = verdicts(slope=slope)
    assert found["RA-Th"].estimate == pytest.approx(slope, abs=0.01)
    assert [found[name].verdict for name in ("RA-Th", "RA-Th/anchor")] == [verdict, verdict]
    assert found["RA-Th/plain"].verdict == "holds"
    assert found["RA-Th/coverage"].verdict == "does not hold"
    assert found["RA-Th"].n == "3 draws of data at each N"
    assert "N = 100 to 10000; the shallowest of 2 problems" in found["RA-Th"].statistic


def test_the_worst_problem_falls_like_the_root() -> None:
    worst = rates.worst_case([50, 500, 5000], gaps=np.geomspace(1e-3, 10, 301))
    assert verdicts(worst=worst)["RA-Th/tight"].verdict == "holds"
    faster = worst.assign(suboptimality=worst["n_pairs"].astype(float) ** -1)
    assert verdicts(worst=faster)["RA-Th/tight"].verdict != "holds"


@pytest.mark.parametrize(("ratio", "verdict"), [(0.5, "holds"), (1.5, "does not hold")])
def test_samplings_are_judged_against_one(ratio: float, verdict: str) -> None:
    found = verdicts(ratio=ratio)
    names = ("AP-Th", "AP-Th/large-margins", "AP-Th/noise")
    assert [found[name].verdict for name in names] == [verdict] * 3
    assert found["AP-Th/noise"].n == "3 problems"
    assert f"smallest ratio {1.00997 * ratio:.2f}" in found["AP-Th"].note
