"""`rapo judge`, as it is called, against a server on this machine."""

import json

import pandas as pd
import pytest

from rapo.cli.main import main
from rapo.judging import judgements
from rapo.pairs import manifest
from rapo.pairs.door import open_pairs

pytest.importorskip("openai", reason="openai is not installed (the judges extra)")


CHOICE_A = [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A"}}]


pytestmark = pytest.mark.usefixtures("rapo_root")


@pytest.fixture
def pairs(tmp_path):
    rows = [("q1", "aaaaaaaa", "b"), ("q2", "aa", "bbb"), ("q3", "aaaa", "bbb")]
    path = tmp_path / "pairs.jsonl"
    pd.DataFrame(rows, columns=["prompt", "chosen", "rejected"]).to_json(path, orient="records", lines=True)
    return str(path)


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def words(server, *more):
    return ["--server", server.url, "--model", "judge", *more]


def test_pairs_are_judged_in_both_orders_and_winrate_reads_them(server, pairs, tmp_path, capsys):
    server.favour, out = 3, str(tmp_path / "judged.jsonl")
    priced = ["--price-in", "10", "--price-out", "30"]
    assert main(["judge", pairs, *words(server, "--verdict", "letter", "--out", out, *priced)]) == 0
    told = capsys.readouterr().out
    assert "3 pairs judged in both orders, 0 without a clear verdict" in told
    # The longer answer wins by 3 characters of favour: q2 (1 shorter) and q3 (1 longer) go to the first place.
    assert "the verdict turns with the order in 66.7 %" in told
    assert "chosen: wins 66.7 %" in told
    assert "(n = 3 pairs)" in told
    # 6 requests of 100 tokens in at 10 and one out at 30 a million.
    assert "6 requests sent now, 600 tokens read, 6 written in all; price 0.00618, of which 0.00618 now" in told
    table = judgements.read(out)
    assert table["preference"].tolist() == [2.0, 1.5, 1.5]
    assert table["baseline"].unique().tolist() == ["rejected"]
    assert main(["winrate", out, "--json"]) == 0
    # One win and two draws of three.
    assert json.loads(capsys.readouterr().out)[0]["win_rate"] == pytest.approx(200 / 3)
    assert main(["agreement", out, out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["agreement"] == 1
    record = json.loads((tmp_path / "judged.jsonl.json").read_text())
    assert record["options"]["server"] == server.url
    assert record["reliability"]["chosen"]["flips"]["n"] == 3


def test_a_second_run_pays_nothing(server, pairs, tmp_path, capsys):
    for name in ("one.parquet", "two.parquet"):
        assert (
            main(["judge", pairs, *words(server, "--out", str(tmp_path / name), "--cache", str(tmp_path / "c"))])
            == 0
        )
    assert "0 requests sent now, 600 tokens read" in capsys.readouterr().out
    assert len(server.requests) == 6
    one, two = (pd.read_parquet(tmp_path / name) for name in ("one.parquet", "two.parquet"))
    pd.testing.assert_frame_equal(one, two)


@pytest.mark.parametrize("more", [[], ["--score"]])
def test_prices_of_kept_answers_whose_tokens_nobody_tells_are_not_known(server, pairs, tmp_path, capsys, more):
    server.usage = False
    priced = ["--price-in", "10", "--price-out", "30", *more]
    for name in ("one.jsonl", "two.jsonl"):
        assert main(["judge", pairs, *words(server, "--out", str(tmp_path / name), *priced)]) == 0
    told = capsys.readouterr().out
    assert "6 requests sent now, ? tokens read, ? written in all\n" in told
    assert "0 requests sent now, ? tokens read, ? written in all; price not known, of which 0 now" in told
    cost = json.loads((tmp_path / "two.jsonl.json").read_text())["cost"]
    assert (cost["price"], cost["paid"]) == (None, 0)
    assert manifest.beside(tmp_path / "two.jsonl")["card"].exists()


def test_repeated_runs_tell_how_reliable_the_judge_is(server, pairs, tmp_path, capsys):
    # The first run sends no seed, the second is another judge: it likes the first place.
    likes = server.answer
    server.answer = lambda body: likes(body) if "seed" not in body else {**likes(body), "choices": CHOICE_A}
    out = tmp_path / "judged.jsonl"
    asked = ["judge", pairs, *words(server, "--verdict", "letter", "--out", str(out), "--repeats", "2")]
    assert main([*asked, "--dry-run"]) == 0
    assert "12 requests, 0 answered already" in capsys.readouterr().out
    assert main(asked) == 0
    told = capsys.readouterr().out
    # Runs win 1, 0, 1 and 1/2 three times: 7/12 in the mean, never the same verdict; half of the verdicts turn.
    assert "chosen: wins 58.3 %" in told
    assert "with the judge's own noise [" in told
    assert "the verdict turns with the order in 50.0 %" in told
    assert "2 runs agree on 50.0 %" in told
    assert "variance of a verdict (judge = run): judge " in told
    assert "12 requests sent now" in told
    assert judgements.read(out)["preference"].tolist() == [1.75, 1.25, 1.75]
    record = json.loads((tmp_path / "judged.jsonl.json").read_text())
    assert record["reliability"]["chosen"]["n_runs"] == 2
    # The win rate of the same file tells the judge's part, too.
    assert main(["winrate", str(out)]) == 0
    assert next(line for line in told.splitlines() if "own noise" in line).strip() in capsys.readouterr().out
    assert main(["winrate", str(out), "--json"]) == 0
    rate = json.loads(capsys.readouterr().out)[0]
    both = record["reliability"]["chosen"]
    assert (rate["judge_low"], rate["judge_high"]) == tuple(100 * both["win_rate"][end] for end in ("low", "high"))
    assert (rate["order_flips"], rate["judge_alpha"]) == (50, both["alpha"]["estimate"])


@pytest.mark.parametrize("more", [[], ["--verdict", "letter"], ["--score"], ["--set", "temperature=0"]])
def test_repeats_that_cannot_show_noise_are_told_before_anything_is_asked(server, pairs, tmp_path, caplog, more):
    seen = []
    server.on_request = lambda n: seen.append(caplog.text)
    asked = ["judge", pairs, *words(server, "--out", str(tmp_path / "o.jsonl"), "--repeats", "2", *more)]
    assert main([*asked, "--dry-run"]) == 0
    told = "--repeats 2 at temperature 0 asks for the same answers again"
    assert (told in caplog.text, server.requests) == (True, [])
    assert ("--set temperature=1 and --verdict letter, for prob" in caplog.text) == (
        more in ([], ["--set", "temperature=0"])
    )
    caplog.clear()
    assert main(asked) == 0
    assert told in seen[0]


@pytest.mark.parametrize("more", [["--repeats", "1"], ["--repeats", "2", "--set", "temperature=1"]])
def test_runs_that_are_drawn_need_no_warning(server, pairs, tmp_path, caplog, more):
    assert main(["judge", pairs, *words(server, "--out", str(tmp_path / "o.jsonl"), *more)]) == 0
    assert "temperature" not in caplog.text


def test_repeated_scores_are_averaged_and_their_reliability_told(server, tmp_path, capsys):
    likes = server.answer

    def answer(body):
        said = likes(body)
        if "seed" in body:
            said["choices"][0]["message"]["content"] = str(int(said["choices"][0]["message"]["content"]) + 2)
        return said

    server.answer = answer
    rows = [{"instruction": f"q{n}", "output": "a" * n} for n in (1, 3, 5)]
    out = tmp_path / "scored.jsonl"
    asked = ["judge", lines(tmp_path / "own.jsonl", *rows), *words(server, "--out", str(out), "--score")]
    assert main([*asked, "--repeats", "2"]) == 0
    told = capsys.readouterr().out
    found = pd.read_json(out, lines=True)
    assert found[["score", "score_1", "score_2"]].to_numpy().tolist() == [[2, 1, 3], [4, 3, 5], [6, 5, 7]]
    # Variance between answers 4, between runs (4 * 3 / 2 - 0) / 3 = 2: 4 / 6 of one score, 4 / 5 of the mean.
    assert "2 runs of 3 answers: reliability of one score 0.67" in told
    assert "of their mean 0.80" in told
    assert "6 requests sent now" in told


def test_one_pair_has_no_interval_and_is_judged(server, tmp_path, capsys):
    row = {"prompt": "q", "chosen": "aaa", "rejected": "b"}
    out = str(tmp_path / "o.jsonl")
    assert main(["judge", lines(tmp_path / "a.jsonl", row), *words(server, "--out", out)]) == 0
    assert "1 pair judged in both orders, 0 without a clear verdict" in capsys.readouterr().out


def test_a_dry_run_counts_and_asks_nothing(server, pairs, tmp_path, capsys):
    out = tmp_path / "o.jsonl"
    base = ["judge", pairs, *words(server, "--out", str(out), "--price-in", "1", "--price-out", "0")]
    assert main([*base, "--dry-run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n_requests"], found["n_kept"], found["tokens_out"]) == (6, 0, 48)
    assert found["price"] == pytest.approx(found["tokens_in"] / 1e6)
    assert main([*base, "--dry-run"]) == 0
    assert "6 requests, 0 answered already" in capsys.readouterr().out
    assert not server.requests
    assert not out.exists()


def test_answers_are_compared_with_a_baselines(server, tmp_path, capsys):
    own = [{"instruction": "q1", "output": "aaaa", "generator": "mine"}, {"instruction": "q2", "output": "a"}]
    own = lines(
        tmp_path / "own.jsonl",
        *({"generator": "mine", **row} for row in own),
        {"instruction": "q9", "output": "x", "generator": "mine"},
    )
    base = lines(tmp_path / "base.jsonl", {"prompt": "q2", "response": "bbb"}, {"prompt": "q1", "response": "b"})
    out = str(tmp_path / "judged.parquet")
    assert main(["judge", own, "--against", base, *words(server, "--out", out)]) == 0
    assert "1 answer with none beside them" in capsys.readouterr().out
    table = pd.read_parquet(out).sort_values("instruction")
    # Rows of the baseline's file, from 0: q2 is 0, and the model's answer to it the shorter one.
    assert table[["model", "baseline", "instruction"]].to_numpy().tolist() == [
        ["mine", "base", 0],
        ["mine", "base", 1],
    ]
    assert (table["preference"] > 1.5).tolist() == [False, True]
    assert table[["length_model", "length_baseline"]].to_numpy().tolist() == [[1, 3], [4, 1]]


def test_pairs_are_scored_for_relabelling(server, pairs, tmp_path, capsys):
    out = str(tmp_path / "scored.jsonl")
    assert main(["judge", pairs, "--score", *words(server, "--out", out)]) == 0
    told = capsys.readouterr().out
    # Scores are lengths: 8 1, 2 3, 4 3.
    assert "6 answers scored, mean 3.5, 0 without a clear score" in told
    assert "chosen scores below rejected in 1 pair" in told
    table = open_pairs(out, reversed_pairs="keep").read()
    assert table["score_chosen"].to_pylist() == [8, 2, 4]
    assert table["score_rejected"].to_pylist() == [1, 3, 3]
    assert main(["relabel", out, "--reversed-pairs", "swap", "--out", str(tmp_path / "goals.jsonl")]) == 0


def test_what_cannot_be_scored_is_null_and_what_was_given_stays(server, tmp_path, capsys):
    server.score = lambda text: "no idea" if text == "odd" else "1-10: 7"
    row = {"prompt": "q", "chosen": "odd", "rejected": "b", "score_chosen": 9, "score_rejected": 3}
    out = tmp_path / "scored.jsonl"
    assert main(["judge", lines(tmp_path / "a.jsonl", row), "--score", *words(server, "--out", str(out))]) == 0
    assert "1 without a clear score" in capsys.readouterr().out
    (made,) = map(json.loads, out.read_text().splitlines())
    assert (made["score_chosen"], made["score_rejected"], made["given_score_chosen"]) == (None, 7, 9)


def test_what_is_scored_again_and_again_keeps_all_scores(server, pairs, tmp_path):
    file = pairs
    for n, score in enumerate(("7", "8", "9", "10")):
        server.score = lambda text, score=score: score
        out = tmp_path / f"{n}.jsonl"
        scoring = ["--score", "--cache", str(tmp_path / f"cache-{n}"), *words(server, "--out", str(out))]
        assert main(["judge", file, *scoring]) == 0
        file = str(out)
    found = open_pairs(file, reversed_pairs="keep").read().to_pylist()[0]
    for side in ("chosen", "rejected"):
        names = [f"{given}score_{side}" for given in ("given_", "given_2_", "given_3_", "")]
        assert [found[name] for name in names] == [7, 8, 9, 10]


def test_answers_that_have_scores_of_every_name_keep_them(server, tmp_path):
    row = {"instruction": "q", "output": "aaa", "score": 1, "given_score": 2, "score_1": 3, "given_3_score": 4}
    out = tmp_path / "scored.parquet"
    twice = ("--repeats", "2", "--score", "--out", str(out))
    assert main(["judge", lines(tmp_path / "a.jsonl", row), *words(server, *twice)]) == 0
    (made,) = pd.read_parquet(out).to_dict("records")
    given = {"given_2_score": 1, "given_score": 2, "given_score_1": 3, "given_3_score": 4}
    assert given.items() <= made.items()
    assert [made[name] for name in ("score", "score_1", "score_2")] == [3, 3, 3]


def test_answers_are_scored(server, tmp_path):
    file = lines(tmp_path / "a.jsonl", {"q": "q1", "said": "aaa"}, {"q": "q2", "said": "aaaaa"})
    out = tmp_path / "scored.jsonl"
    mapped = ["--column", "instruction=q", "--column", "answer=said"]
    assert main(["judge", file, "--score", *mapped, *words(server, "--out", str(out))]) == 0
    assert [json.loads(line)["score"] for line in out.read_text().splitlines()] == [3, 5]


def test_what_is_lost_is_told_and_null(server, pairs, tmp_path, capsys, caplog):
    server.odd = lambda body: 400 if "q2" in body["messages"][0]["content"] else None
    out = str(tmp_path / "judged.jsonl")
    assert main(["judge", pairs, *words(server, "--out", out)]) == 0
    told = capsys.readouterr().out
    assert "3 pairs judged in both orders, 1 without a clear verdict; leave them out with --missing drop" in told
    assert "2 of 6 requests got no answer" in caplog.text
    assert main(["winrate", out]) == 2
    assert main(["winrate", out, "--missing", "drop"]) == 0


def test_secrets_are_not_in_the_record(server, pairs, tmp_path):
    url = server.url.replace("//", "//me:sk-password@") + "?api_key=sk-parameter"
    secret = ["--set", "extra_headers={X-Custom: sk-header}", "--set", "extra_body={api_key: sk-field}"]
    secret += ["--set", "user_config={model: m, litellm_params: [{api_key: sk-deep}]}"]
    out = tmp_path / "o.jsonl"
    assert (
        main(["judge", pairs, "--server", url, "--model", "judge", *secret, "--set", "top_k=3", "--out", str(out)])
        == 0
    )
    assert server.headers[0]["x-custom"] == "sk-header"
    assert server.requests[0]["top_k"] == 3
    written = [file.read_text(encoding="utf-8") for file in tmp_path.rglob("*") if file.is_file()]
    assert not [text for text in written if "sk-" in text]
    assert server.requests[0]["user_config"]["litellm_params"] == [{"api_key": "sk-deep"}]
    told = json.loads((tmp_path / "o.jsonl.json").read_text())["options"]["set"]
    assert (told["top_k"], told["user_config"]) == (3, {"model": "m", "litellm_params": [{}]})


def test_settings_of_tokens_are_in_the_record_and_are_another_request(server, pairs, tmp_path):
    record = tmp_path / "o.jsonl.json"
    asked = ["judge", pairs, *words(server, "--out", str(tmp_path / "o.jsonl"), "--overwrite")]
    for n, budget in enumerate((1000, 2000), 1):
        fields = {"thinking_token_budget": budget, "stop_token_ids": [7]}
        assert main([*asked, *(f"--set={name}={value}" for name, value in fields.items())]) == 0
        assert (json.loads(record.read_text())["options"]["set"], len(server.requests)) == (fields, 6 * n)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--score", "--against", "x.jsonl"], "leave --against out"),
        (["--against", "x.jsonl", "--bad", "drop"], "--bad and --reversed-pairs belong to pairs"),
        (["--against", "none.jsonl"], "has no column 'answer'; it has prompt, chosen, rejected"),
        (["--set", "top_k"], "is not KEY=VALUE"),
        (["--concurrency", "0"], "concurrency is 0"),
        (["--repeats", "0"], "judge at least once"),
        (["--server", "judge.example/v1"], "for example, http://localhost:8000/v1"),
    ],
)
def test_mistakes_are_told_in_one_line(server, pairs, tmp_path, capsys, more, message):
    status = main(["judge", pairs, *words(server, "--out", str(tmp_path / "o.jsonl"), *more)])
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "o.jsonl").exists()


def test_a_server_without_logprobs_is_told_with_its_remedy(server, pairs, tmp_path, capsys):
    server.logprobs = False
    assert main(["judge", pairs, *words(server, "--out", str(tmp_path / "o.jsonl"))]) == 2
    assert "Say --verdict letter, or use a server that gives log-probs" in capsys.readouterr().err
