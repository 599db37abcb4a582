"""An SVG without what nobody sees: much smaller, and with text that can be searched, copied and read aloud."""

import re
import string

from rapo.plots.colours import dark_rules

FONTS = "DejaVu Sans,Verdana,Bitstream Vera Sans,sans-serif"  # equally wide, as far as they are equal

_NEEDLESS = {
    r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>": "",
    r' transform="rotate\(-?0 [^"]*"': "",
    r"\s+": " ",
    r"> <(?!/?tspan)": "><",
    r" />": "/>",
}
_NUMBER = re.compile(r"-?\d+\.\d{2,}")


def light(svg: str) -> str:
    """What matplotlib drew, made small: positions to a hundredth of a point, equal styles told once.

    It has a light and a dark look, as the page around it has.

    Args:
        svg: as matplotlib writes it with ``svg.fonttype: none``.

    >>> light('<svg><style>*{}</style><g id="a"><path d="M 1.2345 2 \\nL 3 4" style="fill: #ffffff"/></g></svg>')[:70]
    '<svg><style>*{}.a{fill:#ffffff}text{font-family:DejaVu Sans,Verdana,Bi'
    """
    for needless, instead in _NEEDLESS.items():
        svg = re.sub(needless, instead, svg, flags=re.DOTALL)
    svg = re.sub(r' (?:d|x|y|transform|width|height|viewBox)="[^"]*"', _shorter, svg)
    svg = _without_needless_ids(svg.strip())
    svg, styles = _as_classes(svg)
    rules = "".join(f".{name}{{{style}}}" for style, name in styles.items())
    look = f"{rules}text{{font-family:{FONTS}}}{dark_rules(styles)}</style>"
    return svg.replace("</style>", look, 1) + "\n"


def _shorter(found: "re.Match[str]") -> str:
    """Numbers of an attribute to two digits after the point; no blanks around the letters of a path."""
    text = _NUMBER.sub(lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), found[0])
    return re.sub(r" ?([MLQCZz]) ?", r"\1", text).replace(' "', '"') if text.startswith(" d=") else text


def _without_needless_ids(svg: str) -> str:
    """Ids that nothing in the picture points to are dropped."""
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
    return re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", svg)


def _as_classes(svg: str) -> tuple[str, dict[str, str]]:
    """Every style as a class; the classes by their styles, in the order in which they come."""
    styles: dict[str, str] = {}

    def named(found: "re.Match[str]") -> str:
        style = re.sub(r"font-family: [^;]*;? ?", "", found[1]).strip("; ").replace(": ", ":").replace("; ", ";")
        return f' class="{styles.setdefault(style, _name(len(styles)))}"' if style else ""

    return re.sub(r' style="([^"]*)"', named, svg), styles


def _name(place: int) -> str:
    """a to z, then aa, ab, ...

    >>> _name(0), _name(25), _name(26), _name(52)
    ('a', 'z', 'aa', 'ba')
    """
    letters = string.ascii_lowercase
    return letters[place] if place < 26 else _name(place // 26 - 1) + letters[place % 26]
