"""Claims of the selection study, each with its statistic and interval; verdicts follow from them.

A statistic that the data do not define (no pair that gold decides, every answer missing) makes no claim: it is left
out and logged. Answers that all score alike do: their difference is exactly zero, and the claim's note says so.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.studies.alignment_potential import tables
from rapo.studies.common.claims import NO_CONTROL, claim, defined, drawn, size
from rapo.studies.common.tables import least, mean

OTHERS = ("M+", "small Mpi", "uniform")
ALONE = ("RA", "MAP, 2 epochs")
BEST = "alignment potential is best (the figures are compared by direction)"


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook that the data define.

    Args:
        frames: of `rapo.studies.alignment_potential.study.results`.
        recipe: of the study: the share selected, weights and shares.
    """
    pairs, answers, share = frames["pairs"], frames["answers"], recipe["fraction"]
    main = pairs[pairs["fault"] == "main"]
    by_study = dict(list(answers.groupby("study", sort=False)))
    return defined(
        [
            *drawn(_contradiction(main, share), "AP-F1a_margins", "AP-F1a_quadrants"),
            *drawn(_training(by_study["metric"]), "AP-F1b_gold", "AP-F1b_differences"),
            *drawn(_noise(main, share), "AP-F2_left_out"),
            *drawn(_agreement(pairs, share), "AP-F3_agreement", "AP-F3_faults"),
            *drawn([_weight(by_study["weight"])], "AP-A1_weight"),
            *drawn(_share(by_study["share"], share), "AP-A2_share"),
            *drawn(_join(by_study["join"]), "AP-J_join"),
        ]
    )


def _models(frame: pd.DataFrame) -> str:
    """Size of a study of pairs, in words: models and the pairs of each."""
    models = frame.groupby(["fault", "architecture", "seed"]).size()
    return f"{len(models)} models (architecture, seed) x {models.mean():.0f} pairs"


def _size(answers: pd.DataFrame) -> str:
    return size(answers, ("architecture", "objective", "seed", "prompt"))


def _contradiction(main: pd.DataFrame, share: float) -> list[Claim]:
    """AP-F1a: contradiction beyond chance, and MAP low where both margins are large."""
    table, n = tables.contradiction(main, share=share), _models(main)
    return [
        claim("AP-F1a", "The two metrics contradict each other on more pairs than chance would have it",
              f"pairs that exactly one of M+ and small Mpi selects at {share:.0%}, less the number by chance",
              mean(table["contradiction"] - table["expected"]), n=n, unit="points",
              paper="a pair is high quality by one metric and low by the other"),
        claim("AP-F1a/aligned", "Alignment potential is low where both margins already agree",
              "pairs with both margins large that MAP leaves out, against all pairs that it leaves out",
              mean(table["aligned_low"]), n=n, unit="%", threshold=100 * (1 - share),
              paper="low by MAP where both margins are large"),
    ]  # fmt: skip


def _training(answers: pd.DataFrame) -> list[Claim]:
    """AP-F1b, F4, F5: all four metrics; the rival is the best of the others on the test prompts themselves."""
    statement = "Training on the pairs that alignment potential selects is best"
    singles = [
        claim(f"AP-F1b/{other}", f"Alignment potential selects better pairs to train on than {other} does",
              f"gold reward, MAP less {other}", tables.gold_gap(answers, "metric", "MAP", other), n=_size(answers),
              paper=BEST)
        for other in OTHERS
    ]  # fmt: skip
    cells = [
        _against_best(some, f"AP-F1b/{a} {tables.OBJECTIVES[str(o)]}",
                      f"{statement}: base {a}, objective {tables.OBJECTIVES[str(o)]}")
        for (a, o), some in answers.groupby(["architecture", "objective"], sort=False)
    ]  # fmt: skip
    return [
        _against_best(answers, "AP-F1b", f"{statement}, both base models and objectives together"),
        *singles,
        *cells,
    ]


def _against_best(part: pd.DataFrame, name: str, statement: str) -> Claim:
    rival, found = least({other: tables.gold_gap(part, "metric", "MAP", other) for other in OTHERS})
    statistic = f"gold reward, MAP less the best other metric ({rival})"
    return claim(name, statement, statistic, found, n=_size(part), paper=BEST)


