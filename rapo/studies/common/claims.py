"""Claims of a study: what its register says of each, joined with what was measured.

The register is ``rapo/studies/<study>/claims.yaml``: a mapping from a claim's id to its fields. Texts may leave words
open, ``{rival}``, that the study computes; ``{recipe[share]:.0%}`` is a setting. Besides the fields of a `Claim`:

* ``each``: one entry for several claims. A list of names, or a mapping from names to fields of their own; ``{each}``
  stands for the name in the id and in all texts.
* ``when``: settings without which the claim is not made. ``{scales: 1-5}`` asks that the recipe's ``scales`` are,
  or hold, that value; mappings go deeper.
* ``words``: further words for the texts.
* ``margin``: of `claim.MARGINS`; "gold" where the unit is "of 10".
* ``premises``: a mapping from what the paper takes for granted to "met", "in part" or "not met", or to a word; one
  whose word is empty was not measured, and is left out.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from math import isfinite
from typing import Any

import pandas as pd

from rapo import config
from rapo.claims.claim import Claim, by_rule, slug
from rapo.stats.intervals import Interval

_log = logging.getLogger(__name__)
_TEXTS = ("statement", "statistic", "unit", "n", "paper", "note")
_FIELDS = {
    *_TEXTS,
    "kind",
    "could_fail",
    "direction",
    "margin",
    "threshold",
    "figures",
    "tables",
    "premises",
    "when",
    "words",
}


@dataclass(frozen=True)
class Found:
    """A measured statistic, with the words that its entry leaves open and data to keep beside it.

    ``base`` is the same statistic with the untrained base, asked alike, in the trained model's place.
    """

    interval: Interval
    words: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    base: Interval | None = None


def register(study: str) -> dict[str, dict[str, Any]]:
    """Every claim that a study registers, by id.

    Raises:
        ValueError: the file is not YAML, or an entry has an unknown field or no kind.
    """
    file = resources.files("rapo") / "studies" / study / "claims.yaml"
    blocks = config.parse_yaml(file.read_text(encoding="utf-8"), name=_file(study))
    entries = {name: one for block, entry in blocks.items() for name, one in _spread(block, entry).items()}
    for name, entry in entries.items():
        if unknown := sorted(set(entry) - _FIELDS):
            raise ValueError(f"{_file(study)}: {name} has unknown fields {unknown}; it may have {sorted(_FIELDS)}")
        if left := sorted({"kind", "statement", "statistic"} - set(entry)):
            raise ValueError(f"{_file(study)}: {name} lacks {left}; add them")
    return entries


def join(
    study: str,
    found: Mapping[str, Interval | Found],
    recipe: Mapping[str, Any],
    *,
    n: str = "",
    words: Mapping[str, Any] | None = None,
) -> list[Claim]:
    """The claims of a study, in the order of its register.

    Args:
        study: its name.
        found: what was measured, by the claim's id (in words: "AP-F1b/M+" is AP-F1b/M-plus).
        recipe: its settings, which decide what must have been measured.
        n: what a statistic rests on, where neither its words nor its entry have an ``n``.
        words: for the texts of all entries.

    Raises:
        ValueError: something was measured that is not registered, something registered was not measured though the
            recipe has it, or a text leaves open a word that nobody gives.
    """
    entries, measured = register(study), {slug(name): one for name, one in found.items()}
    if extra := [name for name in measured if name not in entries]:
        raise ValueError(f"measured but not registered: {', '.join(extra)}; add them to {_file(study)}")
    wanted = [name for name, entry in entries.items() if _holds(recipe, entry.get("when", {}))]
    if left := [name for name in wanted if name not in measured]:
        raise ValueError(
            f"{_file(study)} registers what was not measured: {', '.join(left)}; measure it in claims.py beside it, "
            "or say under `when` which setting it needs"
        )
    known = {"recipe": recipe, "n": n, "measured_in": _measured_in(recipe), **(words or {})}
    return [
        _claim(study, name, entry, measured[name], known) for name, entry in entries.items() if name in measured
    ]


def _measured_in(recipe: Mapping[str, Any]) -> str:
    """The one world in which a study beside the central comparison is measured, in words; "" where there is none.

    >>> _measured_in({"central": {"world": {"regime": "many-sided"}}}), _measured_in({})
    (' (many-sided world)', '')
    """
    world = recipe.get("central", {}).get("world", {}).get("regime")
    return f" ({world} world)" if world else ""


def resting(n: str, found: Mapping[str, Interval]) -> dict[str, Found]:
    """Statistics that rest on something else than the study's others: ``n`` in words."""
    return {name: Found(one, {"n": n}) for name, one in found.items()}


def _file(study: str) -> str:
    return f"rapo/studies/{study}/claims.yaml"


