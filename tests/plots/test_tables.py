"""Tables as CSV with full precision and as Markdown for readers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rapo import paths
from rapo.plots import tables


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (0.51234, "0.512"),
        (999.7, "1000"),  # three digits of 999.7 are 1.00e+03: written out
        (1234.5, "1234"),
        (-123456.7, "-123457"),
        (2e-5, "2e-05"),
        (0.0, "0"),
        (np.float32(0.1), "0.1"),
        (float("nan"), ""),
        (None, ""),
        (pd.NA, ""),
        (float("inf"), "inf"),
        (12345, "12345"),
        (True, "True"),
        ("a|b\nc", "a\\|b c"),
        ("a\u2028b\r\nc\x85d", "a b c d"),
        ("<img src=x onerror=y>", "&lt;img src=x onerror=y>"),
        ("[x](http://y) **b** `c`", r"\[x\](http://y) \*\*b\*\* \`c\`"),
        ("_a_ M_AP ~~s~~", r"\_a\_ M_AP \~\~s\~\~"),
        ("a\\|b", r"a\\\|b"),
        ("&lt;", "&amp;lt;"),
        ("gold >= 9", "gold >= 9"),
        ([1, 2], r"\[1, 2\]"),
    ],
)
def test_cells(value: object, cell: str) -> None:
    table = pd.DataFrame({"x": pd.Series([value], dtype=object)})
    assert tables.markdown(table).splitlines()[-1] == f"| {cell} |".replace("|  |", "|  |")


def test_numbers_are_set_to_the_right_and_headings_are_escaped() -> None:
    table = pd.DataFrame({"P(y|x)": [0.5], "arm": ["RA"], 3: [1]})
    assert tables.markdown(table).splitlines() == [
        "| P(y\\|x) | arm | 3 |",
        "| ---: | --- | ---: |",
        "| 0.5 | RA | 1 |",
    ]


def test_digits_can_be_chosen_and_an_empty_table_has_its_heading() -> None:
    assert tables.markdown(pd.DataFrame({"x": [1 / 3]}), digits=5).endswith("| 0.33333 |")
    assert tables.markdown(pd.DataFrame({"x": []})).count("\n") == 1


def test_a_saved_table_reads_back_exactly(rapo_root: Path) -> None:
    table = pd.DataFrame({"arm": ["UF", "RA"], "gold": [1 / 3, 2 / 3]})
    markdown = tables.save_table(table, "RA-F2_gold", scale="small")
    assert markdown == paths.figures("small") / "RA-F2_gold.md"
    assert markdown.read_text(encoding="utf-8") == tables.markdown(table) + "\n"
    pd.testing.assert_frame_equal(pd.read_csv(markdown.with_suffix(".csv")), table)


def test_cells_that_are_markdown_themselves() -> None:
    table = pd.DataFrame({"x": ["**a** [b](c)|d\n"]})
    assert tables.markdown(table, markup=True).endswith("| **a** [b](c)\\|d |")


def test_what_a_spreadsheet_would_compute_is_led_by_an_apostrophe(rapo_root: Path) -> None:
    table = pd.DataFrame({
        "=HYPERLINK(1)": ["=1+1", "@SUM(A1)", "+x", "-x", "\tx", "plain", "-0.5", "1e-3", None],
        "gain": -np.ones(9),
    })  # fmt: skip
    saved = tables.save_table(table, "x", scale="small").with_suffix(".csv")
    found = pd.read_csv(saved, keep_default_na=False, dtype=str)
    assert found.columns[0] == "'=HYPERLINK(1)"
    assert found.iloc[:, 0].tolist() == ["'=1+1", "'@SUM(A1)", "'+x", "'-x", "'\tx", "plain", "-0.5", "1e-3", ""]
    assert set(found["gain"]) == {"-1.0"}
    assert table.columns[0] == "=HYPERLINK(1)"  # what was given stays


@pytest.mark.parametrize("name", ["../x", "a/b", "/x", "..", "", "a\\b", "x\0"])
def test_a_table_stays_in_its_folder(rapo_root: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no plain file name"):
        tables.save_table(pd.DataFrame({"x": [1]}), name, scale="small")
    assert not list(rapo_root.rglob("*.csv"))
