"""One run of the selection study: pairs as the paper builds them, scored, selected and trained on."""

from pathlib import Path

import micro_base
import numpy as np
import pyarrow.parquet as pq
import pytest

from rapo.models import tiny
from rapo.studies.alignment_potential import runs
from rapo.studies.common.micro_pairs import pairs
from rapo.world import data

WORLD = {"noise": 1.0, "length_bias": 1.0}


def test_pairs_are_best_against_worst_of_the_candidates() -> None:
    world = data.make_world(WORLD)
    table = pairs(world, 30, seed=2, rule="worst")
    scores = {
        row["prompt_id"]: [answer["overall_score"] for answer in row["completions"]]
        for row in data.candidates(world, 30, seed=2).to_pylist()
    }
    assert len(table) > 20
    for pair in table.to_pylist():
        found = scores[pair["prompt_id"]]
        assert (pair["score_chosen"], pair["score_rejected"]) == (max(found), min(found))
        assert max(found) > min(found)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of a tiny base and of 40 scored pairs."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("base", "scored")}
    micro_base.base(folders["base"], "llama")
    found = runs.score_pairs(
        {"world": WORLD, "pairs": 40, "seed": 3}, folders["scored"], {"base": folders["base"]}
    )
    assert found["pairs"] == len(pq.read_table(folders["scored"] / "pairs.parquet"))
    return folders


def test_scored_pairs_hold_sums_and_counts(scored: dict[str, Path]) -> None:
    table = pq.read_table(scored["scored"] / "pairs.parquet")
    _, tokenizer = tiny.load(scored["base"] / "model")
    for side in ("chosen", "rejected"):
        sums, tokens = (table[f"{side}_{kind}"].to_numpy() for kind in ("logprob_sum", "tokens"))
        # A barely trained model is near uniform: about log(vocabulary) nats a token, never above zero.
        assert (sums < 0).all()
        assert np.abs(sums / tokens + np.log(len(tokenizer))).max() < 2
        words = [len(turns[-1]["content"].split()) for turns in table[side].to_pylist()]
        assert (tokens >= words).all()  # and what closes the turn
        assert (tokens <= np.array(words) + 4).all()


@pytest.mark.parametrize(("objective", "kind"), [("dpo", "uf"), ("dpo", "ra"), ("simpo", "uf")])
def test_training_takes_the_selected_pairs(
    objective: str, kind: str, scored: dict[str, Path], tmp_path: Path
) -> None:
    options = {"learning_rate": 1e-4, "beta": 1.0, "batch_size": 8}
    config = {
        "selection": {"metric": "explicit-margin", "fraction": 0.4}, "arm": {"data": kind},
        "trainer": objective, "training": options, "seed": 3,
    }  # fmt: skip
    found = runs.train_selected(config, tmp_path, scored)
    table = pq.read_table(scored["scored"] / "pairs.parquet")
    sizes = np.sort(table["score_chosen"].to_numpy() - table["score_rejected"].to_numpy())[::-1]
    n = int(np.floor(0.4 * len(table) + 0.5))
    assert found["pairs"] == n
    assert found["threshold"] == sizes[n - 1]
    rows = n * (2 if kind == "ra" else 1)
    assert found["steps"] == -(-rows // 8)
    assert 0 <= found["label_accuracy"] <= 1
    assert (tmp_path / "model").is_dir()
