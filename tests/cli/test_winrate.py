"""`rapo winrate`: what it prints and what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest
from official import calibration_file

from rapo.cli import main as cli
from rapo.studies.winrates import simulation
from rapo.winrates import length_control, plain

MADE = simulation.judgements(n_models=6, n_instructions=60, seed=1).judgements


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "made.parquet"
    MADE.assign(baseline="base").to_parquet(path)
    return str(path)


def run(capsys, *words: str) -> tuple[int, str, str]:
    status = cli.main(["winrate", *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_json_has_alpaca_evals_names(capsys, file) -> None:
    status, out, _ = run(capsys, file, "--json")
    rows = json.loads(out)
    assert status == 0
    assert [list(row) for row in rows] == [["model", *plain.COLUMNS]] * 6
    expected = plain.win_rates(MADE)
    assert [row["win_rate"] for row in rows] == expected["win_rate"].tolist()
    assert isinstance(rows[0]["n_wins"], int)


def test_length_controlled_json_and_its_calibration_by_default(capsys, file, tmp_path) -> None:
    status, out, _ = run(capsys, file, "--length-controlled", "--json")
    rows = json.loads(out)
    assert status == 0
    controlled = ["length_controlled_winrate", "lc_standard_error", "lc_low", "lc_high"]
    assert list(rows[0]) == ["model", *plain.COLUMNS, *controlled]
    pool = length_control.length_controlled(MADE, calibration="pool")
    assert [row["lc_low"] for row in rows] == pytest.approx(pool["lc_low"].tolist())
    assert [row["model"] for row in rows] == pool["model"].tolist()
    np.testing.assert_allclose(
        [row["length_controlled_winrate"] for row in rows], pool["length_controlled_winrate"]
    )
    path = calibration_file(tmp_path / "c.csv", n=60)
    _, out, _ = run(capsys, file, "--length-controlled", "--calibration", str(path), "--json")
    known = length_control.length_controlled(MADE, calibration=path)
    np.testing.assert_allclose(
        [row["length_controlled_winrate"] for row in json.loads(out)], known["length_controlled_winrate"]
    )


def test_what_is_unknown_is_null(capsys, file) -> None:
    _, out, _ = run(capsys, file, "--length-controlled", "--calibration", "none", "--json")
    # Without difficulty every prediction is the same: AlpacaEval's error has no value.
    assert {row["lc_standard_error"] for row in json.loads(out)} == {None}


def test_the_table_says_how_it_was_made(capsys, file) -> None:
    _, out, _ = run(capsys, file, "--length-controlled")
    assert "model 06" in out
    assert "preferences read as 1..2" in out
    assert "length_controlled_noreg, calibration: a pool of 6 models" in out


def test_what_the_penalty_does_to_few_judgements_is_told_with_numbers(capsys, file, tmp_path) -> None:
    few = simulation.judgements(n_models=6, n_instructions=40, seed=1).judgements
    few.to_parquet(tmp_path / "few.parquet")
    _, out, _ = run(capsys, str(tmp_path / "few.parquet"), "--length-controlled")
    loose = length_control.loosely_penalised(few, calibration="pool")
    out = " ".join(out.split())  # lines wrap
    assert "moves 5 of 6 LC win rates by more than 1 point; 1 of them to exactly 50" in out
    assert f"model 06: 50.00 from 40 judgements; hardly penalised {loose['model 06']:.2f} (C = 0.0001" in out
    _, _, err = run(capsys, str(tmp_path / "few.parquet"), "--length-controlled", "--json")
    assert "which shrinks to 50" in err
    # 60 judgements of a model that wins three of four are enough for the fit to leave it alone.
    clear = few[few["model"] == "model 05"]
    lengths = {"length_model": [90, 110] * 30, "length_baseline": 100}
    clear = pd.DataFrame(
        {"model": "m", "instruction": range(60), "preference": ([2.0] * 6 + [1.0] * 2) * 7 + [2.0] * 4}
    )
    clear.assign(**lengths).to_parquet(tmp_path / "clear.parquet")
    _, out, _ = run(capsys, str(tmp_path / "clear.parquet"), "--length-controlled", "--calibration", "none")
    assert "shrinks" not in out


def test_alpaca_evals_own_baseline_asks_for_the_official_file(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "h"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    MADE.assign(baseline="gpt4_1106_preview").to_csv(tmp_path / "a.csv", index=False)
    status, _, err = run(capsys, str(tmp_path / "a.csv"), "--length-controlled")
    assert status == 2
    assert "hf download tatsu-lab/alpaca_eval df_gamed.csv" in err


def test_other_columns_and_encodings_are_told(capsys, tmp_path) -> None:
    frame = pd.DataFrame({"bot": ["x", "y"], "task": [1, 1], "winner": ["A", "tie"]})
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    names = ["--column", "model=bot", "--column", "instruction=task", "--column", "preference=winner"]
    status, _, err = run(capsys, str(tmp_path / "a.jsonl"), *names)
    assert status == 2
    assert "say how preferences are encoded" in err
    status, out, _ = run(capsys, str(tmp_path / "a.jsonl"), *names, "--encoding", "A/B/tie", "--json")
    assert status == 0
    assert [(row["model"], row["win_rate"]) for row in json.loads(out)] == [("y", 50.0), ("x", 0.0)]


def test_by_compares_the_values_of_other_columns(capsys, tmp_path) -> None:
    MADE.assign(half=np.where(MADE["instruction"] < 30, "first", "second")).to_csv(tmp_path / "a.csv", index=False)
    _, out, _ = run(capsys, str(tmp_path / "a.csv"), "--by", "model,half", "--json")
    rows = {row["model"]: row for row in json.loads(out)}
    assert len(rows) == 12
    assert rows["model 01 / first"]["n_total"] == 30
    _, out, _ = run(capsys, str(tmp_path / "a.csv"), "--by", "half", "--duplicates", "keep", "--json")
    assert {row["model"]: row["n_total"] for row in json.loads(out)} == {"first": 180, "second": 180}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--calibration", "pool"], "belong to --length-controlled"),
        (["--match", "position"], "belong to --length-controlled"),
        (["--column", "model"], "write NAME=SOURCE"),
        (["--length-controlled", "--calibration", "none.csv"], "no calibration file none.csv"),
    ],
)
def test_mistakes_are_told_in_one_line(capsys, file, words, message) -> None:
    status, out, err = run(capsys, file, *words)
    assert status == 2
    assert out == ""
    assert message in err


def test_models_that_cannot_be_fitted_are_noted(capsys, tmp_path) -> None:
    few = MADE[(MADE["model"] != "model 01") | (MADE["instruction"] < 5)]
    few.to_csv(tmp_path / "a.csv", index=False)
    status, out, _ = run(capsys, str(tmp_path / "a.csv"), "--length-controlled")
    assert status == 0
    assert "model 01: 5 judgements are too few" in out
    assert "outputs that are missing counted as 0" in out


def test_the_real_files(capsys, shared_data) -> None:
    folder = shared_data / "alpaca_eval"
    known = str(folder / "df_gamed_reconstructed.csv.gz")
    words = [str(folder / "annotations.parquet"), "--length-controlled", "--calibration", known, "--json"]
    status, out, _ = run(capsys, *words)
    assert status == 0
    assert len(json.loads(out)) == 24
    status, out, _ = run(capsys, str(folder / "second_judge.parquet"))
    assert status == 0
    assert "claude-2.1 [alpaca_eval_gpt4_turbo_fn]" in out


def test_the_judges_noise_enters_both_rates(capsys, tmp_path) -> None:
    rng, models = np.random.default_rng(0), ["model 02", "model 05"]
    table = MADE[MADE["model"].isin(models)].reset_index(drop=True)
    runs = [np.clip(table["preference"] + lean + 0.1 * rng.standard_normal(120), 1, 2) for lean in (-0.2, 0, 0.2)]
    for at, held in enumerate(runs, 1):
        table = table.assign(**{f"forward_{at}": held, f"backward_{at}": held})
    mean = np.mean(runs, axis=0)
    table.assign(preference=mean, forward=mean, backward=mean, topic="all").sample(frac=1, random_state=1).to_json(
        tmp_path / "j.jsonl", orient="records", lines=True
    )
    words = (str(tmp_path / "j.jsonl"), "--length-controlled", "--calibration", "none")
    _, out, _ = run_json(capsys, *words)
    frame = table.assign(preference=mean)
    limits = length_control.judge_limits(frame, np.stack(runs))
    for row in out:
        assert [row["lc_judge_low"], row["lc_judge_high"]] == pytest.approx(limits.loc[row["model"]].tolist())
        assert row["judge_high"] - row["judge_low"] > 20
    _, told, _ = run(capsys, *words)
    _, by, _ = run(capsys, *words, "--by", "model,topic")
    assert "the judge's reliability is not told: it is without --by and --column" in " ".join(by.split())
    low, high = limits.loc["model 02"]
    assert f"with the judge's own noise [{low:.1f}, {high:.1f}]" in " ".join(told.split())
    table.assign(preference=mean, forward=mean, backward=mean).drop(
        columns=[f"{name}_{at}" for name in ("forward", "backward") for at in (1, 2, 3)]
    ).to_json(tmp_path / "one.jsonl", orient="records", lines=True)
    _, told, _ = run(capsys, str(tmp_path / "one.jsonl"), *words[1:])
    assert "judged once: intervals are for other instructions, not for the judge's own noise" in " ".join(
        told.split()
    )


def test_columns_of_that_name_in_another_encoding_are_no_runs_of_a_judge(capsys, tmp_path) -> None:
    won = [0.0, 1.0, 1.0, 0.5]
    frame = pd.DataFrame(
        {"model": "m", "instruction": range(4), "preference": won, "forward": won, "backward": won}
    )
    frame.to_csv(tmp_path / "a.csv", index=False)
    _, (row,), _ = run_json(capsys, str(tmp_path / "a.csv"), "--encoding", "0..1")
    # Read as 1..2 they would be -37.5 % of wins.
    assert row["win_rate"] == 62.5
    assert "judge_low" not in row
    (frame.assign(**frame[["preference", "forward", "backward"]] + 1)).to_csv(tmp_path / "b.csv", index=False)
    _, (row,), _ = run_json(capsys, str(tmp_path / "b.csv"), "--encoding", "1..2")
    assert row["judge_low"] <= 62.5 <= row["judge_high"]


def run_json(capsys, *words: str) -> tuple[int, list, str]:
    status, out, err = run(capsys, *words, "--json")
    return status, json.loads(out), err
