from hypothesis import given
from hypothesis import strategies as st

from rapo.world import lexicon
from rapo.world.answers import Answer, parse


@given(
    st.lists(st.sampled_from(sorted(lexicon.CATEGORY_OF)), min_size=1, max_size=9),
    st.lists(st.sampled_from(lexicon.SENTENCES), max_size=6),
)
def test_parse_reads_what_text_writes(items: list[str], said: list[str]) -> None:
    answer = Answer(tuple(items), tuple(said))
    assert parse(answer.text) == answer
