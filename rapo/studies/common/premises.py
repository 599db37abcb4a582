"""Whether the papers' premises are met by a measurement: words of `claim.MET`, from figures alone."""

import numpy as np
import pandas as pd

STEPS = 190  # about as many as the paper takes: 40 % of 60,000 pairs, batches of 128
RIGHT = (65.0, 80.0)  # % of the labels that gold confirms: our assumption for close on-policy pairs
NEARLY = (55.0, 88.0)


def met(value: float, inside: tuple[float, float], nearly: tuple[float, float]) -> str:
    """ "met" inside the first range, "in part" inside the second, "not met" outside both.

    >>> met(70, (65, 80), (55, 88)), met(85, (65, 80), (55, 88)), met(90, (65, 80), (55, 88))
    ('met', 'in part', 'not met')
    """
    if inside[0] <= value <= inside[1]:
        return "met"
    return "in part" if nearly[0] <= value <= nearly[1] else "not met"


def tuned(tuning: pd.DataFrame) -> str:
    """Whether every chosen setting lies inside its grid; "in part" where the optimum may lie outside of one, "" where
    nobody looked.

    Args:
        tuning: of `rapo.studies.common.tuning.tune`, with ``best`` and ``edge``.
    """
    if "edge" not in tuning:
        return ""
    return "in part" if tuning.loc[tuning["best"], "edge"].any() else "met"


def selection_premises(*, right: float, steps: float, tuning: pd.DataFrame) -> dict[str, str]:
    """Of the paper on selection, what figures decide.

    Args:
        right: % of the labels that gold confirms.
        steps: of a training.
        tuning: of `rapo.studies.common.tuning.tune`.

    Returns:
        agreed, long_enough, and tuned: whether every chosen rate lies inside its grid.
    """
    return {
        "agreed": met(right, RIGHT, NEARLY),
        "long_enough": met(steps, (STEPS, np.inf), (STEPS / 3, np.inf)),
        "tuned": tuned(tuning),
    }
