"""Toy policies: closed forms by hand, descent against solvers, the paper's tables, carry-over to goal 10."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from rapo.studies.common import policies
from rapo.studies.toy_policies import claims, examples, paths, solutions, tables, transfer
from rapo.studies.toy_policies.examples import LEARNED, UNLEARNED
from rapo.studies.toy_policies.solutions import dpo_limit, dpo_path, hard_margin, reward_optimum, reward_path

UNIFORM = np.log(np.full((1, 3), 1 / 3))
seeds = st.integers(0, 2**31)


# Policies and the loss


def test_probabilities_by_hand() -> None:
    # ref = (1/4, 3/4), theta = (ln 3, 0): weights 1/4 * 3 and 3/4, so one half each.
    theta, reference = np.array([np.log(3), 0.0]), np.log([0.25, 0.75])
    assert policies.probabilities(theta, policies.tabular(1, 2), reference) == pytest.approx(
        np.array([[0.5, 0.5]])
    )


def test_dpo_loss_by_hand() -> None:
    # log-ratios differ by ln 3 / beta, so the margin is ln 3 and -log sigmoid(ln 3) = -log(3/4).
    contrasts = policies.differences(policies.tabular(1, 2), [(0, 0, 1)])
    theta = np.array([np.log(3) / 0.1, 0.0])
    assert policies.dpo_loss(theta, contrasts, beta=0.1) == pytest.approx(-np.log(0.75))


@settings(deadline=None)
@given(seed=seeds, beta=st.floats(0.05, 2.0))
def test_the_gradient_is_that_of_finite_differences(seed: int, beta: float) -> None:
    rng = np.random.default_rng(seed)
    theta, contrasts = rng.normal(size=4), rng.normal(size=(5, 4))
    steps = 1e-6 * np.eye(4)
    slope = [
        (
            policies.dpo_loss(theta + step, contrasts, beta=beta)
            - policies.dpo_loss(theta - step, contrasts, beta=beta)
        )
        / 2e-6
        for step in steps
    ]
    assert policies.dpo_gradient(theta, contrasts, beta=beta) == pytest.approx(np.array(slope), abs=1e-8)


@settings(deadline=None)
@given(seed=seeds, beta=st.floats(0.05, 2.0))
def test_the_normalised_gradient_points_the_same_way(seed: int, beta: float) -> None:
    rng = np.random.default_rng(seed)
    theta, contrasts = rng.normal(size=4), rng.normal(size=(5, 4))
    pull = 1 / (1 + np.exp(beta * contrasts @ theta))
    scaled = policies.dpo_gradient(theta, contrasts, beta=beta) * len(contrasts) / (beta * pull.sum())
    assert policies.normalised_gradient(theta, contrasts, beta=beta) == pytest.approx(scaled)


def test_the_normalised_gradient_survives_margins_that_underflow() -> None:
    gradient = policies.normalised_gradient(np.array([1e6, 0.0]), np.array([[1.0, -1.0]]), beta=1.0)
    assert gradient.tolist() == [-1.0, 1.0]


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(ValueError, match="no comparisons"):
        policies.differences(policies.tabular(1, 2), [])


def test_goal_reward_by_hand() -> None:
    # -(9-9)^2, -(9-1)^2, -(9-0)^2 and -(1-9)^2, -(1-1)^2, -(1-0)^2
    reward = policies.goal_reward(np.array([9.0, 1.0, 0.0]), np.array([9.0, 1.0]))
    assert reward.tolist() == [[0, -64, -81], [-64, 0, -1]]


def test_mixed_coordinates_express_the_same_policies() -> None:
    plain = policies.tabular(2, 3)
    (mixed,) = policies.mixed(plain, n_draws=1, seed=3)
    wanted = np.random.default_rng(0).normal(size=6)
    theta = np.linalg.solve(mixed.reshape(6, 6), wanted)
    same = policies.probabilities(theta, mixed, UNIFORM[0])
    assert same == pytest.approx(policies.probabilities(wanted, plain, UNIFORM[0]))


# Optima


def test_hard_margin_by_hand() -> None:
    # Shortest theta with theta1 - theta3 >= 1 and theta2 - theta3 >= 1: both tight and the sum zero,
    # so theta1 = theta2 = s and theta3 = -2 s with 3 s = 1.
    contrasts = policies.differences(policies.tabular(1, 3), [(0, 0, 2), (0, 1, 2)])
    assert hard_margin(contrasts) == pytest.approx(np.array([1 / 3, 1 / 3, -2 / 3]))


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_hard_margin_agrees_with_a_quadratic_programme(seed: int) -> None:
    rng = np.random.default_rng(seed)
    separator, rows = rng.normal(size=3), rng.normal(size=(6, 3))
    contrasts = rows * np.sign(rows @ separator)[:, None]
    start = separator / (contrasts @ separator).min()
    constraint = {"type": "ineq", "fun": lambda theta: contrasts @ theta - 1, "jac": lambda theta: contrasts}
    found = minimize(
        lambda theta: theta @ theta / 2, start, jac=lambda theta: theta, constraints=constraint, method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-14},
    )  # fmt: skip
    exact = hard_margin(contrasts)
    assert (contrasts @ exact).min() >= 1 - 1e-6
    # SLSQP may stop short of the optimum; it is never below it.
    assert exact @ exact <= found.x @ found.x * (1 + 1e-6)
    if found.success:
        assert exact == pytest.approx(found.x, rel=1e-3, abs=1e-4 * np.linalg.norm(found.x))


def test_contradicting_pairs_have_no_margin() -> None:
    contrasts = policies.differences(policies.tabular(1, 2), [(0, 0, 1), (0, 1, 0)])
    with pytest.raises(ValueError, match="contradict each other"):
        hard_margin(contrasts)


def test_answers_that_tie_share_the_limit_as_in_the_reference() -> None:
    features, reference = policies.tabular(1, 3), np.log([0.2, 0.6, 0.2])
    contrasts = policies.differences(features, LEARNED.comparisons())
    # 0.2 : 0.6 on y1 and y2 is 1/4 : 3/4.
    assert dpo_limit(features, contrasts, reference) == pytest.approx(np.array([[0.25, 0.75, 0.0]]))


@settings(deadline=None)
@given(seed=seeds, beta=st.floats(0.2, 5.0))
def test_no_other_policy_has_more_reward_less_kl(seed: int, beta: float) -> None:
    rng = np.random.default_rng(seed)
    reward, reference, other = (
        rng.normal(size=(2, 4)),
        np.log(rng.dirichlet(np.ones(4))),
        rng.dirichlet(np.ones(4), 2),
    )

    def value(policy: np.ndarray) -> np.ndarray:
        return (policy * (reward - beta * (np.log(policy) - reference))).sum(axis=1)

    assert (value(reward_optimum(reward, reference, beta=beta)) >= value(np.maximum(other, 1e-12)) - 1e-9).all()


def test_without_kl_the_best_answers_share_the_mass() -> None:
    policy = reward_optimum(np.array([[1.0, 1.0, 0.0]]), np.log([0.1, 0.3, 0.6]))
    assert policy == pytest.approx(np.array([[0.25, 0.75, 0.0]]))


def test_ascent_reaches_the_optimum_of_reward_less_kl() -> None:
    reward, reference = np.array([[0.0, -1.0, -4.0]]), np.log([[0.2, 0.3, 0.5]])
    path = reward_path(np.zeros((1, 1, 3)), reward, reference, steps=200, beta=0.5)
    assert path[0, 0] == pytest.approx(np.exp(reference))
    assert path[-1, 0] == pytest.approx(reward_optimum(reward, reference[0], beta=0.5), abs=1e-12)


# RA-T1 and RA-T2


def test_relabelled_pairs_by_hand() -> None:
    # Goals 9, 1, 0. y1 > y3 gives (9: y1 > y3) and (0: y3 > y1); y2 > y3 gives (1: y2 > y3) and (0: y3 > y2).
    assert LEARNED.goals == (9, 1, 0)
    assert LEARNED.relabelled() == [(0, 0, 2), (2, 2, 0), (1, 1, 2), (2, 2, 1)]


def test_relabelled_pairs_never_compare_the_first_two_answers() -> None:
    assert all({better, worse} != {0, 1} for _, better, worse in LEARNED.relabelled())
    # By R, goal 9 orders y1 > y2 > y3, goal 1 y2 > y3 > y1, goal 0 y3 > y2 > y1: three comparisons each.
    everything = LEARNED.every_comparison()
    assert len(everything) == 9
    assert {(0, 0, 1), (1, 1, 0)} <= set(everything)
    assert set(LEARNED.relabelled()) <= set(everything)


@pytest.mark.parametrize("a", [0.0, 0.3, 0.9])
def test_at_goal_9_any_split_of_the_first_two_answers_has_no_loss(a: float) -> None:
    contrasts = policies.differences(policies.tabular(1, 3), [(0, 0, 2)])
    policy = np.array([1 - a, max(a, 1e-300), 1e-300])
    assert policies.dpo_loss(np.log(policy) - UNIFORM[0], contrasts, beta=0.1) < 1e-6


@pytest.mark.parametrize("example", [UNLEARNED, LEARNED], ids=lambda example: example.name)
def test_everything_ends_at_the_papers_tables(example: examples.Example) -> None:
    found = examples.solved(example, n_starts=20, steps=1500, beta=0.05, seed=1)
    plain, conditioned, reward = (found[name] for name in ("plain", "conditioned", "reward"))
    for way in ("exact", "descent"):
        assert examples.distance(getattr(plain, way), (example.unconditioned,)).max() < 1e-3
        assert examples.distance(getattr(conditioned, way), example.conditioned).max() < 1e-3
        assert examples.distance(getattr(reward, way), example.conditioned).max() < 1e-3
    assert plain.exact == pytest.approx(plain.descent, abs=1e-3)


def test_plain_dpo_splits_the_mass_by_the_reference() -> None:
    solved = examples.trained(LEARNED, LEARNED.comparisons(), n_starts=50, steps=1500, seed=2)
    reference = np.exp(policies.random_references(50, 3, seed=2))
    share = reference[:, 1] / reference[:, :2].sum(axis=1)
    assert solved.descent[:, 0, 1] == pytest.approx(share, abs=1e-3)
    assert np.ptp(share) > 0.5


def test_coordinates_can_send_the_relabelled_pair_to_the_wrong_answer() -> None:
    # One parameter, features 1, 2, 0: raising y1 over y3 raises y2 twice as much.
    features = np.array([[[1.0], [2.0], [0.0]]])
    contrasts = policies.differences(features, [(0, 0, 2)])
    assert dpo_limit(features, contrasts, UNIFORM[0]).tolist() == [[0.0, 1.0, 0.0]]
    theta = dpo_path(np.zeros((1, 1)), contrasts, steps=500)[-1]
    assert policies.probabilities(theta, features, UNIFORM)[0, 0, 1] > 0.999


def test_comparing_all_answers_fixes_the_table_under_any_coordinates() -> None:
    run = {"n_draws": 60, "steps": 1000, "seed": 5}
    everything = examples.recoordinated(LEARNED, LEARNED.every_comparison(), **run)
    pairs = examples.recoordinated(LEARNED, LEARNED.relabelled(), **run)
    assert examples.distance(everything.exact, LEARNED.conditioned).max() < 1e-6
    assert examples.distance(everything.descent, LEARNED.conditioned).max() < 1e-3
    assert (examples.distance(pairs.exact, LEARNED.conditioned) > 0.99).mean() > 0.1


def test_distance_leaves_out_what_the_paper_leaves_open() -> None:
    assert examples.distance(np.array([[0.4, 0.5, 0.1]]), ((None, None, 0.0),)) == pytest.approx(0.1)


# On the way


def test_paths_begin_at_the_reference_and_keep_the_steps_asked_for() -> None:
    run = {"panels": ["UF"], "n_starts": 3, "steps": [0, 5, 20], "seed": 4}
    walks = paths.from_references(LEARNED, LEARNED.comparisons(), **run)
    first = walks[walks["step"] == 0][["y1", "y2", "y3"]].to_numpy()
    assert first == pytest.approx(np.exp(policies.random_references(3, 3, seed=4)))
    assert sorted(set(walks["step"])) == [0, 5, 20]
    assert walks.pivot(index="start", columns="step", values="y3").diff(axis=1).iloc[:, 1:].lt(0).all(axis=None)


def test_bands_are_quantiles_over_starts() -> None:
    walks = pd.DataFrame({"panel": "UF", "start": range(5), "step": 1, "y2": [0.0, 0.1, 0.2, 0.3, 0.4]})
    (row,) = tables.bands(walks, "y2").to_dict("records")
    # 5 % of the way along four gaps of 0.1 is 0.02.
    assert (row["estimate"], row["low"], row["high"], row["n"]) == pytest.approx((0.2, 0.02, 0.38, 5))


def test_plain_descent_closes_the_split_like_the_cube_root_of_steps() -> None:
    run = {"n_starts": 4, "steps": [0, 2000, 16000], "beta": 0.1, "rate": 20.0, "seed": 0}
    split = paths.split(LEARNED, **run).pivot(index="steps", columns="start", values="a")
    logits = np.log(split / (1 - split)).abs()
    # Eight times the steps halve the log-odds of y1 and y2 towards the reference's, 0.
    assert (logits.loc[16000] / logits.loc[2000]).to_numpy() == pytest.approx(np.full(4, 0.5), abs=0.05)


# Ridge


def test_the_solver_agrees_with_scikit_learn_and_with_descent() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    contrasts, ridge = rng.normal(size=(60, 4)) + 0.3, 0.01
    solved = solutions.solve(contrasts, ridge=ridge)
    # scikit-learn wants two classes: each contrast, and its mirror image with the other label.
    twice, labels = np.vstack([contrasts, -contrasts]), np.repeat([1, 0], 60)
    peer = LogisticRegression(C=1 / (120 * ridge), fit_intercept=False, tol=1e-10, max_iter=5000).fit(
        twice, labels
    )
    assert solved == pytest.approx(peer.coef_[0], abs=1e-5)
    assert solutions.descend(contrasts, ridge=ridge, steps=3000) == pytest.approx(solved, abs=1e-6)


# RA-T3


SKILLS = transfer.Skills()


def test_the_best_answer_is_rare_and_in_no_pair() -> None:
    scores, reference = SKILLS.scores, np.exp(SKILLS.log_reference)
    assert reference.sum() == pytest.approx(1)
    assert reference[scores == 10].tolist() == [pytest.approx(1 / 512)]
    pairs = SKILLS.pairs(500, seed=0)
    assert pairs.shape == (500, 2)
    assert (scores[pairs[:, 0]] > scores[pairs[:, 1]]).all()
    assert scores[pairs].max() < 10


def test_the_goal_conditioned_reward_is_linear_in_the_shared_features() -> None:
    # Solve for theta and one constant a goal: nothing must be left over.
    features = SKILLS.features()
    reward = policies.goal_reward(SKILLS.scores, transfer.GOALS)
    constants = np.repeat(np.eye(10), features.shape[1], axis=0)
    design = np.hstack([features.reshape(-1, features.shape[-1]), constants])
    theta = np.linalg.lstsq(design, reward.ravel())[0]
    assert design @ theta == pytest.approx(reward.ravel(), abs=1e-8)


def test_relabelled_comparisons_keep_the_goals_asked_for() -> None:
    scores = np.array([9.0, 3.0, 8.0])
    rows = transfer.relabelled(np.array([[0, 1], [2, 1]]), scores, goals=(8, 9))
    assert rows == [(8, 0, 1), (7, 2, 1)]


def test_sparse_contrasts_equal_dense_ones() -> None:
    rows = [(8, 0, 3), (0, 2, 1)]
    dense = policies.differences(policies.tabular(10, 4), rows)
    assert transfer.tabular_differences(rows, 4).toarray().tolist() == dense.tolist()


@pytest.fixture(scope="module")
def carried() -> pd.DataFrame:
    return transfer.carry_over(SKILLS, n_seeds=2, n_pairs=300, ridge=1e-3, steps=2500)


@pytest.fixture(scope="module")
def summary(carried: pd.DataFrame) -> pd.DataFrame:
    return tables.summarise(carried)


def test_solver_and_descent_give_the_same_policies(summary: pd.DataFrame) -> None:
    wide = summary.pivot(index=["arm", "seed", "goal"], columns="how", values="mean_score")
    assert wide["descent"].to_numpy() == pytest.approx(wide["exact"].to_numpy(), abs=1e-3)


def test_only_shared_features_carry_over(summary: pd.DataFrame) -> None:
    at_ten = summary[(summary["goal"] == 10) & (summary["how"] == "exact")].groupby("arm")[
        ["mean_score", "p_best"]
    ]
    means = at_ten.mean()
    # The tabular policy stays at the reference: mean score 1 + 9 / 2, best answer 1 / 512.
    assert means.loc["RA, tabular"].to_list() == pytest.approx([5.5, 1 / 512])
    assert means.loc["RA, goals 8 and 9", "p_best"] > 0.3
    assert means.loc["RA, goals 1 to 9", "mean_score"] > 6.5


def test_in_the_limit_the_mean_score_is_the_goal(summary: pd.DataFrame) -> None:
    limit = summary[(summary["how"] == "limit") & (summary["arm"] == "RA, goals 1 to 9")]
    assert limit["mean_score"].to_numpy() == pytest.approx(limit["goal"].to_numpy(), abs=1e-6)


def test_plain_dpo_has_one_policy_for_every_goal(summary: pd.DataFrame) -> None:
    plain = summary[(summary["arm"] == "UF, same features") & (summary["how"] == "exact")]
    assert plain.groupby("seed")["mean_score"].agg(np.ptp).max() < 1e-12


# Tables and verdicts


def test_written_and_side_by_side() -> None:
    assert tables.written(np.array([[0.25, 0.75], [0.25, 0.75]])) == "(0.25, 0.75)"
    solved = examples.Solved(np.array([[[1.0, 0.0]]]), np.array([[[1.0, 0.0]]]))
    two = examples.Solved(np.eye(2)[None], np.eye(2)[None])
    table = tables.side_by_side(UNLEARNED, plain=solved, conditioned=two, reward=two)
    assert table["paper"].tolist() == ["(1, 0)", "(1, 0)", "(0, 1)"]
    assert table["by descent"].tolist() == table["paper"].tolist()


def test_shares_count_starts_that_give_the_papers_answer() -> None:
    policy = np.stack([np.eye(3), np.eye(3)[[1, 0, 2]]])
    table = tables.shares(LEARNED, {"pairs": examples.Solved(policy, policy)})
    assert table["estimate"].tolist() == [0.5, 0.5, 1.0]
    assert table["n"].tolist() == [2, 2, 2]


def ended(table: ArrayLike, *, n: int = 40) -> examples.Solved:
    """Policies that end at a table from every start."""
    policy = np.tile(np.array(table, dtype=float), (n, 1, 1))
    return examples.Solved(policy, policy)


def test_verdicts_are_read_off_the_policies(carried: pd.DataFrame, summary: pd.DataFrame) -> None:
    two, three = np.eye(2), np.eye(3)
    frames = {
        "carry_over": carried,
        "RA-T1": {"plain": ended([[1, 0]]), "conditioned": ended(two), "reward": ended(two)},
        "RA-T2": {"plain": ended([[0.3, 0.7, 0]]), "conditioned": ended(three), "reward": ended(three)},
        "coordinates": ended(three[[1, 0, 2]]),
    }
    found = {claim.id: claim for claim in claims.claims(frames, {})}
    assert [found[name].verdict for name in ("RA-T1", "RA-T2")] == ["holds", "holds"]
    assert not found["RA-T1"].could_fail  # known in closed form
    assert "0.70 to 0.70" in found["RA-T2"].note
    assert found["RA-T2/pairs-alone"].verdict == "does not hold"
    assert found["RA-T3/follows"].verdict == "holds"
    at_ten = summary[(summary["how"] == "exact") & (summary["goal"] == 10)].pivot(
        index="seed", columns="arm", values="p_best"
    )
    expected = (at_ten["RA, goals 8 and 9"] - at_ten["RA, tabular"]).mean()
    assert found["RA-T3"].estimate == pytest.approx(expected)
    swapped = {**frames, "RA-T1": {**frames["RA-T1"], "conditioned": ended(two[::-1])}}
    assert claims.claims(swapped, {})[0].verdict == "does not hold"  # a policy off the table
