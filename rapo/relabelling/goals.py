"""What a goal says: the score prompt s(g) that conditions an answer on target scores (Sec. 4 of arXiv:2410.08067).

A template says how a goal is worded; values are one overall score, or several attributes' scores at once.
Where the text goes (a system turn, or in front of the first user turn) is for `placement` and `relabel`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# One score a goal, or one array of scores an attribute (a mapping, or an Arrow struct array).
Values = np.ndarray | Sequence[float] | Mapping[str, np.ndarray | Sequence[float]]


def _placeholders(field: str, text: str, *, needed: set[str], legal: set[str]) -> None:
    try:
        names = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError as error:
        raise ValueError(f"{field} {text!r} has unbalanced braces ({error}); write {{{{ for a brace") from error
    once = all(names.count(name) == 1 for name in needed)
    if not once or not set(names) <= legal:
        shown = ", ".join(f"{{{name}}}" for name in sorted(legal))
        must = ", ".join(f"{{{name}}}" for name in sorted(needed))
        raise ValueError(f"{field} {text!r} must hold {must} once and may hold {shown}; write {{{{ for a brace")


@dataclass(frozen=True)
class GoalTemplate:
    """How a goal is worded.

    Attributes:
        name: what results and file names call it.
        wording: the text; ``{goals}`` is where the scores go, ``{low}`` and ``{high}`` show the scale.
        line: one score; ``{attribute}`` and ``{goal}`` are filled in.
        overall: the attribute's name where the goal is one overall score.
        joiner: between the lines of several attributes.
        low, high: ends of the scale. The best score, ``high``, is what one asks for at inference.
        decimals: decimals shown at most; trailing zeros are not shown ("9", "7.5").
        sentence_case: show ``instruction_following`` as "Instruction following"; False shows it as it is.

    Raises:
        ValueError: a placeholder is missing or unknown, or the scale is empty.
    """

    name: str
    wording: str
    line: str = "{attribute}: {goal}."
    overall: str = "Overall score"
    joiner: str = "\n"
    low: float = 1.0
    high: float = 10.0
    decimals: int = 2
    sentence_case: bool = True

    def __post_init__(self) -> None:
        _placeholders("wording", self.wording, needed={"goals"}, legal={"goals", "low", "high"})
        _placeholders("line", self.line, needed={"goal"}, legal={"goal", "attribute"})
        if not self.low < self.high:
            raise ValueError(f"the scale runs from {self.low:g} to {self.high:g}; low must be below high")

    @property
    def shows_scale(self) -> bool:
        """True where the text says where the scale begins or ends."""
        return "{low}" in self.wording or "{high}" in self.wording

    def text(self, goal: float | Mapping[str, float] | None = None) -> str:
        """The text of one goal; the best overall score where none is given.

        >>> COMPACT.text(), COMPACT.text(8.0), COMPACT.text({"truth": 9, "order": 4})
        ('overall score : 10 .', 'overall score : 8 .', 'truth : 9 . order : 4 .')
        """
        if goal is None:
            goal = self.high
        values = {name: [value] for name, value in goal.items()} if isinstance(goal, Mapping) else [goal]
        return self.texts(values)[0].as_py()

    def best(self, attributes: Sequence[str] = ()) -> str:
        """The text that asks for the best: of every attribute named, else overall.

        >>> COMPACT.best(["truth", "order"])
        'truth : 10 . order : 10 .'
        """
        return self.text(dict.fromkeys(attributes, self.high) if attributes else self.high)

    def texts(self, values: Values) -> pa.Array:
        """The text of every goal; only distinct scores are formatted. Shape: (n_goals,)

        Args:
            values: overall scores, Shape (n_goals,); or one such array an attribute.

        Raises:
            ValueError: a score is NaN or infinite, or no attribute is named.

        >>> COMPACT.texts([9.0, 7.5]).to_pylist()
        ['overall score : 9 .', 'overall score : 7.5 .']
        """
        named = _named(values, self.overall)
        lines = [self._lines(attribute, scores) for attribute, scores in named.items()]
        joined = lines[0] if len(lines) == 1 else pc.binary_join_element_wise(*lines, self.joiner)
        ends = {"low": self.show(self.low), "high": self.show(self.high)}
        before, _, after = self.wording.format(goals="\x00", **ends).partition("\x00")
        if not before and not after:
            return joined
        coded = joined.dictionary_encode()
        whole = pc.binary_join_element_wise(before, coded.dictionary, after, "")
        return whole.take(coded.indices)

    def show(self, value: float) -> str:
        """A score as the text shows it.

        >>> OVERALL.show(9.0), OVERALL.show(7.25), OVERALL.show(-0.001)
        ('9', '7.25', '0')
        """
        text = f"{value:.{self.decimals}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text in ("-0", "") else text

    def _lines(self, attribute: str, scores: np.ndarray) -> pa.Array:
        """One attribute's line for every goal."""
        title = attribute.replace("_", " ") if self.sentence_case else attribute
        title = title[:1].upper() + title[1:] if self.sentence_case else title
        distinct, index = np.unique(np.round(scores, self.decimals), return_inverse=True)
        lines = [self.line.format(attribute=title, goal=self.show(float(value))) for value in distinct]
        return pa.array(lines, pa.string()).take(pa.array(index.ravel()))


