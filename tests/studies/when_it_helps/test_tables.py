"""The map's arithmetic by hand, and its claims."""

import json

import numpy as np
import pandas as pd
import pytest
from made_up_ladder import LADDER
from scipy import stats

from rapo.studies.when_it_helps import claims as regimes_claims
from rapo.studies.when_it_helps import tables

RECIPE = {
    "seeds": [1, 2, 3],
    "central": {"world": {}},
    "regimes": [
        {"axis": "default", "level": "default"},
        {"axis": "optimum", "level": "none: fewer is better", "world": {"gold": {"peak": 0}}},
        {"axis": "judge noise", "level": "3", "judge": {"noise": 3.0}},
    ],
}
NAMES = ["default", "optimum: none: fewer is better", "judge noise: 3"]
GOLD = {"base": 3.0, "base, g=10": 5.0, "base, g=1": 2.0, "UF": 4.0, "UF, g=10": 5.5, "UF, equal steps": 4.5,
        "UF, equal steps, g=10": 5.2, "RA": 6.0}  # fmt: skip


def answers(shift: dict[str, float]) -> pd.DataFrame:
    """Gold by arm with noise of its own for each (seed, prompt), shared by the arms; RA shifted in each regime."""
    noise = np.random.default_rng(0).normal(0, 1, (3, 20))
    rows = [
        {"regime": name, "axis": name.partition(":")[0], "level": name.partition(": ")[2] or name, "arm": arm,
         "split": split, "seed": seed, "prompt": f"{split}{prompt}", "sentences": 4.0, "parseable": arm != "RA",
         "gold": gold + noise[seed, prompt] + shift.get(name, 0.0) * (arm == "RA")}
        for name in NAMES for arm, gold in GOLD.items() for split in ("tuning", "test")
        for seed in range(3) for prompt in range(20)
    ]  # fmt: skip
    return pd.DataFrame(rows)


PAIRS = pd.DataFrame({"regime": NAMES, "good_rejected": [0.2, 0.3, 0.9], "bad_chosen": [0.3, 0.1, 0.0],
                      "label_right": 0.9, "best_chosen": 0.05, "pairs": 100.0})  # fmt: skip
ANSWERS = answers({"judge noise: 3": -1.0, "optimum: none: fewer is better": 0.25})
GAINS = tables.gains(ANSWERS, PAIRS, RECIPE)


def test_gain_is_over_the_control_that_tuning_prompts_call_best() -> None:
    row = GAINS.set_index("regime").loc["default"]
    assert row["control"] == "UF, g=10"  # 5.5 is the highest of the controls
    assert row["estimate"] == pytest.approx(0.5)  # 6.0 - 5.5; the shared noise cancels
    assert row["high"] - row["low"] < 1e-9
    assert row["naive"] == pytest.approx(2.0)  # 6.0 - 4.0
    assert row["slope"] == pytest.approx(3.0)  # 5.0 - 2.0
    assert row["miss"] == 1.0  # four sentences, three are best
    assert row["unparseable"] == 100.0


def test_the_mean_over_regimes_is_the_same_whether_its_interval_is_over_these_or_over_bases() -> None:
    mean = tables.over_regimes(GAINS["estimate"].tolist()).estimate
    assert tables.over_bases(ANSWERS).estimate == pytest.approx(mean)
    assert mean == pytest.approx(0.25)  # 0.5, -0.5, 0.75


def test_the_choice_of_the_control_does_not_see_the_test_prompts() -> None:
    lucky = ANSWERS.copy()
    lucky.loc[(lucky["arm"] == "UF") & (lucky["split"] == "test"), "gold"] += 100
    assert (tables.gains(lucky, PAIRS, RECIPE)["control"] == "UF, g=10").all()


def test_the_optimum_is_the_regimes_own() -> None:
    assert tables.peak_of(RECIPE, "default") == 3
    assert tables.peak_of(RECIPE, NAMES[1]) == 0
    assert GAINS.set_index("regime").loc[NAMES[1], "miss"] == 4.0
    flat = {"axis": "weight", "level": "0", "world": {"gold": {"weights": {"count": 1.0, "elaboration": 0.0}}}}
    assert tables.peak_of({**RECIPE, "regimes": [flat]}, "weight: 0") is None


