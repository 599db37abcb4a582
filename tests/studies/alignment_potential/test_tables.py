"""Tables of the selection study: arithmetic by hand on tiny frames."""

import numpy as np
import pandas as pd
import pytest

from rapo.studies.alignment_potential import tables


def pairs(explicit: list[float], implicit: list[float], gold: list[float], *, seeds: int = 2) -> pd.DataFrame:
    """The same pairs for each seed of one reward model."""
    one = pd.DataFrame({"explicit": explicit, "implicit": implicit, "gold": gold})
    one = one.assign(pair_id=[f"p{i}" for i in range(len(one))])
    one = one.assign(policy="on", architecture="llama")
    return pd.concat([one.assign(seed=seed) for seed in range(seeds)], ignore_index=True)


# Both metrics take half. M+: rows 0, 1 (8, 6); small Mpi: rows 1, 3 (0.1, 0.2).
FOUR = pairs([8, 6, 2, 1], [2.0, 0.1, 1.0, 0.2], [-3, 2, 0, 1])
ONE = tables.models(FOUR)[0]


def test_quadrants_by_hand() -> None:
    shown = tables.placed(ONE, share=0.5)
    assert shown["quadrant"].tolist() == ["M+ alone", "both", "neither", "small Mpi alone"]
    # z(explicit), population: mean 4.25, sd 2.86: 1.31, .61, -.79, -1.14; z(implicit): mean .825, sd .76: 1.54, -.95,
    # .23, -.82. Potential: -.23, 1.56, -1.02, -.32: the first two.
    assert shown["picked"].tolist() == [True, True, False, False]
    table = tables.quadrants(FOUR, share=0.5).set_index(["quadrant", "quantity"])["estimate"]
    assert table["both", "pairs"] == 25
    assert table["both", "label right"] == 100
    assert table["M+ alone", "label right"] == 0
    assert np.isnan(table["neither", "label right"])  # gold holds its only pair equal


def test_contradiction_by_hand() -> None:
    found = tables.contradiction(FOUR, share=0.5)
    assert found["contradiction"].tolist() == [50, 50]  # rows 0 and 3 of four
    assert found["expected"].tolist() == [50, 50]  # 2 * .5 * .5
    # Ranks 4 3 2 1 against 4 1 3 2: squared differences 0 + 4 + 1 + 1 = 6; 1 - 6 * 6 / (4 * 15) = 0.4
    assert found["correlation"].to_numpy() == pytest.approx(0.4)
    assert found["aligned_low"].tolist() == [0, 0]  # row 0 alone is large by both, and MAP takes it


def test_margins_without_spread_have_no_correlation() -> None:
    found = tables.contradiction(pairs([1, 1, 1, 1], [0.1, 0.2, 0.3, 0.4], [1, 1, 1, 1]), share=0.5)
    assert found["correlation"].isna().all()


def test_agreement_by_hand_and_all_pairs_are_all_pairs() -> None:
    found = tables.agreement(FOUR, shares=[0.5, 1.0]).set_index(["metric", "share"])["estimate"]
    assert found["M+", 0.5] == 50  # gold -3 and 2
    assert found["small Mpi", 0.5] == 100  # 2 and 1
    assert all(found[metric, 1.0] == pytest.approx(200 / 3) for metric in tables.METRICS)  # -3, 2, 1; the 0 is out
    gap = tables.agreement_gap(FOUR, "small Mpi", "M+", 0.5)
    assert (gap.estimate, gap.low, gap.high) == (50, 50, 50)


def test_a_second_judge_errs_by_noise_and_length() -> None:
    some = FOUR.assign(words=2)
    drawn = np.random.default_rng(0).standard_normal((200_000, 2, len(ONE))) * 0.7
    prefers = ONE["gold"].to_numpy() + 0.5 * 2 / 10 + drawn[:, 0] - drawn[:, 1] > 0
    share = 100 * prefers.mean(axis=0)
    expected = share[tables.ranked(ONE, "small Mpi", 0.5)].mean() - share[tables.ranked(ONE, "M+", 0.5)].mean()
    found = tables.second_judge_gap(some, "small Mpi", "M+", 0.5, noise=0.7, length_bias=0.5)
    assert found.estimate == pytest.approx(expected, abs=0.3)
    sure = tables.second_judge_gap(some, "small Mpi", "M+", 0.5, noise=1e-6, length_bias=0.0)
    assert sure.estimate == pytest.approx(50, abs=0.1)


def test_weight_nought_is_the_explicit_margin() -> None:
    found = tables.agreement_by_weight(FOUR, share=0.5, weights=[0, 1000.0])["estimate"]
    assert found.tolist() == [50, 100]  # M+ and small Mpi of the test above


