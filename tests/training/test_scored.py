"""The public trainer: TRL's own losses, order and random state without a reference model; what it refuses."""

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tiny
import torch
from tiny import TOKENIZER

import rapo
from rapo.models import tiny as tiny_models
from rapo.pairs import writing
from rapo.scoring.score import score
from rapo.training import fit
from rapo.training.settings import DPOSettings

pytestmark = pytest.mark.filterwarnings("ignore")  # TRL's and its dependencies' own

SETTINGS = DPOSettings(learning_rate=3e-3, warmup=0.0, batch_size=4, beta=0.1)
LENGTH = 512
Row = dict[str, Any]


def scored(table: pa.Table, *, model: Any = None, max_length: int = LENGTH) -> pa.Table:
    """A table as `rapo score --trl` writes it."""
    found = score(table, model or tiny.model(), tokenizer=TOKENIZER, max_length=max_length, cache=False)
    return found.attach_trl(table)


TABLE = tiny.rows(16, longest=10)
ROWS: list[Row] = scored(TABLE).to_pylist()


@contextmanager
def config(**own: Any) -> Iterator[Any]:
    """Arguments of TRL's trainer, each step logged."""
    from trl import DPOConfig

    with fit.quiet_folder() as folder:
        given = fit.arguments(SETTINGS, seed=3, folder=folder)
        shown = {"logging_steps": 1, "max_length": LENGTH, "precompute_ref_log_probs": False}
        yield DPOConfig(**given | shown | {"remove_unused_columns": True} | own)


class Watch:
    """Of each step: its loss, the tokens of its batch, and the random state when it began."""

    def __init__(self, trainer: Any) -> None:
        self.tokens: list[list[int]] = []
        self.states: list[torch.Tensor] = []
        inner = trainer.compute_loss

        def watched(model: Any, inputs: Any, *args: Any, **options: Any) -> Any:
            self.tokens.append(inputs["input_ids"].flatten().tolist())
            self.states.append(torch.get_rng_state())
            return inner(model, inputs, *args, **options)

        trainer.compute_loss = watched
        trainer.train()
        self.losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def made(
    rows: list[Row], *, model: Any = None, tokenizer: Any = TOKENIZER, evaluation: Any = None, **own: Any
) -> Any:
    """Our trainer on rows."""
    from datasets import Dataset

    from rapo.training.scored import ScoredDPOTrainer

    with config(**own) as args:
        return ScoredDPOTrainer(
            tiny.model() if model is None else model,
            args=args,
            train_dataset=Dataset.from_list(rows),
            eval_dataset=evaluation,
            processing_class=tokenizer,
        )


def enter(door: str, rows: list[Row]) -> None:
    """Rows through one of the two doors to training."""
    if door == "trainer":
        made(rows)
    else:
        rapo.train_dpo(tiny.model(), TOKENIZER, rows, settings=SETTINGS, seed=3)


def trls(rows: list[Row], **own: Any) -> Any:
    """TRL's trainer on the same rows, a reference model in memory."""
    from datasets import Dataset
    from trl import DPOTrainer

    bare = [{name: row[name] for name in ("prompt", "chosen", "rejected")} for row in rows]
    with config(**own) as args:
        return DPOTrainer(
            tiny.model(),
            ref_model=copy.deepcopy(tiny.model()),
            args=args,
            train_dataset=Dataset.from_list(bare),
            processing_class=TOKENIZER,
        )


@pytest.mark.parametrize("own", [{}, {"loss_type": ["ipo"]}, {"max_length": 24}], ids=str)
def test_losses_order_and_random_state_are_those_of_trl_with_a_reference_model(own: dict[str, Any]) -> None:
    """With max_length 24 some responses are cut and some rows vanish."""
    rows = scored(TABLE, max_length=own.get("max_length", LENGTH)).to_pylist()
    ours, theirs = Watch(made(rows, **own)), Watch(trls(rows, **own))
    assert len(ours.losses) == len(theirs.losses) >= 3
    assert ours.losses == pytest.approx(theirs.losses, rel=1e-6)
    assert ours.tokens == theirs.tokens
    assert all(map(torch.equal, ours.states, theirs.states))


