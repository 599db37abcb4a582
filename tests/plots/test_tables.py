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
        ([1, 2], "[1, 2]"),
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
