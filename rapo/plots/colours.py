"""What each colour stands for, in every figure; and the same colours on a dark page."""

import colorsys
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# Okabe and Ito's colour-blind-safe palette and shades of it. A family is a hue: what is trained on plain pairs is
# orange to brown, on relabelled pairs blue; asked for a 10 it is darker. Selection rules have hues of their own.
COLOURS: dict[str, str] = {
    "base": "#7f7f7f",
    "base, g=10": "#4d4d4d",
    "base, all 10": "#a6a6a6",
    "SFT": "#CC79A7",
    "SFT, g=10": "#8F4A70",
    "UF": "#E69F00",
    "UF, g=10": "#B37400",
    "UF, all 10": "#5C3A00",
    "UF, equal steps": "#D55E00",
    "UF, equal steps, g=10": "#8F3F00",
    "UF, duplicated": "#F0A080",
    "UF, duplicated, g=10": "#B05038",
    "UF, RA's rate": "#C2A878",
    "UF, RA's rate, g=10": "#8C7340",
    "UF, then UF again": "#9C755F",
    "UF, then UF again, g=10": "#5F4537",
    "RA": "#0072B2",
    "RA, own score": "#0072B2",
    "UF, then RA": "#0072B2",
    "RA, g=10": "#003F6B",
    "RA, unprompted": "#8CC3E6",
    "RA, no top": "#88A9C9",
    "half RA": "#4A9BD1",
    "RA, faulty": "#B2456E",
    "RA, attributes": "#6BA33A",
    "IRA": "#1B9E9E",
    "uniform": "#8898AA",
    "uniform, 2 epochs": "#5D6D7E",
    "M+": "#E69F00",
    "small Mpi": "#56B4E9",
    "MAP": "#009E73",
    "MAP, 2 epochs": "#00664A",
    "MAP signed": "#CC79A7",
    "MAP + RA": "#7B61B3",
    "both": "#0072B2",
    "M+ alone": "#E69F00",
    "small Mpi alone": "#56B4E9",
    "neither": "#bfbfbf",
    "first pairs": "#4d4d4d",
    "first pairs, equal steps": "#A8977F",
    "plain data": "#D55E00",
    "own answers": "#7B61B3",
    "label wrong": "#D55E00",
    "label right": "#7f7f7f",
}
CYCLE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7f7f7f", "#F0E442")
INK = "#262626"  # of text and lines
ON_LIGHT, ON_DARK = "#010101", "#fefefe"  # text on a coloured ground: the same on every page
UNSURE = "#9a9a9a"  # a difference whose interval holds zero
AHEAD = "#3d3d3d"  # one that leaves it out, where neither side has a colour
_DARK_INK, _DARK_PAGE = "#e7eaed", "#121619"
_CONTRAST = 4.5  # of a mark with a dark page, at least


def colour(method: str) -> str:
    """The fixed colour of a method; an unknown name gets a stable one from the cycle."""
    return COLOURS.get(method) or CYCLE[sum(method.encode()) % len(CYCLE)]


def sides(told: str) -> tuple[str, str]:
    """Who is compared in the words of a difference, as far as they are methods with a colour; "" where not.

    >>> sides("RA less UF, g=10 off-policy, round 1")
    ('RA', 'UF, g=10')
    >>> sides("RA less UF, g=10")[1], sides("one regime less default")
    ('UF, g=10', ('', ''))
    """
    first, _, second = f" {told}".partition(" less ")
    return _known(first.strip()), _known(second.strip())


def _known(words: str) -> str:
    """The longest name of a method that words are, or begin with."""
    inside = [name for name in COLOURS if words == name or re.match(re.escape(name) + r"[ ,]", words)]
    return max(inside, key=len, default="")


def of_differences(estimates: "pd.DataFrame", *, ahead: str = "") -> list[str]:
    """The colour of whoever is ahead in each difference; `UNSURE` where its interval holds zero.

    Args:
        estimates: columns group, name ("RA less" and "UF": the words of a difference), estimate, low, high.
        ahead: the method that a difference above zero speaks for, where the words do not tell it.
    """
    tones = []
    for group, name, estimate, low, high in estimates[["group", "name", "estimate", "low", "high"]].to_numpy():
        first, second = sides(f"{group} {name}")
        winner = (ahead or first) if estimate > 0 else second
        sure = not (low <= 0 <= high)  # without an interval, too
        tones.append((COLOURS.get(winner) or AHEAD) if sure else UNSURE)
    return tones


def ink_on(tone: str) -> str:
    """What can be read on a coloured ground: `ON_LIGHT` or `ON_DARK`, whichever has more contrast with it."""
    return max((ON_LIGHT, ON_DARK), key=lambda ink: contrast(ink, tone))


def dark_rules(styles: Mapping[str, str]) -> str:
    """Rules for an SVG on a dark page: ink and page change places, marks too dark for it become lighter.

    Args:
        styles: names of classes by their styles (``fill:#262626;stroke:none``), colours in small letters.
    """
    rules = [f"svg{{fill:{_DARK_INK}}}"]
    for style, name in styles.items():
        found = re.findall(r"(fill|stroke):(#[0-9a-f]{6})", style)
        turned = [f"{what}:{_on_dark(tone)}" for what, tone in found if tone not in (ON_LIGHT, ON_DARK)]
        rules += [f".{name}{{{';'.join(turned)}}}"] if turned else []
    return f"@media (prefers-color-scheme: dark){{{''.join(rules)}}}"


def _on_dark(tone: str) -> str:
    """A colour as it is shown on a dark page."""
    rgb = _rgb(tone)
    _, light, saturation = colorsys.rgb_to_hls(*rgb)
    if saturation < 0.06:  # a grey: between ink and page
        share = np.clip((light - _rgb(INK)[0]) / (1 - _rgb(INK)[0]), 0, 1)
        return _hex((1 - share) * _rgb(_DARK_INK) + share * _rgb(_DARK_PAGE))
    mixed = (rgb + share * (1 - rgb) for share in np.arange(0, 1.01, 0.1))
    return _hex(next(each for each in mixed if contrast(_hex(each), _DARK_PAGE) >= _CONTRAST))


def contrast(first: str, second: str) -> float:
    """The contrast of two colours by WCAG 2: 1 to 21.

    >>> round(contrast("#000000", "#ffffff"), 1)
    21.0
    """
    low, high = sorted(_luminance(_rgb(tone)) for tone in (first, second))
    return (high + 0.05) / (low + 0.05)


def _luminance(rgb: np.ndarray) -> float:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def _rgb(tone: str) -> np.ndarray:
    return np.array([int(tone[at : at + 2], 16) for at in (1, 3, 5)]) / 255


def _hex(rgb: np.ndarray) -> str:
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in rgb)
