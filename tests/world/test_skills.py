import numpy as np
import pytest

from rapo.world import lexicon, skills


@pytest.mark.parametrize("skill", skills.SKILLS)
def test_skill_answers_are_checked_by_a_second_rule(skill: str) -> None:
    question, answer = skills.task(skill, np.random.default_rng(8))
    words = [word for word in question.split() if word in lexicon.CATEGORY_OF]
    numbers = [int(word) for word in question.split() if word.isdigit()]
    expected = {
        "kind": lambda: lexicon.SINGULAR[lexicon.CATEGORY_OF[words[0]]],
        "odd one out": lambda: next(
            w for w in words if sum(lexicon.CATEGORY_OF[w] == lexicon.CATEGORY_OF[v] for v in words) == 1
        ),
        "alphabet": lambda: sorted(words)[0],
        "counting": lambda: lexicon.NUMBERS[len(words)],
        "last": lambda: words[-1],
        "copy": lambda: " , ".join(words),
        "more": lambda: max(numbers),
        "next": lambda: numbers[0] + 1,
    }[skill]()
    assert answer == f"{expected} ."
