"""`rapo leaderboard`: what it ranks, writes, draws and refuses."""

import json
from pathlib import Path

import pandas as pd
import pytest

from rapo.cli import main as cli
from rapo.winrates import leaderboard
from rapo.winrates.bradley_terry import bradley_terry

# a beats base 3 of 4 times, b once; a loses to b once, in an arena of their own.
WINS = {"a": [1, 1, 1, 0], "b": [0, 0, 0, 1]}
JUDGED = pd.DataFrame(
    [
        {"model": model, "instruction": place, "preference": won, "baseline": "base"}
        for model, all_won in WINS.items()
        for place, won in enumerate(all_won)
    ]
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    JUDGED.to_csv("judged.csv", index=False)
    pd.DataFrame({"model_a": ["a"], "model_b": ["b"], "winner": ["b"]}).to_json(
        "arena.jsonl", orient="records", lines=True
    )
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = cli.main(["leaderboard", *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_judgements_against_a_baseline_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "judged.csv", "--encoding", "0/1", "--json")
    rows = json.loads(out)
    assert status == 0
    assert [(row["model"], row["rank"], row["n_battles"]) for row in rows] == [
        ("a", 1, 4),
        ("base", 2, 8),
        ("b", 3, 4),
    ]
    assert [row["score"] for row in rows] == pytest.approx([75, 50, 25])
    assert rows[0]["low"] < 75 < rows[0]["high"]


def test_any_model_is_a_baseline_or_none_is(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "judged.csv", "--encoding", "0/1", "--json", "--baseline", "a")
    # Odds 3 and 1/3 against base: base has 1/3 against a, b 1/9: 25 and 10 %.
    assert [row["score"] for row in json.loads(out)] == pytest.approx([50, 25, 10])
    _, out, _ = run(capsys, "judged.csv", "--encoding", "0/1", "--json", "--baseline", "mean")
    assert json.loads(out)[0]["score"] == pytest.approx((75 + 90) / 2)
    status, _, err = run(capsys, "judged.csv", "--encoding", "0/1", "--baseline", "zoe")
    assert status == 2
    assert "baseline 'zoe' fought no battle; the models are a, b, base" in err


def test_several_files_are_one_board(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "judged.csv", "arena.jsonl", "--encoding", "0/1", "--baseline", "base")
    assert status == 0
    assert "9 battles on 5 instructions" in out
    assert "judged.csv: preferences read as 0/1" in out
    assert "arena.jsonl: one battle a row" in out


@pytest.mark.parametrize("interval", ["analytic", "bootstrap", "none"])
def test_intervals(interval: str, capsys: pytest.CaptureFixture[str]) -> None:
    many = pd.concat([JUDGED.assign(instruction=JUDGED["instruction"] + 4 * i) for i in range(10)])
    many.to_csv("many.csv", index=False)
    words = ("--encoding", "0/1", "--interval", interval, "--level", "0.8", "--resamples", "50", "--seed", "3")
    _, out, _ = run(capsys, "many.csv", *words, "--json")
    fought = pd.DataFrame(
        {"model_a": many["model"], "model_b": "base", "outcome": many["preference"].astype(float)}
    )
    fought["instruction"] = many["instruction"]
    n = 50 if interval == "bootstrap" else 0
    fit = bradley_terry(fought, baseline="base", n_resamples=n, seed=3)
    kind: leaderboard.Kind = "analytic" if interval == "analytic" else "bootstrap"
    expected = leaderboard.leaderboard(fit, interval=kind, level=0.8)
    lows = [row["low"] for row in json.loads(out)]
    assert lows == ([None] * 3 if interval == "none" else pytest.approx(expected["low"].tolist()))
    _, out, _ = run(capsys, "many.csv", *words)
    assert ("80 % intervals" in out) == (interval != "none")


def test_style_is_held_equal_and_its_worth_told(capsys: pytest.CaptureFixture[str]) -> None:
    # The longer answer always wins but once each way: the models themselves are equal.
    rows = (
        [("x", "y", "a", 9, 1)] * 6 + [("y", "x", "a", 9, 1)] * 6 + [("x", "y", "b", 9, 1), ("y", "x", "b", 9, 1)]
    )
    rows += [("x", "y", "a", 1, 9), ("y", "x", "a", 1, 9)]
    pd.DataFrame(rows, columns=["model_a", "model_b", "winner", "na", "nb"]).to_csv("styled.csv", index=False)
    named = ("--column", "response_a=na", "--column", "response_b=nb")
    _, out, _ = run(capsys, "styled.csv", "--style", "length", *named)
    assert "length held equal" in out
    assert "style: one standard deviation more length is worth +" in out
    status, _, err = run(capsys, "styled.csv", "--style", "all", *named)
    assert status == 2
    assert "style control for length, headers, lists, bold needs both answers" in err
    assert "length: as the files give it (rapo judge: characters" in out


@pytest.mark.slow
def test_length_counts_tokens_where_a_tokenizer_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    """ "one two" has fewer characters and more tokens than "extraordinary": what wins is tokens."""
    tiny = pytest.importorskip("rapo.models.tiny")
    words, long, short = ["one", "two", "extraordinary"], "one two", "extraordinary"
    tiny.build_tokenizer(words, unknown="?").save_pretrained("model")
    rows = [("x", "y", "a", long, short)] * 6 + [("y", "x", "a", long, short)] * 6
    rows += [("x", "y", "b", long, short), ("y", "x", "b", long, short)]
    rows += [("x", "y", "a", short, long), ("y", "x", "a", short, long)]
    names = ["model_a", "model_b", "winner", "response_a", "response_b"]
    pd.DataFrame(rows, columns=names).to_json("styled.jsonl", orient="records", lines=True)
    named = (
        "styled.jsonl",
        "--style",
        "length",
        "--column",
        "response_a=response_a",
        "--column",
        "response_b=response_b",
    )
    _, out, _ = run(capsys, *named, "--tokenizer", "model")
    assert "length: tokens of model" in out
    assert "more length is worth +" in out
    _, out, _ = run(capsys, *named)
    assert "more length is worth -" in out
    status, _, err = run(capsys, "styled.jsonl", "--tokenizer", "model")
    assert (status, "--tokenizer belongs to --style" in err) == (2, True)


def test_arena_hard_takes_style_from_files_of_answers(capsys: pytest.CaptureFixture[str]) -> None:
    long, short = "many more words", "few"
    rows, said = [], []
    for place in range(12):
        longer = place % 2 == 0
        better = longer if place > 1 else not longer
        score = "B>A" if better else "A>B"  # in game 1 the model is B
        back = "A>B" if better else "B>A"
        rows.append({"uid": f"q{place}", "model": "m", "games": [{"score": score}, {"score": back}]})
        for model, text in (("m", long if longer else short), ("base", short if longer else long)):
            turns = [{"role": "assistant", "content": {"answer": text}}]
            said.append({"uid": f"q{place}", "model": model, "messages": turns})
    pd.DataFrame(rows).to_json("hard.jsonl", orient="records", lines=True)
    pd.DataFrame(said).to_json("answers.jsonl", orient="records", lines=True)
    words = ("hard.jsonl", "--opponent", "base", "--style", "length")
    status, _, err = run(capsys, *words)
    assert (status, "--answers" in err) == (2, True)
    _, out, _ = run(capsys, *words, "--answers", "answers.jsonl", "--json")
    assert [round(row["score"], 6) for row in json.loads(out)] == [50, 50]  # length explains all of it
    pd.DataFrame(said[1::2]).to_json("base.jsonl", orient="records", lines=True)
    _, both, _ = run(capsys, *words, "--answers", "answers.jsonl", "base.jsonl", "--json")
    assert both == out
    _, out, _ = run(capsys, *words, "--answers", "answers.jsonl")
    assert "length: characters; Arena-Hard-Auto counts tokens" in out
    status, _, err = run(capsys, "hard.jsonl", "--answers", "answers.jsonl")
    assert (status, "--answers belong to --style" in err) == (2, True)


@pytest.mark.parametrize("name", ["board.csv", "board.json", "board.parquet"])
def test_the_table_is_written_and_replaced_only_when_asked(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("judged.csv", "--encoding", "0/1", "--out", name)
    assert run(capsys, *words)[0] == 0
    readers = {".csv": pd.read_csv, ".json": pd.read_json, ".parquet": pd.read_parquet}
    table = readers[Path(name).suffix](name)
    assert table["model"].tolist() == ["a", "base", "b"]
    assert table["score"].tolist() == pytest.approx([75, 50, 25])
    status, _, err = run(capsys, *words)
    assert status == 2
    assert f"{name} exists; choose another name, or say --overwrite" in err
    assert run(capsys, *words, "--overwrite")[0] == 0
    status, _, err = run(capsys, name, "--out", name, "--overwrite")
    assert (status, f"--out {name} is the input itself" in err) == (2, True)


@pytest.mark.parametrize(("name", "begin"), [("p.png", b"\x89PNG"), ("p.svg", b"<svg"), ("p.pdf", b"%PDF")])
def test_it_is_drawn(name: str, begin: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "judged.csv", "--encoding", "0/1", "--plot", name)[0] == 0
    assert Path(name).read_bytes().startswith(begin)


def test_mt_bench_has_averages(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"model": m, "question_id": q, "turn": t, "score": s}
        for m, s in (("x", 4), ("y", 8))
        for q in (81, 91)
        for t in (1, 2)
    ]
    Path("mt.json").write_text(json.dumps(rows))
    status, out, _ = run(capsys, "mt.json", "--plot", "mt.svg", "--out", "mt.csv")
    assert status == 0
    table = pd.read_csv("mt.csv")
    assert table["model"].unique().tolist() == ["y", "x"]  # the best first
    assert table["group"].unique().tolist() == ["all", "turn 1", "turn 2", "roleplay", "writing"]
    assert "MT-Bench" in out
    status, _, err = run(capsys, "mt.json", "judged.csv")
    assert status == 2
    assert "mt.json holds MT-Bench's scores, other files battles" in err
    assert "95 % intervals from 2,000 resamples" in out


@pytest.mark.parametrize(
    "words",
    [
        *(
            "--style length",
            "--baseline x",
            "--answers mt.json",
            "--tokenizer t",
            "--opponent x",
            "--interval none",
        ),
        *("--ridge 3", "--column model=m", "--by model", "--encoding 1/2", "--missing drop", "--duplicates keep"),
    ],
)
def test_options_of_battles_are_refused_for_mt_benchs_scores(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mt.json").write_text(json.dumps([{"model": "x", "question_id": 81, "turn": 1, "score": 4}]))
    status, _, err = run(capsys, "mt.json", *words.split())
    assert (status, f"{words.split()[0]} belongs to battles" in err) == (2, True)


def test_mt_benchs_numbers_may_be_texts_and_others_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"model": "x", "question_id": q, "turn": 1, "score": s} for q, s in ((81, 4), (91, 7), (91, -1))]
    texts = [{name: str(value) for name, value in row.items()} for row in rows]
    bad = [*texts, {**texts[0], "score": "good"}]
    for name, held in (("numbers.jsonl", rows), ("texts.jsonl", texts), ("bad.jsonl", bad)):
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in held))
    _, numbers, _ = run(capsys, "numbers.jsonl", "--json")
    assert run(capsys, "texts.jsonl", "--json")[1] == numbers
    assert [row["score"] for row in json.loads(numbers)] == [5.5, 5.5, 7, 4]
    _, both, _ = run(capsys, "numbers.jsonl", "texts.jsonl", "--json")
    assert [(row["group"], row["n"]) for row in json.loads(both)][:2] == [("all", 4), ("turn 1", 4)]
    status, _, err = run(capsys, "texts.jsonl", "bad.jsonl")
    assert (status, "bad.jsonl, column score, row 3: 'good'; scores are from 1 to 10" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--out", "board.xls"], "--out board.xls: the name says no format that can be written; use .csv"),
        (["--plot", "board.gif"], "use .png, .svg, .pdf"),
        (["--level", "95"], "give a level between 0 and 1"),
        ([], "say how preferences are encoded"),
    ],
)
def test_what_is_refused(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "judged.csv", *words)
    assert status == 2
    assert told in err


def test_a_model_that_always_wins_is_told_what_to_type(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    status, _, err = run(capsys, "arena.jsonl")
    assert status == 2
    assert "say --ridge 1, which draws them in" in err
    assert run(capsys, "judged.csv", "--encoding", "0..1", "--ridge", "1")[0] == 0
    assert caplog.text == ""
    assert run(capsys, "arena.jsonl", "--ridge", "1")[0] == 0
    assert "b won or lost every battle with the others" in caplog.text  # its one battle
    assert "intervals are too narrow" in caplog.text


@pytest.mark.parametrize("words", ["--by model", "--encoding 1/2", "--duplicates keep"])
def test_options_of_judgements_are_refused_for_battles_alone(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(capsys, "arena.jsonl", "--ridge", "1", *words.split())
    told = f"{words.split()[0]} belongs to judgements against a baseline; battles are taken as they are"
    assert (status, told in err) == (2, True)
