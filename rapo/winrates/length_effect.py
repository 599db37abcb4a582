"""How a judge's verdict moves with length: within one model's answers, and from model to model."""

from pathlib import Path

import numpy as np
import pandas as pd

from rapo.judging import judgements as judged
from rapo.stats.arrays import Floats, sigmoid
from rapo.stats.intervals import wilson
from rapo.winrates.calibration import Calibration
from rapo.winrates.rows import places


def within_model(
    judgements: pd.DataFrame, table: pd.DataFrame, *, model: str, calibration: Calibration | None, n_bins: int = 8
) -> pd.DataFrame:
    """Win rate of one model by how much longer its output is, as judged and as the regression has it.

    Args:
        judgements: as `rapo.judging.judgements.table` makes them, with lengths.
        table: of `rapo.winrates.length_control.length_controlled`.
        model: which one.
        calibration: the one behind ``table``.
        n_bins: bins with equally many judgements.

    Returns:
        Rows of three kinds (column ``kind``): "judged" bins with ``low`` and ``high`` (Wilson; a soft preference
        counts as a fraction of a win) and ``n``; the "fitted" curve; and the prediction "at equal length".
        ``longer``: characters by which the model's output is longer; ``win_rate``: percent.

    Raises:
        ValueError: the model is not in both tables or has no coefficients.
    """
    rows, fit = judgements[judgements["model"] == model], table[table["model"] == model]
    if rows.empty or fit.empty or fit["theta"].isna().any():
        raise ValueError(f"model {model!r} is not among the models that were fitted")
    longer = (rows["length_model"] - rows["length_baseline"]).to_numpy(dtype=float)
    win = rows["preference"].to_numpy(dtype=float) - 1
    theta, psi, phi = (float(fit[name].iloc[0]) for name in ("theta", "psi", "phi"))
    equal = phi + np.zeros(len(rows))
    if calibration is not None and psi:
        alone = np.zeros(len(rows), dtype=np.intp)
        equal += psi * calibration.of(pd.Index([model]), alone, places(calibration, rows, alone, "instruction"))
    grid = np.linspace(float(np.quantile(longer, 0.02)), float(np.quantile(longer, 0.98)), 60)
    z = equal[:, None] - theta * np.tanh(grid / longer.std(ddof=1))
    fitted = pd.DataFrame({"kind": "fitted", "longer": grid, "win_rate": 100 * sigmoid(z).mean(axis=0)})
    here = pd.DataFrame({"kind": ["at equal length"], "longer": [0.0], "win_rate": [100 * sigmoid(equal).mean()]})
    return pd.concat([_bins(longer, win, n_bins), fitted, here], ignore_index=True)


def across_models(judgements: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Columns of a leaderboard beside each model's ``length_ratio``: mean length over the baseline's.

    Args:
        judgements: as `rapo.judging.judgements.table` makes them, with lengths.
        table: of `rapo.winrates.length_control.length_controlled`.
    """
    frame = judged.check(judgements)
    lengths = frame.groupby("model", observed=True)[["length_model", "length_baseline"]].mean()
    ratio = (lengths["length_model"] / lengths["length_baseline"]).rename("length_ratio")
    return table.merge(ratio, left_on="model", right_index=True)


def beside_published(table: pd.DataFrame, published: str | Path) -> pd.DataFrame:
    """Length-controlled win rates beside published ones, for the models that both have.

    Args:
        table: of `rapo.winrates.length_control.length_controlled`.
        published: a CSV; first column the model, one column length_controlled_winrate, percent.

    Returns:
        ``model``, ``length_controlled_winrate``, ``lc_low``, ``lc_high``, ``published`` and ``difference`` (ours
        less theirs), the largest difference first.

    Raises:
        ValueError: the file has no such column.
    """
    other = pd.read_csv(published, index_col=0)
    if "length_controlled_winrate" not in other:
        raise ValueError(f"{published} has no column length_controlled_winrate; it has {list(other.columns)}")
    theirs = other["length_controlled_winrate"].rename("published").dropna()
    columns = ["model", "length_controlled_winrate", "lc_low", "lc_high"]
    both = table[columns].merge(theirs, left_on="model", right_index=True)
    both["difference"] = both["length_controlled_winrate"] - both["published"]
    return both.sort_values("difference", key=abs, ascending=False, ignore_index=True)


def _bins(longer: Floats, win: Floats, n_bins: int) -> pd.DataFrame:
    parts = np.array_split(np.argsort(longer, kind="stable"), min(n_bins, len(longer)))
    rows = []
    for part in parts:
        found = wilson(float(win[part].sum()), len(part))
        rows.append((longer[part].mean(), 100 * found.estimate, 100 * found.low, 100 * found.high, len(part)))
    return pd.DataFrame(rows, columns=["longer", "win_rate", "low", "high", "n"]).assign(kind="judged")
