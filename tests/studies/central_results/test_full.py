"""The central comparison on "real" models, data and judge, all of them on this machine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fake_chat_server import FakeServer, running, texts_of

from rapo import config
from rapo.judging.server import JudgeError
from rapo.models import tiny
from rapo.pairs import writing
from rapo.studies.central_results import claims as central_claims
from rapo.studies.central_results import full, tables
from rapo.studies.common import inputs
from rapo.studies.common.arms import ARMS, ROUNDS
from rapo.world import data, lexicon, prompts, skills

pytest.importorskip("openai", reason="openai is not installed (the judges extra)")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAPO_ROOT", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def server(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A judge that prefers the longer answer, and scores an answer alone by its words (at most 9)."""
    pairwise = FakeServer.answer

    def answer(self: FakeServer, body: dict[str, Any]) -> dict[str, Any]:
        alone = texts_of(body, "Answer")
        if not alone:
            return pairwise(self, body)
        choice = {"index": 0, "finish_reason": "stop", "logprobs": None}
        reply = {"role": "assistant", "content": f"{min(1 + len(alone[0].split()), 9)}"}
        shell = {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"]}
        return {**shell, "choices": [{**choice, "message": reply}], "usage": None}

    monkeypatch.setattr(FakeServer, "answer", answer)
    with running() as found:
        yield found


@pytest.fixture
def recipe(root: Path) -> dict[str, Any]:
    """The recipe of the scale, its models, data, instructions and tasks replaced by tiny ones on this machine."""
    named = {}
    for architecture, placement in (("llama", "system"), ("gemma2", "prefix")):
        tokenizer = tiny.build_tokenizer(lexicon.vocabulary(), chat_template=tiny.CHAT_TEMPLATES[placement])
        shape = tiny.tiny_config(architecture, vocab_size=len(tokenizer), width=16, layers=1, heads=2)
        source = tiny.save(tiny.random_model(shape, seed=1), tokenizer, root / architecture)
        named[architecture] = {"source": str(source), "label_smoothing": 0.3}
    writing.write([data.candidates(data.make_world({}), 30, seed=1)], root / "candidates.jsonl")
    asked = [{"instruction": q.text} for q in prompts.draw_distinct(12, split="test", seed=1)]
    quiz = [{"question": question, "answer": answer} for _, question, answer in skills.draw(3, seed=1)]
    for name, rows in (("asked", asked), ("quiz", quiz)):
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    own: dict[str, Any] = {
        "architectures": list(named),
        "used_architecture": "gemma2",
        "training": {"batch_size": 8, "accumulate": 1, "max_length": 256},
        "dpo": {"learning_rate": 1e-3, "beta": 0.1},
        "sampling": {"max_new_tokens": 6, "batch_size": 32},
        "goals": [1, 10],
        "template": "compact",
    }
    replaced = {
        "models": named,
        "data": {"source": str(root / "candidates.jsonl"), "held_out": 2},
        "prompts_from": {"source": str(root / "asked.jsonl")},
        "tasks": {"quiz": {"source": str(root / "quiz.jsonl")}},
    }
    return {**config.merge(config.recipe("central_results", "full"), own), **replaced}


@pytest.mark.slow
def test_the_frames_are_those_that_the_notebook_reads(recipe: dict[str, Any], server: FakeServer) -> None:
    recipe["grader"] = {"model": "judge", "base_url": server.url}
    found = full.frames(recipe, jobs=1)
    judged = found["judged"]
    wanted = {"architecture", "seed", "arm", "trained", "goal", "temperature", "prompt", "gold", "length",
              "sentences", "parseable", "preference", "reference_length"}  # fmt: skip
    assert wanted <= set(judged.columns)
    assert set(judged["arm"]) == {*ARMS, ""}
    assert judged[list(wanted - {"preference", "goal"})].notna().all(axis=None)
    assert judged.loc[judged["arm"] != "", "preference"].between(1, 2).all()
    assert (judged.loc[judged["arm"] == "base", "preference"] == 1.5).all()
    assert judged["gold"].eq(np.minimum(1 + judged["length"], 9)).all()
    # The judge prefers the longer answer.
    apart = judged[(judged["arm"] == "RA") & (judged["preference"] != 1.5)]
    assert len(apart)
    longer = found["examples"].groupby(["architecture", "arm"])["text"].count()
    assert (longer > 0).all()
    usual = tables.with_metrics(judged[judged["temperature"] == recipe["temperature"]])
    assert usual.loc[usual["arm"] == "base", "length_controlled"].isna().all()
    assert len(tables.by_temperature(judged, metrics=["gold", "unparseable"]))
    claims = central_claims.claims(found, recipe)
    assert {claim.id for claim in claims} >= {"RA-F2/win-rate", "RA-A2", "RA-T7/RA", "RA-T4"}
    assert set(found["used"]["arm"]) == set(ROUNDS)
    assert found["tuning"].groupby(["architecture", "arm"])["best"].sum().eq(1).all()
    asked = len(server.requests)
    full.frames(recipe, jobs=1)
    assert len(server.requests) == asked, "judgements are kept"


def test_without_a_judge_nothing_is_trained(recipe: dict[str, Any], root: Path) -> None:
    with pytest.raises(JudgeError, match=r"OPENAI_API_KEY.*OPENAI_BASE_URL.*grader\.base_url.*/recipe\.yaml"):
        full.frames(recipe)
    assert not (root / "build" / "runs").exists()


def test_a_judge_that_is_not_there_is_named(recipe: dict[str, Any], root: Path) -> None:
    recipe["grader"] = {"model": "judge", "base_url": "http://127.0.0.1:9/v1", "max_retries": 0}
    with pytest.raises(JudgeError, match=r"127\.0\.0\.1:9/v1: check OPENAI_BASE_URL"):
        full.frames(recipe)


def test_missing_models_and_data_are_named(recipe: dict[str, Any], server: FakeServer) -> None:
    recipe["grader"] = {"model": "judge", "base_url": server.url}
    lost = {**recipe, "models": {**recipe["models"], "llama": {"source": "/nowhere"}}}
    with pytest.raises(FileNotFoundError, match=r"models\.\*\.source"):
        full.check(lost)
    with pytest.raises(FileNotFoundError, match=r"data\.source"):
        full.check({**recipe, "data": {"source": "./nowhere.jsonl"}})
    with pytest.raises(ValueError, match="2 seeds"):
        full.check({**recipe, "seeds": [1]})


def test_a_hub_out_of_reach_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def refuse(*args: Any, **options: Any) -> str:
        raise OSError("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(ConnectionError, match=r"'owner/model'.*Name or service.*HF_TOKEN.*models\.\*\.source"):
        inputs.model_folder({"source": "owner/model"})
    with pytest.raises(ConnectionError, match=r"prompts\.source"):
        inputs.instructions({"source": "owner/data", "file": "a.json"})


def test_the_recipe_names_the_papers_settings() -> None:
    recipe = config.recipe("central_results", "full")
    assert full.options_of(recipe, "Qwen2-7B", {"data": "ra"}) == {
        "learning_rate": 5e-7, "beta": 0.01, "label_smoothing": 0.3, "schedule": "cosine", "warmup": 0.1,
        "batch_size": 2, "accumulate": 64, "max_length": 1024, "long_rows": "drop",
    }  # fmt: skip
    assert full.options_of(recipe, "SPPO", {"data": "uf"})["label_smoothing"] == 0


def test_smoothing_that_has_no_effect_is_told(caplog: pytest.LogCaptureFixture) -> None:
    recipe = {"models": {"Gemma": {"label_smoothing": 0.3}}, "training": {}, "dpo": {"beta": 0.01}}
    assert full.options_of(recipe, "Gemma", {"data": "uf"})["label_smoothing"] == 0.3
    assert "label_smoothing 0.3 has no effect" in caplog.text
    caplog.clear()
    full.options_of({**recipe, "dpo": {"loss_type": ["robust"]}}, "Gemma", {"data": "uf"})
    assert not caplog.text


def test_a_prompt_without_a_readable_verdict_is_left_out_of_every_arm(caplog: pytest.LogCaptureFixture) -> None:
    rows = [
        {"prompt": prompt, "arm": arm, "gold": gold, "preference": preference}
        for prompt, gold, preference in (("p", 5.0, 1.2), ("q", np.nan, 1.2), ("r", 5.0, np.nan), ("s", 5.0, 1.5))
        for arm in ("RA", "base")
    ]
    table = pd.DataFrame([*rows, {"prompt": "s", "arm": "", "gold": 4.0, "preference": np.nan}])
    assert list(full.read_alike(table)["prompt"]) == ["p", "p", "s", "s", "s"]
    assert "2 of 4 prompts are left out of every arm" in caplog.text
    assert list(full.read_alike(table.drop(columns="preference"))["prompt"].unique()) == ["p", "r", "s"]