OVERALL = GoalTemplate(
    "overall",
    "You are a helpful assistant. Let your answer earn the target scores below without ever mentioning them "
    "(each score is on a scale of {low}-{high}: {low} is the lowest, {high} the highest).\n{goals}",
)
COMPACT = GoalTemplate(
    "compact",
    "{goals}",
    line="{attribute} : {goal} .",
    overall="overall score",
    joiner=" ",
    sentence_case=False,
)


def out_of(top: float) -> GoalTemplate:
    """`COMPACT` for scores from 1 to ``top``; where that is not 10, the words name the scale.

    >>> out_of(100).text(87), out_of(10) == COMPACT
    ('overall score of 100 : 87 .', True)
    """
    if top == COMPACT.high:
        return COMPACT
    return replace(COMPACT, name=f"compact-{top:g}", overall=f"{COMPACT.overall} of {top:g}", high=float(top))


TEMPLATES: dict[str, GoalTemplate] = {template.name: template for template in (OVERALL, COMPACT)}


def template(name: str) -> GoalTemplate:
    """A template by name, or from a text file with an own wording that holds ``{goals}``.

    Raises:
        ValueError: no such template or file, or the wording lacks ``{goals}``.
    """
    if name in TEMPLATES:
        return TEMPLATES[name]
    if (path := Path(name)).is_file():
        return GoalTemplate(path.stem, path.read_text(encoding="utf-8").strip())
    if "{goals}" in name:
        return GoalTemplate("own", name)
    known = ", ".join(TEMPLATES)
    raise ValueError(f"no goal template {name!r}; use {known}, a text file, or a wording that holds {{goals}}")


def quantile_edges(values: np.ndarray, *, levels: int = 10) -> np.ndarray:
    """The inner quantiles that cut pooled values into ``levels`` equally filled classes. Shape: (levels - 1,)

    Raises:
        ValueError: there is no value, one is not finite, or levels < 2.

    >>> quantile_edges(np.arange(1.0, 5.0), levels=2).tolist()
    [2.5]
    """
    values = np.asarray(values, float)
    if levels < 2:
        raise ValueError(f"levels is {levels}; use 2 or more")
    if not len(values) or not np.isfinite(values).all():
        raise ValueError("quantiles need at least one value, all of them finite")
    return np.quantile(values, np.arange(1, levels) / levels)


def quantile_goals(
    values: np.ndarray, *, edges: np.ndarray | None = None, levels: int = 10, low: float = 1.0, high: float = 10.0
) -> np.ndarray:
    """Map values of any scale (implicit rewards, in nats) to evenly spaced goals by their quantile.

    Monotone: a larger value never gets a smaller goal, equal values get equal goals. A value on an edge belongs to
    the upper class.

    Args:
        values: what to map. Shape: (n,)
        edges: cuts found by `quantile_edges` on a whole data set; by default on ``values`` themselves.
        levels: classes, when ``edges`` is not given.
        low, high: goals of the lowest and the highest class.

    Returns:
        Goals. Shape: (n,)

    >>> quantile_goals(np.array([-3.0, 0.1, 0.2, 7.0]), levels=4, low=1, high=4).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    values = np.asarray(values, float)
    cuts = quantile_edges(values, levels=levels) if edges is None else np.asarray(edges, float)
    return low + np.searchsorted(cuts, values, side="right") * (high - low) / len(cuts)


def _named(values: Values, overall: str) -> dict[str, np.ndarray]:
    columns: dict[str, Any] = {overall: values}
    if isinstance(values, pa.StructArray):
        columns = {field.name: pc.struct_field(values, field.name).to_numpy(False) for field in values.type}
    elif isinstance(values, Mapping):
        columns = dict(values)
    if not columns:
        raise ValueError("a goal names no attribute; give at least one")
    named = {name: np.asarray(column, float) for name, column in columns.items()}
    for name, scores in named.items():
        if not np.isfinite(scores).all():
            wrong = scores[~np.isfinite(scores)][0]
            raise ValueError(f"goal {name!r} has {wrong} among its scores; remove such rows")
    return named
