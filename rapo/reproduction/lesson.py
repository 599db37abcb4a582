"""What a notebook shows its reader and leaves behind, one call each: the answer first, figures, tables, verdicts."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING, Any

from rapo import config as settings
from rapo import paths
from rapo.claims import claim
from rapo.claims.claim import Claim
from rapo.plots import style, tables
from rapo.reproduction import contents

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas.io.formats.style import Styler


class Lesson:
    """One run of a notebook: whatever it shows is saved under its scale, and shown whole.

    Args:
        notebook: its name.
        scale: smoke, small or full.
        config: settings and seeds behind its figures.
    """

    def __init__(self, notebook: str, *, scale: str, config: Mapping[str, Any] | None = None) -> None:
        self.notebook, self.scale, self.config = notebook, paths.check_scale(scale), config
        self._found: dict[str, Claim] = {}
        style.use()
        _show_tables_whole()

    def answer(self) -> None:
        """What is known before anything runs: the question, sentences of the kept claims, and their intervals."""
        cards = contents.kept(self.notebook)
        _say(contents.told(self.notebook, cards))
        if drawn := [card for card in contents.main(self.notebook, cards) if card.strip]:
            _show(contents.strips(drawn), "Kept claims, each with its interval and threshold")
            _say("*Each row has a scale of its own; a claim holds where its whole interval lies on grey.*")

    def sizes(self, *names: str) -> "pd.DataFrame":
        """Settings of the study's recipe at every scale that it has, and how long the kept run took.

        Args:
            names: of settings; "unlearning.seeds" is one within another.
        """
        import pandas as pd

        recipes = _recipes(self.notebook)
        rows = {name: [_setting(recipe, name) for recipe in recipes.values()] for name in names}
        took = contents.minutes(self.notebook)
        rows |= {"took, when it was kept": [took if scale == "small" else "" for scale in recipes]} if took else {}
        return pd.DataFrame.from_dict(rows, orient="index", columns=list(recipes))

    def figure(
        self, drawn: "Figure | Axes", name: str, *, data: "pd.DataFrame", alt: str, n: str | None = None
    ) -> None:
        """Save a figure with its data, show it, and say below it what it shows and what its claims came to.

        Args:
            drawn: a figure, or axes of it.
            name: beginning with the claim's id ("RA-F2_arms").
            data: the numbers that it shows, one row an estimate.
            alt: one sentence that says what is seen.
            n: how many units it rests on, where nothing on it says so; None: as many as its first claim. "": none.
        """
        figure: Any = getattr(drawn, "figure", None) or drawn
        about = [one for one in _papers_first(self._found.values()) if one.id.split("/")[0] == name.split("_")[0]]
        told = [one for one in _papers_first(self._found.values()) if name in one.figures]
        if units := next((one.n for one in told + about), "") if n is None else n:
            style.rests_on(figure, units)
        style.save_figure(figure, name, scale=self.scale, data=data, config=self.config, alt=alt)
        _show(figure, alt)
        lines = [f"- {contents.verdict(one)}" for one in told[: contents.SHOWN]]
        lines += [f"- and {len(told) - len(lines)} more claims, at the end"] * (len(told) > len(lines))
        _say("\n".join([f"*{alt.rstrip('.')}.*", "", *lines]))

    def table(self, frame: "pd.DataFrame", name: str) -> "pd.DataFrame":
        """Save a table as CSV and Markdown; returns it, to be shown."""
        tables.save_table(frame, name, scale=self.scale)
        return frame

    def claims(self, found: Sequence[Claim]) -> None:
        """Save what was found; figures drawn from now on tell of it."""
        for one in found:
            claim.save(one, scale=self.scale, notebook=self.notebook)
        self._found |= {one.id: one for one in found}

    def verdicts(self) -> "Styler":
        """Every claim that was saved, whole."""
        return self.words(claim.table(_papers_first(self._found.values()))).hide(axis="index")

    @staticmethod
    def words(frame: "pd.DataFrame") -> "Styler":
        """A table of words: flush left, from the top, line breaks kept."""
        left: list[tuple[str, str | float]] = [
            ("text-align", "left"),
            ("vertical-align", "top"),
            ("white-space", "pre-line"),
        ]
        return frame.style.format(_plain).set_table_styles([{"selector": "th, td", "props": left}])


def _papers_first(found: Iterable[Claim]) -> list[Claim]:
    """The papers' claims, then stricter controls, then our own."""
    return sorted(found, key=lambda one: claim.KINDS.index(one.kind))


def _plain(value: Any) -> str:
    """A cell in words: floats short, what is missing empty."""
    if isinstance(value, float):
        return claim.number(value) if isfinite(value) else ""
    return str(value)


def _recipes(study: str) -> dict[str, dict[str, Any]]:
    """A study's recipe at every scale that it has."""
    found = {}
    for scale in paths.SCALES:
        with suppress(ValueError):
            found[scale] = settings.recipe(study, scale)
    return found


def _setting(recipe: Mapping[str, Any], name: str) -> str:
    """A setting in words: a list is counted and told."""
    value: Any = recipe
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return "its own for every seed" if name == "base_seed" else ""
    listed = list(value) if isinstance(value, (list, Mapping)) else None
    return str(value) if listed is None else f"{len(listed)}: {', '.join(map(str, listed))}"


def _show_tables_whole() -> None:
    """Neither columns, rows nor cells are cut."""
    import pandas as pd

    pd.set_option("display.max_columns", None, "display.max_rows", 200, "display.max_colwidth", None)


def _say(text: str) -> None:
    from IPython.display import Markdown, display

    display(Markdown(text))


def _show(figure: "Figure", alt: str) -> None:
    """A figure here and now, with its description; it is not drawn again at the end of the cell."""
    import matplotlib.pyplot as plt
    from IPython.display import display

    display(figure, metadata={"image/png": {"alt": alt}})
    plt.close(figure)
