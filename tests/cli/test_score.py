"""The command `rapo score`."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tiny

from rapo.cli import main as cli
from rapo.models.tiny import save
from rapo.pairs import files, writing
from rapo.pairs.schema import SIDES
from rapo.scoring.score import score

COLUMNS = [
    *("chosen_logprob_sum", "chosen_tokens", "rejected_logprob_sum", "rejected_tokens"),
    *("chosen_truncated", "rejected_truncated"),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A model and a reference."""
    made = tmp_path_factory.mktemp("models")
    return {name: str(save(tiny.model(seed), tiny.TOKENIZER, made / name)) for seed, name in enumerate("MR")}


@pytest.fixture(autouse=True)
def elsewhere(rapo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(rapo_root)


def shuffled(n: int = 7, **options: object) -> pa.Table:
    return tiny.rows(n, **options).append_column("score_chosen", pa.array([None] * n, pa.float64()))


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz", "out.parquet", "out"])
@pytest.mark.parametrize("plain", [False, True])
def test_it_adds_the_columns_and_keeps_the_rest(folders, name, plain):
    table = shuffled(plain=plain)
    writing.write(table, "in.parquet")
    words = ["score", "in.parquet", "--model", folders["M"], "--reference", folders["R"], "--out", name]
    assert cli.main(words) == 0
    assert Path(f"{name}.json").is_file()
    found = files.read(name)
    assert set(found.column_names) == {
        *table.column_names,
        "pair_id",
        *COLUMNS,
        *(f"ref_{column}" for column in COLUMNS),
        *("implicit_chosen", "implicit_rejected"),
    }
    assert found.column_names[: table.num_columns] == table.column_names
    assert found.select(table.column_names).to_pylist() == table.to_pylist()
    for prefix, seed in (("", 0), ("ref_", 1)):
        alone = score(table, tiny.model(seed), tokenizer=tiny.TOKENIZER, cache=False).table
        for column in COLUMNS:
            np.testing.assert_allclose(found[prefix + column].to_numpy(), alone[column].to_numpy(), rtol=1e-6)


def test_sums_of_another_scoring_s_reference_do_not_stay(folders, capsys):
    writing.write(shuffled(), "in.parquet")
    assert (
        cli.main(
            ["score", "in.parquet", "--model", folders["M"], "--reference", folders["R"], "--out", "a.parquet"]
        )
        == 0
    )
    capsys.readouterr()
    assert cli.main(["score", "a.parquet", "--model", folders["R"], "--out", "b.parquet"]) == 0
    assert "belong to an earlier scoring: ref_chosen_logprob_sum" in " ".join(capsys.readouterr().out.split())
    assert not [name for name in files.read("b.parquet").column_names if name.startswith(("ref_", "implicit_"))]


def test_it_says_what_was_done(folders, capsys):
    writing.write(shuffled(), "in.jsonl")
    words = ["score", "in.jsonl", "--model", folders["M"], "--out", "out.parquet", "--max-length", "40"]
    assert cli.main(words) == 0
    told = json.loads(Path("out.parquet.json").read_text())
    found = files.read("out.parquet")
    assert (told["source"]["path"], told["output"]) == ("in.jsonl", "out.parquet")
    assert (told["rows"], told["max_length"]) == (7, 40)
    assert told["truncated"]["chosen_truncated"] == int(found["chosen_truncated"].to_numpy().sum()) > 0
    assert told["models"][0]["weights"] == score("in.jsonl", folders["M"], cache=False).passes[0].weights
    assert told["models"][0]["tokens_per_second"] > 0
    assert told["seconds"] > 0
    out = capsys.readouterr().out
    assert "1 piece computed, 0 reused" in out
    assert f"7 rows, {told['truncated']['chosen_truncated']} with chosen_truncated" in out


def test_another_output_computes_nothing_again(folders, capsys):
    writing.write(shuffled(), "in.jsonl")
    for name in ("a.parquet", "b.jsonl"):
        assert cli.main(["score", "in.jsonl", "--model", folders["M"], "--out", name]) == 0
    assert "nothing to compute; 0 pieces computed, 1 reused" in capsys.readouterr().out
    assert files.read("a.parquet").to_pylist() == files.read("b.jsonl").to_pylist()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none.jsonl", "--out", "o.parquet"], "none.jsonl does not exist"),
        (["in.jsonl", "--out", "o.csv"], "o.csv: the name says no format that can be written"),
        (["in.jsonl", "--out", "in.jsonl"], "in.jsonl is the input itself; choose another output"),
        (["in.jsonl", "--out", "in.jsonl/below/o.parquet"], "Not a directory"),
        (["in.jsonl", "--out", "o.parquet", "--reference", "."], "holds no model (config.json is missing)"),
        (["in.jsonl", "--out", "o.parquet", "--max-length", "9999"], "max_length is 9999; give 2 to 512"),
        (["in.jsonl", "--out", "o.parquet", "--dtype", "int8"], "dtype is 'int8'; use one of auto, float32"),
        (["in.jsonl", "--out", "o.parquet", "--split", "train"], "has no splits"),
    ],
)
def test_bad_input_is_told_in_a_line_and_nothing_is_written(folders, capsys, words, told):
    writing.write(shuffled(), "in.jsonl")
    assert cli.main(["score", *words, "--model", folders["M"]]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.startswith("rapo: error: ")
    assert sorted(file.name for file in Path().iterdir() if file.name != "build") == ["in.jsonl"]


def test_a_full_disk_leaves_an_old_output_alone(folders, capsys, monkeypatch):
    writing.write(shuffled(), "in.jsonl")
    Path("out.jsonl").write_text("old\n")

    def full(tables, path, **options):
        next(iter(tables))
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(writing, "write", full)
    assert cli.main(["score", "in.jsonl", "--model", folders["M"], "--out", "out.jsonl", "--overwrite"]) == 2
    assert "out.jsonl: No space left on device" in capsys.readouterr().err
    assert Path("out.jsonl").read_text() == "old\n"
    assert sorted(file.name for file in Path().iterdir()) == ["build", "in.jsonl", "out.jsonl"]


def test_two_processes_share_the_rows(folders):
    """As on several GPUs: half of the pieces each, one output, the same numbers."""
    table = shuffled(600)
    writing.write(table, "in.parquet")
    words = ["score", "in.parquet", "--model", folders["M"], "--out", "two.parquet", "--cache", "kept"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    # What a launcher sets (torchrun, accelerate launch), without the seconds that it takes itself.
    told = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "rapo", *words],
            env=os.environ | told | {"RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    ]
    said = [one.communicate(timeout=300) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    out = "".join(text for text, _ in said)
    assert out.count("two.parquet") == 1  # one of them tells
    assert "3 pieces computed, 0 reused" in out
    alone = score(table, folders["M"], cache=False).attach(table)
    assert files.read("two.parquet").select(alone.column_names) == alone


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet", "out"])
def test_with_trl_it_writes_what_a_trainer_takes(folders, name, capsys):
    writing.write(shuffled(), "in.parquet")
    words = ["score", "in.parquet", "--model", folders["M"], "--trl", "--out", name, "--max-length", "40"]
    assert cli.main(words) == 0
    scores = score("in.parquet", folders["M"], cache=False, max_length=40)
    assert files.read(name).to_pylist() == scores.attach_trl(shuffled()).to_pylist()
    assert json.loads(Path(f"{name}.json").read_text())["bound_to"] == asdict(scores.origin)
    assert "train with this model and tokenizer, and max_length=40" in capsys.readouterr().out


def test_with_trl_a_checkpoint_in_half_precision_is_scored_as_trl_trains_it(folders, tmp_path):
    half = str(save(tiny.model().bfloat16(), tiny.TOKENIZER, tmp_path / "half"))
    writing.write(shuffled(), "in.jsonl")
    for more, dtype in ([], "float32"), (["--dtype", "auto"], "bfloat16"):
        assert cli.main(["score", "in.jsonl", "--model", half, "--trl", "--out", f"{dtype}.parquet", *more]) == 0
        assert {row["dtype"] for row in files.read(f"{dtype}.parquet")["ref_scored"].to_pylist()} == {dtype}


@pytest.mark.parametrize(("context", "length"), [(512, 512), (4096, 1024)])
def test_with_trl_rows_are_cut_where_trl_cuts_them(context, length, tmp_path):
    folder = str(save(tiny.model(max_position_embeddings=context), tiny.TOKENIZER, tmp_path / "M"))
    writing.write(shuffled(), "in.jsonl")
    assert cli.main(["score", "in.jsonl", "--model", folder, "--trl", "--out", "o.parquet"]) == 0
    assert {row["max_length"] for row in files.read("o.parquet")["ref_scored"].to_pylist()} == {length}


def test_trl_takes_one_model(folders, capsys):
    writing.write(shuffled(), "in.jsonl")
    words = [
        "score",
        "in.jsonl",
        "--trl",
        "--model",
        folders["M"],
        "--reference",
        folders["R"],
        "--out",
        "o.parquet",
    ]
    assert cli.main(words) == 2
    assert "the reference: give it as --model, without --reference" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (pa.array([0.5, None, np.nan, np.inf, 1, 1, 1]), "row 3, column extra: nan"),
        (pa.array([[0.5], [], [1.0], [2.0, -np.inf], [1.0], [1.0], [1.0]]), "row 4, column extra: -inf"),
        (
            pa.array([{"a": {"b": value}} for value in (1.0, None, 2.0, 3.0, np.nan, 1.0, 1.0)]),
            "row 5, column extra: nan",
        ),
    ],
    ids=["number", "list", "record"],
)
def test_numbers_that_json_cannot_hold_are_told_before_a_model_is_loaded(
    folders, capsys, monkeypatch, column, told
):
    writing.write(tiny.rows(7).append_column("extra", column), "in.parquet")
    assert cli.main(["score", "in.parquet", "--model", folders["M"], "--out", "fine.parquet"]) == 0
    monkeypatch.delattr("rapo.models.loading.load")
    assert cli.main(["score", "in.parquet", "--model", folders["M"], "--out", "o.jsonl"]) == 2
    told = f"{told} cannot stand in JSON; mend or remove the column, or write o.parquet"
    assert f"in.parquet: {told}" in capsys.readouterr().err
    assert not Path("o.jsonl").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_told_before_a_model_is_loaded(folders, capsys, monkeypatch, value):
    scores = {"score_chosen": pa.array([9.0] * 6 + [value]), "score_rejected": pa.array([2.0] * 7)}
    table = tiny.rows(7)
    for name, column in scores.items():
        table = table.append_column(name, column)
    writing.write(table, "in.parquet")
    monkeypatch.delattr("rapo.models.loading.load")
    assert cli.main(["score", "in.parquet", "--model", folders["M"], "--out", "o.parquet"]) == 2
    err = capsys.readouterr().err
    assert "score_chosen" in err
    assert "row 7" in err


@pytest.mark.parametrize("options", [[], ["--trl"]])
def test_relabelled_rows_are_scored_too_though_two_share_a_pairs_id(folders, options, capsys):
    rows = [
        {**row, "pair_id": "p", "goal_source": side}
        for row, side in zip(tiny.rows(2).to_pylist(), SIDES, strict=True)
    ]
    writing.write(pa.Table.from_pylist(rows), "in.jsonl")
    assert cli.main(["score", "in.jsonl", "--model", folders["M"], "--out", "o.parquet", *options]) == 0
    assert files.read("o.parquet")["pair_id"].to_pylist() == ["p", "p"]
    writing.write(pa.Table.from_pylist([rows[0], rows[0]]), "twice.jsonl")
    assert cli.main(["score", "twice.jsonl", "--model", folders["M"], "--out", "twice.parquet", *options]) == 2
    assert "column pair_id: the id occurs before in row 2" in capsys.readouterr().err


def test_goals_are_made_of_the_rewards_that_it_adds(folders, capsys):
    """From pairs to rows under implicit goals, by commands alone."""
    writing.write(shuffled().drop_columns(["score_chosen"]), "in.parquet")
    scores = pa.array(np.linspace(9, 3, 7)), pa.array(np.full(7, 2.0))
    table = files.read("in.parquet").append_column("score_chosen", scores[0])
    writing.write(table.append_column("score_rejected", scores[1]), "pairs.parquet")
    words = ["--model", folders["M"], "--reference", folders["R"], "--beta", "0.5", "--out", "scored.parquet"]
    assert cli.main(["score", "pairs.parquet", *words]) == 0
    scored = files.read("scored.parquet")
    for side in ("chosen", "rejected"):
        ratio = scored[f"{side}_logprob_sum"].to_numpy() - scored[f"ref_{side}_logprob_sum"].to_numpy()
        np.testing.assert_allclose(scored[f"implicit_{side}"].to_numpy(), 0.5 * ratio, rtol=1e-12)
    command = ["relabel", "scored.parquet", "--goal", "implicit", "--ties", "keep", "--out", "goals.parquet"]
    assert cli.main(command) == 0
    rows = files.read("goals.parquet")
    assert len(rows) == 14
    assert not any("logprob" in name for name in rows.column_names)
    # The highest of the 14 rewards is the highest goal, the lowest reward the lowest.
    rewards = np.concatenate([scored["implicit_chosen"].to_numpy(), scored["implicit_rejected"].to_numpy()])
    goals = rows["goal"].to_numpy()
    assert (goals[rewards.argmax()], goals[rewards.argmin()]) == (goals.max(), goals.min())
    assert goals.max() > goals.min()
