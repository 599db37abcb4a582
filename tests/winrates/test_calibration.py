"""Calibration from a file, from the hub's cache, and from a pool of models."""

import logging
import urllib.request

import numpy as np
import pandas as pd
import pytest
from official import calibration_file

from rapo.studies.winrates import simulation
from rapo.winrates import calibration, length_control

MADE = simulation.judgements(n_models=8, n_instructions=120, gamed=True, seed=2)


def test_the_official_columns_are_read(tmp_path) -> None:
    path = calibration_file(tmp_path / "df_gamed.csv", n=50)
    found, raw = calibration.load(path), pd.read_csv(path)
    assert found.difficulty.index.tolist() == list(range(50))
    assert found.difficulty.tolist() == raw["instruction_difficulty"][:50].tolist()
    assert found.gamed is not None
    assert found.gamed["preference"].tolist() == raw["preference"].tolist()


def test_bad_files_say_what_is_wrong(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"hf download tatsu-lab/alpaca_eval df_gamed\.csv"):
        calibration.load(tmp_path / "none.csv")
    (tmp_path / "a.csv").write_text("index,score\n0,1\n")
    with pytest.raises(ValueError, match=r"no column .'instruction_difficulty'"):
        calibration.load(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("index,instruction_difficulty\n0,1\n1,oops\n")
    with pytest.raises(ValueError, match="row 1 holds"):
        calibration.load(tmp_path / "b.csv")


@pytest.fixture
def no_caches(tmp_path, monkeypatch):
    """Empty caches in a folder of their own."""
    for name in ("HF_HUB_CACHE", "HF_ENDPOINT", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub-home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_offline_without_a_file_the_error_names_the_command(no_caches, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: pytest.fail("offline means no request"))
    with pytest.raises(FileNotFoundError, match=r"HF_HUB_OFFLINE is set; get it .* with: hf download tatsu-lab/"):
        calibration.official()


def test_a_network_that_fails_gives_the_same_command(no_caches, monkeypatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError("name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", refused)
    with pytest.raises(FileNotFoundError, match=r"service not known.*hf download tatsu-lab/alpaca_eval"):
        calibration.official()
    assert not (no_caches / "cache" / "rapo").exists()


def test_it_is_downloaded_once(no_caches, monkeypatch) -> None:
    asked = []

    def answer(url: str, **_: object):
        asked.append(url)
        return calibration_file(no_caches / "there.csv", n=20).open("rb")

    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    monkeypatch.setattr(urllib.request, "urlopen", answer)
    first, second = calibration.official(), calibration.official()
    assert asked == ["https://mirror.example/datasets/tatsu-lab/alpaca_eval/resolve/main/df_gamed.csv"]
    assert first.difficulty.tolist() == second.difficulty.tolist()


def test_the_hubs_own_cache_is_used(no_caches, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = no_caches / "hub-home" / "hub" / "datasets--tatsu-lab--alpaca_eval" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    calibration_file(folder / "df_gamed.csv", n=20)
    assert len(calibration.official().difficulty) == 20


def test_too_few_models_are_said_and_difficulty_is_left_out(caplog) -> None:
    few = MADE.judgements[MADE.judgements["model"].isin(["model 01", "model 02", "model 03"])]
    with caplog.at_level(logging.WARNING):
        assert calibration.from_pool(few) is None
    assert "3 models judged are too few" in caplog.text
    assert "does without instruction difficulty" in caplog.text


def test_a_pool_finds_the_difficulty_that_was_put_in() -> None:
    many = simulation.judgements(n_models=60, n_instructions=150, seed=5)
    found = calibration.from_pool(many.judgements)
    assert found is not None
    assert np.corrcoef(found.difficulty, many.difficulty)[0, 1] > 0.93


def test_rows_in_another_order_give_the_same_calibration() -> None:
    shuffled = MADE.judgements.sample(frac=1, random_state=0)
    one, other = calibration.from_pool(MADE.judgements), calibration.from_pool(shuffled)
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.difficulty, other.difficulty.reindex(one.difficulty.index), atol=1e-9)


def test_without_its_own_verdicts_a_small_pool_does_not_fool_itself() -> None:
    # No instruction is harder than another: the weight of difficulty should stay small. With the model's own
    # verdicts in the estimate, its luck on an instruction would look like that instruction's difficulty.
    psi = {True: [], False: []}
    for seed in range(8):
        frame = simulation.judgements(n_models=5, n_instructions=200, difficulty=0.3, seed=seed).judgements
        known = calibration.from_pool(frame)
        assert known is not None
        naive = calibration.Calibration(known.difficulty, None, "the same, own verdicts included")
        for own, use in ((False, known), (True, naive)):
            psi[own].append(length_control.length_controlled(frame, calibration=use, interval=None)["psi"].mean())
    assert np.mean(psi[False]) < 1.5
    assert np.mean(psi[True]) > 3 * np.mean(psi[False])


def test_gamed_baselines_become_rows_of_the_regulariser() -> None:
    found = calibration.from_pool(MADE.judgements, gamed=simulation.GAMED)
    assert found is not None
    assert found.gamed is not None
    assert len(found.gamed) == 240
    assert found.without is not None
    assert not set(simulation.GAMED) & set(found.without.index)
    rows = MADE.judgements[MADE.judgements["model"] == simulation.GAMED[0]]
    delta = (rows["length_baseline"] - rows["length_model"]).to_numpy()
    np.testing.assert_allclose(found.gamed["std_delta_len"][:120], delta / delta.std(ddof=1))
    assert found.gamed["preference"][:120].tolist() == (rows["preference"] - 1).tolist()
    with pytest.raises(ValueError, match=r"gamed baselines \['nobody'\] are not among the models"):
        calibration.from_pool(MADE.judgements, gamed=["nobody"])


def test_a_pool_needs_lengths() -> None:
    with pytest.raises(ValueError, match=r"no column .*length_baseline"):
        calibration.from_pool(MADE.judgements.drop(columns="length_baseline"))
