import copy
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rapo import paths
from rapo.models import loading
from rapo.models.tiny import ARCHITECTURES, CHAT_TEMPLATES, build_tokenizer, save
from rapo.pairs import writing
from rapo.scoring import one_pass, sequences
from rapo.scoring.score import COLUMNS, KEYS, cache_folder, score, sums


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tiny.model(), tiny.TOKENIZER, tmp_path_factory.mktemp("model"))


@pytest.fixture
def forwards(monkeypatch):
    """Sequences in each forward pass."""
    counts, whole = [], sequences.batch_sums

    def counted(model, head, batch):
        counts.append(len(batch))
        return whole(model, head, batch)

    monkeypatch.setattr(sequences, "batch_sums", counted)
    return counts


def quick(table, model, **options):
    given = {"tokenizer": tiny.TOKENIZER, "cache": False, "token_budget": 200} | options
    return score(table, model, **given)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sums_equal_brute_force_in_fp64(architecture):
    model, table = tiny.model(architecture=architecture).eval(), tiny.rows(12)
    found = quick(table, model, piece_rows=5).table.to_pylist()
    for row, scored in zip(table.to_pylist(), found, strict=True):
        for side in ("chosen", "rejected"):
            ids, start = tiny.token_ids(row, side)
            assert scored[f"{side}_logprob_sum"] == pytest.approx(tiny.brute_force(model, ids, start), rel=1e-6)
            assert scored[f"{side}_tokens"] == len(ids) - start
            assert scored[f"{side}_truncated"] is False


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sums_equal_trls_own(architecture, plain, tmp_path):
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    model, table = tiny.model(architecture=architecture), tiny.rows(20, plain=plain)
    found = quick(table, model, max_length=60)
    arguments = DPOConfig(
        str(tmp_path), use_cpu=True, bf16=False, report_to="none", max_length=60, precompute_ref_log_probs=True
    )
    data = Dataset.from_list([row | {"number": i} for i, row in enumerate(table.to_pylist())])
    theirs = DPOTrainer(model, args=arguments, train_dataset=data, processing_class=tiny.TOKENIZER).train_dataset
    kept = np.array(theirs["number"])  # TRL drops rows whose prompt alone fills max_length
    for side in ("chosen", "rejected"):
        mine = found.table[f"{side}_logprob_sum"].to_numpy(zero_copy_only=False)
        np.testing.assert_allclose(mine[kept], np.array(theirs[f"ref_{side}_logps"]), rtol=2e-6)
        assert np.isnan(np.delete(mine, kept)).all()
    assert plain or len(kept) < len(table)  # so that the cut is tested


def test_swapping_sides_swaps_scores():
    table = tiny.rows(6)
    swapped = table.rename_columns(["prompt", "rejected", "chosen", "number"])
    a, b = quick(table, tiny.model()).table, quick(swapped, tiny.model()).table
    for what in ("logprob_sum", "tokens", "truncated"):
        np.testing.assert_allclose(a[f"chosen_{what}"].to_numpy(), b[f"rejected_{what}"].to_numpy(), rtol=1e-6)


@settings(max_examples=10)
@given(order=st.permutations(range(7)), piece_rows=st.integers(1, 8), budget=st.integers(1, 300))
def test_order_pieces_and_batches_change_nothing(order, piece_rows, budget):
    table, model = tiny.rows(7), tiny.model()
    expected = quick(table, model).table.take(pa.array(order))
    found = quick(table.take(pa.array(order)), model, piece_rows=piece_rows, token_budget=budget).table
    assert found["row_id"] == expected["row_id"]
    for name in COLUMNS:
        np.testing.assert_allclose(found[name].to_numpy(), expected[name].to_numpy(), rtol=1e-6)


def test_rows_that_are_cut_are_flagged_counted_and_kept():
    table = tiny.rows(20)
    lengths = [{side: tiny.token_ids(row, side) for side in ("chosen", "rejected")} for row in table.to_pylist()]
    found = quick(table, tiny.model(), max_length=40)
    assert len(found.table) == 20
    nothing = 0
    for scored, row in zip(found.table.to_pylist(), lengths, strict=True):
        for side, (ids, start) in row.items():
            assert scored[f"{side}_truncated"] is (len(ids) > 40)
            assert scored[f"{side}_tokens"] == max(min(len(ids), 40) - start, 0)
            assert (scored[f"{side}_logprob_sum"] is None) is (start >= 40)
        nothing += row["chosen"][1] >= 40
    told = found.summary()
    assert told["truncated"]["chosen_truncated"] == sum(len(row["chosen"][0]) > 40 for row in lengths) > nothing
    assert told["nothing_to_score"]["chosen_logprob_sum"] == nothing > 0