def test_a_mean_over_what_is_known() -> None:
    found = tables.mean([1.0, np.nan, 3.0])
    assert (found.estimate, found.n) == (2.0, 2)
    assert np.isnan(tables.mean([np.nan, 3.0]).low)
    assert np.isnan(tables.mean([]).estimate)


def test_noise_is_found_not_invented() -> None:
    # M+ takes rows 0 and 1, MAP rows 1 and 2: row 0 is labelled wrongly and left out.
    frame = pairs([9, 8, 7, 1], [5.0, 0.1, 0.1, 0.1], [-3, 2, 1, 1])
    part = tables.models(frame)[0]
    assert tables.noise_examples(part, share=0.5)["pair_id"].tolist() == ["p0"]
    assert tables.noise_examples(part.assign(gold=1.0), share=0.5).empty
    counted = tables.noise(frame, share=0.5)
    assert counted[["found", "wrong", "right"]].to_numpy().tolist() == [[1, 100, 0]] * 2
    none = tables.noise(frame.assign(gold=1.0), share=0.5)
    assert none["found"].tolist() == [0, 0]
    assert none["wrong"].isna().all()
    assert tables.left_out(counted)["estimate"].tolist() == [100, 0]


def test_one_example_a_quadrant() -> None:
    found = tables.corner_examples(ONE, share=0.5)
    assert found["quadrant"].tolist() == list(tables.QUADRANTS)
    assert found["pair_id"].tolist() == ["p1", "p0", "p3", "p2"]


def answers(values: dict[tuple[str, float], np.ndarray]) -> pd.DataFrame:
    """Gold by (seed, prompt) for each (arm, x) of one study."""
    rows = [
        {"study": "share", "architecture": "llama", "objective": "dpo", "arm": arm, "x": x, "seed": seed,
         "prompt": f"p{prompt}", "gold": value, "label_accuracy": 0.5}
        for (arm, x), matrix in values.items() for seed, row in enumerate(matrix) for prompt, value in enumerate(row)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_gold_and_its_paired_gap() -> None:
    base = np.random.default_rng(0).normal(5, 2, (3, 30))
    frame = answers({("MAP", 0.4): base + 0.5, ("uniform", 0.4): base, ("MAP", 0.2): base + 1.5})
    table = tables.gold(frame, "share")
    assert table["estimate"].to_numpy() == pytest.approx(base.mean() + np.array([0.5, 0, 1.5]))
    assert table["label_accuracy"].tolist() == [50, 50, 50]
    found = tables.gold_gap(frame, "share", "MAP", "uniform")
    assert found.estimate == pytest.approx(1.0)  # (0.5 + 1.5) / 2: averaged over x
    assert found.high - found.low < 1e-9
    table = tables.gold_gaps(frame, "share", "MAP", ["uniform"])
    assert table["group"].tolist() == ["all", "llama, DPO"]


def tuned(*, edge: bool) -> pd.DataFrame:
    return pd.DataFrame({"best": [True, False], "edge": [edge, False]})


def test_ties_of_gold_are_left_out_or_count_as_is_asked() -> None:
    main = pairs(
        [4, 3, 2, 1], [9, 9, 1, 1], [0, 1, 1, -1]
    )  # M+ takes a tie and a right one, small Mpi a right and a wrong
    assert tables.agreement_gap(main, "M+", "small Mpi", 0.5).estimate == pytest.approx(100 - 50)
    assert tables.agreement_gap(main, "M+", "small Mpi", 0.5, ties=0.5).estimate == pytest.approx(75 - 50)
    assert [tables.tied(main, metric, 0.5) for metric in ("M+", "small Mpi")] == [50, 0]


def test_premises_follow_from_figures() -> None:
    main = pairs([1, 2, 3, 4], [1, 1, 1, 1], [1, 1, 1, -1])  # three labels of four are right
    steps = pd.DataFrame({"study": ["base", "metric", "long"], "steps": [np.nan, 64.0, 200.0]})
    found = tables.premises(main, steps, tuned(edge=False))
    assert {name: found[name] for name in ("agreed", "tuned", "long_enough", "longest")} == {
        "agreed": "met", "tuned": "met", "long_enough": "in part", "longest": "met",
    }  # fmt: skip
    assert found["figures"].startswith(
        "Gold confirms 75 % of the labels that it decides (0 % of the pairs it holds equal); 64 steps in one epoch"
    )
    worse = tables.premises(main.assign(gold=[1, -1, 1, -1] * 2), steps.assign(steps=20.0), tuned(edge=True))
    assert (worse["agreed"], worse["tuned"], worse["longest"]) == ("not met", "in part", "not met")
    part = tables.premises(main.assign(gold=[1, 1, 1, 1, -1, 1, 1, 1]), steps, tuned(edge=False))
    assert part["agreed"] == "in part"  # 87.5 %
