"""Claims of the study of objectives: one statistic each, and verdicts that follow."""

import pytest
from studies.objectives_and_baselines.test_tables import ANSWERS, TUNING

from rapo.studies.objectives_and_baselines import study
from rapo.studies.objectives_and_baselines.claims import claims

RECIPE = {**study.recipe_of("small"), "run": ["sigmoid", "ipo", "best sft"]}
FOUND = {claim.id: claim for claim in claims({"answers": ANSWERS, "tuning": TUNING}, RECIPE)}


def test_every_objective_and_every_rival_has_its_claim() -> None:
    wanted = {
        "RA-A3", "RA-A3/controls", "RA-A3/mean", "RA-A3/mean-controls", "RA-A3/sigmoid", "RA-A3/sigmoid-g10",
        "RA-A3/ipo", "RA-A3/ipo-g10", "RA-A4", "RA-A4/sigmoid", "RA-A4/ipo", "RA-A4/best-sft",
    }  # fmt: skip
    assert set(FOUND) == wanted


def test_the_claim_of_all_objectives_takes_the_least_gain() -> None:
    assert FOUND["RA-A3"].estimate == pytest.approx(2.0)
    assert FOUND["RA-A3/controls"].estimate == pytest.approx(-0.5)
    assert "(IPO)" in FOUND["RA-A3/controls"].statistic
    assert FOUND["RA-A3/mean-controls"].estimate == pytest.approx(-0.5)  # DPO itself is left out
    assert [FOUND[name].verdict for name in ("RA-A3", "RA-A3/ipo-g10")] == ["holds", "does not hold"]


def test_the_claim_against_all_rivals_takes_the_strongest() -> None:
    assert FOUND["RA-A4"].estimate == pytest.approx(1.0)
    assert "DPO, UF, g=10" in FOUND["RA-A4"].statistic
    assert FOUND["RA-A4/ipo"].estimate == pytest.approx(3.0)  # asked plainly, as tuning says


def test_published_numbers_stand_beside() -> None:
    assert FOUND["RA-A4/ipo"].paper == "LC 56.6 (RA, on-policy) and 46.8, Llama-3-8B"
    assert FOUND["RA-A4/best-sft"].paper == "not told"
    assert {claim.n for claim in FOUND.values()} == {"3 seeds x 20 prompts (many-sided world)"}


def test_what_the_untrained_base_meets_is_told() -> None:
    for name in ("RA-A3", "RA-A3/ipo", "RA-A3/ipo-g10", "RA-A4", "RA-A4/ipo"):
        base = FOUND[name].data["base"]
        assert FOUND[name].base_meets_it is (base["low"] > 0), name
    # Both stand over the same rival, so their difference is that of RA and the base: the same over UF and UF, g=10.
    lead = [FOUND[name].estimate - FOUND[name].data["base"]["estimate"] for name in ("RA-A3/ipo", "RA-A3/ipo-g10")]
    assert lead[0] == pytest.approx(lead[1])