def test_overshoot_is_signed_and_only_where_the_optimum_lies_inside() -> None:
    found = tables.overshoots(ANSWERS, RECIPE)
    assert found["name"].unique().tolist() == ["default", "judge noise: 3"]  # where none is best, all are beyond
    assert found["group"].unique().tolist() == ["UF", "UF, equal steps, g=10", "RA"]
    assert (found["estimate"] == 1.0).all()  # four sentences, three are best
    broken = ANSWERS.assign(sentences=np.where(ANSWERS["prompt"] == "test0", np.nan, 2.0))
    # One answer of twenty has none (-3), the others are one short: (-3 - 19) / 20.
    assert tables.overshoot(broken, "default", "RA", 3).estimate == pytest.approx(-1.1)


def test_arms_are_means_of_the_test_prompts() -> None:
    table = tables.arms(ANSWERS).set_index(["regime", "arm"])
    assert table.loc[("default", "RA"), "unparseable"] == 100.0
    assert table.loc[("default", "UF"), "unparseable"] == 0.0
    difference = table["gold"].loc[("judge noise: 3", "RA")] - table["gold"].loc[("judge noise: 3", "UF")]
    assert difference == pytest.approx(1.0)  # 6.0 - 1.0 - 4.0


def test_contrast_with_the_default_is_paired() -> None:
    found = tables.contrast(ANSWERS, "judge noise: 3")
    assert found.estimate == pytest.approx(-1.0)
    assert found.high - found.low < 1e-9
    assert tables.contrasts(ANSWERS)["estimate"].tolist() == pytest.approx([0.25, -1.0])


def test_association_is_spearmans() -> None:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"slope": rng.normal(size=12), "estimate": rng.normal(size=12)})
    found = tables.association(table, "slope")
    assert found.estimate == pytest.approx(stats.spearmanr(table["slope"], table["estimate"]).statistic)
    assert found.low <= found.estimate <= found.high
    assert np.isnan(tables.association(table.assign(slope=1.0), "slope").estimate)


def test_heat_map_takes_the_cells_that_were_measured() -> None:
    cells = tables.heat_map(
        GAINS, {"none": {"0.25": "none: fewer is better"}, "at 3": {"0.25": "default", "1": "gone"}}
    )
    assert cells[["row", "column"]].to_numpy().tolist() == [["none", "0.25"], ["at 3", "0.25"]]
    assert cells["estimate"].tolist() == pytest.approx([0.75, 0.5])


def test_most_alike_looks_at_regimes_of_the_same_base() -> None:
    assert tables.most_alike(GAINS, good_rejected=0.8, bad_chosen=0.0)["regime"] == "judge noise: 3"
    assert (
        tables.most_alike(GAINS, good_rejected=0.3, bad_chosen=0.1)["regime"] == "default"
    )  # another base is nearer


def test_advice_counts_the_regimes() -> None:
    text = tables.advice(GAINS)
    assert "surely ahead in 2 of 3 regimes and surely behind in 1" in text  # +0.5, +0.75, -0.5
    assert "on average +0.25 of 10" in text
    assert "+1.75" in text  # less UF asked plainly: (2 + 2.25 + 1) / 3
    assert "No feature that was looked at goes with the gain" in text  # three regimes have no rank correlation


def test_advice_parts_bases_that_follow_goals_from_those_that_do_not() -> None:
    frame = pd.DataFrame(
        dict.fromkeys(tables.FEATURES, 0.0)
        | {"regime": list("abc"), "estimate": [0.5, -1.0, 0.25], "naive": 1.0, "low": -2.0, "high": 2.0}
        | {"slope": [3.0, 0.5, 1.0]}
    )
    assert tables.by_following(frame).to_numpy().tolist() == [[False, 1, -1, -1, -1], [True, 2, 0.375, 0.25, 0.5]]
    text = tables.advice(frame)
    assert (
        "between being asked for 10 and for 1; regimes: 2) it gains +0.38 on average, from +0.25 to +0.50" in text
    )
    assert (
        "hardly follow goals (less than 1 of 10 between being asked for 10 and for 1; regimes: 1) it gains -1.00"
        in text
    )


