"""The audit as a whole: sources, bounds of its options, examples, what it keeps to itself."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scored_pairs import FOUR, asked, json_lines, many, of_texts, turn

import rapo
from rapo.inspection import audit as module
from rapo.inspection.audit import audit
from rapo.inspection.finding import GROUPS, LEVELS


def spoilt(n: int) -> list[dict[str, Any]]:
    """Pairs of which every tenth, from the third on, is a tie with a mark in it."""
    rows = many(n)
    for i in range(2, n, 10):
        rows[i] |= {"score_rejected": 9.0, "chosen": [turn("assistant", f"a{i} </s>")]}
    return rows


def test_it_stands_at_the_top() -> None:
    assert rapo.audit is audit
    assert rapo.audit(many(3)).n == 3


@pytest.mark.parametrize("rows", [1, 7, 4000])
def test_batches_change_nothing(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = [*spoilt(40), *spoilt(25)]
    planted[50]["prompt"] = [turn("user", " ")]
    data = pa.Table.from_pylist(planted)
    whole = audit(data)
    assert [one.row for one in whole.finding("malformed: prompt: blank turn").examples] == ["51"]
    monkeypatch.setattr(module, "BATCH_ROWS", rows)
    assert audit(data).findings == whole.findings


def test_files_of_any_kind_and_data_in_memory_give_the_same(tmp_path: Path) -> None:
    rows = spoilt(30)
    json_lines(tmp_path / "a.jsonl", rows)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    reports = [audit(source) for source in (rows, tmp_path / "a.jsonl", str(tmp_path / "a.parquet"))]
    tables = [report.table().drop(columns="advice") for report in reports]
    assert tables[0].equals(tables[1])
    assert tables[1].equals(tables[2])
    tie = reports[1].finding("ties")
    assert tie.advice == f"rapo select {tmp_path}/a.jsonl --metric explicit-margin -k 27 --out told.parquet"


def test_a_name_with_blanks_can_be_typed(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "my pairs.jsonl", spoilt(30))
    assert f"rapo select '{path}' --metric" in audit(path).finding("ties").advice


def test_examples_name_row_pair_and_text(tmp_path: Path) -> None:
    rows = [row | {"pair_id": f"id-{i}"} for i, row in enumerate(spoilt(30))]
    got = audit(json_lines(tmp_path / "a.jsonl", rows)).finding("ties")
    assert [(one.row, one.pair_id, one.text) for one in got.examples] == [
        ("3", "id-2", "q2"),
        ("13", "id-12", "q12"),
        ("23", "id-22", "q22"),
    ]


def test_shards_count_their_own_rows(tmp_path: Path) -> None:
    json_lines(tmp_path / "a.jsonl", spoilt(5))
    json_lines(
        tmp_path / "b.jsonl", [row | {"prompt": [turn("user", f"r{i}")]} for i, row in enumerate(spoilt(5))]
    )
    got = audit(str(tmp_path / "*.jsonl")).finding("ties")
    assert [(one.row, one.text) for one in got.examples] == [("3", "q2"), ("3", "r2")]


def test_candidates_become_pairs_and_examples_name_their_row() -> None:
    data = [asked(*FOUR, instruction="one"), asked(*FOUR, instruction="two")]
    report = audit(data)
    assert report.n == 2
    assert report.finding("repeated-prompts").count == 0
    assert {one.row for one in report.finding("same-response-to-other-prompts").examples} == {"2"}


def test_long_texts_are_cut_and_put_on_one_line() -> None:
    row = of_texts("word\n" * 100, score_chosen=5.0, score_rejected=5.0)
    (one,) = audit([row]).finding("ties").examples
    assert len(one.text) <= 120
    assert "\n" not in one.text
    assert one.text.startswith("word word")


def test_the_report_as_plain_data_and_as_a_table() -> None:
    report = audit(spoilt(30), max_length=None)
    record = json.loads(json.dumps(report.to_dict()))
    assert record["pairs"] == 30
    assert record["level"] == "serious"
    assert sum(record["levels"].values()) == len(record["findings"]) == len(report.table())
    assert {found["group"] for found in record["findings"]} <= set(GROUPS)
    ties = next(found for found in record["findings"] if found["name"] == "ties")
    assert (ties["count"], ties["n"], ties["interval"]["n"]) == (3, 30, 30)
    assert "<table" in report._repr_html_()


def test_levels_of_a_report() -> None:
    report = audit(spoilt(30))
    assert report.reaches("warning")
    assert report.reaches("serious")
    names = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove")
    fine = audit(
        [
            of_texts(
                f"{name} {i}", f"yes {i} so", f"so {i} yes", score_chosen=10.0 - i % 2, score_rejected=1 + i % 4
            )
            for i, name in enumerate(names * 6)
        ]
    )
    assert fine.level in LEVELS[:2], [one for one in fine.findings if one.level not in LEVELS[:2]]
    assert not fine.reaches("warning")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"ngram": 2}, "ngram is 2; use 3 or more"),
        ({"similarity": 0.0}, "similarity is 0.0; use a number above 0, up to 1"),
        ({"max_length": 0}, "max_length is 0; use 1 or more"),
        ({"preview_rows": -1}, "preview_rows is -1; use 0 for all rows, or more"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        audit(many(2), **options)


def test_what_is_left_out_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": \n' + "".join(json.dumps(row) + "\n" for row in many(3)), encoding="utf-8")
    assert audit(path, unreadable="drop").n == 3
    assert "dropped 1 line that cannot be read: " in caplog.text


def test_a_column_of_a_wrong_type_is_an_error_that_names_a_row() -> None:
    with pytest.raises(ValueError, match=r"column chosen: holds int64, .* in row 1"):
        audit([{"prompt": "a", "chosen": 1, "rejected": "c"}])


def test_missing_columns_are_an_error_that_names_them() -> None:
    with pytest.raises(ValueError, match="rejected is missing"):
        audit([{"prompt": "a", "chosen": "b"}])


def test_whoever_waits_is_told_how_far_it_is() -> None:
    told: list[int] = []
    audit(many(5), progress=told.append)
    assert told == [5]


def test_every_finding_is_explained(tmp_path: Path) -> None:
    (tmp_path / "exam.txt").write_text("one two three", encoding="utf-8")
    logprobs = {f"{side}_{what}": 1.0 for side in ("chosen", "rejected") for what in ("logprob_sum", "tokens")}
    rows = [row | logprobs | {"rating_chosen": 1, "rating_rejected": 2} for row in many(5)]
    rows[0]["prompt"] = []
    bare = [{name: row[name] for name in ("prompt", "chosen", "rejected")} for row in many(3)]
    reports = [audit(rows, benchmarks=[tmp_path / "exam.txt"]), audit(bare)]
    names = {re.split("[:,]| of ", found.name)[0] for report in reports for found in report.findings}
    text = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
    missing = [
        name for name in names - {"no-scores"} if f"`{name}" not in text and not name.startswith("contaminated")
    ]
    assert missing == []