def _noise(main: pd.DataFrame, share: float) -> list[Claim]:
    """AP-F2: wrongly labelled pairs that M+ selects and MAP does not."""
    table, n = tables.noise(main, share=share), _models(main)
    return [
        claim("AP-F2", "There are wrongly labelled pairs that M+ calls good and alignment potential does not",
              "M+'s pairs that are labelled wrongly and that MAP leaves out", mean(table["found"]), n=n,
              unit="% of M+'s pairs", paper="one example shown"),
        claim("AP-F2/aimed",
              "Of the pairs that M+ selects, alignment potential leaves out the wrongly labelled ones first",
              "share left out by MAP, wrongly labelled less rightly labelled pairs of M+",
              mean(table["wrong"] - table["right"]), n=n, unit="points", paper="no count"),
    ]  # fmt: skip


def _agreement(pairs: pd.DataFrame, share: float) -> list[Claim]:
    """AP-F3: agreement of gold with the label, MAP against the others; then against M+ fault by fault."""
    by_fault = {str(fault): part for fault, part in pairs.groupby("fault", sort=False)}
    main = by_fault.pop("main")
    statement = "Gold agrees more often with the label on pairs that alignment potential selects than on those of"
    cells = [("AP-F3" if other == "M+" else f"AP-F3/{other}", other, main, other) for other in OTHERS]
    cells += [
        (f"AP-F3/{fault.replace(' %', '')}", f"M+: fault {fault}", part, "M+") for fault, part in by_fault.items()
    ]
    return [
        claim(name, f"{statement} {words}", f"agreement of gold with the label at {share:.0%}, MAP less {other}",
              tables.agreement_gap(part, "MAP", other, share), n=_models(part), unit="points",
              paper="MAP above M+ (GPT-4 as second judge)" if name == "AP-F3" else NO_CONTROL)
        for name, words, part, other in cells
    ]  # fmt: skip


def _weight(answers: pd.DataFrame) -> Claim:
    """AP-A1: the largest weight against the smallest; as good as equal within a third of a point."""
    low, high = answers["x"].min(), answers["x"].max()
    return claim(
        "AP-A1", "The weight of the implicit margin matters little: gold within 0.3 of 10",
        f"gold reward, weight {high:g} less weight {low:g}",
        tables.gap(answers[answers["x"] == high], answers[answers["x"] == low]), n=_size(answers),
        paper="an ablation; weight 1, and 2.5 in self-play", direction="equal", threshold=0.3,
    )  # fmt: skip


def _share(answers: pd.DataFrame, share: float) -> list[Claim]:
    """AP-A2: MAP against uniform over the shares, and against all pairs."""
    make, chosen = partial(claim, n=_size(answers)), answers[answers["arm"] == "MAP"]
    some = answers[answers["x"] < 1]
    everything = chosen[chosen["x"] == answers["x"].max()]
    shares = ", ".join(f"{x:.0%}" for x in sorted(some["x"].unique()))
    return [
        make("AP-A2", "Alignment potential beats uniform selection whatever the share",
             f"gold reward, MAP less uniform, mean over {shares}", tables.gold_gap(some, "share", "MAP", "uniform"),
             paper=BEST),
        make("AP-A2/all", "A selected share is better to train on than all pairs, in fewer steps",
             f"gold reward, MAP at {share:.0%} less all pairs",
             tables.gap(chosen[chosen["x"] == share], everything), paper="an ablation of the share"),
    ]  # fmt: skip


def _join(answers: pd.DataFrame) -> list[Claim]:
    """AP-J: select by MAP, then relabel, against each alone with as many pairs and steps."""
    arm = "MAP + RA"
    gaps = {other: tables.gold_gap(answers, "join", arm, other) for other in (*ALONE, "uniform, 2 epochs")}
    rival, _ = least({other: gaps[other] for other in ALONE})
    shown = {"": rival, "/RA": "RA", "/MAP": "MAP, 2 epochs", "/neither": "uniform, 2 epochs"}
    best = "Selected by alignment potential and then relabelled, pairs are better than by either alone"
    return [
        claim(f"AP-J{suffix}", best if not suffix else f"Selected and relabelled pairs are better than {other}",
              f"gold reward asked for 10, {arm} less {'the better alone: ' * (not suffix)}{other}", gaps[other],
              n=_size(answers), paper="not in either paper")
        for suffix, other in shown.items()
    ]  # fmt: skip
