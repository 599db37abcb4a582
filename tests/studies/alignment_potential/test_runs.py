"""One run of the selection study: candidates, the map of errors, and training on what a metric selects."""

from pathlib import Path

import micro_base
import numpy as np
import pandas as pd
import pytest

from rapo.studies.alignment_potential import runs
from rapo.studies.common import candidates
from rapo.studies.common.candidates import RewardModel
from rapo.world import data

REWARD = {"noise": 1.0, "length_bias": 1.0, "lean": -1.0}
DRAWN = {
    "world": {}, "policy": "on", "prompts": 40, "seed": 3, "answers": 3, "temperature": 0.8, "top_p": 0.95,
}  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of a tiny base and of its answers to 40 prompts."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("base", "candidates")}
    micro_base.base(folders["base"], "llama")
    told = runs.draw_candidates(DRAWN, folders["candidates"], {"base": folders["base"]})
    assert told["prompts"] == 40
    return folders


def test_off_policy_candidates_are_the_annotators(drawn: dict[str, Path], tmp_path: Path) -> None:
    runs.draw_candidates({**DRAWN, "policy": "off"}, tmp_path, drawn)
    found = candidates.read(tmp_path / runs.FILE)
    rows = data.candidates(data.World(), 40, seed=3).to_pylist()
    assert found.texts == [[answer["response"] for answer in row["completions"]] for row in rows]
    own = candidates.read(drawn["candidates"] / runs.FILE)
    assert own.texts != found.texts
    assert [one.text for one in own.questions] == [one.text for one in found.questions]
    assert own.gold.shape == (40, 3)


def test_pairs_are_best_against_worst_by_unrounded_scores(drawn: dict[str, Path]) -> None:
    table = runs.pairs_of({"reward": REWARD, "seed": 3}, drawn)
    own = candidates.read(drawn["candidates"] / runs.FILE)
    scores = RewardModel(**REWARD, seed=3).score(own)
    for pair in table.to_pylist():
        row = int(pair["pair_id"].split("-")[1])
        assert (pair["score_chosen"], pair["score_rejected"]) == (scores[row].max(), scores[row].min())
        assert pair["candidate_scores"] == scores[row].tolist()
    assert (table["score_chosen"].to_numpy() % 1 != 0).all()


def test_the_map_counts_right_labels_over_draws(drawn: dict[str, Path], tmp_path: Path) -> None:
    # A tiny base's answers all score 1, so annotators' stand in.
    (tmp_path / "off").mkdir()
    runs.draw_candidates({**DRAWN, "policy": "off"}, tmp_path / "off", drawn)
    off = {"candidates": tmp_path / "off"}
    axes = {"lean": [-1.0, 0.0], "noise": [1.0], "length_bias": [0.0, 3.0], "draws": 2}
    runs.map_errors({"map": axes, "fraction": 0.4, "seed": 3}, tmp_path, off)
    table = pd.read_parquet(tmp_path / "map.parquet")
    assert len(table) == 4 * 5
    cell = table[(table["lean"] == -1) & (table["length_bias"] == 3)].set_index("metric")
    # The same by hand: gold's sign among the pairs of two reward models, each with noise of its own.
    own = candidates.read(off["candidates"] / runs.FILE)
    rights, agrees = [], []
    for draw in (1, 2):
        model = RewardModel(noise=1.0, length_bias=3.0, lean=-1.0, seed=runs.DRAWS * draw + 3)
        made = candidates.pairs(own, model.score(own), name="x").to_pandas()
        gold = made["gold_score_chosen"] - made["gold_score_rejected"]
        rights.append(100 * (gold[gold != 0] > 0).mean())
        means = made["chosen_logprob_sum"] / made["chosen_tokens"]
        agrees.append(100 * (means > made["rejected_logprob_sum"] / made["rejected_tokens"]).mean())
    assert cell["right"]["uniform"] == pytest.approx(np.mean(rights))
    assert cell["agrees"]["MAP"] == pytest.approx(np.mean(agrees))


@pytest.mark.parametrize(("objective", "kind"), [("dpo", "uf"), ("dpo", "ra"), ("simpo", "uf")])
def test_training_takes_the_selected_pairs(
    objective: str, kind: str, drawn: dict[str, Path], tmp_path: Path
) -> None:
    options = {"learning_rate": 1e-4, "beta": 1.0, "batch_size": 8}
    config = {
        "selection": {"metric": "explicit-margin", "fraction": 0.4}, "arm": {"data": kind}, "reward": REWARD,
        "trainer": objective, "training": options, "seed": 3,
    }  # fmt: skip
    found = runs.train_selected(config, tmp_path, drawn)
    table = runs.pairs_of(config, drawn)
    sizes = np.sort(table["score_chosen"].to_numpy() - table["score_rejected"].to_numpy())[::-1]
    n = int(np.floor(0.4 * len(table) + 0.5))
    assert found["pairs"] == n
    assert found["threshold"] == pytest.approx(sizes[n - 1])
    if kind == "uf":
        assert found["steps"] == -(-n // 8)
    else:  # goals are whole numbers, and pairs of equal ones are left out
        assert found["goals"] <= 10
        assert found["rows"] <= 2 * n
    assert (tmp_path / "model").is_dir()


def test_goals_are_whole_numbers_from_one_to_ten(drawn: dict[str, Path]) -> None:
    table = runs.pairs_of({"reward": {**REWARD, "noise": 9.0}, "seed": 3}, drawn)
    shown = runs.in_whole_scores(table)
    for name in ("score_chosen", "score_rejected"):
        assert set(shown[name].to_pylist()) <= set(range(1, 11))
        clipped = np.clip(np.rint(table[name].to_numpy()), 1, 10)
        assert shown[name].to_numpy().tolist() == clipped.tolist()
    assert shown["gold_score_chosen"].equals(table["gold_score_chosen"])
