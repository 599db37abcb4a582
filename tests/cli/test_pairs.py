"""`rapo pairs` of a model's own answers: scored by a reward model, the best against the worst or at a quantile."""

import json
from pathlib import Path
from typing import Any, ClassVar

import fake_chat_server
import numpy as np
import pytest
import tiny

from rapo.cli import main as cli
from rapo.models import answers, generation, rewards
from rapo.models import tiny as models
from rapo.models.answers import Ask

ROWS = [
    {"prompt_id": f"p{row}", "prompt": [{"role": "user", "content": f"q{row}"}], "goal": 10.0,
     "completions": [{"response": "x" * length, "number": i + 1} for i, length in enumerate((3, 9, 1, 5))]}
    for row in range(3)
]  # fmt: skip


class Longer:
    """A reward model that likes long answers."""

    tokenizer = type("Tokenizer", (), {"chat_template": "some"})()
    key = "longer"
    asked: ClassVar[list[str]] = []  # of all instances

    def __call__(self, talks: list[list[dict[str, Any]]], **_: Any) -> np.ndarray:
        self.asked.extend(talk[-1]["content"] for talk in talks)
        return np.array([float(len(talk[-1]["content"])) for talk in talks])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAPO_ROOT", str(tmp_path))
    monkeypatch.setattr(Longer, "asked", [])
    monkeypatch.setattr(rewards, "load", lambda name, **_: Longer())
    Path("answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return tmp_path


def pairs(*words: str) -> list[tuple[float, float]]:
    assert cli.main(["pairs", "answers.jsonl", "--out", "pairs.jsonl", "--overwrite", *words]) == 0
    found = [json.loads(line) for line in Path("pairs.jsonl").read_text().splitlines()]
    assert {row["prompt_id"] for row in found} == {"p0", "p1", "p2"}
    assert all(len(row["chosen"][0]["content"]) == row["score_chosen"] for row in found)
    (two,) = {(row["score_chosen"], row["score_rejected"]) for row in found}
    return two


def test_the_best_against_the_worst_or_at_a_quantile() -> None:
    assert pairs("--reward-model", "rm", "--rule", "worst") == (9.0, 1.0)
    assert pairs("--reward-model", "rm", "--quantile", "0") == (9.0, 1.0)
    assert pairs("--reward-model", "rm", "--quantile", "0.5") == (9.0, 3.0)
    assert pairs("--reward-model", "rm", "--quantile", "1", "--score", "reward") == (9.0, 5.0)


def test_candidates_with_scores_of_their_own_take_a_quantile_too() -> None:
    for row in ROWS:
        for one in row["completions"]:
            one["judge"] = -float(len(one["response"]))
    Path("answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert cli.main(["pairs", "answers.jsonl", "--out", "p.jsonl", "--score", "judge", "--quantile", "0.5"]) == 0
    row = json.loads(Path("p.jsonl").read_text().splitlines()[0])
    assert (row["score_chosen"], row["score_rejected"]) == (-1.0, -5.0)
    for row in ROWS:
        for one in row["completions"]:
            del one["judge"]


def test_prompts_under_another_name() -> None:
    rows = [{("ask" if key == "prompt" else key): value for key, value in row.items()} for row in ROWS]
    Path("answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert pairs("--reward-model", "rm", "--rule", "worst", "--column", "prompt=ask") == (9.0, 1.0)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--reward-model", "rm", "--score", "number"], "have a field number already"),
        (["--quantile", "0.5"], "completions have no field overall_score"),
        (["--reward-model", "rm", "--quantile", "2"], "--quantile 2: give a number from 0"),
        (["--quantile", "0.5", "--rule", "all"], "says who is compared with the best, and so does --rule all"),
        (["--reward-model", "rm", "--batch-size", "0"], "--batch-size is 0"),
        (["--from-model", "model"], "say --reward-model M or --judge NAME, too"),
        (["--from-model", "model", "--judge", "j", "--n", "1"], "--n 1: a pair needs 2 answers"),
        (["--goal", "10"], "belong to --from-model M"),
        (["--judge-server", "http://127.0.0.1:1/v1"], "belong to --judge NAME"),
        (["--dry-run", "--reward-model", "rm"], "--dry-run tells what --judge NAME will take"),
        (["--judge", "j", "--judge-set", "price=3"], "--judge-set price: use one of concurrency,"),
    ],
)
def test_what_is_refused(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["pairs", "answers.jsonl", "--out", "pairs.jsonl", *words]) == 2
    assert told in capsys.readouterr().err
    assert not Path("pairs.jsonl").exists()