@pytest.mark.parametrize("max_length", [LENGTH, 24])
def test_the_sums_are_those_that_trl_precomputes(max_length: int) -> None:
    from datasets import Dataset
    from trl import DPOTrainer

    rows = scored(TABLE, max_length=max_length).to_pylist()
    with config(precompute_ref_log_probs=True, max_length=max_length) as args:
        data = Dataset.from_list(TABLE.to_pylist())
        theirs = DPOTrainer(tiny.model(), args=args, train_dataset=data, processing_class=TOKENIZER).train_dataset
    mine = {row["number"]: row for row in rows}
    assert len(theirs) == sum(row["ref_chosen_logps"] is not None for row in rows) > 8
    for name in ("ref_chosen_logps", "ref_rejected_logps"):
        assert [mine[n][name] for n in theirs["number"]] == pytest.approx(theirs[name][:], abs=1e-5)


def test_no_second_model_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a model is loaded or asked for reference log-probabilities")

    monkeypatch.setattr("trl.trainer.dpo_trainer.create_model_from_path", refuse)
    monkeypatch.setattr("trl.DPOTrainer.compute_ref_log_probs", refuse)
    model = tiny.model()
    before = {id(p) for p in torch_parameters()}
    trainer = made(ROWS, model=model)
    assert trainer.ref_model is None
    trainer.train()
    assert {id(p) for p in torch_parameters()} <= before


def torch_parameters() -> list[Any]:
    """Every parameter that is alive."""
    import gc

    gc.collect()
    return [held for held in gc.get_objects() if type(held) is torch.nn.Parameter]


def test_prompts_that_fill_max_length_are_counted_and_shift_nothing(caplog: pytest.LogCaptureFixture) -> None:
    rows = scored(TABLE, max_length=24).to_pylist()
    fills = [row["pair_id"] for row in rows if tiny.token_ids(row, "chosen")[1] >= 24]
    assert 0 < len(fills) < 16
    with caplog.at_level(logging.WARNING):
        trainer = made(rows, max_length=24)
    assert trainer.dropped == {"train": fills}
    assert f"the prompt alone fills max_length=24 in {len(fills)} of 16 rows" in caplog.text
    left = {row["pair_id"]: row["ref_rejected_logps"] for row in rows}
    data = trainer.train_dataset
    assert dict(zip(data["pair_id"], data["ref_rejected_logps"], strict=True)) == {
        pair: value for pair, value in left.items() if pair not in fills
    }
    with pytest.raises(ValueError, match="fills max_length=3 in 16 of 16 rows; raise max_length"):
        made(scored(TABLE, max_length=3).to_pylist(), max_length=3)


def test_rows_may_be_left_out_and_moved_and_evaluated() -> None:
    from datasets import Dataset

    held_out = Dataset.from_list(ROWS[12:])
    trainer = made([ROWS[i] for i in (7, 2, 11, 4)], evaluation={"one": held_out, "two": held_out})
    assert trainer.evaluate()["eval_one_loss"] == pytest.approx(np.log(2), abs=1e-5)  # policy is reference
    other = Dataset.from_list([ROWS[12], changed(ROWS[13], model="feed")])
    with pytest.raises(ValueError, match=r"two: row 2 \(pair_id 'row-14'\) was scored with model feed"):
        made(ROWS, evaluation={"one": held_out, "two": other})


def test_files_survive_load_dataset(tmp_path: Path) -> None:
    from datasets import Dataset, load_dataset

    table = scored(TABLE)
    for name, kind in (("rows.parquet", "parquet"), ("rows.jsonl", "json"), ("rows.jsonl.gz", "json")):
        writing.write(table, tmp_path / name)
        read = load_dataset(
            kind, data_files=str(tmp_path / name), split="train", cache_dir=str(tmp_path / "cache")
        )
        assert read.shuffle(seed=1).select(range(9)).filter(lambda row: True).to_list() == [
            ROWS[i] for i in Dataset.from_list(ROWS).add_column("at", range(16)).shuffle(seed=1)["at"][:9]
        ]
        assert made(read.to_list()).ref_model is None


def test_a_model_given_by_its_folder_is_compared_once_it_is_loaded(tmp_path: Path) -> None:
    folder = str(tiny_models.save(tiny.model(), TOKENIZER, tmp_path / "same"))
    assert made(ROWS, model=folder, tokenizer=None).ref_model is None
    other = str(tiny_models.save(tiny.model(seed=2), TOKENIZER, tmp_path / "other"))
    with pytest.raises(ValueError, match=r"was scored with model .*, and is trained on with"):
        made(ROWS, model=other)


