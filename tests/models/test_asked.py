"""`rapo.sample`: prompts as people hand them in."""

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import rapo
from rapo.models import sampling, tiny

TEXTS = ["what is two", "what is two plus two"]
TALKS = [[{"role": "user", "content": text}] for text in TEXTS]


@pytest.fixture(scope="module")
def model() -> tuple[Any, Any]:
    tokenizer = tiny.build_tokenizer(["what", "is", "two", "plus"])
    return tiny.random_model(tiny.tiny_config("llama", vocab_size=len(tokenizer), width=16), seed=0), tokenizer


@pytest.mark.parametrize(
    "prompts",
    [TEXTS, tuple(TALKS), pa.array(TALKS), pa.chunked_array([TEXTS]), pd.Series(TEXTS), (text for text in TEXTS)],
    ids=["texts", "messages", "an Arrow column", "a chunked one", "a pandas column", "a generator"],
)
def test_texts_and_messages_in_any_hull_get_the_same_answers(model: tuple[Any, Any], prompts: Any) -> None:
    options: dict[str, Any] = {"max_new_tokens": 6, "seed": 3}
    answers = rapo.sample(*model, prompts, **options)
    assert answers == sampling.sample(*model, TALKS, **options)
    assert len(set(answers)) == 2


@pytest.mark.parametrize(
    ("prompts", "told"),
    [
        ("what is two", r"prompts is the text 'what is two'; give a list"),
        ([TALKS[0], {"prompt": "what"}], r"prompts\[1\] is .*give the rows' column, such as rows\['prompt'\]"),
        ([None], r"prompts\[0\] is 'None', neither a text nor messages"),
        ([[]], r"prompts\[0\] is '\[\]', neither"),
        (
            [[{"from": "human", "value": "what"}]],
            r"prompts\[0\] is .*neither a text nor messages \{role, content\}",
        ),
    ],
)
def test_what_is_no_prompt_is_told(model: tuple[Any, Any], prompts: Any, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        rapo.sample(*model, prompts)
