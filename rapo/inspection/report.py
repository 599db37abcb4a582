"""What an audit found, as a whole."""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rapo.inspection.finding import LEVELS, Finding, Picture

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Report:
    """What an audit found.

    Attributes:
        source: how the data are called.
        n: pairs that were looked at.
        findings: in the order of `GROUPS`.
        pictures: what to draw beside them.
        settings: what was asked for.
    """

    source: str
    n: int
    findings: tuple[Finding, ...]
    pictures: tuple[Picture, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """The worst level of all findings."""
        return max((found.level for found in self.findings), key=LEVELS.index, default="ok")

    def reaches(self, level: str) -> bool:
        """Whether a finding is as bad as ``level``."""
        return LEVELS.index(self.level) >= LEVELS.index(level)

    def counts(self) -> dict[str, int]:
        """How many findings have which level."""
        return {level: sum(found.level == level for found in self.findings) for level in reversed(LEVELS)}

    def finding(self, name: str) -> Finding:
        """The finding of this name.

        Raises:
            KeyError: there is none; names those that are there.
        """
        for found in self.findings:
            if found.name == name:
                return found
        raise KeyError(f"no finding {name!r}; there are {', '.join(found.name for found in self.findings)}")

    def table(self) -> "pd.DataFrame":
        """One row a finding: group, name, level, count, n, unit, measure, estimate, low, high, told, advice."""
        import pandas as pd

        return pd.DataFrame([_row(found) for found in self.findings])

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "source": self.source,
            "pairs": self.n,
            "level": self.level,
            "levels": self.counts(),
            "settings": self.settings,
            "findings": [asdict(found) for found in self.findings],
            "pictures": [asdict(picture) for picture in self.pictures],
        }

    def html(self) -> str:
        """One page that needs no other file."""
        from rapo.inspection.page import page

        return page(self)

    def _repr_html_(self) -> str:
        return self.table().to_html(index=False)


def _row(found: Finding) -> dict[str, Any]:
    names = ("group", "name", "level", "count", "n", "unit", "measure")
    interval = found.interval
    numbers = {name: getattr(interval, name) if interval else float("nan") for name in ("estimate", "low", "high")}
    return {
        **{name: getattr(found, name) for name in names},
        **numbers,
        "told": found.told,
        "advice": found.advice,
    }
