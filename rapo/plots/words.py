"""Findings in words, made of the estimates that a picture shows: its title."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def number(estimate: float, low: float, high: float) -> str:
    """An estimate and its interval, with as many decimals as its width bears.

    >>> number(0.3213, 0.2511, 0.4), number(58.63, 54.2, 63.0), number(3.0, float("nan"), float("nan"))
    ('0.32 [0.25, 0.40]', '58.6 [54.2, 63.0]', '3.0')
    """
    digits = 2 if high - low < 1 else 1
    told = f"{estimate + 0.0:.{digits}f}"
    return f"{told} [{low:.{digits}f}, {high:.{digits}f}]" if high >= low else told


def highest(estimates: "pd.DataFrame", quantity: str, *, by: str = "arm") -> str:
    """Which arm is highest and which is lowest.

    Args:
        estimates: columns ``by``, estimate, low, high.
        quantity: as the label of its axis; a unit at its end is left out.
    """
    known = estimates.dropna(subset="estimate").sort_values("estimate", kind="stable")
    if known.empty:
        return ""
    rows = known.iloc[[-1, 0]][[by, "estimate", "low", "high"]].to_numpy()
    ends = [f"{arm} {number(*numbers)}" for arm, *numbers in rows]
    return f"{opening(quantity)}: highest {ends[0]}" + f", lowest {ends[1]}" * (len(known) > 1)


def surely(estimates: "pd.DataFrame", *, ahead: str = "") -> str:
    """What the intervals of differences say for certain, a sentence a group.

    Args:
        estimates: columns group and name (the words of a difference: "RA less", "UF"), estimate, low, high.
        ahead: who leads where a difference lies above zero, where the words do not tell it.
    """
    return " ".join(_sure(str(group), part, ahead=ahead) for group, part in estimates.groupby("group", sort=False))


def _sure(group: str, part: "pd.DataFrame", *, ahead: str) -> str:
    names = part["name"].astype(str)
    against = group.endswith(" less") or names.str.startswith("less ").all()  # each row has a rival of its own
    lead = (ahead or group.removesuffix(" less")) if against else f"{ahead} {group}".strip()
    above, below = part["low"] > 0, part["high"] < 0
    kinds = {"surely ahead of": above, "surely behind": below, "undecided:": ~above & ~below}
    if not against:
        kinds = {"surely above zero:": above, "surely below:": below}
    if not above.any() and not below.any():
        none = (
            f" is surely ahead of or behind none of {len(part)}." if against else f": none of {len(part)} is sure."
        )
        return f"{lead}{none}" if len(part) > 1 else f"{lead}: undecided."
    told = [
        f"{how} {listed(names[which].str.removeprefix('less '))}" for how, which in kinds.items() if which.any()
    ]
    return f"{lead}: {'; '.join(told)}."


def listed(names: Iterable[str], most: int = 4) -> str:
    """Names in a row, a few of them.

    >>> listed(["UF", "SFT, g=10"]), listed("abcdef")
    ('UF / SFT, g=10', 'a / b / c and 3 more')
    """
    given = list(names)
    shown = given if len(given) <= most else given[: most - 1]
    return " / ".join(shown) + f" and {len(given) - len(shown)} more" * (len(shown) < len(given))


def ends(estimates: "pd.DataFrame", *, by: str, x: str, names: Sequence[str], quantity: str, along: str) -> str:
    """Where each line begins and where it ends: "Gold reward, goal from 1 to 10: UF 8.1 to 7.9, RA 8.0 to 8.0".

    Args:
        estimates: columns ``by``, ``x``, estimate.
        by, x: the column that tells lines apart, and that of the horizontal axis.
        names: of the lines, in the order in which they are told.
        quantity, along: the labels of the axes; a unit at their end is left out.
    """
    digits = 1 if estimates["estimate"].abs().max() >= 20 else 2
    told = []
    for name in names:
        part = estimates[estimates[by].astype(str) == name].dropna(subset="estimate").sort_values(x)
        if len(part):
            first, last = part["estimate"].iloc[[0, -1]].round(digits) + 0.0
            told.append(f"{name} {first:.{digits}f} to {last:.{digits}f}")
    low, high = estimates[x].min(), estimates[x].max()
    where = f"{along.split(' (')[0]} from {round(low, 2) + 0.0:g} to {round(high, 2):g}"
    return f"{opening(quantity)}, {where}: {', '.join(told)}"


def opening(quantity: str) -> str:
    """The label of an axis without its unit, as a title begins."""
    what = quantity.split(" (")[0]
    return what[:1].upper() + what[1:]


def counted(estimates: "pd.DataFrame") -> str:
    """How many models and prompts estimates rest on, where they tell: "n = 6 models x 200 prompts"."""
    if not {"n_seeds", "n_prompts"} <= set(estimates) or estimates.empty:
        return ""
    seeds, prompts = (estimates[name].dropna().astype(int) for name in ("n_seeds", "n_prompts"))
    return f"n = {_range(seeds)} seeds x {_range(prompts)} prompts; 95 % intervals"


def _range(counts: "pd.Series[int]") -> str:
    return f"{counts.min():,}" if counts.nunique() == 1 else f"{counts.min():,} to {counts.max():,}"
