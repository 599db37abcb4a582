"""Pictures of win rates: how they follow length, and how near they come to a reference."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rapo.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

RAW, CONTROLLED = "#E69F00", "#0072B2"
_HOLLOW: dict[str, Any] = {"color": RAW, "markerfacecolor": "white", "markeredgewidth": 1.6}


def plot_length_effect(estimates: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """One model's win rate by how much longer its outputs are: bins as judged, the fit, and where it is read off.

    Takes the estimates of `rapo.winrates.length_effect.within_model`.
    """
    ax = style.axes(ax)
    judged, fitted, equal = (
        estimates[estimates["kind"] == kind] for kind in ("judged", "fitted", "at equal length")
    )
    reach = style.reach(judged, "win_rate", "low", "high")
    ax.errorbar(judged["longer"], judged["win_rate"], reach, fmt="o", color=RAW, label="judged, by bins (95 %)")
    ax.plot(fitted["longer"], fitted["win_rate"], color=CONTROLLED, label="regression")
    ax.axvline(0, **style.GUIDE)
    label = "length-controlled win rate"
    ax.plot(equal["longer"], equal["win_rate"], "D", color=CONTROLLED, markersize=9, label=label)
    ax.set(xlabel="characters longer than the baseline's output", ylabel="win rate (%)")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, fontsize="small")
    if len(equal):
        ax.set_title(f"Win rate at equal lengths: {equal['win_rate'].iloc[0]:.1f} %")
    return ax


def plot_length_bias(estimates: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Win rate against length, a stroke from each model's raw to its length-controlled win rate.

    Args:
        estimates: of `rapo.winrates.length_effect.across_models`.
    """
    ax = style.axes(ax)
    ratio, raw = estimates["length_ratio"].to_numpy(), estimates["win_rate"].to_numpy()
    controlled = estimates["length_controlled_winrate"].to_numpy()
    ax.vlines(ratio, raw, controlled, color="0.75", linewidth=1.4, zorder=1)
    ax.plot(ratio, raw, "o", label="win rate", **_HOLLOW)
    ax.plot(ratio, controlled, "o", color=CONTROLLED, label="length-controlled")
    ax.axvline(1, **style.GUIDE)
    _plain_log_axis(ax, "x", ratio)
    ax.set(xlabel="mean length over the baseline's (log scale)", ylabel="win rate (%)")
    ax.legend(loc="best")
    sides = {"shorter": ratio < 1, "longer": ratio > 1}
    moved = [f"{(controlled - raw)[side].mean():+.1f} ({name})" for name, side in sides.items() if side.any()]
    ax.set_title(f"Length control moves win rates by {', '.join(moved)} points")
    return ax


def plot_against(
    estimates: "pd.DataFrame", *, reference: str, label: str, log: bool = False, ax: "Axes | None" = None
) -> "Axes":
    """Raw and length-controlled win rates against a reference, with the line where they agree.

    Args:
        estimates: columns length_controlled_winrate, lc_low, lc_high, the reference, and win_rate where the raw
            rates are to be shown too; percent.
        reference: name of the reference's column.
        label: of the horizontal axis, with its unit.
        log: logarithmic axes, for models that mostly lose.
    """
    ax = style.axes(ax)
    x, y = estimates[reference].to_numpy(), estimates["length_controlled_winrate"].to_numpy()
    if "win_rate" in estimates:
        ax.plot(x, estimates["win_rate"], "o", label="raw", **_HOLLOW)
    reach = style.reach(estimates, "length_controlled_winrate", "lc_low", "lc_high")
    ax.errorbar(x, y, reach, fmt="o", color=CONTROLLED, label="length-controlled (95 %)")
    shown = estimates[[name for name in ("win_rate", "lc_low", "lc_high", reference) if name in estimates]]
    least = shown.where(shown > 0).min().min()  # a limit of 0 % has no place on a logarithmic axis
    low, high = (least / 1.2, shown.max().max() * 1.2) if log else (0.0, 1.05 * shown.max().max())
    if log:
        _plain_log_axis(ax, "x", np.array([low, high]))
        _plain_log_axis(ax, "y", np.array([low, high]))
    ax.plot([low, high], [low, high], **style.GUIDE)
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal", xlabel=label, ylabel="estimated (%)")
    ax.legend(loc="lower right", fontsize="small")
    return ax


def plot_leaderboard(
    estimates: "pd.DataFrame", *, label: str, even: float | None = 50.0, ax: "Axes | None" = None
) -> "Axes":
    """Models, best on top, with the interval of each score.

    Args:
        estimates: of `rapo.winrates.leaderboard.leaderboard`.
        label: of the scores' axis, with the unit.
        even: where a line marks equal models; None for no line.
    """
    ax = style.axes(ax)
    places = np.arange(len(estimates))[::-1]
    known = estimates["low"].notna().to_numpy()
    reach = np.nan_to_num(style.reach(estimates, "score", "low", "high"))
    ax.errorbar(estimates["score"], places, xerr=reach, fmt="o", color=CONTROLLED, capsize=2 if known.any() else 0)
    if even is not None:
        ax.axvline(even, **style.GUIDE)
    ax.set_yticks(places, [str(model) for model in estimates["model"]])
    ax.set(xlabel=label, ylim=(-0.6, len(estimates) - 0.4))
    return ax


def _plain_log_axis(ax: "Axes", axis: Literal["x", "y"], values: np.ndarray) -> None:
    """A logarithmic axis with plain numbers at 1, 2, 3, 5, 7 times powers of ten."""
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    steps = np.array([mark * 10.0**power for power in range(-2, 3) for mark in (1, 1.5, 2, 3, 5, 7)])
    inside = steps[(steps >= values.min() / 1.2) & (steps <= values.max() * 1.2)]
    ax.set(**{f"{axis}scale": "log"})
    line = ax.xaxis if axis == "x" else ax.yaxis
    line.set_major_locator(FixedLocator(inside.tolist()))
    line.set_minor_locator(NullLocator())
    line.set_major_formatter(StrMethodFormatter("{x:g}"))
