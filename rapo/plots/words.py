"""Findings in words, made of the estimates that a picture shows: its title."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def number(estimate: float, low: float, high: float) -> str:
    """An estimate and its interval, with as many decimals as its width bears.

    >>> number(0.3213, 0.2511, 0.4), number(58.63, 54.2, 63.0), number(3.0, float("nan"), float("nan"))
    ('0.32 [0.25, 0.40]', '58.6 [54.2, 63.0]', '3.0')
    >>> number(0.1, -0.004, 0.2)
    '0.10 [0.00, 0.20]'
    """
    digits = 2 if high - low < 1 else 1
    told, first, last = (f"{round(value, digits) + 0.0:.{digits}f}" for value in (estimate, low, high))
    return f"{told} [{first}, {last}]" if high >= low else told


def highest(estimates: "pd.DataFrame", quantity: str) -> str:
    """Which arm is highest and which is lowest.

    Args:
        estimates: columns arm, estimate, low, high.
        quantity: as the label of its axis; a unit at its end is left out.
    """
    known = estimates.dropna(subset="estimate").sort_values("estimate", kind="stable")
    if known.empty:
        return ""
    rows = known.iloc[[-1, 0]][["arm", "estimate", "low", "high"]].to_numpy()
    ends = [f"{arm} {number(*numbers)}" for arm, *numbers in rows]
    return f"{opening(quantity)}: highest {ends[0]}" + f", lowest {ends[1]}" * (len(known) > 1)


def surely(estimates: "pd.DataFrame", *, ahead: str = "") -> str:
    """How many differences of each group the intervals leave certain, a sentence a group; one alone is named.

    Args:
        estimates: columns group and name (the words of a difference: "RA less", "UF"), estimate, low, high.
        ahead: who leads where a difference lies above zero, where the words do not tell it.
    """
    told = [_sure(str(group), part, ahead=ahead) for group, part in estimates.groupby("group", sort=False)]
    return " ".join(one[:1].upper() + one[1:] for one in told)


def _sure(group: str, part: "pd.DataFrame", *, ahead: str) -> str:
    names = part["name"].astype(str).str.removeprefix("less ")
    against = group.endswith(" less") or part["name"].str.startswith("less ").all()  # each row has its own rival
    lead = (ahead or group.removesuffix(" less")) if against else f"{ahead} {group}".strip()
    kinds = {"ahead of": part["low"] > 0, "behind": part["high"] < 0}
    if not against:
        kinds = dict(zip(("above zero in", "below zero in"), kinds.values(), strict=True))
    found = [f"surely {how} {_some(names[which], len(part))}" for how, which in kinds.items() if which.any()]
    if found:
        return f"{lead} is {', '.join(found)}."
    if len(part) == 1:
        return f"{lead}: undecided."
    return (
        f"{lead} is surely ahead of or behind none of {len(part)}."
        if against
        else f"{lead}: none of {len(part)} is sure."
    )


def _some(names: "pd.Series[str]", n: int) -> str:
    """How many of ``n``; who it is, where there is one."""
    if n == 1:
        return names.iloc[0]
    return f"{len(names)} of {n}" + f" ({names.iloc[0]})" * (len(names) == 1)


def listed(names: Iterable[str]) -> str:
    """Names in a row, four at most; of more, three and how many others.

    >>> listed(["UF", "SFT, g=10"]), listed("abcdef")
    ('UF / SFT, g=10', 'a / b / c and 3 more')
    """
    given = list(names)
    shown = given if len(given) <= 4 else given[:3]
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
    """How many seeds and prompts estimates rest on, where they tell: "n = 6 seeds x 200 prompts; ..."."""
    if not {"n_seeds", "n_prompts"} <= set(estimates) or estimates.empty:
        return ""
    seeds, prompts = (estimates[name].dropna().astype(int) for name in ("n_seeds", "n_prompts"))
    return f"n = {_range(seeds)} seeds x {_range(prompts)} prompts; 95 % intervals"


def _range(counts: "pd.Series[int]") -> str:
    return f"{counts.min():,}" if counts.nunique() == 1 else f"{counts.min():,} to {counts.max():,}"
