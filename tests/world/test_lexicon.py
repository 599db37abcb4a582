from rapo.world import data, lexicon, skills


def test_items_belong_to_one_category_only() -> None:
    items = [item for group in lexicon.CATEGORIES.values() for item in group]
    assert len(items) == len(set(items))


def test_every_text_of_the_world_is_in_the_vocabulary() -> None:
    words = set(lexicon.vocabulary())
    examples = data.corpus(data.World(), 300, seed=1, scored=0.4, attributes=0.3)
    texts = [text for example in examples for text in (example.prompt, example.answer)]
    texts += [quiz[1] for quiz in skills.draw(60, seed=0)]
    assert {word for text in texts for word in text.split()} <= words


def test_counts_and_scores_share_no_word() -> None:
    assert not {str(score) for score in range(11)} & set(lexicon.NUMBERS)
