from hypothesis import given
from hypothesis import strategies as st

from rapo.world import lexicon
from rapo.world.answers import Answer, parse

FACTS = ["fig is a kind of fruit", "oak is a kind of fruit", "oak is a kind of tree"]


@given(
    st.lists(st.sampled_from(sorted(lexicon.CATEGORY_OF)), min_size=1, max_size=9),
    st.lists(st.sampled_from([*lexicon.SENTENCES, *FACTS, lexicon.CLOSING]), max_size=6),
    st.booleans(),
)
def test_parse_reads_what_text_writes(items: list[str], said: list[str], joined: bool) -> None:
    answer = Answer(tuple(items), tuple(said), joined=joined and len(items) > 1)
    assert parse(answer.text) == answer


def test_what_is_said_after_the_list() -> None:
    said = [*FACTS[:2], lexicon.SENTENCES[0], lexicon.CLOSING]
    answer = Answer(("fig", "oak"), tuple(said))
    assert answer.facts == [("fig", True), ("oak", False)]
    assert (answer.filler, answer.closed) == (1, True)
    assert not Answer(("fig",), (lexicon.CLOSING, FACTS[0])).closed
    assert not Answer(("fig",), (lexicon.CLOSING, lexicon.CLOSING)).closed


def test_only_the_last_item_may_be_joined() -> None:
    assert parse("fig and oak , kiwi .") is None
    assert parse("fig and oak and kiwi .") is None
