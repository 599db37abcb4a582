"""The papers' numbers and ours, side by side."""

import pandas as pd
import pytest

from rapo.studies.common import beside

MODELS = {"SPPO (Gemma-2-9B-It-SPPO-Iter3)": "SPPO", "Qwen2-7B-It": "Qwen2"}
AHEAD = ("RA", "UF")


def here(low: float, high: float) -> beside.Side:
    gaps = pd.DataFrame({"model": ["one", "all"], "estimate": [9.0, 0.2], "low": [8.0, low], "high": [10.0, high]})
    return beside.ours(pd.DataFrame(), gaps, "LC win rate (%)")


def test_published_numbers_stand_in_the_order_asked_for() -> None:
    side = beside.published("RA-F2", "LC win rate", compared=AHEAD, models=MODELS, what="RA")
    assert list(dict.fromkeys(side.bars["model"])) == ["SPPO", "Qwen2"]
    assert side.bars["estimate"].tolist() == [55.60, 52.75, 60.97, 20.93, 21.46, 31.17]
    assert side.gaps["estimate"].round(2).tolist() == [8.22, 9.71]  # 60.97 - 52.75, 31.17 - 21.46
    assert (side.label, side.title) == ("LC win rate (%)", "published: RA")


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.1, 0.3, "surely above"), (-0.1, 0.5, "no sure difference"), (-0.5, -0.1, "surely below")],
)
def test_the_title_tells_the_paper_and_the_last_of_our_models(low: float, high: float, words: str) -> None:
    paper = beside.published("RA-F2", "LC win rate", compared=AHEAD, models=MODELS)
    told = beside.together(paper, here(low, high), AHEAD, "LC")
    assert told.startswith(f"RA above UF (LC)? Published: in 2 of 2 models. Here: {words}, 0.20 ")


def test_an_order_without_numbers_is_told_as_one() -> None:
    side = beside.order_alone({"UF": 0, "RA": 1}, ["Llama-3"], compared=AHEAD, what="RA, Table 5")
    assert side.ordinal
    assert side.gaps["estimate"].tolist() == [1.0]
    assert "Published: yes." in beside.together(side, here(0.1, 0.3), AHEAD, "half")
