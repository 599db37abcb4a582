"""Answers: "pear , melon . they are easy to remember ." to structure and back."""

from dataclasses import dataclass
from functools import cached_property

from rapo.world.lexicon import CATEGORY_OF, CLOSING, FACT, SENTENCES, SINGULAR

_FILLER = frozenset(SENTENCES)
# Every fact, true or false -> the item and whether it is true.
_FACTS: dict[str, tuple[str, bool]] = {
    FACT.format(item=item, kind=kind): (item, name == CATEGORY_OF[item])
    for item in CATEGORY_OF
    for name, kind in SINGULAR.items()
}


@dataclass(frozen=True)
class Answer:
    """A list of items and the sentences after it.

    Attributes:
        items: as listed.
        sentences: after the list: facts about items, filler, the closing words.
        joined: "and" stands before the last item.
    """

    items: tuple[str, ...]
    sentences: tuple[str, ...] = ()
    joined: bool = False

    @property
    def text(self) -> str:
        """The answer in words."""
        first, last = self.items[:-1], self.items[-1]
        items = f"{' , '.join(first)} and {last}" if self.joined and first else " , ".join(self.items)
        return " ".join([items, ".", *(f"{sentence} ." for sentence in self.sentences)])

    @cached_property
    def facts(self) -> list[tuple[str, bool]]:
        """What is said of items, and whether it is true."""
        return [_FACTS[sentence] for sentence in self.sentences if sentence in _FACTS]

    @property
    def filler(self) -> int:
        """How many sentences say nothing."""
        return sum(sentence in _FILLER for sentence in self.sentences)

    @property
    def closed(self) -> bool:
        """The closing words stand once, at the end."""
        return self.sentences.count(CLOSING) == 1 and self.sentences[-1] == CLOSING


def parse(text: str) -> Answer | None:
    """Read an answer; None where the form is broken.

    The form: known items separated by commas (or the last one by "and"), a full stop, then whole sentences: facts
    ("fig is a kind of fruit"), filler (`lexicon.SENTENCES`), closing words.

    >>> parse("fig , kiwi . they are easy to remember .")
    Answer(items=('fig', 'kiwi'), sentences=('they are easy to remember',), joined=False)
    >>> parse("fig and kiwi . fig is a kind of fruit .").facts
    [('fig', True)]
    >>> parse("fig kiwi .") is None
    True
    """
    parts = text.split(" .")
    if len(parts) < 2 or parts[-1].strip():
        return None
    *first, last = parts[0].split(" , ")
    ends = last.split(" and ")
    items = tuple(item.strip() for item in [*first, *ends])
    sentences = tuple(part.strip() for part in parts[1:-1])
    known = all(part in _FILLER or part in _FACTS or part == CLOSING for part in sentences)
    if known and len(ends) <= 2 and all(item in CATEGORY_OF for item in items):
        return Answer(items, sentences, joined=len(ends) == 2)
    return None


def length(text: str) -> int:
    """Length of an answer in words (punctuation counts: it is a token too)."""
    return len(text.split())