def changed(row: Row, **held: Any) -> Row:
    """The row with some of what `ref_scored` says changed, or of the row itself."""
    inside = {name: value for name, value in held.items() if name in row["ref_scored"] and name != "chosen"}
    return {
        **row,
        **{name: v for name, v in held.items() if name not in inside},
        "ref_scored": row["ref_scored"] | inside,
    }


SAID = [{"role": "assistant", "content": "w1 w2 w3"}]
BAD_ROWS: dict[str, tuple[Row, str]] = {
    "model": (
        changed(ROWS[2], model="feed"),
        r"was scored with model feed, and is trained on with [0-9a-f]{16}; train",
    ),
    "dtype": (
        changed(ROWS[2], dtype="bfloat16"),
        "was scored with dtype bfloat16, and is trained on with float32;",
    ),
    "tokenizer": (changed(ROWS[2], tokenizer="feed"), "was scored with tokenizer feed, and is trained on with"),
    "template": (changed(ROWS[2], template="feed"), "was scored with template feed, and is trained on with"),
    "max_length": (
        changed(ROWS[2], max_length=256),
        "was scored with max_length 256, and is trained on with 512; train with max_length=256, or score again: "
        "`rapo score IN --trl --model MODEL --max-length 512 --out OUT`",
    ),
    "NaN": (
        changed(ROWS[2], ref_rejected_logps=float("nan")),
        "ref_rejected_logps is nan, no number; drop the row",
    ),
    "infinite": (changed(ROWS[2], ref_chosen_logps=-np.inf), "ref_chosen_logps is -inf, no number"),
    "empty": (changed(ROWS[2], ref_chosen_logps=None), "has no ref_chosen_logps; drop the row"),
    "record": ({**ROWS[2], "ref_scored": None}, "ref_scored is 'None', no record of `rapo score --trl`"),
    "chosen": (changed(ROWS[2], chosen=SAID), "prompt or chosen response is not what was scored"),
    "prompt": (
        changed(ROWS[2], prompt=[{"role": "user", "content": "w9"}]),
        "prompt or chosen response is not what was scored",
    ),
}


@pytest.mark.parametrize("what", BAD_ROWS)
@pytest.mark.parametrize("door", ["trainer", "rapo.train_dpo"])
def test_a_row_that_was_scored_otherwise_is_refused(what: str, door: str) -> None:
    bad, told = BAD_ROWS[what]
    rows = [*ROWS[:2], bad, *ROWS[3:]]
    with pytest.raises(ValueError, match=rf"row 3 \(pair_id 'row-3'\).*{told}"):
        enter(door, rows)


def test_scores_of_another_row_are_refused() -> None:
    columns = ("ref_chosen_logps", "ref_rejected_logps", "ref_scored")
    moved = [
        {**row, **{name: other[name] for name in columns}}
        for row, other in zip(ROWS, ROWS[1:] + ROWS[:1], strict=True)
    ]
    told = (
        "row 1 .*has the pair_id 'row-1', and its reference log-probabilities are those of 'row-2'; put them back"
    )
    with pytest.raises(ValueError, match=told):
        made(moved)
    turned = [{**ROWS[0], "chosen": ROWS[0]["rejected"], "rejected": ROWS[0]["chosen"]}, *ROWS[1:]]
    with pytest.raises(ValueError, match=r"row 1 .*prompt or chosen response is not what was scored"):
        made(turned)


def test_a_row_behind_a_dropped_one_keeps_its_number() -> None:
    rows = scored(TABLE, max_length=24).to_pylist()
    fills = next(i for i, row in enumerate(rows) if row["ref_chosen_logps"] is None)
    at = next(i for i, row in enumerate(rows) if i > fills and row["ref_chosen_logps"] is not None)
    rows[at] = changed(rows[at], chosen=SAID)
    with pytest.raises(ValueError, match=rf"train: row {at + 1} \(pair_id 'row-{at + 1}'\)"):
        made(rows, max_length=24)


