"""Style of answers, length and Markdown, as covariates of a leaderboard."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

FEATURES = ("length", "headers", "lists", "bold")

_CODE = re.compile(r"```[^`]*```")
_MARKDOWN = {
    "headers": re.compile(r"^#{1,6}\s", re.MULTILINE),
    "lists": re.compile(r"^\s*(?:\d+\.|[-*+])\s", re.MULTILINE),
    "bold": re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__"),
}


def style_counts(answers: Sequence[str], *, lengths: ArrayLike | None = None) -> pd.DataFrame:
    """Length and numbers of Markdown headers, list items and bold spans, code blocks left out.

    Args:
        answers: texts. Length: n.
        lengths: in tokens, as Arena-Hard-Auto counts them, or any other unit; characters without it. Shape: (n,).

    Raises:
        ValueError: there is not one length per answer.

    >>> style_counts(["# Title", "- a\\n- **b**"]).to_numpy().tolist()
    [[7.0, 1.0, 0.0, 0.0], [11.0, 0.0, 2.0, 1.0]]
    """
    size = np.array([len(text) for text in answers] if lengths is None else lengths, dtype=float)
    if size.shape != (len(answers),):
        raise ValueError(f"lengths have shape {size.shape} for {len(answers)} answers; give one per answer")
    prose = [_CODE.sub("", text) for text in answers]
    counts = {name: [float(len(pattern.findall(text))) for text in prose] for name, pattern in _MARKDOWN.items()}
    return pd.DataFrame({"length": size, **counts})


def style_differences(
    a: pd.DataFrame, b: pd.DataFrame, *, features: Sequence[str] = FEATURES, centre: bool = False
) -> pd.DataFrame:
    """Style of answers a less style of answers b, each feature in its own standard deviations.

    With la, lb the lengths: (la - lb) / (la + lb); with the density d = count / length of a Markdown element:
    (da - db) / (da + db + 1), as Arena-Hard-Auto has it. Empty answers have density 0, two of them difference 0.
    Differs from arena-hard-auto:show_result.py, which also subtracts the mean difference: where all battles are
    against one baseline its scores are then win rates at the average difference in style, not at equal style.
    ``centre=True`` does that too.

    Args:
        a, b: of `style_counts`; row i of either answers battle i.
        features: which to keep.

    Raises:
        ValueError: a feature is unknown, negative or does not vary, or the tables differ in length.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} answers against {len(b)}; give both answers of each battle")
    differences = {}
    for feature in features:
        if feature not in FEATURES:
            raise ValueError(f"style feature {feature!r} is unknown; use some of {', '.join(FEATURES)}")
        first, second = _amounts(a, feature), _amounts(b, feature)
        total = first + second + (feature != "length")
        difference = (first - second) / np.where(total > 0, total, 1.0)
        scale = difference.std(ddof=1) if len(difference) > 1 else 0.0
        if not scale > 0:
            raise ValueError(f"style feature {feature!r} differs alike in every battle; leave it out of features")
        differences[feature] = (difference - (difference.mean() if centre else 0.0)) / scale
    return pd.DataFrame(differences)


def _amounts(counts: pd.DataFrame, feature: str) -> np.ndarray:
    values, length = counts[feature].to_numpy(dtype=float), counts["length"].to_numpy(dtype=float)
    if not ((values >= 0) & (length >= 0)).all():
        row = int(np.argmin((values >= 0) & (length >= 0)))
        raise ValueError(f"row {row}: {feature} is {values[row]} at length {length[row]}; counts are 0 or more")
    return values if feature == "length" else values / np.where(length > 0, length, 1.0)