def test_rows_longer_than_the_context_are_cut_there():
    table = pa.table({"prompt": ["w1"], "chosen": [" w2" * 600], "rejected": [" w3"]})
    found = quick(table, tiny.model())
    assert found.max_length == 512
    assert found.table.to_pylist()[0]["chosen_tokens"] == 511
    with pytest.raises(ValueError, match="max_length is 513; give 2 to 512 tokens, the model's context"):
        quick(table, tiny.model(), max_length=513)
    with pytest.raises(ValueError, match="max_length is 1;"):
        quick(table, tiny.model(), max_length=1)


def test_a_reference_gives_columns_of_its_own():
    table = tiny.rows(5)
    both = quick(table, tiny.model(), reference=tiny.model(seed=2))
    assert both.table.column_names == [*KEYS, *COLUMNS, *(f"ref_{name}" for name in COLUMNS)]
    alone = quick(table, tiny.model(seed=2)).table
    assert sums(both.table, reference=True).tolist() == sums(alone).tolist() != sums(both.table).tolist()
    assert [one.weights for one in both.passes] == [loading.content_key(tiny.model(seed=s)) for s in (1, 2)]


def test_a_reference_with_another_vocabulary_is_refused_before_any_work(folder, tmp_path, forwards):
    other = build_tokenizer(tiny.WORDS[::-1])
    save(tiny.model(), other, tmp_path)
    with pytest.raises(ValueError, match="has another vocabulary: 'w0' is id 5 to the model and id 44"):
        score(tiny.rows(2), folder, reference=tmp_path, cache=False)
    assert forwards == []


def test_half_precision_is_close():
    table = tiny.rows(8)
    exact, half = (quick(table, model).table for model in (tiny.model(), tiny.model().bfloat16()))
    np.testing.assert_allclose(sums(half), sums(exact), rtol=0.02)
    assert not np.array_equal(sums(half), sums(exact))


# --- what is kept ----------------------------------------------------------------------------------------------


def test_a_second_run_computes_nothing(cache, folder, forwards):
    table = tiny.rows(10)
    first = quick(table, tiny.model(), cache=cache, piece_rows=4)
    assert [first.passes[0].pieces_computed, first.passes[0].pieces_reused] == [3, 0]
    forwards.clear()
    second = score(table, folder, cache=cache, piece_rows=4)  # from a folder: only the content counts
    assert forwards == []
    assert [second.passes[0].pieces_computed, second.passes[0].pieces_reused] == [0, 3]
    assert second.passes[0].tokens_per_second is None
    assert second.table == first.table


