import json
import logging

import pyarrow as pa
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from rapo.models.tiny import CHAT_TEMPLATES, build_tokenizer
from rapo.pairs.faults import PairsError
from rapo.scoring import tokens

ROW = {
    "prompt": [{"role": "user", "content": "w1 w2"}],
    "chosen": [{"role": "assistant", "content": "w3"}],
    "rejected": [{"role": "assistant", "content": "w4 w5"}],
}
# ids: 5 marks (<pad> 0, <end> 1, <system> 2, <user> 3, <assistant> 4), then w0 = 5, w1 = 6, ...
PROMPT, CHOSEN, REJECTED = [3, 6, 7, 1, 4], [8, 1], [9, 10, 1]


def split(prompt, chosen, rejected):
    return {"prompt_ids": [prompt], "chosen_ids": [chosen], "rejected_ids": [rejected]}


def encoded(row, tokenizer=tiny.TOKENIZER, **options):
    return tokens.tokenise(tokenizer, tokens.texts(pa.Table.from_pylist([row])).to_pylist(), **options)


def test_messages_are_split_where_the_answer_begins():
    assert encoded(ROW) == split(PROMPT, CHOSEN, REJECTED)


@given(
    texts=st.lists(st.lists(st.sampled_from(tiny.WORDS), min_size=1).map(" ".join), min_size=3, max_size=3),
    template=st.sampled_from(list(CHAT_TEMPLATES)),
)
def test_ids_are_what_the_texts_say(texts, template):
    tokenizer = build_tokenizer(tiny.WORDS, chat_template=CHAT_TEMPLATES[template])
    turns = zip(("user", "assistant", "assistant"), texts, strict=True)
    row = dict(zip(ROW, ([{"role": role, "content": text}] for role, text in turns), strict=True))
    ids = tokens.tokenise(tokenizer, [row])
    said = [tokenizer.decode(ids[f"{name}_ids"][0]) for name in ROW]
    assert said == [f"<user> {texts[0]} <end> <assistant>", f"{texts[1]} <end>", f"{texts[2]} <end>"]


def test_any_sides_are_split_alike():
    ids = tokens.tokenise(
        tiny.TOKENIZER, [{"prompt": ROW["prompt"], "completion": ROW["chosen"]}], sides=["completion"]
    )
    assert ids == {"prompt_ids": [PROMPT], "completion_ids": [CHOSEN]}


def test_plain_strings_are_joined_and_ended():
    row = {"prompt": "w1 w2", "chosen": " w3 ", "rejected": " w4 <end>"}
    assert encoded(row) == split([6, 7], [8, 1], [9, 1])


def test_what_looks_like_an_answer_in_the_prompt_is_prompt():
    prompt = [*ROW["prompt"], *ROW["chosen"], *ROW["prompt"]]
    assert encoded(ROW | {"prompt": prompt})["prompt_ids"] == [[3, 6, 7, 1, 4, 8, 1, 3, 6, 7, 1, 4]]


def test_a_plain_prompt_before_messages_is_a_user_turn():
    assert encoded(ROW | {"prompt": "w1 w2"}) == encoded(ROW)


def test_a_prompt_rendered_differently_counts_up_to_where_it_differs(caplog):
    """As TRL does; here the generation prompt ends in a token that the conversation does not have."""
    template = CHAT_TEMPLATES["system"].replace("{{ '<assistant>' }}", "{{ '<assistant> w9' }}")
    tokenizer = build_tokenizer(tiny.WORDS, chat_template=template)
    with caplog.at_level(logging.WARNING):
        assert encoded(ROW, tokenizer, name="x.jsonl") == split(PROMPT, CHOSEN, REJECTED)
    assert "x.jsonl: in 1 of 1 rows the tokenised prompt is no prefix" in caplog.text


def test_rows_are_cut_from_the_end_and_flagged():
    found = encoded(ROW)
    # prompt 5 tokens, chosen 2, rejected 3
    for limit, expected in {None: (2, False, 3, False), 7: (2, False, 2, True), 6: (1, True, 1, True)}.items():
        (chosen,), (chosen_cut,) = tokens.completions(found, "chosen", max_length=limit)
        (rejected,), (rejected_cut,) = tokens.completions(found, "rejected", max_length=limit)
        assert (chosen.tokens, chosen_cut, rejected.tokens, rejected_cut) == expected
        assert chosen.ids == (PROMPT + CHOSEN)[:limit]
    (empty,), (cut,) = tokens.completions(found, "chosen", max_length=4)
    assert (empty.tokens, cut) == (0, True)


def test_without_any_prompt_the_first_token_has_nothing_to_be_predicted_from():
    (one,), _ = tokens.completions(split([], [5, 6, 7], [5]), "chosen")
    assert (one.start, one.tokens) == (1, 2)


