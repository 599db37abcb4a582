"""Claims of the selection study, each with its statistic and interval; verdicts follow from them.

A statistic that the data do not define (no pair that gold decides, every answer missing) makes no claim: it is left
out and logged. Answers that all score alike do: their difference is exactly zero, and the claim's note says so.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from rapo.claims.claim import Claim, measured, slug
from rapo.stats.intervals import Interval
from rapo.studies.alignment_potential import tables

_log = logging.getLogger(__name__)
OTHERS = ("M+", "small Mpi", "uniform")
ALONE = ("RA", "MAP, 2 epochs")
BEST = "alignment potential is best (the figures are compared by direction)"
NO_CONTROL = "no control"


def claims(pairs: pd.DataFrame, answers: pd.DataFrame, recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook that the data define.

    Args:
        pairs, answers: `rapo.studies.alignment_potential.study.results`.
        recipe: `rapo.studies.alignment_potential.study.recipe_of`: the share selected, weights and shares.
    """
    main, share = pairs[pairs["fault"] == "main"], recipe["fraction"]
    found = [
        *_contradiction(main, share),
        *_training(answers),
        *_noise(main, share),
        *_agreement(pairs, share),
        *_weight(answers),
        *_share(answers, share),
        *_join(answers),
    ]
    return [claim for claim in found if _defined(claim)]


def _defined(claim: Claim) -> bool:
    known = all(map(isfinite, (claim.estimate, claim.low, claim.high)))
    if not known:
        _log.warning("claim %s is left out: %s cannot be computed on these data", claim.id, claim.statistic)
    return known


def _claim(name: str, statement: str, statistic: str, found: Interval, unit: str, n: str, paper: str) -> Claim:
    claim = measured(slug(name), statement, statistic, found, unit=unit, n=n, paper=paper)
    return replace(claim, note="Nothing varies in these data.") if found.low == found.high else claim


def _drawn(made: list[Claim], *figures: str) -> list[Claim]:
    return [replace(claim, figures=figures) for claim in made]


def _models(frame: pd.DataFrame) -> str:
    """Size of a study of pairs, in words: models and the pairs of each."""
    models = frame.groupby(["fault", "architecture", "seed"]).size()
    return f"{len(models)} models (architecture, seed) x {models.mean():.0f} pairs"


def _size(answers: pd.DataFrame) -> str:
    counts = [
        f"{answers[name].nunique()} {name}{'s' * (answers[name].nunique() > 1)}"
        for name in ("architecture", "objective", "seed", "prompt")
    ]
    return " x ".join(counts)


def _contradiction(main: pd.DataFrame, share: float) -> list[Claim]:
    """AP-F1a: contradiction beyond chance, and MAP low where both margins are large."""
    table, n = tables.contradiction(main, share=share), _models(main)
    beyond = tables.mean(table["contradiction"] - table["expected"])
    left = tables.mean(table["aligned_low"])
    first = _claim(
        "AP-F1a", "The two metrics contradict each other on more pairs than chance would have it",
        f"pairs that exactly one of M+ and small Mpi selects at {share:.0%}, less the number by chance", beyond,
        "points", n, "a pair is high quality by one metric and low by the other",
    )  # fmt: skip
    second = _claim(
        "AP-F1a/aligned", "Alignment potential is low where both margins already agree",
        "pairs with both margins large that MAP leaves out, against all pairs that it leaves out", left,
        "%", n, "low by MAP where both margins are large",
    )  # fmt: skip
    return _drawn([first, replace(second, threshold=100 * (1 - share))], "AP-F1a_margins", "AP-F1a_quadrants")


def _training(answers: pd.DataFrame) -> list[Claim]:
    """AP-F1b, F4, F5: all four metrics; the rival is the best of the others on the test prompts themselves."""
    part = answers[answers["study"] == "metric"]
    statement = "Training on the pairs that alignment potential selects is best"
    best = _against_best(part, "AP-F1b", f"{statement}, both base models and objectives together")
    singles = [
        _claim(f"AP-F1b/{other}", f"Alignment potential selects better pairs to train on than {other} does",
               f"gold reward, MAP less {other}", tables.gold_gap(part, "metric", "MAP", other), "of 10",
               _size(part), BEST)
        for other in OTHERS
    ]  # fmt: skip
    cells = [
        _against_best(
            some,
            f"AP-F1b/{a}, {tables.OBJECTIVES[str(o)]}",
            f"{statement}: base {a}, objective {tables.OBJECTIVES[str(o)]}",
        )
        for (a, o), some in part.groupby(["architecture", "objective"], sort=False)
    ]
    return _drawn([best, *singles, *cells], "AP-F1b_gold", "AP-F1b_differences")


def _against_best(part: pd.DataFrame, name: str, statement: str) -> Claim:
    gaps = {other: tables.gold_gap(part, "metric", "MAP", other) for other in OTHERS}
    rival = min(gaps, key=lambda other: gaps[other].estimate)
    statistic = f"gold reward, MAP less the best other metric ({rival})"
    return _claim(name, statement, statistic, gaps[rival], "of 10", _size(part), BEST)


