"""Questions of a benchmark in the data: planted, and counted by hand."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from scored_pairs import json_lines, turn
from scored_pairs import of_texts as row

from rapo.inspection import contamination
from rapo.inspection.audit import audit
from rapo.inspection.report import Report

# Twelve words: five 8-grams.
ITEM = "a train leaves the station at noon and travels north at speed"
SHORT = "what is two plus two"
OTHER = "please sort these numbers from small to large and explain each step"


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    path = tmp_path / "exam.txt"
    path.write_text(f"{ITEM}\n\n{SHORT}\n{OTHER}\n", encoding="utf-8")
    return path


def looked(rows: list[dict[str, Any]], path: Path, **options: Any) -> Report:
    return audit(rows, benchmarks=[path], **options)


def test_items_are_found_in_prompts_and_responses(benchmark: Path) -> None:
    rows = [
        row(f"Here is one: {ITEM.upper()}!"),
        row("nothing of the kind"),
        row("q", f"They say, {OTHER}.", "no"),
        row("What is two plus two?"),
        row("Tell me what is two plus two"),  # a short item counts only where there is nothing else
    ]
    report = looked(rows, benchmark)
    prompt, chosen, rejected = (
        report.finding(f"contaminated {c}: exam.txt") for c in ("prompt", "chosen", "rejected")
    )
    assert (prompt.count, prompt.n, prompt.level) == (2, 5, "serious")
    assert [(one.row, one.note) for one in prompt.examples] == [
        ("1", f"item 1: {ITEM}"),
        ("4", f"item 2: {SHORT}"),
    ]
    assert (chosen.count, rejected.count, rejected.level) == (1, 0, "ok")
    assert "; 3 of its 3 items occur" in prompt.told


def test_a_short_item_that_stands_twice_counts_twice(tmp_path: Path) -> None:
    (tmp_path / "twice.txt").write_text(f"{SHORT}\n{OTHER}\n{SHORT.upper()}\n", encoding="utf-8")
    told = looked([row(SHORT)], tmp_path / "twice.txt").finding("contaminated prompt: twice.txt").told
    assert "; 2 of its 3 items occur" in told


@pytest.mark.parametrize(
    ("words", "held", "touched"),
    [
        (12, 1, 0),  # 5 of 5 grams
        (10, 1, 0),  # 3 of 5
        (9, 0, 1),  # 2 of 5
        (8, 0, 1),  # 1 of 5
        (7, 0, 0),
    ],
)
def test_half_of_the_grams_hold_an_item(benchmark: Path, words: int, held: int, touched: int) -> None:
    report = looked([row(" ".join(ITEM.split()[:words]) + " unlike anything")], benchmark)
    assert report.finding("contaminated prompt: exam.txt").count == held
    got = report.finding("n-grams of exam.txt")
    assert got.count == touched
    assert [one.row for one in got.examples] == ["1"] * touched


def test_a_pair_that_holds_an_item_in_one_column_is_not_counted_for_a_part_of_it_in_another(
    benchmark: Path,
) -> None:
    part = " ".join(ITEM.split()[:9])
    report = looked([row(ITEM, f"{part} and so on"), row("q", f"{part} and so on")], benchmark)
    assert report.finding("contaminated prompt: exam.txt").count == 1
    assert report.finding("n-grams of exam.txt").count == 1


@pytest.mark.parametrize("name", ["exam.txt", "exam.csv"])
def test_a_benchmark_without_questions_is_no_clean_bill(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("\n" if name.endswith("txt") else "question\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"{name} (is empty|holds no row)"):
        looked([row("q")], tmp_path / name)


def test_the_size_of_the_grams_can_be_chosen(benchmark: Path) -> None:
    text = " ".join(ITEM.split()[:9]) + " unlike anything"  # 2 of 5 8-grams, 5 of 8 5-grams
    assert looked([row(text)], benchmark, ngram=5).finding("contaminated prompt: exam.txt").count == 1


def test_a_gram_of_two_items_counts_for_both(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "b.jsonl", [{"question": f"{ITEM} one"}, {"question": f"{ITEM} two"}])
    report = looked([row(ITEM)], path)
    assert "2 of its 2 items occur" in report.finding("contaminated prompt: b.jsonl").told
    assert report.finding("contaminated prompt: b.jsonl").count == 1


def test_against_brute_force(tmp_path: Path) -> None:
    import random

    draw = random.Random(1)
    names = ["red", "blue", "green"]
    items = [" ".join(draw.choices(names, k=draw.randint(4, 9))) for _ in range(20)]
    texts = [" ".join(draw.choices(names, k=12)) for _ in range(40)]

    def grams(text: str) -> set[str]:
        found = text.split()
        return {" ".join(found[i : i + 4]) for i in range(len(found) - 3)}

    want = sum(any(len(grams(item) & grams(text)) >= 0.5 * len(grams(item)) for item in items) for text in texts)
    path = tmp_path / "b.txt"
    path.write_text("\n".join(items), encoding="utf-8")
    got = looked([row(text) for text in texts], path, ngram=4).finding("contaminated prompt: b.txt")
    assert 0 < want < 40
    assert got.count == want


@pytest.mark.parametrize(
    "column",
    [
        {"question": [ITEM]},
        {"turns": [[ITEM, "and then"]]},
        {"prompt": [[turn("user", ITEM)]]},
        {"other": [1], "text": [ITEM]},
    ],
)
def test_columns_that_hold_questions(tmp_path: Path, column: dict[str, Any]) -> None:
    import pyarrow.parquet as pq

    pq.write_table(pa.table(column), tmp_path / "b.parquet")
    (text,) = contamination.read_items(tmp_path / "b.parquet").to_pylist()
    assert text.startswith(ITEM)


def test_a_column_must_be_named_where_none_is_known(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "b.jsonl", [{"stem": ITEM, "number": 3}])
    with pytest.raises(ValueError, match=r"has the columns stem, number; say .* --benchmark-column NAME"):
        contamination.read_items(path)
    assert contamination.read_items(path, column="stem").to_pylist() == [ITEM]
    with pytest.raises(ValueError, match="column number holds int64, no text"):
        contamination.read_items(path, column="number")
    with pytest.raises(FileNotFoundError):
        contamination.read_items(tmp_path / "none.txt")
