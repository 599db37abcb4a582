"""Pairs as other libraries read them, held against their documented rows."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scored_pairs import many, pair, table, turn

from rapo.pairs.check import check
from rapo.pairs.trainer_formats import FORMATS, convert, dataset_info
from rapo.relabelling.relabel import relabel

TALK = pair(
    prompt=[turn("system", "s"), turn("user", "u1"), turn("assistant", "a1"), turn("user", "u2")],
    chosen=[turn("assistant", "yes")],
    rejected=[turn("assistant", "no")],
    score_chosen=7.5,
    score_rejected=3.0,
)
ROWS = check(table(pair(), TALK))


def made(to: str) -> list[dict[str, Any]]:
    return convert(ROWS, to).to_pylist()


def test_trl_takes_the_three_columns_alone() -> None:
    assert made("trl")[1] == {name: TALK[name] for name in ("prompt", "chosen", "rejected")}


def test_kto_takes_two_rows_a_pair() -> None:
    assert made("trl-kto")[2:] == [
        {"prompt": TALK["prompt"], "completion": TALK["chosen"], "label": True},
        {"prompt": TALK["prompt"], "completion": TALK["rejected"], "label": False},
    ]


def test_reward_models_take_the_difference_of_the_scores_as_margin() -> None:
    assert [row["margin"] for row in made("trl-reward")] == [9.0 - 2.0, 7.5 - 3.0]


def test_llama_factory_takes_sharegpts_names() -> None:
    """As its data/README.md documents the preference form: an odd number of turns, then both answers."""
    assert made("llama-factory")[1] == {
        "conversations": [
            {"from": "system", "value": "s"},
            {"from": "human", "value": "u1"},
            {"from": "gpt", "value": "a1"},
            {"from": "human", "value": "u2"},
        ],
        "chosen": {"from": "gpt", "value": "yes"},
        "rejected": {"from": "gpt", "value": "no"},
    }
    assert dataset_info("rows.jsonl") == {
        "file_name": "rows.jsonl",
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
    }


def test_ms_swift_takes_the_chosen_answer_as_the_last_message() -> None:
    assert made("ms-swift")[1] == {
        "messages": [*TALK["prompt"], turn("assistant", "yes")],
        "rejected_response": "no",
    }


def test_nemo_rl_takes_ranked_completions() -> None:
    assert made("nemo-rl")[1] == {
        "context": TALK["prompt"],
        "completions": [{"rank": 0, "completion": TALK["chosen"]}, {"rank": 1, "completion": TALK["rejected"]}],
    }


@pytest.mark.parametrize("to", FORMATS)
@given(cut=st.integers(0, 7), n=st.integers(0, 7))
def test_any_part_of_a_table_is_converted_as_the_whole(to: str, cut: int, n: int) -> None:
    whole = check(table(*many(6), TALK))
    part = convert(whole.slice(cut, n), to).to_pylist()
    each = 2 if to == "trl-kto" else 1
    assert part == convert(whole, to).to_pylist()[cut * each : (cut + n) * each]


def test_what_a_format_cannot_hold_is_told() -> None:
    several = check(
        table(pair(chosen=[turn("assistant", "a"), turn("tool", "t"), turn("assistant", "b")], pair_id="x"))
    )
    for to in ("llama-factory", "ms-swift"):
        with pytest.raises(ValueError, match="pair x, column chosen: a response of 3 turns"):
            convert(several, to)
    assert convert(several, "nemo-rl").num_rows == 1
    with pytest.raises(ValueError, match="relabelled: their responses are ordered by the goal"):
        convert(relabel(ROWS), "trl-reward")
    with pytest.raises(ValueError, match="format 'axolotl' is unknown; use one of trl, trl-kto"):
        convert(ROWS, "axolotl")


def test_relabelled_rows_keep_their_goals() -> None:
    rows = convert(relabel(ROWS), "ms-swift").to_pylist()
    assert len(rows) == 4
    assert all(row["messages"][0]["role"] == "system" for row in rows)


def test_trl_reads_them_with_its_own_functions() -> None:
    data_utils = pytest.importorskip("trl.data_utils", reason="needs the extra 'train'")
    from datasets import Dataset

    pairs = Dataset(convert(ROWS, "trl"))
    assert data_utils.is_conversational(pairs[0])
    theirs = data_utils.unpair_preference_dataset(pairs)
    key = str
    assert sorted(theirs.to_list(), key=key) == sorted(made("trl-kto"), key=key)
    assert data_utils.is_conversational(Dataset(convert(ROWS, "trl-reward"))[0])
    assert isinstance(convert(ROWS, "trl-kto"), pa.Table)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_trls_trainers_of_rewards_and_of_single_answers_train_on_them(tmp_path: Path) -> None:
    trl = pytest.importorskip("trl", reason="needs the extra 'train'")
    import tiny
    import transformers
    from datasets import Dataset

    scores = {f"score_{side}": pa.array([value] * 4) for side, value in (("chosen", 9.0), ("rejected", 2.0))}
    rows = check(pa.table({**{name: tiny.rows(4)[name] for name in ("prompt", "chosen", "rejected")}, **scores}))
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.LlamaConfig(vocab_size=len(tiny.TOKENIZER), num_labels=1, pad_token_id=0, **size)
    options = {"output_dir": str(tmp_path), "max_steps": 1, "use_cpu": True, "report_to": [], "bf16": False}
    reward = trl.RewardTrainer(
        transformers.LlamaForSequenceClassification(config),
        args=trl.RewardConfig(**options, per_device_train_batch_size=2),
        train_dataset=Dataset(convert(rows, "trl-reward")),
        processing_class=tiny.TOKENIZER,
    )
    assert reward.train_dataset["margin"][:] == [7.0] * 4
    reward.train()
    single = trl.KTOTrainer(
        tiny.model(0),
        ref_model=tiny.model(1),
        args=trl.KTOConfig(**options, per_device_train_batch_size=2),
        train_dataset=Dataset(convert(rows, "trl-kto")),
        processing_class=tiny.TOKENIZER,
    )
    assert list(single.train_dataset["label"]) == [True, False] * 4
    single.train()


def test_tools_go_along_where_the_format_has_them() -> None:
    with_tools = check(table(pair())).append_column("tools", pa.array(["[{}]"]))
    for to in ("trl", "trl-reward"):
        assert convert(with_tools, to)["tools"].to_pylist() == ["[{}]"]
    assert "tools" not in convert(with_tools, "ms-swift").column_names
