"""What binds log-probabilities to a row, a model, a tokenizer and a length."""

import copy

import pyarrow as pa
import pytest
import tiny
from tiny import TOKENIZER

from rapo.models import loading
from rapo.models.tiny import CHAT_TEMPLATES, build_tokenizer
from rapo.scoring import binding
from rapo.scoring.score import score

IDS = {"prompt_ids": [[1, 2], [3]], "chosen_ids": [[5, 6], [7]], "rejected_ids": [[8], [9]]}


def attached(table: pa.Table, **options: object) -> pa.Table:
    return score(table, tiny.model(), tokenizer=TOKENIZER, cache=False, **options).attach_trl(table)


def test_the_sums_are_those_of_score_and_every_other_column_stays() -> None:
    table = tiny.rows(5).append_column("note", pa.array(list("abcde")))
    found = attached(table)
    assert found.column_names == [*table.column_names, "pair_id", *binding.COLUMNS]
    assert found.select(table.column_names).equals(table)
    plain = score(table, tiny.model(), tokenizer=TOKENIZER, cache=False).table
    assert found["ref_chosen_logps"] == plain["chosen_logprob_sum"]
    assert found["ref_rejected_logps"] == plain["rejected_logprob_sum"]


def test_the_record_names_row_model_tokenizer_and_length() -> None:
    table = tiny.rows(2).append_column("pair_id", pa.array([7, 8]))
    record = attached(table, max_length=100)["ref_scored"].to_pylist()[1]
    ids, start = tiny.token_ids(table.to_pylist()[1], "chosen")
    prompt, answer = ids[:start], ids[start:]
    made = {"prompt_ids": [prompt], "chosen_ids": [answer], "rejected_ids": [answer]}
    assert record.pop("rejected") != record["chosen"] == binding.hashes(made, "chosen", max_length=100)[0]
    assert record == {
        "pair_id": "8",
        "chosen": record["chosen"],
        "model": loading.content_key(tiny.model()),
        "dtype": "float32",
        "tokenizer": loading.tokenizer_key(TOKENIZER),
        "template": loading.template_key(TOKENIZER),
        "max_length": 100,
    }


def test_rows_in_parts_have_the_ids_of_the_whole() -> None:
    table = tiny.rows(7)
    scores = score(table, tiny.model(), tokenizer=TOKENIZER, cache=False)
    parts = [scores.attach_trl(table.slice(start, 3), start=start) for start in (0, 3, 6)]
    assert pa.concat_tables(parts) == scores.attach_trl(table)
    assert parts[2]["pair_id"].to_pylist() == ["row-7"]


def test_whole_conversations_are_written_as_they_were_scored() -> None:
    """What TRL would read from a prompt column beside them would be another prompt."""
    rows = tiny.rows(4).to_pylist()
    whole = [
        {"prompt": "w0", **{side: [*row["prompt"], *row[side]] for side in ("chosen", "rejected")}} for row in rows
    ]
    names = ["prompt", "chosen", "rejected"]
    assert attached(pa.Table.from_pylist(whole)).select(names).to_pylist() == [
        {n: row[n] for n in names} for row in rows
    ]


def test_a_hash_changes_with_the_tokens_their_cut_and_where_the_response_starts() -> None:
    whole = binding.hashes(IDS, "chosen", max_length=None)
    assert binding.hashes(IDS, "chosen", max_length=4) == whole
    assert binding.hashes(IDS, "chosen", max_length=3)[0] != whole[0]
    assert binding.hashes(IDS, "rejected", max_length=None)[0] != whole[0]
    other = {**IDS, "prompt_ids": [[1], [3]], "chosen_ids": [[2, 5, 6], [7]]}  # the same tokens, another start
    assert binding.hashes(other, "chosen", max_length=None)[0] != whole[0]


def test_the_origin_tells_template_and_tokenizer_apart() -> None:
    here = binding.origin(max_length=9, tokenizer=TOKENIZER)
    changed = copy.deepcopy(TOKENIZER)
    changed.chat_template = CHAT_TEMPLATES["prefix"]
    other = binding.origin(max_length=9, tokenizer=changed)
    assert other.template != here.template
    words = binding.origin(max_length=9, tokenizer=build_tokenizer(tiny.WORDS[::-1]))
    assert words.template == here.template
    assert words.tokenizer != here.tokenizer


def test_both_are_told_in_the_order_in_which_they_are_mended() -> None:
    """Another template changes the tokenizer's hash too; the template is what is named."""
    rows = attached(tiny.rows(2)).to_pylist()
    changed = copy.deepcopy(TOKENIZER)
    changed.chat_template = CHAT_TEMPLATES["prefix"]
    with pytest.raises(
        ValueError, match=r"mine: row 1 \(pair_id 'row-1'\) was scored with template .* --tokenizer"
    ):
        binding.check_origin(rows, binding.origin(max_length=512, tokenizer=changed), name="mine")


def test_what_is_not_known_is_not_compared() -> None:
    rows = attached(tiny.rows(2)).to_pylist()
    binding.check_origin(rows, binding.origin(max_length=512))


def test_an_adapter_and_the_model_that_holds_it_are_one_origin() -> None:
    peft = pytest.importorskip("peft")
    settings = peft.LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    adapted = peft.get_peft_model(tiny.model(), settings)
    inner = binding.origin(max_length=9, model=adapted.get_base_model())
    assert binding.origin(max_length=9, model=adapted) == inner
    assert binding.origin(max_length=9, model=tiny.model()) != inner


def test_no_limit_stands_as_nought() -> None:
    assert binding.origin(max_length=None) == binding.Origin(0)
