"""The selection study's plan: what is scored, trained and asked, and what is kept."""

import pyarrow as pa
import pytest

from rapo.studies.alignment_potential import study as potential
from rapo.studies.alignment_potential.tables import METRICS
from rapo.studies.common import arms

RECIPE = potential.recipe_of("small")
PLAN = potential.plan(RECIPE)


def study(name: str) -> list[dict]:
    return [arm for arm in PLAN if arm["study"] == name]


def test_every_metric_meets_every_base_model_and_objective() -> None:
    cells = {(arm["architecture"], arm["objective"], arm["arm"]) for arm in study("metric")}
    assert len(cells) == len(RECIPE["architectures"]) * 2 * len(METRICS) == len(study("metric"))
    assert {arm["rule"]["fraction"] for arm in study("metric")} == {RECIPE["fraction"]}


def test_bases_are_those_of_the_central_study() -> None:
    run = potential.scored_run(RECIPE, "llama", RECIPE["fault"], 1)
    assert run.needs["base"].key == arms.base_run(RECIPE["central"], "llama", 1).key


def test_metric_and_share_studies_share_their_runs() -> None:
    rule = {"metric": "alignment-potential", "fraction": RECIPE["fraction"]}
    (same,) = [arm for arm in study("share") if arm["arm"] == "MAP" and arm["x"] == RECIPE["fraction"]]
    assert same["rule"] == rule
    assert rule in [arm["rule"] for arm in study("metric")]


def test_the_join_compares_equal_pairs_and_equal_steps() -> None:
    joined = {arm["arm"]: arm for arm in study("join")}
    assert {arm["rule"]["fraction"] for arm in joined.values()} == {RECIPE["fraction"]}
    # Relabelling makes two rows of a pair, so one epoch of it is as long as two epochs of the plain pairs.
    rows = {name: arm["epochs"] * (2 if arm["data"] == "ra" else 1) for name, arm in joined.items()}
    assert rows["MAP + RA"] == rows["RA"] == rows["MAP, 2 epochs"] == rows["uniform, 2 epochs"] == 2
    assert {arm["goal"] for arm in joined.values()} == {10}


def test_the_untrained_base_is_asked_plainly_and_for_the_top_score() -> None:
    asked = {(arm["architecture"], arm["goal"]) for arm in potential.bases(RECIPE)}
    assert asked == {(a, goal) for a in RECIPE["architectures"] for goal in (None, 10)}


def test_margins_of_a_table_by_hand() -> None:
    turns = [[{"role": "user", "content": "ask"}]] * 2
    table = pa.table(
        {
            "pair_id": ["a", "b"], "prompt": turns, "chosen": turns, "rejected": turns,
            "score_chosen": [9.0, 4.0], "score_rejected": [1.0, 3.0],
            "gold_score_chosen": [2.0, 5.0], "gold_score_rejected": [6.0, 1.0],
            "chosen_logprob_sum": [-10.0, -8.0], "chosen_tokens": [5, 4],
            "rejected_logprob_sum": [-12.0, -12.0], "rejected_tokens": [4, 4],
        }
    )  # fmt: skip
    found = potential.margins_of(table)
    assert found["explicit"].tolist() == [8.0, 1.0]
    assert found["gold"].tolist() == [-4.0, 4.0]
    assert found["implicit"].tolist() == [1.0, 1.0]  # -10/5 + 12/4, -8/4 + 12/4
    assert found["potential"].tolist() == [1.0, -1.0]  # z-scores of 8 and 1; implicit sizes do not vary
    assert found["prompt"].tolist() == ["ask", "ask"]


def test_kept_results_are_missed_by_name(rapo_root: object) -> None:
    with pytest.raises(FileNotFoundError, match="rapo reproduce"):
        potential.results(scale="small", measure=False, jobs=1)