@pytest.mark.parametrize(
    "change",
    [
        {"model": tiny.model(seed=2)},
        {"max_length": 300},
        {"tokenizer": build_tokenizer(tiny.WORDS, chat_template=CHAT_TEMPLATES["prefix"])},
        {"table": tiny.rows(4, seed=1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_scores_depend_on_is_computed_anew(cache, forwards, change):
    given = {"table": tiny.rows(4), "model": tiny.model(), "cache": cache}
    quick(**given)
    forwards.clear()
    found = quick(**{**given, **change})
    assert sum(forwards) == 8
    assert found.table == quick(**{**given, **change, "cache": False}).table


class Adapted(torch.nn.Linear):
    """A layer that can be turned off, as PEFT's can."""

    disable_adapters = False

    def forward(self, hidden):
        return super().forward(hidden) * (1 if self.disable_adapters else 2)


def test_scores_without_the_adapters_are_not_those_with_them(cache):
    table, model = tiny.rows(4), tiny.model()
    plain = quick(table, tiny.model(), cache=cache).table
    layer = model.model.layers[0].self_attn.q_proj
    layer.__class__ = Adapted
    on = quick(table, model, cache=cache).table
    layer.disable_adapters = True
    off = quick(table, model, cache=cache).table
    assert on["chosen_logprob_sum"] != off["chosen_logprob_sum"]
    assert off["chosen_logprob_sum"] == plain["chosen_logprob_sum"]


def test_further_columns_and_scores_do_not_matter(cache, forwards):
    table = tiny.rows(4)
    quick(table, tiny.model(), cache=cache)
    forwards.clear()
    quick(table.append_column("score_chosen", pa.nulls(4)), tiny.model(), cache=cache)
    assert forwards == []


def test_new_rows_behind_old_ones_are_computed_alone(cache, forwards):
    table = tiny.rows(9)
    quick(table.slice(0, 6), tiny.model(), cache=cache, piece_rows=3)
    forwards.clear()
    quick(table, tiny.model(), cache=cache, piece_rows=3)
    assert sum(forwards) == 6  # three rows, two sides


def test_a_damaged_piece_is_computed_again(cache, forwards, caplog):
    table = tiny.rows(9)
    expected = quick(table, tiny.model(), cache=cache, piece_rows=3).table
    forwards.clear()
    victim = sorted(cache.rglob("*.json"))[0]
    victim.write_text(victim.read_text().replace("-", "-1", 1))
    with caplog.at_level(logging.WARNING):
        found = quick(table, tiny.model(), cache=cache, piece_rows=3)
    assert f"{victim} is damaged" in caplog.text
    assert found.table == expected
    assert (sum(forwards), found.passes[0].pieces_damaged) == (6, 1)


def test_a_full_disk_loses_nothing(cache, forwards, monkeypatch):
    table, writes, write = tiny.rows(9), [], paths.write_text

    def fills(path, text):
        writes.append(path)
        if len(writes) == 4:  # the writability test, two pieces, then no room
            raise OSError(28, "No space left on device", str(path))
        write(path, text)

    monkeypatch.setattr(paths, "write_text", fills)
    with pytest.raises(OSError, match="No space left on device; make room"):
        quick(table, tiny.model(), cache=cache, piece_rows=3)
    assert [file.suffix for file in cache.rglob("*") if file.is_file()] == [".json"] * 2
    forwards.clear()
    found = quick(table, tiny.model(), cache=cache, piece_rows=3)
    assert sum(forwards) == 6
    assert found.table == quick(table, tiny.model(), piece_rows=3).table


def test_a_cache_that_cannot_be_written_is_told_before_any_work(tmp_path, forwards):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="choose another folder with cache="):
        quick(tiny.rows(2), tiny.model(), cache=tmp_path / "file")
    assert forwards == []


def test_the_cache_lies_beside_the_run_directories(rapo_root, monkeypatch):
    assert cache_folder() == rapo_root / "build" / "logprobs"
    score(tiny.rows(2), tiny.model(), tokenizer=tiny.TOKENIZER)
    assert len(list((rapo_root / "build" / "logprobs").rglob("*.json"))) == 1


KILLED = """
import os, signal, sys
import tiny
from rapo.scoring import sequences
from rapo.scoring.score import score
whole, done = sequences.batch_sums, []
def fatal(*args):
    if len(done) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(1)
    return whole(*args)
sequences.batch_sums = fatal
options = {"tokenizer": tiny.TOKENIZER, "cache": sys.argv[1], "piece_rows": 3, "token_budget": 9999}
score(tiny.rows(12), tiny.model(), **options)
"""


def test_killed_and_run_again_it_continues(cache, forwards):
    """kill -9 in the third of four pieces."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run([sys.executable, "-c", KILLED, str(cache)], env=environment, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    found = quick(tiny.rows(12), tiny.model(), cache=cache, piece_rows=3, token_budget=9999)
    assert forwards == [6, 6]  # the third and fourth piece: three rows, two sides
    assert [found.passes[0].pieces_reused, found.passes[0].pieces_computed] == [2, 2]
    assert found.table == quick(tiny.rows(12), tiny.model(), piece_rows=3, token_budget=9999).table


# --- files, bad input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.parquet", "rows"])
def test_files_give_what_tables_give(tmp_path, name):
    table = tiny.rows(7)
    writing.write(table, tmp_path / name)
    assert (
        quick(tmp_path / name, tiny.model(), piece_rows=3).table == quick(table, tiny.model(), piece_rows=3).table
    )


def test_a_bar_counts_rows_where_it_is_asked_for(capsys, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # rich draws as on a terminal
    quick(tiny.rows(3), tiny.model(), reference=tiny.model(seed=2))
    assert capsys.readouterr().err == ""  # nobody watches
    quick(tiny.rows(3), tiny.model(), reference=tiny.model(seed=2), progress=True)
    err = capsys.readouterr().err
    assert "reference" in err
    assert "6/6" in err


def test_no_rows_give_no_scores():
    found = quick(tiny.rows(3).slice(3), tiny.model())
    assert found.table.column_names == [*KEYS, *COLUMNS]
    assert (len(found.table), found.summary()["rows"]) == (0, 0)


def test_an_empty_response_is_told_with_its_row_before_any_work(tmp_path, forwards):
    rows = tiny.rows(7).to_pylist()
    rows[5]["rejected"] = [{"role": "assistant", "content": ""}]
    writing.write(pa.Table.from_pylist(rows), tmp_path / "rows.jsonl")
    with pytest.raises(ValueError, match=r"column rejected: empty response in row 6") as caught:
        quick(tmp_path / "rows.jsonl", tiny.model(), piece_rows=2)
    assert "rows.jsonl" in str(caught.value)
    assert forwards == []


def test_messages_need_a_chat_template_and_plain_strings_do_not():
    bare = copy.deepcopy(tiny.TOKENIZER)
    bare.chat_template = None
    with pytest.raises(ValueError, match="has no chat template"):
        quick(tiny.rows(2), tiny.model(), tokenizer=bare)
    plain = tiny.rows(2, plain=True)
    assert (
        sums(quick(plain, tiny.model(), tokenizer=bare).table).tolist()
        == sums(quick(plain, tiny.model()).table).tolist()
    )


def test_a_table_has_no_splits():
    with pytest.raises(ValueError, match="a table has no splits"):
        quick(tiny.rows(1), tiny.model(), split="train")


def test_a_file_that_changes_meanwhile_is_noticed(monkeypatch):
    run, shrunk = one_pass.run, []

    def shorter(*args, **options):
        table, done = run(*args, **options)
        shrunk.append(1)
        return table.slice(1), done

    monkeypatch.setattr(one_pass, "run", shorter)
    with pytest.raises(ValueError, match="<table> changed while it was scored"):
        quick(tiny.rows(3), tiny.model())


# --- what is made of scores ------------------------------------------------------------------------------------


def test_scores_are_attached_to_their_rows():
    table = tiny.rows(6)
    found = quick(table, tiny.model())
    attached = found.attach(table)
    assert attached.column_names == [*table.column_names, *COLUMNS]
    assert attached.select(table.column_names) == table
    assert found.attach(attached) == attached  # replaced, not repeated
    assert found.attach(table.slice(2, 3), start=2) == attached.slice(2, 3)
    with pytest.raises(ValueError, match="rows 2 to 4 are not those that were scored"):
        found.attach(table.slice(2, 3), start=1)


def test_sums_are_what_training_takes():
    table = tiny.rows(3)
    attached = quick(table, tiny.model()).attach(table)
    assert sums(attached).shape == (3, 2)
    with pytest.raises(ValueError, match="no column ref_chosen_logprob_sum or ref_rejected_logprob_sum; score it"):
        sums(attached, reference=True)
    with pytest.raises(ValueError, match="6 responses have no log-probability"):
        sums(quick(table, tiny.model(), max_length=2).table)


def test_the_summary_is_plain_and_complete():
    told = quick(tiny.rows(5), tiny.model(), reference=tiny.model(seed=2)).summary()
    assert (told["rows"], told["format"], told["max_length"]) == (5, "messages", 512)
    one = told["models"][0]
    lengths = [tiny.token_ids(row, side) for row in tiny.rows(5).to_pylist() for side in ("chosen", "rejected")]
    assert one["tokens_read"] == sum(len(ids) for ids, _ in lengths)
    assert one["tokens_scored"] == sum(len(ids) - start for ids, start in lengths)
    assert one["tokens_per_second"] > 0
