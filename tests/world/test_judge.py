import pytest
from micro import THREE_FRUITS, sentences

from rapo.world import answers, prompts
from rapo.world.judge import Judge
from rapo.world.reward import whole


def test_judge_without_noise_rounds_gold() -> None:
    texts = ["apple , fig , kiwi ." + sentences(3), "apple , fig , kiwi ."]
    judge = Judge(noise=0.0)
    # a bare perfect list: quality 0.75; 1 + 9 * 0.75 ** 3 = 4.797, which rounds to 5
    assert whole(judge.raw([THREE_FRUITS] * 2, texts, [0, 1])).tolist() == [10, 5]


def test_length_bias_in_points_for_ten_words() -> None:
    text = "apple , fig , kiwi ." + sentences(3)
    flat, biased = (Judge(noise=0.0, length_bias=bias).raw([THREE_FRUITS], [text], [0])[0] for bias in (0.0, 2.0))
    assert biased - flat == pytest.approx(2.0 * (answers.length(text) - 15) / 10)


def test_draws_depend_on_the_row_alone() -> None:
    questions = prompts.draw(6, split="train", seed=1)
    texts = ["fig ."] * 6
    judge = Judge(seed=5)
    scores = judge.raw(questions, texts, range(6))
    assert judge.raw(questions[4:], texts[4:], [4, 5]) == pytest.approx(scores[4:])


def test_preferences_lie_between_one_and_two_and_follow_gold() -> None:
    good, bad = "apple , fig , kiwi ." + sentences(3), "oak ."
    judge = Judge(noise=0.0)
    first = judge.prefer([THREE_FRUITS] * 2, [bad, good], [good, bad], [0, 1])
    assert first[0] > 1.99
    assert first[1] < 1.01
    assert judge.prefer([THREE_FRUITS], [good], [good], [0]) == pytest.approx([1.5])
