"""`rapo check`, `rapo pairs` and `rapo relabel`, as a person runs them."""

import json
from pathlib import Path
from typing import Any

import pytest
from scored_pairs import json_lines, many

from rapo.cli import main as cli
from rapo.pairs import files, sources
from rapo.relabelling import relabel

PAIR = {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "five", "score_chosen": 9, "score_rejected": 2}
THREE = [{"response": text, "overall_score": score} for text, score in (("a", 1), ("b", 9), ("c", 9))]
ROW = {"instruction": "q", "completions": THREE}


def lines(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_check_tells_what_is_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = lines(tmp_path / "a.jsonl", PAIR, {**PAIR, "score_chosen": 2})
    assert cli.main(["check", file]) == 0
    out = capsys.readouterr().out
    assert "2 good pairs of 1 prompt, scores 2 to 9" in out
    assert " ".join(out.split()).find("ties 1 2 50.0 %") > 0


def test_check_gives_every_number_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["check", lines(tmp_path / "a.jsonl", ROW), "--json", "--poor", "9"]) == 0
    got = json.loads(capsys.readouterr().out)
    assert (got["n"], got["score_high"], got["length_correlation"]["estimate"]) == (1, 9.0, None)
    assert {row["quantity"]: row["count"] for row in got["premises"]}["bad chosen"] == 1