def _noise(main: pd.DataFrame, share: float) -> list[Claim]:
    """AP-F2: wrongly labelled pairs that M+ selects and MAP does not."""
    table, n = tables.noise(main, share=share), _models(main)
    found = _claim(
        "AP-F2", "There are wrongly labelled pairs that M+ calls good and alignment potential does not",
        "M+'s pairs that are labelled wrongly and that MAP leaves out", tables.mean(table["found"]),
        "% of M+'s pairs", n, "one example shown",
    )  # fmt: skip
    aimed = _claim(
        "AP-F2/aimed", "Of the pairs that M+ selects, alignment potential leaves out the wrongly labelled ones first",
        "share left out by MAP, wrongly labelled less rightly labelled pairs of M+",
        tables.mean(table["wrong"] - table["right"]), "points", n, "no count",
    )  # fmt: skip
    return _drawn([found, aimed], "AP-F2_left_out")


def _agreement(pairs: pd.DataFrame, share: float) -> list[Claim]:
    """AP-F3: agreement of gold with the label, MAP against the others; then against M+ fault by fault."""
    main = pairs[pairs["fault"] == "main"]
    statement = "Gold agrees more often with the label on pairs that alignment potential selects"
    made = [
        _agreement_claim("AP-F3" if other == "M+" else f"AP-F3/{other}", f"{statement} than on those of {other}",
                         main, other, share)
        for other in OTHERS
    ]  # fmt: skip
    for fault, part in pairs[pairs["fault"] != "main"].groupby("fault", sort=False):
        name = f"AP-F3/{str(fault).replace(' %', '')}"
        made.append(_agreement_claim(name, f"{statement} than on those of M+: fault {fault}", part, "M+", share))
    return _drawn(made, "AP-F3_agreement", "AP-F3_faults")


def _agreement_claim(name: str, statement: str, part: pd.DataFrame, other: str, share: float) -> Claim:
    paper = "MAP above M+ (GPT-4 as second judge)" if name == "AP-F3" else "no control"
    found = tables.agreement_gap(part, "MAP", other, share)
    statistic = f"agreement of gold with the label at {share:.0%}, MAP less {other}"
    return _claim(name, statement, statistic, found, "points", _models(part), paper)


def _weight(answers: pd.DataFrame) -> list[Claim]:
    """AP-A1: the largest weight against the smallest; as good as equal within a third of a point."""
    part = answers[answers["study"] == "weight"]
    low, high = part["x"].min(), part["x"].max()
    found = tables.gap(part[part["x"] == high], part[part["x"] == low])
    made = _claim(
        "AP-A1", "The weight of the implicit margin matters little: gold within 0.3 of 10",
        f"gold reward, weight {high:g} less weight {low:g}", found, "of 10", _size(part),
        "an ablation; weight 1, and 2.5 in self-play",
    )  # fmt: skip
    return _drawn([replace(made, direction="equal", threshold=0.3)], "AP-A1_weight")


def _share(answers: pd.DataFrame, share: float) -> list[Claim]:
    """AP-A2: MAP against uniform over the shares, and against all pairs."""
    part = answers[answers["study"] == "share"]
    some, picked = part[part["x"] < 1], part[(part["x"] == share) & (part["arm"] == "MAP")]
    over = tables.gap(some[some["arm"] == "MAP"], some[some["arm"] == "uniform"])
    everything = part[(part["x"] == part["x"].max()) & (part["arm"] == "MAP")]
    shares = ", ".join(f"{x:.0%}" for x in sorted(some["x"].unique()))
    made = [
        _claim("AP-A2", "Alignment potential beats uniform selection whatever the share",
               f"gold reward, MAP less uniform, mean over {shares}", over, "of 10", _size(part), BEST),
        _claim("AP-A2/all", "A selected share is better to train on than all pairs, in fewer steps",
               f"gold reward, MAP at {share:.0%} less all pairs", tables.gap(picked, everything), "of 10",
               _size(part), "an ablation of the share"),
    ]  # fmt: skip
    return _drawn(made, "AP-A2_share")


def _join(answers: pd.DataFrame) -> list[Claim]:
    """AP-J: select by MAP, then relabel, against each alone with as many pairs and steps."""
    part, arm = answers[answers["study"] == "join"], "MAP + RA"
    gaps = {other: tables.gold_gap(part, "join", arm, other) for other in (*ALONE, "uniform, 2 epochs")}
    rival = min(ALONE, key=lambda other: gaps[other].estimate)
    shown = {"": rival, "/RA": "RA", "/MAP": "MAP, 2 epochs", "/neither": "uniform, 2 epochs"}
    best = "Selected by alignment potential and then relabelled, pairs are better than by either alone"
    made = [
        _claim(f"AP-J{suffix}", best if not suffix else f"Selected and relabelled pairs are better than {other}",
               f"gold reward asked for 10, {arm} less {'the better alone: ' * (not suffix)}{other}", gaps[other],
               "of 10", _size(part), "not in either paper")
        for suffix, other in shown.items()
    ]  # fmt: skip
    return _drawn(made, "AP-J_join")


def scores_vary(answers: pd.DataFrame) -> bool:
    """Whether the models are good enough for their answers to differ in gold at all."""
    return bool(np.ptp(answers["gold"].to_numpy(dtype=float)) > 0)
