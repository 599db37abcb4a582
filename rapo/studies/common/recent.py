"""What a process made last, kept by what it was made of: one worker trains many arms on the same pairs and base."""

from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Recent(Generic[Made]):
    """The last few things that were made; nobody may change them.

    >>> recent = Recent[str](most=1)
    >>> recent.get("a", lambda: "made"), recent.get("a", lambda: "made again"), recent.get("b", lambda: "other")
    ('made', 'made', 'other')
    >>> recent.get("a", lambda: "made again")
    'made again'
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._made: dict[object, Made] = {}

    def get(self, key: object, make: Callable[[], Made]) -> Made:
        """What was made of ``key``, which is to hold all that it depends on; made now, where it is not there."""
        made = self._made.pop(key) if key in self._made else make()
        self._made[key] = made
        for oldest in list(self._made)[: -self._most]:
            del self._made[oldest]
        return made
