"""The central comparison beside the paper's: the same bars in the same order."""

import pandas as pd

from rapo.stats.intervals import Interval
from rapo.studies.central_results import plots


def arms(**about: str) -> pd.DataFrame:
    rows = [(arm, 50.0 + at, 45.0, 60.0) for at, arm in enumerate(["base", "UF", "RA", "SFT"])]
    return pd.DataFrame(rows, columns=["arm", "estimate", "low", "high"]).assign(n_seeds=3, n_prompts=90, **about)


def bars(figure) -> list[int]:
    return [len(ax.patches) for ax in figure.axes]


GAP = Interval(1.0, -1.0, 3.0, n=9)


def test_win_rates_have_a_row_each_and_the_pooled_models_last() -> None:
    parts = [arms(architecture=name, metric=metric) for name in ("all", "qwen2") for metric in plots.RATES]
    gaps = pd.concat(
        pd.DataFrame([vars(GAP)]).assign(architecture=name, metric=metric, arm="UF")
        for name in ("all", "qwen2")
        for metric in plots.RATES
    )
    figure = plots.plot_win_rates(pd.concat(parts), gaps)
    assert bars(figure) == [15, 6, 15, 6]  # five models and two, three arms each
    assert [text.get_text() for text in figure.axes[1].get_xticklabels()] == ["Qwen2-like", "all"]
    assert "Here: no sure difference, 1.0 [-1.0, 3.0]" in figure.get_suptitle().replace("\n", " ")


def test_benchmarks_stand_beside_the_mean_of_the_skills() -> None:
    figure = plots.plot_skills(arms(skill="all"), GAP, skills=5)
    assert bars(figure) == [4, 3]
    assert figure.axes[1].get_ylabel() == "accuracy at 5 skills (%)"


def test_a_second_round_starts_from_the_model_of_the_first() -> None:
    rounds = (
        arms(architecture="all", metric="gold").iloc[:3].assign(arm=list(plots.AGAIN), estimate=[8.0, 7.5, 8.5])
    )
    figure = plots.plot_used(rounds, GAP)
    assert [round(bar.get_height() + 1, 6) for bar in figure.axes[1].patches] == [8.0, 7.5, 8.5]
