"""How long notebooks take: the seconds recorded of each, and how this machine compares with them so far."""

from collections.abc import Iterable, Mapping, Sequence

from rapo import paths
from rapo.reproduction import marker
from rapo.reproduction.marker import Marker
from rapo.reproduction.notebook import Source
from rapo.runs import progress

KEPT_WORKERS = 2  # with which the kept durations of heavy notebooks were measured
TRUST = 60.0  # seconds as recorded that count beside what was seen, so that one short run decides nothing


def expected(sources: Sequence[Source], scale: str, *, workers: int, measure: bool = True) -> dict[str, float]:
    """Seconds of each notebook, all of them run anew: as it took here, at small else as kept with the results.

    Those of which nothing is known are left out.
    """
    found = {one.name: marker.read(one.name, scale, measure=measure) for one in sources}
    here = own_seconds({name: one for name, one in found.items() if one})
    kept = progress.kept_durations("notebooks") if measure and scale == "small" else {}
    share = {one.name: KEPT_WORKERS / workers if one.cost == "heavy" else 1.0 for one in sources}
    return {name: kept[name] * share[name] for name in found if name in kept} | here


def own_seconds(markers: Mapping[str, Marker]) -> dict[str, float]:
    """Seconds of each notebook where all are run anew in turn, the longest first.

    A run that several of them use is computed by the first: of the others it takes its part off what they would have
    taken alone, but none takes less than it did.
    """
    took = {key: run_seconds(key) for one in markers.values() for key in one.runs}
    seen: set[str] = set()
    found = {}
    for name, one in sorted(markers.items(), key=lambda item: (-item[1].anew, item[0])):
        whole = sum(took[key] for key in one.runs)
        own = sum(took[key] for key in one.runs if key not in seen)
        seen.update(one.runs)
        found[name] = max(one.seconds, one.anew * own / whole) if whole else one.anew
    return found


def run_seconds(key: str) -> float:
    """Seconds that a run on disk took; 0 where it is gone."""
    return sum(map(sum, progress.history(paths.runs(), [key]).values()))


def pace(seen: Iterable[tuple[float, float]]) -> float:
    """Seconds that work takes now for each second that it took when it was recorded.

    Args:
        seen: of what has ended since, the seconds it took and those recorded of it.

    >>> pace([])
    1.0
    >>> pace([(240.0, 90.0)])  # (60 + 240) / (60 + 90)
    2.0
    """
    pairs = list(seen)
    return (TRUST + sum(now for now, _ in pairs)) / (TRUST + sum(then for _, then in pairs))
