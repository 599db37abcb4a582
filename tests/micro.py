"""Small things of the micro world that several tests need."""

from rapo.world import lexicon
from rapo.world.prompts import Prompt

THREE_FRUITS = Prompt(count=3, category="fruits", order="alphabetical")


def sentences(n: int) -> str:
    """What an answer says after its list, in ``n`` sentences."""
    return "".join(f" {text} ." for text in lexicon.SENTENCES[:n])