def test_check_tells_what_is_wrong_and_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = lines(tmp_path / "a.jsonl", PAIR, {**PAIR, "score_chosen": float("nan"), "chosen": ""})
    assert cli.main(["check", file]) == 2
    told = capsys.readouterr().err
    assert [line.count("a.jsonl: column") for line in told.splitlines()] == [1, 1]
    assert "column chosen: empty response in row 2" in told
    assert "column score_chosen: not a finite number in row 2 (nan). Score the response again" in told
    assert cli.main(["check", file, "--bad", "drop", "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    assert (got["rows_read"], got["pairs_dropped"], got["n"]) == (2, 1, 1)


def test_columns_are_mapped(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    row = {"q": "2 + 2 ?", "chosen": "4", "rejected": "5", "rm": [9, 2]}
    file = lines(tmp_path / "a.jsonl", row)
    assert cli.main(["check", file]) == 2
    assert "--column prompt=..." in capsys.readouterr().err
    mapping = ["prompt=q", "score_chosen=max(rm)", "score_rejected=min(rm)"]
    assert cli.main(["check", file, *[word for entry in mapping for word in ("--column", entry)]]) == 0
    assert cli.main(["check", file, "--column", "prompt"]) == 2
    assert "write NAME=SOURCE" in capsys.readouterr().err


def test_pairs_streams_candidates_into_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "pairs.parquet"
    assert cli.main(["pairs", lines(tmp_path / "a.jsonl", ROW), "--out", str(out), "--rule", "all"]) == 0
    assert "pairs.parquet: 3 pairs" in capsys.readouterr().out
    assert sources.read_pairs(out)["pair_id"].to_pylist() == ["row-1:2-3", "row-1:2-1", "row-1:3-1"]


def test_relabel_writes_what_the_library_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = lines(tmp_path / "a.jsonl", PAIR, {**PAIR, "score_chosen": 2})
    out = tmp_path / "rows.jsonl.gz"
    command = ["relabel", file, "--out", str(out), "--placement", "prefix", "--template", "compact"]
    assert cli.main(command) == 0
    assert "2 rows from 2 pairs (1 tie dropped); goal placed as prefix" in capsys.readouterr().out
    prompts = [row["prompt"][0]["content"] for row in files.read(out).to_pylist()]
    assert prompts == ["overall score : 9 .\n\n2 + 2 ?", "overall score : 2 .\n\n2 + 2 ?"]
    assert cli.main([*command, "--overwrite", "--scale", "0", "1", "--template", "{goals} of {high}"]) == 0
    assert files.read(out).to_pylist()[0]["prompt"][0]["content"] == "Overall score: 9. of 1\n\n2 + 2 ?"


def test_relabel_reads_the_placement_off_a_saved_tokenizer(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    template = "{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %}"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}), encoding="utf-8")
    file = lines(tmp_path / "a.jsonl", PAIR)
    assert cli.main(["relabel", file, "--out", str(tmp_path / "o"), "--tokenizer", str(tmp_path)]) == 0
    assert "goal placed as prefix" in capsys.readouterr().out
    expected = relabel.relabel(sources.read_pairs(file), placement="prefix")
    assert files.read(tmp_path / "o").to_pylist() == expected.to_pylist()


def test_relabel_counts_pairs_without_implicit_rewards(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rewards = [{"implicit_chosen": None if i == 1 else 1.0 + i, "implicit_rejected": -1.0} for i in range(3)]
    file = lines(tmp_path / "a.jsonl", *({**PAIR, **row} for row in rewards))
    words = ["relabel", file, "--goal", "implicit", "--out", str(tmp_path / "out.jsonl")]
    assert cli.main(words) == 2
    assert cli.main([*words, "--bad", "drop"]) == 0
    told = capsys.readouterr().out
    assert "4 rows from 2 pairs (0 ties dropped)" in told
    assert "1 pair without implicit rewards left out" in told
    counts = json.loads((tmp_path / "out.jsonl.json").read_text())["counts"]
    assert (counts["pairs"], counts["without_implicit_rewards"]) == (2, 1)


def test_relabel_leaves_nothing_behind_when_a_row_is_bad(tmp_path: Path):
    file = lines(tmp_path / "a.jsonl", *[PAIR] * 7, {**PAIR, "rejected": ""})
    assert cli.main(["relabel", file, "--out", str(tmp_path / "o.parquet"), "--batch-rows", "3"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize(
    ("scores", "typed"), [((5, 1), "--scale 1 5 (or --scale 1 10"), ((0.9, 0), "--scale 0 0.9")]
)
def test_a_goal_on_another_scale_is_refused_until_the_scale_is_named(
    scores: tuple[float, float], typed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = lines(tmp_path / "a.jsonl", {**PAIR, "score_chosen": scores[0], "score_rejected": scores[1]})
    command = ["relabel", file, "--out", str(tmp_path / "b.jsonl")]
    assert cli.main(command) == 2
    assert typed in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    assert cli.main([*command, "--scale", "1", "inf"]) == 2
    assert "--scale 1 inf: give two finite numbers" in capsys.readouterr().err
    assert cli.main([*command, "--scale", "0", "5"]) == 0
    assert cli.main(["relabel", file, "--out", str(tmp_path / "c.jsonl"), "--template", "compact"]) == 0


@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["audit"],
        ["relabel", "--out", "OUT"],
        ["export", "--to", "trl", "--out", "OUT"],
        ["select", "--metric", "explicit-margin", "-k", "1", "--out", "OUT"],
        ["pairs", "--out", "OUT"],
    ],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_a_data_set_on_a_hub_is_streamed_where_that_is_asked(
    command: list[str], streaming: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    datasets = pytest.importorskip("datasets")
    asked: list[bool] = []

    def load(*_: Any, streaming: bool, **__: Any) -> Any:
        asked.append(streaming)
        data = datasets.Dataset.from_list([PAIR])
        return data.to_iterable_dataset() if streaming else data

    monkeypatch.setattr(datasets, "load_dataset", load)
    words = [str(tmp_path / "out.jsonl") if word == "OUT" else word for word in command[1:]]
    given = [command[0], "owner/name", "--split", "train", *words, *["--streaming"] * streaming]
    assert cli.main(given) == 0
    assert set(asked) == {streaming}


def test_check_follows_the_scale_of_the_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    likert = [
        {**ROW, "prompt": f"q {i}", "score_chosen": chosen, "score_rejected": rejected}
        for i, (chosen, rejected) in enumerate([(5, 1), (4, 3), (2, 1)])
    ]
    file = lines(tmp_path / "likert.jsonl", *likert)
    assert cli.main(["check", file, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["thresholds"] == {"good": 3, "poor": 3, "best": 5}
    counts = {row["quantity"].partition(" (")[0]: row["count"] for row in told["premises"]}
    assert (counts["good rejected"], counts["bad chosen"]) == (1, 1)
    assert cli.main(["check", file]) == 0
    assert "rejected is good from 3 on, chosen bad up to 3" in capsys.readouterr().out
    assert cli.main(["check", file, "--json", "--good", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["thresholds"]["good"] == 2
    seven = lines(tmp_path / "seven.jsonl", {**likert[0], "score_chosen": 7}, likert[1])
    assert cli.main(["check", seven, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["thresholds"] == {"good": 4, "poor": 4, "best": 7}


def test_select_that_would_keep_nothing_is_refused_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file, out = lines(tmp_path / "a.jsonl", ROW), tmp_path / "out.jsonl"
    for words in (["-k", "0"], ["--fraction", "0.1"]):
        assert cli.main(["select", file, "--out", str(out), "--metric", "explicit-margin", *words]) == 2
        assert f"{' '.join(words)} keeps none of its pairs" in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


def test_a_setting_of_the_world_of_the_wrong_kind_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["world", "--out", str(tmp_path / "w.jsonl"), "--prompts", "3", "--set", "noise=abc"]
    assert cli.main(words) == 2
    assert "--set: a value is of the wrong kind" in capsys.readouterr().err
    assert not (tmp_path / "w.jsonl").exists()


def test_select_names_pairs_without_sums_or_leaves_them_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = many(4)
    for at, row in enumerate(rows):
        row |= {
            "chosen_logprob_sum": -2.0 - at,
            "chosen_tokens": 2,
            "rejected_logprob_sum": -4.0,
            "rejected_tokens": 2,
        }
    rows[2]["rejected_logprob_sum"] = None
    json_lines(tmp_path / "in.jsonl", rows)
    words = ["select", str(tmp_path / "in.jsonl"), "-k", "2", "--out", str(tmp_path / "out.jsonl")]
    assert cli.main(words) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "pair row-3: rejected_logprob_sum is missing" in told
    assert "leave such pairs out with --bad drop" in told
    assert cli.main([*words, "--bad", "drop"]) == 0
    assert "kept 2 of 4 pairs by alignment-potential" in (told := " ".join(capsys.readouterr().out.split()))
    assert "1 pair without log-probabilities left out" in told
    record = json.loads((tmp_path / "out.jsonl.json").read_text(encoding="utf-8"))
    assert record["counts"]["without_sums"] == 1
    assert cli.main([*words[:-1], str(tmp_path / "by.jsonl"), "--metric", "explicit-margin"]) == 0