def _spread(name: str, entry: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The entries that one of the file stands for."""
    shared, each = {key: value for key, value in entry.items() if key != "each"}, entry.get("each")
    if each is None:
        return {name: shared}
    rows = each if isinstance(each, Mapping) else {one: {} for one in each}
    return {slug(name.replace("{each}", one)): {**_filled(shared, one), **row} for one, row in rows.items()}


def _filled(value: Any, one: str) -> Any:
    """A value with ``{each}`` replaced, however deep."""
    if isinstance(value, str):
        return value.replace("{each}", one)
    if isinstance(value, Mapping):
        return {key: _filled(inner, one) for key, inner in value.items()}
    return value


def _holds(setting: Any, wanted: Any) -> bool:
    """Whether a setting is, or holds, what is wanted of it."""
    if not isinstance(wanted, Mapping):
        return bool(setting == wanted or (isinstance(setting, list | Mapping) and wanted in setting))
    if isinstance(setting, list):
        return any(_holds(one, wanted) for one in setting)
    return all(name in setting and _holds(setting[name], inner) for name, inner in wanted.items())


def _claim(
    study: str, name: str, entry: Mapping[str, Any], one: Interval | Found, known: Mapping[str, Any]
) -> Claim:
    one = one if isinstance(one, Found) else Found(one)
    interval, words = one.interval, {**known, **entry.get("words", {}), **one.words}
    try:
        texts: dict[str, Any] = {text: str(entry[text]).format_map(words) for text in _TEXTS if text in entry}
        threshold = float(str(entry.get("threshold", 0.0)).format_map(words))
        told = {premise: str(met).format_map(words) for premise, met in entry.get("premises", {}).items()}
    except KeyError as error:
        raise ValueError(f"{_file(study)}: {name} leaves {error} open, which claims.py does not give") from error
    texts["n"] = texts.get("n", str(words["n"])) + words["measured_in"]
    constant = "Nothing varies in these data." if interval.low == interval.high else ""
    made = Claim(
        name,
        **{**texts, "note": texts.get("note") or constant},
        estimate=interval.estimate,
        low=interval.low,
        high=interval.high,
        level=interval.level,
        **{"threshold": threshold, "direction": entry.get("direction", "greater"), "margin": _margin(entry)},
        kind=entry["kind"],
        could_fail=entry.get("could_fail", True),
        premises=tuple({"premise": premise, "met": met} for premise, met in told.items() if met),
        figures=tuple(entry.get("figures", ())),
        tables=tuple(entry.get("tables", ())),
        data=dict(one.data),
    )
    if one.base is None:
        return made
    of_base = replace(made, estimate=one.base.estimate, low=one.base.low, high=one.base.high)
    return replace(made, base_meets_it=of_base.verdict == "holds", data={**made.data, "base": asdict(one.base)})


def _margin(entry: Mapping[str, Any]) -> str:
    return str(entry.get("margin", "gold" if entry.get("unit") == "of 10" else ""))


def _verdict(found: Interval, entry: Mapping[str, Any]) -> str:
    """The verdict on a statistic under the rule of an entry whose threshold is a number."""
    return by_rule(found.low, found.high, {**entry, "margin": _margin(entry)})


def everywhere(study: str, name: str, found: Mapping[str, Found]) -> Found:
    """A claim's measurements in several worlds as one: it holds where it holds in every one of them.

    Args:
        study: whose register has the claim.
        name: of the claim.
        found: its measurement in each world.

    Returns:
        The measurement of the world that is hardest on the claim (the worst verdict; of equal ones the interval that
        reaches furthest to the wrong side), with ``where`` as a word: in which worlds it holds, and its base's where
        that meets the claim least.
    """
    entry = register(study)[slug(name)]
    verdicts = {world: _verdict(one.interval, entry) for world, one in found.items()}
    held = [world for world, one in verdicts.items() if one == "holds"]
    where = "holds in both" if len(held) == len(found) else f"holds in {' and '.join(held) or 'neither'}"
    hardest = min(found, key=lambda world: _rank(found[world].interval, entry))
    bases = [one.base for one in found.values()]
    least = None if None in bases else min((one for one in bases if one), key=lambda base: _rank(base, entry))
    each = {world: asdict(one.interval) for world, one in found.items()}
    return replace(found[hardest], words={**found[hardest].words, "where": where}, data=each, base=least)


_WORST = ("does not hold", "undecided", "equal", "holds")


def _rank(found: Interval, entry: Mapping[str, Any]) -> tuple[int, float]:
    """How hard a measurement is on a claim: its verdict's place, then its room; the least is the hardest."""
    return _WORST.index(_verdict(found, entry)), _room(found, entry)


def _room(found: Interval, entry: Mapping[str, Any]) -> float:
    """How far the wrong end of an interval lies on the claim's side."""
    direction = entry.get("direction", "greater")
    return {"greater": found.low, "less": -found.high, "equal": -max(abs(found.low), abs(found.high))}[direction]


def size(answers: pd.DataFrame, units: Sequence[str] = ("seed", "prompt")) -> str:
    """How many of each unit answers rest on, in words.

    >>> size(pd.DataFrame({"seed": [1, 1, 2, 2], "prompt": ["a", "a", "a", "a"]}))
    '2 seeds x 1 prompt'
    """
    counts = {name: answers[name].nunique() for name in units}
    return " x ".join(f"{n} {name}{'s' * (n != 1)}" for name, n in counts.items())


def defined(made: Iterable[Claim]) -> list[Claim]:
    """The claims whose statistic the data define (some regimes, enough seeds); the others are logged."""
    found = []
    for one in made:
        if all(map(isfinite, (one.estimate, one.low, one.high))):
            found.append(one)
        else:
            _log.warning("claim %s is left out: %s cannot be computed on these data", one.id, one.statistic)
    return found
