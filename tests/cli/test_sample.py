"""`rapo sample`: what it asks, writes, keeps and refuses."""

import json
from pathlib import Path
from typing import Any

import fake_chat_server
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny
from transformers.utils import logging as transformers_logging

from rapo.cli import main as cli
from rapo.judging import answering, inputs
from rapo.models import answers, generation
from rapo.models import tiny as models
from rapo.models.answers import Answer
from rapo.pairs import candidates
from rapo.relabelling import relabel

TOKENIZER = models.build_tokenizer([*tiny.WORDS, "overall", "score", ":", "10", "."])
PROMPTS = [{"instruction": f"w{i} w{i + 1}", "prompt_id": f"p{i}"} for i in range(6)]
FEW = ("--max-new-tokens", "5", "--batch-size", "4")
GOAL = ("--goal", "10", "--template", "compact")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAPO_ROOT", str(tmp_path))
    transformers_logging.disable_progress_bar()
    config = models.tiny_config("llama", vocab_size=len(TOKENIZER), width=32, layers=2)
    models.save(models.random_model(config, seed=1), TOKENIZER, tmp_path / "model")
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PROMPTS))
    return tmp_path


def run(*words: str) -> int:
    return cli.main(["sample", "model", "prompts.jsonl", *words])


def rows(name: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


def responses(name: str = "out.jsonl") -> list[str]:
    return [answer["response"] for row in rows(name) for answer in row.get("completions", [row])]


def shown(monkeypatch: pytest.MonkeyPatch) -> list[list[dict[str, str]]]:
    """What the model is shown, as it is shown."""
    seen: list[list[dict[str, str]]] = []
    whole = generation.Generator._answers

    def watched(self: Any, asks: Any) -> list[Answer]:
        seen.extend(ask.messages for ask in asks)
        return whole(self, asks)

    monkeypatch.setattr(generation.Generator, "_answers", watched)
    return seen


def test_answers_to_every_prompt_in_the_shape_of_candidates(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--out", "out.jsonl", "--n", "3", *FEW, *GOAL) == 0
    found = rows()
    assert [row["prompt_id"] for row in found] == [row["prompt_id"] for row in PROMPTS]
    assert found[1]["prompt"] == [{"role": "user", "content": "w1 w2"}]  # as it was: the goal stands beside it
    assert {answer["goal"] for row in found for answer in row["completions"]} == {10.0}
    assert {row["model"] for row in found} == {"model, g=10"}  # so that a leaderboard tells it from the plain one
    assert [answer["number"] for answer in found[0]["completions"]] == [1, 2, 3]
    assert len({answer["seed"] for row in found for answer in row["completions"]}) == 18
    assert len(set(responses())) > 12
    for row in found:
        for place, answer in enumerate(row["completions"]):
            answer["overall_score"] = float(place)
    pairs = candidates.to_pairs(pa.Table.from_pylist(found), candidates.Pairing(rule="worst", bad="drop"))
    assert pairs["prompt"].to_pylist()[0] == found[0]["prompt"]
    assert (pairs["score_chosen"].to_pylist()[0], pairs["number_chosen"].to_pylist()[0]) == (2.0, 3)
    assert set(pairs["goal_chosen"].to_pylist()) == {10.0}
    assert relabel.relabel(pairs, placement="system").num_rows == 2 * len(pairs)
    assert "18 answers to 6 prompts" in capsys.readouterr().out
    record = json.loads(Path("out.jsonl.json").read_text())
    assert record["counts"]["answers"] == 18
    assert "as the chat template wants it" in record["asked"]
    assert not Path("out.jsonl.part").exists()


def test_a_row_an_answer_as_judges_read_it() -> None:
    assert run("--out", "out.jsonl", *FEW, *GOAL) == 0
    assert run("--out", "several.jsonl", "--n", "2", "--rows", "answers", *FEW, *GOAL) == 0
    one, several = rows(), rows("several.jsonl")
    assert list(one[0]) == ["prompt_id", "prompt", "model", "response", "goal", "number", "seed", "tokens", "cut"]
    assert several[::2] == one
    assert [(row["prompt_id"], row["number"]) for row in several[:3]] == [("p0", 1), ("p0", 2), ("p1", 1)]
    read = inputs.answers("out.jsonl")
    assert read["answer"].to_pylist() == responses()
    assert read["id"].to_pylist() == [row["prompt_id"] for row in PROMPTS]
    assert read["instruction"].to_pylist()[0] == "w0 w1"
    assert run("--out", "nested.jsonl", "--rows", "prompts", *FEW, *GOAL) == 0
    assert [row["completions"][0]["response"] for row in rows("nested.jsonl")] == responses()


def test_the_goal_is_asked_for_where_it_belongs(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = shown(monkeypatch)
    system = {"role": "system", "content": "overall score : 10 ."}
    assert run("--out", "a.jsonl", "--limit", "1", *FEW, *GOAL) == 0
    assert seen.pop() == [system, {"role": "user", "content": "w0 w1"}]
    assert run("--out", "b.jsonl", "--limit", "1", *FEW, *GOAL, "--placement", "prefix") == 0
    assert seen.pop() == [{"role": "user", "content": "overall score : 10 .\n\nw0 w1"}]
    (here / "model" / "rapo.json").write_text(json.dumps({"goal": {"placement": "prefix", "template": {
        "name": "own", "wording": "{goals}", "line": "score : {goal}"}}}))  # fmt: skip
    assert run("--out", "c.jsonl", "--limit", "1", *FEW, "--goal", "10") == 0
    assert seen.pop() == [{"role": "user", "content": "score : 10\n\nw0 w1"}]
    assert run("--out", "d.jsonl", "--limit", "1", *FEW) == 0
    assert seen.pop() == [{"role": "user", "content": "w0 w1"}]
    assert "goal" not in rows("d.jsonl")[0]


def test_neither_batches_nor_the_number_of_answers_nor_other_prompts_change_an_answer(here: Path) -> None:
    assert run("--out", "out.jsonl", "--n", "2", *FEW) == 0
    assert run("--out", "other.jsonl", "--n", "3", "--max-new-tokens", "5", "--batch-size", "7") == 0
    two, three = responses(), responses("other.jsonl")
    assert two == [text for place, text in enumerate(three) if place % 3 < 2]
    assert run("--out", "third.jsonl", "--n", "2", *FEW, "--seed", "1") == 0
    assert responses("third.jsonl") != two
    (here / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PROMPTS[:1:-1]))
    assert run("--out", "fourth.parquet", "--n", "2", *FEW) == 0
    turned = pq.read_table("fourth.parquet").to_pylist()
    assert [answer["response"] for row in turned[::-1] for answer in row["completions"]] == two[4:]


def test_what_was_interrupted_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert run("--out", "whole.jsonl", "--n", "2", *FEW) == 0
    seen, kept = shown(monkeypatch), answers.Kept.add

    def stop(self: Any, *given: Any) -> None:
        kept(self, *given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(answers.Kept, "add", stop)
        assert run("--out", "out.jsonl", "--n", "2", *FEW) == 130
    assert not Path("out.jsonl").exists()
    assert run("--out", "out.jsonl", "--n", "2", *FEW, "--temperature", "0.5") == 2
    assert "under other settings: temperature was 1.0, is 0.5" in capsys.readouterr().err
    assert run("--out", "out.jsonl", "--n", "2", *FEW) == 0
    assert "out.jsonl.part keeps 4 answers" in caplog.text
    assert responses() == responses("whole.jsonl")
    assert len(seen) == 12
    assert not Path("out.jsonl.part").exists()


def test_nothing_is_replaced_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--out", "out.jsonl", *FEW) == 0
    before = Path("out.jsonl").read_bytes()
    assert run("--out", "out.jsonl", *FEW, "--seed", "1") == 2
    assert "say --overwrite" in capsys.readouterr().err
    assert Path("out.jsonl").read_bytes() == before
    assert run("--out", "out.jsonl", *FEW, "--seed", "1", "--overwrite") == 0
    assert Path("out.jsonl").read_bytes() != before


class Parrot:
    """A server's answers without one."""

    def __init__(self, model: str, server: Any, **drawn: Any) -> None:
        self.told = f"{model} at {server.base_url} {sorted(drawn)}"

    def check(self, asks: Any) -> None: ...

    def __call__(self, asks: Any) -> list[Answer | None]:
        made = [Answer(f"{self.told}: {ask.messages[0]['content']}", None, False) for ask in asks]
        return [*made[:-1], None]  # the last is refused


def test_a_server_answers_and_its_secrets_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "ServerAnswers", Parrot)
    asked = ("--server", "http://me:key@here/v1", "--limit", "1", "--n", "2")
    assert run("--out", "out.jsonl", *asked, *GOAL) == 0  # the folder's chat template says where the goal goes
    assert responses() == [
        "model at http://me:key@here/v1 ['max_new_tokens', 'temperature', 'top_p']: overall score : 10 ."
    ]
    record = Path("out.jsonl.json").read_text()
    assert "key" not in record
    assert json.loads(record)["counts"]["without_answer"] == 1
    assert (
        cli.main(["sample", "gpt", "prompts.jsonl", "--out", "b.jsonl", *asked, "--placement", "prefix", *GOAL])
        == 0
    )


def test_another_model_under_the_same_name_answers_itself() -> None:
    pytest.importorskip("openai", reason="openai is not installed (the judges extra)")
    with fake_chat_server.running() as server:
        for said in ("before", "after"):
            server.reply = said
            assert run("--out", "out.jsonl", "--server", server.url, "--overwrite") == 0
            assert responses() == [said] * 6
            assert json.loads(Path("out.jsonl.json").read_text())["counts"]["kept_from_before"] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--max-new-tokens", "9999"], "say --max-new-tokens 507"),
        (["--goal", "12"], "goal is 12, off the scale of 1 to 10"),
        (["--goal", "a=1,b"], "--goal a=1,b: give a number, or NAME=NUMBER,NAME=NUMBER"),
        (["--goal", "a=1,2"], "give one number, or one for each name"),
        (["--placement", "system"], "--placement says how a goal is asked for; give one with --goal"),
        (["--temperature", "0", "--n", "2"], "--temperature 0 gives 2 equal answers"),
        (["--temperature", "-1"], "the temperature is 0 or more"),
        (["--n", "0"], "the numbers 1 or more"),
        (["--batch-size", "0"], "the numbers 1 or more"),
        (["--server", "http://x/v1", "--device", "cuda"], "--device belongs to a model that is loaded here"),
        (["--adapter", "nowhere"], "adapter"),
    ],
)
def test_what_is_refused(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--out", "out.jsonl", *words) == 2
    assert told in capsys.readouterr().err
    assert not Path("out.jsonl").exists()


def test_a_server_does_not_say_where_a_goal_goes(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["sample", "gpt", "prompts.jsonl", "--out", "out.jsonl", "--server", "http://x/v1", *GOAL]
    assert cli.main(given) == 2
    assert "nothing says where gpt wants its goal: say --placement system" in capsys.readouterr().err
