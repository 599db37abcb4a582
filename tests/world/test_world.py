"""The micro world: text and structure, gold by hand, determinism, premises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.world import answers, data, lexicon, prompts, skills
from rapo.world.annotators import Annotator, panel
from rapo.world.answers import Answer, parse
from rapo.world.judge import Judge
from rapo.world.premises import premises
from rapo.world.prompts import Prompt
from rapo.world.reward import ATTRIBUTES, Gold

THREE_FRUITS = Prompt(count=3, category="fruits", order="alphabetical")
WORLD = data.World()


def sentences(n: int) -> str:
    return "".join(f" {text} ." for text in lexicon.SENTENCES[:n])


def test_items_belong_to_one_category_only() -> None:
    items = [item for group in lexicon.CATEGORIES.values() for item in group]
    assert len(items) == len(set(items))


def test_every_text_of_the_world_is_in_the_vocabulary() -> None:
    words = set(lexicon.vocabulary())
    examples = data.corpus(WORLD, 300, seed=1, scored=0.4, attributes=0.3)
    texts = [text for example in examples for text in (example.prompt, example.answer)]
    texts += [quiz[1] for quiz in skills.draw(60, seed=0)]
    assert {word for text in texts for word in text.split()} <= words


def test_counts_and_scores_share_no_word() -> None:
    assert not {str(score) for score in range(11)} & set(lexicon.NUMBERS)


def test_splits_share_no_combination() -> None:
    parts = [set(prompts.combinations(split)) for split in prompts.SPLITS]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 6 * len(lexicon.CATEGORIES) * 3


def test_an_unknown_split_is_named() -> None:
    with pytest.raises(ValueError, match="split is 'dev'; use one of train, tuning, test"):
        prompts.draw(1, split="dev")


def test_too_many_different_prompts() -> None:
    with pytest.raises(ValueError, match="different prompts"):
        prompts.draw_distinct(10**4, split="tuning")


@given(
    st.lists(st.sampled_from(sorted(lexicon.CATEGORY_OF)), min_size=1, max_size=9),
    st.lists(st.sampled_from(lexicon.SENTENCES), max_size=6),
)
def test_parse_reads_what_text_writes(items: list[str], said: list[str]) -> None:
    answer = Answer(tuple(items), tuple(said))
    assert parse(answer.text) == answer


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


def test_a_perfect_annotator_makes_no_mistakes() -> None:
    rng = np.random.default_rng(0)
    for prompt in prompts.draw(100, split="train", seed=3):
        text = Annotator("ideal", skill=1.0, verbosity=0.0).answer(prompt, rng).text
        assert Gold().attributes(prompt, text)[:4] == pytest.approx([1, 1, 1, 1])


def test_skill_raises_gold() -> None:
    questions = prompts.draw(400, split="train", seed=4)
    means = []
    for skill in (0.0, 0.5, 1.0):
        rng = np.random.default_rng(0)
        writer = Annotator("x", skill=skill, verbosity=0.3)
        means.append(Gold().score(questions, [writer.answer(q, rng).text for q in questions]).mean())
    assert means[0] + 0.3 < means[1] < means[2] - 0.3


def test_skill_and_verbosity_of_the_panel_are_unrelated() -> None:
    writers = panel(lowest=0.2, highest=0.8)
    related = np.corrcoef([w.skill for w in writers], [w.verbosity for w in writers])[0, 1]
    assert abs(related) < 0.4


def test_judge_without_noise_rounds_gold() -> None:
    texts = ["apple , fig , kiwi ." + sentences(3), "apple , fig , kiwi ."]
    judge = Judge(noise=0.0)
    # a bare perfect list: quality 0.75; 1 + 9 * 0.75 ** 3 = 4.797, which rounds to 5
    assert judge.score([THREE_FRUITS] * 2, texts, [0, 1]).tolist() == [10, 5]


def test_length_bias_in_points_for_ten_words() -> None:
    text = "apple , fig , kiwi ." + sentences(3)
    flat, biased = (Judge(noise=0.0, length_bias=bias).raw([THREE_FRUITS], [text], [0])[0] for bias in (0.0, 2.0))
    assert biased - flat == pytest.approx(2.0 * (answers.length(text) - 15) / 10)


def test_draws_depend_on_the_row_alone() -> None:
    questions = prompts.draw(6, split="train", seed=1)
    texts = ["fig ."] * 6
    judge = Judge(seed=5)
    whole = judge.raw(questions, texts, range(6))
    assert judge.raw(questions[4:], texts[4:], [4, 5]) == pytest.approx(whole[4:])


def test_preferences_lie_between_one_and_two_and_follow_gold() -> None:
    good, bad = "apple , fig , kiwi ." + sentences(3), "oak ."
    judge = Judge(noise=0.0)
    first = judge.prefer([THREE_FRUITS] * 2, [bad, good], [good, bad], [0, 1])
    assert first[0] > 1.99
    assert first[1] < 1.01
    assert judge.prefer([THREE_FRUITS], [good], [good], [0]) == pytest.approx([1.5])


def test_candidates_are_the_same_however_many_are_drawn() -> None:
    few, many = (data.candidates(WORLD, n, seed=2).to_pylist() for n in (3, 9))
    texts = [[[c["response"] for c in row["completions"]] for row in rows[:3]] for rows in (few, many)]
    assert texts[0] == texts[1]


def test_candidates_have_the_shape_of_ultrafeedback() -> None:
    row = data.candidates(WORLD, 1, seed=0).to_pylist()[0]
    assert len(row["completions"]) == 4
    assert set(row["completions"][0]) == {"model", "response", "overall_score", "annotations", "gold_score"}
    assert set(row["completions"][0]["annotations"]) == set(ATTRIBUTES)


def test_the_default_world_keeps_the_papers_premises() -> None:
    table = premises(WORLD, 1500, seed=11)
    assert table["holds"].all(), table.to_string()


def test_settings_make_a_world() -> None:
    world = data.make_world({"noise": 2.0, "skill": [0.1, 0.5], "gold": {"peak": 1}})
    assert (world.noise, world.skill, world.gold.peak) == (2.0, (0.1, 0.5), 1)
    with pytest.raises(TypeError):
        data.make_world({"nose": 1})


@pytest.mark.parametrize("skill", skills.SKILLS)
def test_skill_answers_are_checked_by_a_second_rule(skill: str) -> None:
    question, answer = skills.task(skill, np.random.default_rng(8))
    words = [word for word in question.split() if word in lexicon.CATEGORY_OF]
    expected = {
        "kind": lambda: lexicon.SINGULAR[lexicon.CATEGORY_OF[words[0]]],
        "odd one out": lambda: next(
            w for w in words if sum(lexicon.CATEGORY_OF[w] == lexicon.CATEGORY_OF[v] for v in words) == 1
        ),
        "alphabet": lambda: sorted(words)[0],
        "counting": lambda: lexicon.NUMBERS[len(words)],
        "last": lambda: words[-1],
        "copy": lambda: " , ".join(words),
    }[skill]()
    assert answer == f"{expected} ."


def test_evolved_prompts_are_harder_or_different() -> None:
    rng = np.random.default_rng(0)
    for prompt in prompts.draw(50, split="train", seed=9):
        harder = prompts.evolve(prompt, rng)
        assert harder != prompt
        assert harder.count >= prompt.count
