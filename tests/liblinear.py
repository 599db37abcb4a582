"""scikit-learn's liblinear as a peer of the L1 regressions: soft labels by rows that stand twice."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

GRID = np.logspace(-4, 4, 10)


def fit(x: np.ndarray, p: np.ndarray, s: np.ndarray, *, penalty: float) -> np.ndarray:
    """Coefficients of an L1 regression without intercept, solved tightly; p in [0, 1], weights s."""
    weight = np.concatenate([s * p, s * (1 - p)])
    return _model(penalty).fit(np.concatenate([x, x]), np.repeat([1, 0], len(x)), sample_weight=weight).coef_[0]


def cross_validated(x: np.ndarray, p: np.ndarray, s: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """Folds of GroupKFold, clipped log loss, refit on all rows: place in `GRID`, coefficients, mean losses."""
    losses = np.zeros((5, len(GRID)))
    for fold, (train, held) in enumerate(GroupKFold(5).split(x, groups=np.arange(len(x)))):
        for c, inverse in enumerate(GRID):
            coefficients = fit(x[train], p[train], s[train], penalty=1 / inverse)
            chance = np.clip(1 / (1 + np.exp(-x[held] @ coefficients)), 1e-15, 1 - 1e-15)
            loss = -(p[held] * np.log(chance) + (1 - p[held]) * np.log(1 - chance))
            losses[fold, c] = (s[held] * loss).mean()
    best = int(np.argmin(losses.mean(axis=0)))
    return best, fit(x, p, s, penalty=1 / GRID[best]), losses.mean(axis=0)


def _model(penalty: float) -> LogisticRegression:
    newer = LogisticRegression().get_params().get("penalty") != "l2"
    kind = {"l1_ratio": 1.0} if newer else {"penalty": "l1"}
    return LogisticRegression(
        C=1 / penalty, solver="liblinear", fit_intercept=False, tol=1e-10, max_iter=100_000, random_state=0, **kind
    )
