"""Answers: "pear , melon . they are easy to remember ." to structure and back."""

from dataclasses import dataclass

from rapo.world.lexicon import CATEGORY_OF, SENTENCES

_SENTENCES = frozenset(SENTENCES)


@dataclass(frozen=True)
class Answer:
    """A list of items and the sentences after it."""

    items: tuple[str, ...]
    sentences: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The answer in words."""
        return " ".join([" , ".join(self.items), ".", *(f"{sentence} ." for sentence in self.sentences)])


def parse(text: str) -> Answer | None:
    """Read an answer; None where the form is broken.

    The form: known items separated by commas, a full stop, then whole sentences of `lexicon.SENTENCES`.

    >>> parse("fig , kiwi . they are easy to remember .")
    Answer(items=('fig', 'kiwi'), sentences=('they are easy to remember',))
    >>> parse("fig kiwi .") is None
    True
    """
    parts = text.split(" .")
    if len(parts) < 2 or parts[-1].strip():
        return None
    items = tuple(item.strip() for item in parts[0].split(" , "))
    sentences = tuple(part.strip() for part in parts[1:-1])
    if all(item in CATEGORY_OF for item in items) and all(sentence in _SENTENCES for sentence in sentences):
        return Answer(items, sentences)
    return None


def length(text: str) -> int:
    """Length of an answer in words (punctuation counts: it is a token too)."""
    return len(text.split())
