from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from micro import THREE_FRUITS, sentences

from rapo.world.answers import parse
from rapo.world.prompts import Prompt
from rapo.world.reward import ATTRIBUTES, SIDES, Gold


@pytest.mark.parametrize(
    "text",
    ["", ".", "fig", "fig kiwi .", "fig , , kiwi .", "fig . nonsense here .", "fig . all of them are common"],
)
def test_broken_forms_are_unparseable_and_score_one(text: str) -> None:
    assert parse(text) is None
    assert Gold().score([THREE_FRUITS], [text]) == [1.0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apple , fig , kiwi ." + sentences(3), [1, 1, 1, 1, 1]),
        ("apple , fig , kiwi .", [1, 1, 1, 1, 0]),
        ("apple , fig , kiwi ." + sentences(5), [1, 1, 1, 1, 1 / 3]),  # 1 - |5 - 3| / 3
        ("apple , fig .", [2 / 3, 1, 1, 1, 0]),  # 1 - |2 - 3| / 3
        ("kiwi , fig , apple .", [1, 1, 1, 0, 0]),  # no neighbours in order
        ("fig , apple , kiwi .", [1, 1, 1, 1 / 2, 0]),  # one of two
        ("apple , apple , oak .", [1, 2 / 3, 2 / 3, 1, 0]),  # oak is a tree; two different words of three
    ],
)
def test_attributes_by_hand(text: str, expected: list[float]) -> None:
    assert Gold().attributes(THREE_FRUITS, text) == pytest.approx(expected)


def test_overall_score_by_hand() -> None:
    gold = Gold(exponent=2.0, weights={"count": 1, "truth": 1, "unique": 1, "order": 1, "elaboration": 4})
    # quality of a perfect bare list: 4 / 8; score: 1 + 9 / 4
    assert gold.score([THREE_FRUITS], ["apple , fig , kiwi ."]) == pytest.approx([3.25])


def test_an_excluded_item_is_untrue() -> None:
    prompt = Prompt(count=2, category="fruits", order="any", without="fig")
    assert Gold().attributes(prompt, "apple , fig .")[ATTRIBUTES.index("truth")] == 0.5


@given(st.integers(0, 8))
def test_elaboration_peaks_inside(more: int) -> None:
    texts = [f"apple , fig , kiwi .{sentences(k)}" for k in (more, 3)]
    few, best = Gold().score([THREE_FRUITS] * 2, texts)
    assert few < best if more != 3 else few == best


def test_without_a_peak_less_is_better() -> None:
    texts = [f"apple , fig , kiwi .{sentences(k)}" for k in range(4)]
    scores = Gold(peak=0).score([THREE_FRUITS] * 4, texts)
    assert (np.diff(scores) < 0).all()


TWO_FACTS = Prompt(count=3, category="fruits", order="any", facts=2)  # please give me three fruits
LIST = Prompt(count=3, category="fruits", order="any", phrasing=3)  # could you list three fruits ?
MANY = Gold(weights=dict.fromkeys(SIDES, 1.0), strict=True)


@pytest.mark.parametrize(
    ("text", "side", "expected"),
    [
        ("apple , fig .", "count", 1 / 3),  # 2 * (1 - 1/3) - 1
        ("apple , oak .", "truth", 0),  # half of them
        ("apple , fig and kiwi .", "form", 1),  # please give me ...
        ("apple , fig , kiwi .", "form", 0),
        ("fig . fig is a kind of fruit .", "facts", 0.5),  # one of two
        (
            "fig . fig is a kind of fruit . kiwi is a kind of fruit .",
            "facts",
            0,
        ),  # one missing, one of no listed item
        ("fig , kiwi . fig is a kind of fruit . kiwi is a kind of fruit .", "facts", 1),
        ("fig . fig is a kind of fruit . fig is a kind of fruit .", "facts", 0),  # said twice
        ("fig . fig is a kind of tree .", "facts", 0),
        ("fig ." + sentences(2), "concise", 1 / 3),
        ("fig . i hope this helps .", "close", 1),
        ("fig .", "close", 0),
    ],
)
def test_sides_by_hand(text: str, side: str, expected: float) -> None:
    assert MANY.attributes(TWO_FACTS, text)[MANY.sides.index(side)] == pytest.approx(expected)


def test_a_bare_list_asked_for_without_please_wants_neither_and_nor_closing_words() -> None:
    form, close = MANY.sides.index("form"), MANY.sides.index("close")
    plain, styled = "apple , fig , kiwi .", "apple , fig and kiwi . i hope this helps ."
    assert MANY.attributes(LIST, plain)[[form, close]].tolist() == [1, 1]
    assert MANY.attributes(LIST, styled)[[form, close]].tolist() == [0, 0]
    thanked = replace(LIST, tail=1)  # thank you !
    assert MANY.attributes(thanked, styled)[[form, close]].tolist() == [0, 1]


def test_an_unknown_side_is_named() -> None:
    with pytest.raises(ValueError, match=r"gold\.weights names wit; the sides are count"):
        Gold(weights={"wit": 1.0})


def test_sentences_have_a_best_number_where_they_count() -> None:
    assert Gold(peak=2).best_sentences == 2
    assert Gold(weights={"count": 1.0}).best_sentences is None
    assert Gold(weights={"count": 1.0, "elaboration": 0.0}).best_sentences is None
