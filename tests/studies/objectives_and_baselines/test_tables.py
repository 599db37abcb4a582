"""Tables of the study of objectives, from answers with known means."""

import numpy as np
import pandas as pd
import pytest

from rapo.studies.objectives_and_baselines import tables

# Mean gold of every arm; each (seed, prompt) adds the same to all, so that differences are exact.
GOLD = {
    ("sigmoid", "UF"): 5.0, ("sigmoid", "UF, g=10"): 6.0, ("sigmoid", "RA"): 7.0,
    ("ipo", "UF"): 4.0, ("ipo", "UF, g=10"): 6.5, ("ipo", "RA"): 6.0,
    ("best sft", "best"): 5.5, ("best sft", "best, g=10"): 5.0,
    ("base", "base"): 3.0, ("base", "base, g=10"): 5.2,
}  # fmt: skip


def answers_of(gold: dict[tuple[str, str], float]) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(3, 20))
    noise -= noise.mean()
    rows = [
        {"method": method, "arm": arm, "architecture": "llama", "seed": seed, "prompt": f"p{prompt}",
         "gold": mean + noise[seed, prompt], "length": 10, "sentences": np.nan if prompt == 0 else 2.0,
         "parseable": prompt != 0}
        for (method, arm), mean in gold.items()
        for seed in range(3)
        for prompt in range(20)
    ]  # fmt: skip
    return pd.DataFrame(rows)


ANSWERS = answers_of(GOLD)
TUNING = pd.DataFrame(
    [
        ("sigmoid", "UF", 0, 5.0, True), ("sigmoid", "UF, g=10", 1, 5.9, True), ("sigmoid", "UF, g=10", 0, 9.0, False),
        ("sigmoid", "RA", 0, 8.0, True), ("ipo", "UF", 0, 6.1, True), ("ipo", "UF, g=10", 0, 6.0, True),
        ("ipo", "RA", 0, 6.0, True), ("best sft", "best", 0, 5.0, True), ("best sft", "best, g=10", 0, 5.0, True),
    ],
    columns=["method", "arm", "setting", "gold", "best"],
)  # fmt: skip


def test_gaps_are_paired() -> None:
    found = tables.gap(ANSWERS, ("sigmoid", "RA"), ("sigmoid", "UF, g=10"))
    assert [found.estimate, found.low, found.high] == pytest.approx([1.0, 1.0, 1.0])
    gains = tables.gains(ANSWERS, ["sigmoid", "ipo"])
    assert gains["estimate"].tolist() == pytest.approx([2.0, 1.0, 2.0, -0.5])
    assert gains["arm"].tolist() == ["UF", "UF, g=10"] * 2


def test_the_weakest_objective_and_the_mean() -> None:
    name, found = tables.weakest(ANSWERS, ["sigmoid", "ipo"], "UF, g=10")
    assert (name, found.estimate) == ("ipo", pytest.approx(-0.5))
    mean = tables.mean_gap(ANSWERS, ["sigmoid", "ipo"], "UF, g=10")
    assert mean.estimate == pytest.approx((1.0 - 0.5) / 2)


def test_unparseable_answers_count_and_have_no_sentences() -> None:
    found = tables.arms(ANSWERS).set_index(["method", "arm", "metric"])["estimate"]
    assert found["ipo", "RA", "unparseable"] == pytest.approx(5.0)  # 1 of 20
    assert found["ipo", "RA", "sentences"] == pytest.approx(1.9)  # 19 * 2 / 20
    assert found["ipo", "RA", "gold"] == pytest.approx(6.0)


def test_rivals_are_asked_as_the_tuning_prompts_say() -> None:
    asked = tables.asked_best(TUNING)
    assert asked == {"sigmoid": "UF, g=10", "ipo": "UF", "best sft": "best"}  # the first of equals
    rivals = tables.rivals(ANSWERS, TUNING)
    gold = rivals[rivals["quantity"] == "gold"]
    assert gold["method"].tolist() == ["sigmoid", "best sft", "base", "ipo"]
    assert gold["estimate"].tolist() == pytest.approx([6.0, 5.5, 5.2, 4.0])
    lead = rivals[rivals["quantity"] == "lead"]
    assert lead["estimate"].tolist() == pytest.approx([1.0, 1.5, 1.8, 3.0])  # 7 less each


def test_a_method_that_did_not_run_is_named() -> None:
    with pytest.raises(ValueError, match="'kto: RA'; name the method under `run`"):
        tables.gap(ANSWERS, ("kto", "RA"), ("ipo", "RA"))


def test_compute_is_averaged_over_seeds() -> None:
    told = pd.DataFrame(
        [("ipo", "uf", 1, 10, 40, 100, 2), ("ipo", "uf", 2, 12, 48, 140, 2)],
        columns=["method", "data", "seed", "rows", "sequences", "tokens", "steps"],
    )
    assert tables.compute(told).iloc[0].tolist() == ["ipo", "uf", 11.0, 44.0, 120.0, 2.0]


def test_ours_stand_before_what_only_others_published() -> None:
    rivals = tables.rivals(ANSWERS, TUNING)
    ours = rivals[(rivals["quantity"] == "gold") & (rivals["method"] != "base")]
    titles = {"sigmoid": "DPO", "ipo": "IPO", "best sft": "SFT on the best"}
    table = tables.beside_published(ours, titles, {"sigmoid": "DPO", "ipo": "IPO", "best sft": ""})
    assert table["method"].tolist()[:4] == ["DPO", "SFT on the best", "IPO", "SimPO"]
    dpo, best = table.iloc[0], table.iloc[1]
    assert (dpo["asked"], dpo["LC win rate (%)"]) == ("asked for 10", 48.2)
    assert np.isnan(best["LC win rate (%)"])
    assert table.loc[table["method"] == "SimPO", "gold"].isna().all()
