"""`rapo agreement`, as it is called."""

import json

import pandas as pd
import pytest

from rapo.cli.main import main


def write(path, rows):
    pd.DataFrame(rows, columns=["model", "instruction", "preference"]).to_csv(path, index=False)
    return str(path)


@pytest.fixture
def files(tmp_path):
    """Two judges of four pairs in different orders: margins .5 .5 .1 .1, agreement on both large ones and one small."""
    one = write(tmp_path / "a.csv", [("m", 1, 2.0), ("m", 2, 1.0), ("m", 3, 1.6), ("m", 4, 1.4), ("m", 5, 1.4)])
    other = write(tmp_path / "b.csv", [("m", 4, 2), ("m", 3, 2), ("m", 2, 1), ("m", 1, 2), ("m", 9, 2)])
    return one, other


def test_two_files(files, capsys):
    assert main(["agreement", *files, "--encoding", "1..2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    # 3 of 4 agree; first +,-,+,-, second +,-,+,+: chance 1/2 * 3/4 + 1/2 * 1/4 = 1/2, kappa 1/2.
    assert (found["n"], found["agreement"], found["kappa"]) == (4, 0.75, 0.5)
    assert [(one["low"], one["high"], one["n"], one["agreement"]) for one in found["margin_bins"]] == [
        (0.1, 0.2, 2, 0.5),
        (0.4, 0.5, 2, 1.0),
    ]


def test_the_table_is_readable(files, capsys):
    assert main(["agreement", *files, "--encoding", "1..2"]) == 0
    shown = capsys.readouterr().out
    assert "0.750" in shown
    assert "1 pair in this file alone, left out" in " ".join(shown.split())  # a long path before it wraps the line
    assert "a tie against a decision counts as half an agreement" in shown


def test_real_file_as_it_is(shared_data, capsys):
    file = shared_data / "alpaca_eval" / "second_judge.parquet"
    assert main(["agreement", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    raw = pd.read_parquet(file)
    same = ((raw["preference"] - 1.5) * (raw["weighted_preference"] - 1.5) > 0).sum()
    both_tie = ((raw["preference"] == 1.5) & (raw["weighted_preference"] == 1.5)).sum()
    assert (found["n"], found["n_agree"]) == (1866, same + both_tie)
    assert sum(one["n"] for one in found["margin_bins"]) == 1866
    # The longer answer, by hand: both judges like it in about nine pairs of ten.
    longer = (raw["len_2"] > raw["len_1"]) == (raw["weighted_preference"] > 1.5)
    differ = (raw["len_1"] != raw["len_2"]) & (raw["weighted_preference"] != 1.5)
    assert found["longer_preferred"]["first"] == pytest.approx(longer[differ].mean(), abs=0.005)


def test_equal_bins(shared_data, capsys):
    file = shared_data / "alpaca_eval" / "second_judge.parquet"
    assert main(["agreement", str(file), "--bins", "3", "--json"]) == 0
    sizes = [one["n"] for one in json.loads(capsys.readouterr().out)["margin_bins"]]
    assert sizes == pytest.approx([622] * 3, abs=5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["agreement", "A"], "no column 'weighted_preference'; give FILE_B"),
        (["agreement", "A", "B"], "say how preferences are encoded"),
        (["agreement", "A", "--encoding-b", "1/2"], "belong to FILE_B"),
        (["agreement", "A", "B", "--encoding", "1/2"], "is not in the encoding '1/2'"),
        (["agreement", "A", "nowhere.csv", "--encoding", "1..2"], "no file nowhere.csv"),
    ],
)
def test_faults_are_told_in_one_line(files, words, message, capsys):
    words = [files["AB".index(word)] if word in ("A", "B") else word for word in words]
    assert main(words) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert message in told