def own(*words: str, out: str = "own.jsonl") -> list[dict[str, Any]]:
    """Pairs of a tiny model's own answers."""
    given = ("--from-model", "model", "--n", "4", "--seed", "7", "--max-new-tokens", "6", "--batch-size", "4")
    assert cli.main(["pairs", "prompts.jsonl", "--out", out, "--overwrite", *given, *words]) == 0
    return [json.loads(line) for line in Path(out).read_text().splitlines()]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Ask]:
    """What the model in ``model`` is asked."""
    config = models.tiny_config("llama", vocab_size=len(tiny.TOKENIZER), width=32, layers=2)
    models.save(models.random_model(config, seed=1), tiny.TOKENIZER, "model")
    asked = [{"prompt": f"w{row} w{row + 1}", "prompt_id": f"p{row}"} for row in range(5)]
    Path("prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    seen, whole = [], generation.Generator._answers
    monkeypatch.setattr(
        generation.Generator, "_answers", lambda self, asks: seen.extend(asks) or whole(self, asks)
    )
    return seen


def test_own_answers_in_one_command_are_those_of_two(drawn: list[Ask], capsys: pytest.CaptureFixture[str]) -> None:
    found = own("--reward-model", "rm")
    assert "20 answers to 5 prompts" in capsys.readouterr().out
    few = ["--n", "4", "--seed", "7", "--max-new-tokens", "6", "--out", "answers.jsonl", "--overwrite"]
    assert cli.main(["sample", "model", "prompts.jsonl", *few]) == 0
    two = ["--reward-model", "rm", "--rule", "worst", "--bad", "drop", "--out", "two.jsonl"]
    assert cli.main(["pairs", "answers.jsonl", *two]) == 0
    assert found == [json.loads(line) for line in Path("two.jsonl").read_text().splitlines()]
    assert all(row["score_chosen"] == max(row["candidate_scores"]) for row in found)
    assert all(row["score_rejected"] == min(row["candidate_scores"]) for row in found)
    record = json.loads(Path("own.jsonl.json").read_text())
    assert (record["counts"]["answers"], record["drawn"]["seed"]) == (20, 7)
    assert record["scored_by"] == {"reward_model": "longer"}


def test_nothing_is_drawn_or_scored_twice(drawn: list[Ask], monkeypatch: pytest.MonkeyPatch) -> None:
    kept = answers.Kept.add

    def stop(self: Any, *given: Any) -> None:
        kept(self, *given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(answers.Kept, "add", stop)
        with pytest.raises(AssertionError, match="130"):
            own("--reward-model", "rm")
    assert len(drawn) == 4
    own("--reward-model", "rm")
    assert len(drawn) == len({ask.key for ask in drawn}) == 20
    n = len(Longer.asked)
    own("--reward-model", "rm", "--quantile", "0.5")
    assert (len(drawn), len(Longer.asked)) == (20, n)
    own("--reward-model", "rm", "--n", "5")
    assert len(drawn) == 25
    assert len(Longer.asked) <= n + 5


def test_a_servers_kept_answers_are_told_for_another_model_may_be_served_there(
    drawn: list[Ask], caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("openai", reason="openai is not installed (the judges extra)")
    with fake_chat_server.running() as server:
        longer = server.answer
        places = iter(range(99))

        def answer(body: dict[str, Any]) -> dict[str, Any]:
            server.reply = "x" * next(places)
            return longer(body)

        server.answer = answer  # type: ignore[method-assign]
        own("--reward-model", "rm", "--server", server.url)
        assert "gave before" not in caplog.text
        own("--reward-model", "rm", "--server", server.url)
    assert (len(server.requests), drawn) == (20, [])
    (file,) = Path("build/answers").glob("*.jsonl")
    assert "20 answers are those that model gave before, kept in " in caplog.text
    assert f"{file}; if another model is served there now, remove it" in caplog.text


def test_what_a_judge_would_take_is_told_beforehand(drawn: list[Ask], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("openai", reason="openai is not installed (the judges extra)")
    with fake_chat_server.running() as server:
        words = (
            "--judge",
            "j",
            "--judge-server",
            server.url,
            "--judge-set",
            "price_in=4",
            "--judge-set",
            "price_out=1",
        )
        given = ("--from-model", "model", "--n", "4", "--seed", "7", "--max-new-tokens", "6", "--batch-size", "4")
        asked = ["pairs", "prompts.jsonl", "--out", "own.jsonl", *given, *words]
        assert cli.main([*asked, "--dry-run", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        # 5 prompts, 4 answers each; every answer counts 6 tokens, its reply at most 8.
        assert (told["n_requests"], told["n_kept"], told["tokens_out"]) == (20, 0, 160)
        assert told["price"] == pytest.approx((4 * told["tokens_in"] + 160) / 1e6)
        assert (drawn, server.requests, Path("own.jsonl").exists(), Path("build").exists()) == (
            [],
            [],
            False,
            False,
        )
        assert cli.main([*asked, "--dry-run"]) == 0
        assert "20 answers are not drawn yet and count 6 tokens each" in capsys.readouterr().out
        own(*words)
        real = sum(-(-len(turn["content"]) // 4) for body in server.requests for turn in body["messages"])
        assert real <= told["tokens_in"]
        assert cli.main([*asked, "--dry-run"]) == 0
        assert "not drawn yet" not in (out := capsys.readouterr().out)
        n = len(server.requests)
        assert f"{n} requests, {n} answered already" in out


def test_what_judging_candidates_would_take(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["pairs", "answers.jsonl", "--out", "p.jsonl", "--judge", "j", "--dry-run"]) == 0
    assert (
        "price not known: say --judge-set price_in=P --judge-set price_out=P. Nothing" in capsys.readouterr().out
    )


def test_a_judge_scores_own_answers_and_is_paid_once(drawn: list[Ask], capsys: pytest.CaptureFixture[str]) -> None:
    with fake_chat_server.running() as server:
        server.score = lambda text: {0: "no idea", 1: "3"}.get(len(text) % 4, str(len(text) % 10 + 1))
        words = ("--judge", "j", "--judge-server", server.url + "?key=sec", "--judge-set", "options.seed=3",
                 "--judge-set", "options.extra_headers={X-Own: sec}",
                 "--judge-set", "options.user_config={route: [{api_key: sec}]}")  # fmt: skip
        found = own(*words, "--judge-set", "price_in=2", "--judge-set", "price_out=1")
        n = len(server.requests)
        assert own(*words, "--quantile", "0.5", out="again.jsonl")
    assert n == len(server.requests) == len({str(body) for body in server.requests}) <= 20
    assert {body["seed"] for body in server.requests} == {3}
    for row in found:
        for side in ("chosen", "rejected"):
            text = row[side][0]["content"]
            assert row[f"score_{side}"] == (3 if len(text) % 4 == 1 else len(text) % 10 + 1)
            assert len(text) % 4 != 0  # without a clear score an answer is in no pair
    assert f"{n} requests sent now, price" in capsys.readouterr().out
    told = Path("own.jsonl.json").read_text()
    assert json.loads(told)["counts"]["requests_sent"] == n
    assert "sec" not in told