def test_advice_names_what_surely_changes_the_gain() -> None:
    moved = pd.DataFrame(
        [("x", "noisy", -0.2, -0.3, -0.1), ("x", "weak", -0.7, -0.9, -0.5), ("x", "few", 0.1, -0.1, 0.3)],
        columns=["group", "name", "estimate", "low", "high"],
    )
    text = tables.advice(GAINS, moved)
    assert "surely less than in the default regime in 'weak' (-0.70), 'noisy' (-0.20)." in text
    assert "In no regime does it gain surely more" in text


def test_advice_names_the_features_that_go_with_the_gain() -> None:
    gain = np.linspace(-1, 1, 12)
    rng = np.random.default_rng(1)
    flat = {name: rng.normal(size=12) for name in tables.FEATURES}
    frame = pd.DataFrame({**flat, "regime": "r", "estimate": gain, "low": gain - 0.1, "high": gain + 0.1, "naive": gain,
                          "slope": gain**3, "unparseable": -gain})  # fmt: skip
    text = tables.advice(frame)
    assert "gold at 10 less at 1) (+1.00, seen before training)" in text
    assert "break the form (%) (-1.00, seen after training)" in text


def test_claims_compare_with_the_default_and_state_their_direction() -> None:
    frames = {"answers": ANSWERS, "gains": GAINS, "ladder": LADDER}
    found = {claim.id: claim for claim in regimes_claims.claims(frames, RECIPE)}
    assert found["RA-map/noise"].direction == "less"
    assert found["RA-map/noise"].verdict == "holds"  # the gain falls by 1 of 10
    assert found["RA-map/interior-optimum"].verdict == "does not hold"  # it rises by a quarter
    assert found["RA-map"].estimate == pytest.approx(0.25)
    assert found["RA-map/overshoot"].estimate == 1.0
    assert "RA-map/rarity" not in found  # not measured here
    assert found["RA-map/ladder-gain"].estimate == pytest.approx(0.5)


def test_without_a_best_number_of_sentences_nothing_overshoots() -> None:
    regimes = [regime for regime in RECIPE["regimes"] if regime["axis"] != "optimum"]
    recipe = {**RECIPE, "central": {"world": {"regime": "many-sided"}}, "regimes": regimes}
    answers_ = ANSWERS[ANSWERS["regime"] != NAMES[1]]
    gains = tables.gains(answers_, PAIRS, recipe)
    assert gains["miss"].isna().all()
    assert tables.overshoots(answers_, recipe).empty
    frames = {"answers": answers_, "gains": gains, "ladder": LADDER.head(0)}
    found = {claim.id for claim in regimes_claims.claims(frames, recipe)}
    assert "RA-map/noise" in found
    assert not {"RA-map/overshoot", "RA-map/miss", "RA-map/ladder", "RA-map/ladder-gain"} & found


def test_the_mean_is_over_every_regime() -> None:
    found = tables.with_mean(GAINS)
    assert found["name"].tolist() == [*NAMES, "mean"]
    assert found["group"].tolist() == ["one regime"] * 3 + ["all regimes"]
    assert found["estimate"].iloc[-1] == pytest.approx(GAINS["estimate"].mean())
    naive = tables.with_mean(GAINS, ["naive", "naive_low", "naive_high"])
    assert naive["estimate"].iloc[-1] == pytest.approx(GAINS["naive"].mean())


def test_check_tells_what_the_map_found(tmp_path, monkeypatch, capsys) -> None:
    from rapo import paths
    from rapo.cli.main import main
    from rapo.reproduction import keep
    from rapo.runs import store

    monkeypatch.setenv("RAPO_ROOT", str(tmp_path))
    row = '{"prompt": "2 + 2 ?", "chosen": "4", "rejected": "5", "score_chosen": 9, "score_rejected": %d}\n'
    file = tmp_path / "pairs.jsonl"
    file.write_text(row % 6 + row % 7)
    assert main(["check", str(file)]) == 0
    assert "micro world" not in capsys.readouterr().out  # nothing is kept
    paths.results().mkdir(parents=True)
    measured = store.store(GAINS, "when_it_helps_gains", scale="small")
    measured.replace(paths.results() / measured.name)
    paths.write_text(paths.results() / store.MANIFEST, json.dumps(keep.listing()))
    assert main(["check", str(file)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "90% good rejected, 0% bad chosen; 'judge noise: 3'): -0.50 of 10" in told  # 6.0 - 1.0 - 5.5