@pytest.mark.parametrize("column", ["ref_chosen_logps", "ref_rejected_logps", "ref_scored", "pair_id"])
@pytest.mark.parametrize("door", ["trainer", "rapo.train_dpo"])
def test_a_missing_column_is_told(column: str, door: str) -> None:
    rows = [{name: held for name, held in row.items() if name != column} for row in ROWS]
    with pytest.raises(ValueError, match=rf"row 1.* has no column {column}; score again: `rapo score IN --trl"):
        enter(door, rows)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"ld_alpha": 0.5}, "ld_alpha is 0.5"),
        ({"truncation_mode": "keep_end"}, "truncation_mode is 'keep_end', but rows are scored with 'keep_start'"),
        ({"sync_ref_model": True}, "sync_ref_model moves the reference"),
        (
            {"max_length": None},
            "was scored with max_length 512, and is trained on with None; train with max_length=512",
        ),
    ],
)
def test_arguments_that_sums_cannot_serve_are_refused(own: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        made(ROWS, **own)


def test_an_adapter_wants_a_loaded_model_and_sharded_weights_are_refused() -> None:
    from datasets import Dataset

    from rapo.training.scored import ScoredDPOTrainer

    data = Dataset.from_list(ROWS)
    with config() as args:
        with pytest.raises(ValueError, match=r"load base first \(from_pretrained\)"):
            ScoredDPOTrainer("base", args=args, train_dataset=data, peft_config=object())
        args.deepspeed_plugin = SimpleNamespace(zero_stage=3)
        with pytest.raises(ValueError, match="ZeRO stage 3 shards the weights"):
            ScoredDPOTrainer("base", args=args, train_dataset=data)


def test_rows_that_cannot_be_counted_are_refused() -> None:
    from datasets import Dataset

    from rapo.training.scored import ScoredDPOTrainer

    with (
        config() as args,
        pytest.raises(ValueError, match=r"train is a IterableDataset; give a datasets\.Dataset"),
    ):
        ScoredDPOTrainer(tiny.model(), args=args, train_dataset=Dataset.from_list(ROWS).to_iterable_dataset())


def test_the_callers_arguments_stay_as_they_are() -> None:
    from datasets import Dataset

    from rapo.training.scored import ScoredDPOTrainer

    with config() as args:
        trainer = ScoredDPOTrainer(
            tiny.model(), args=args, train_dataset=Dataset.from_list(ROWS), processing_class=TOKENIZER
        )
    assert (args.precompute_ref_log_probs, trainer.args.precompute_ref_log_probs) == (False, True)


# rapo.train_dpo


def test_train_dpo_takes_scored_rows_and_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    given = [[row["ref_chosen_logps"], row["ref_rejected_logps"]] for row in ROWS]
    bare = TABLE.to_pylist()
    expected = rapo.train_dpo(tiny.model(), TOKENIZER, bare, settings=SETTINGS, seed=3, reference=given).history
    monkeypatch.delattr("rapo.training.train.completion_logprobs")  # nothing is left to compute
    for data in (ROWS, scored(TABLE)):
        found = rapo.train_dpo(tiny.model(), TOKENIZER, data, settings=SETTINGS, seed=3).history
        assert [entry["loss"] for entry in found] == [entry["loss"] for entry in expected]


def test_train_dpo_refuses_two_references_and_ld_alpha() -> None:
    with pytest.raises(
        ValueError, match=r"the rows bring .*, and reference is given too; drop the columns ref_chosen_"
    ):
        rapo.train_dpo(tiny.model(), TOKENIZER, ROWS, settings=SETTINGS, seed=3, reference=np.zeros((16, 2)))
    with pytest.raises(ValueError, match=r"the rows bring .*, and with ld_alpha"):
        rapo.train_dpo(tiny.model(), TOKENIZER, ROWS, settings=DPOSettings(ld_alpha=0.5), seed=3)


def test_train_dpo_keeps_the_places_of_rows_behind_a_dropped_one() -> None:
    settings = DPOSettings(batch_size=4, max_length=24, long_rows="drop")
    rows = scored(TABLE, max_length=24).to_pylist()
    log = rapo.train_dpo(tiny.model(), TOKENIZER, rows, settings=settings, seed=3)
    assert 0 < len(log.dropped) < 16
    assert log.history[0]["rewards/margins"] == pytest.approx(0, abs=1e-5)  # the first step: policy is reference


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "8"])
def test_a_bad_score_is_told_before_anything_is_computed(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("rapo.training.train.prepare")
    rows = [{**row, "score_chosen": 8.0} for row in TABLE.to_pylist()]
    rows[4]["score_chosen"] = value
    with pytest.raises(ValueError, match=f"row 5: score_chosen is {value!r}, no number; mend the score"):
        rapo.train_dpo(tiny.model(), TOKENIZER, rows, settings=SETTINGS, seed=3)