def test_score_columns_are_neither_needed_nor_looked_at():
    table = pa.Table.from_pylist([{**ROW, "score_chosen": None, "score_rejected": 3, "further": "x"}])
    assert tokens.texts(table).to_pylist() == [ROW]


def test_known_names_of_columns_are_understood():
    row = {"question": "w1", "response_chosen": "w2", "response_rejected": "w3"}
    expected = [{"prompt": "w1", "chosen": "w2", "rejected": "w3"}]
    assert tokens.texts(pa.Table.from_pylist([row])).to_pylist() == expected


def test_whole_conversations_hold_their_prompt():
    talk = {side: [*ROW["prompt"], *ROW[side]] for side in ("chosen", "rejected")}
    assert tokens.texts(pa.Table.from_pylist([talk])).to_pylist() == [ROW]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"chosen": [{"role": "assistant", "content": " "}]}, "column chosen: empty response in row 7"),
        ({"rejected": []}, "column rejected: has no turn in row 7"),
        (
            {"prompt": [{"role": "assistant", "content": "w"}]},
            "column prompt: user and assistant do not take turns",
        ),
    ],
)
def test_malformed_rows_are_named(change, told):
    with pytest.raises(PairsError, match=r"x\.parquet: column") as caught:
        tokens.texts(pa.Table.from_pylist([ROW, ROW | change]), name="x.parquet", first_row=6)
    assert told in str(caught.value)


def test_empty_plain_responses_are_named():
    with pytest.raises(PairsError, match="column rejected: empty response in row 1"):
        tokens.texts(pa.Table.from_pylist([{"prompt": "w1", "chosen": "w2", "rejected": ""}]))


def test_a_missing_column_is_named():
    with pytest.raises(PairsError, match="rejected is missing"):
        tokens.texts(pa.Table.from_pylist([{"prompt": "w1", "chosen": "w2"}]))


def test_a_tokenizer_without_template_cannot_render_messages():
    tokenizer = build_tokenizer(tiny.WORDS)
    tokens.check_template(tokenizer, "x")
    tokenizer.chat_template = None
    with pytest.raises(
        ValueError, match=r"x\.jsonl holds messages, but the tokenizer .* has no chat template; set"
    ):
        tokens.check_template(tokenizer, "x.jsonl")


def test_a_row_that_the_template_refuses_is_named():
    tokenizer = build_tokenizer(tiny.WORDS, chat_template=CHAT_TEMPLATES["prefix"])
    system = ROW | {"prompt": [{"role": "system", "content": "w1"}, *ROW["prompt"]]}
    table = tokens.texts(pa.Table.from_pylist([ROW, system]))
    with pytest.raises(ValueError, match=r"x: row 12 cannot be tokenised \(System role not supported\)"):
        tokens.tokenise(tokenizer, table.to_pylist(), name="x", first_row=11)


def test_no_rows_are_no_fault():
    table = tokens.texts(pa.Table.from_pylist([ROW]).slice(1))
    none = {"prompt_ids": [], "chosen_ids": [], "rejected_ids": []}
    assert tokens.tokenise(tiny.TOKENIZER, table.to_pylist()) == none


@given(order=st.permutations(range(6)))
def test_row_ids_follow_their_rows(order):
    table = tokens.texts(tiny.rows(6))
    ids = tokens.row_ids(table)
    assert len(set(ids)) == 6
    assert tokens.row_ids(table.take(pa.array(order))) == [ids[i] for i in order]


def test_row_ids_tell_sides_and_formats_apart():
    swapped = {"prompt": ROW["prompt"], "chosen": ROW["rejected"], "rejected": ROW["chosen"]}
    texts = {"prompt": "w1 w2", "chosen": "w3", "rejected": "w4 w5"}
    ids = [tokens.row_ids(pa.Table.from_pylist([row]))[0] for row in (ROW, swapped, texts)]
    assert len(set(ids)) == 3


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("plain", [False, True])
def test_token_ids_equal_trls(plain, tmp_path):
    datasets = pytest.importorskip("datasets")
    trl = pytest.importorskip("trl")
    table = tiny.rows(12, plain=plain)
    arguments = trl.DPOConfig(str(tmp_path), use_cpu=True, report_to="none", max_length=None, bf16=False)
    data = datasets.Dataset.from_list([json.loads(json.dumps(row)) for row in table.to_pylist()])
    model, reference = tiny.model(), tiny.model()
    theirs = trl.DPOTrainer(
        model, reference, args=arguments, train_dataset=data, processing_class=tiny.TOKENIZER
    ).train_dataset
    found = tokens.tokenise(tiny.TOKENIZER, tokens.texts(table).to_pylist())
    assert found == {name: [list(ids) for ids in theirs[name]] for name in found}
