"""What the kept map says to somebody's pairs: counted by hand, told by `rapo check` and `rapo select`, or nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from studies.alignment_potential.test_error_map import MAP

from rapo.cli import main as cli
from rapo.cli.advice import Likelier
from rapo.runs import store

# The policy's means: chosen -1, -2, -3, -2 against -2, -2, -2, -3: likelier, tied, less likely, likelier. The last pair
# is reversed by score: the policy prefers the worse response. So 1 of 3.
TABLE = pa.table(
    {
        "prompt": list("abcd"), "chosen": ["yes"] * 4, "rejected": ["no"] * 4,
        "score_chosen": [9.0, 8.0, 7.0, 3.0], "score_rejected": [1.0, 2.0, 3.0, 4.0],
        "chosen_logprob_sum": [-2.0, -4.0, -9.0, -2.0], "chosen_tokens": [2, 2, 3, 1],
        "rejected_logprob_sum": [-4.0, -4.0, -4.0, -3.0], "rejected_tokens": [2, 2, 2, 1],
    }
)  # fmt: skip


@pytest.fixture
def map_kept(rapo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The map of the study's tests, as if it were kept."""

    def kept(name: str) -> pd.DataFrame:
        if name != "alignment_potential_map":
            raise FileNotFoundError(name)
        return MAP

    monkeypatch.setattr(store, "kept", kept)


def test_pairs_are_counted_by_hand() -> None:
    likelier = Likelier()
    assert list(likelier.watched(iter([TABLE, TABLE.slice(0, 1)]))) == [TABLE, TABLE.slice(0, 1)]
    assert (likelier.agree, likelier.pairs) == (2, 4)
    unread = TABLE.set_column(5, "chosen_logprob_sum", pa.array([None, np.inf, -9.0, -2.0]))
    some = Likelier()
    some.add(unread)
    assert (some.agree, some.pairs) == (0, 2)


def test_without_a_map_or_log_probabilities_nothing_is_said(rapo_root: Path) -> None:
    likelier = Likelier()
    assert likelier.advice() == ""
    likelier.add(TABLE)
    assert likelier.advice() == ""  # nothing is kept in an empty folder
    likelier.add(TABLE.select(["prompt", "chosen", "rejected", "score_chosen", "score_rejected"]))
    words = TABLE.set_column(5, "chosen_logprob_sum", pa.array(["low"] * 4))
    likelier.add(words)  # no numbers: that is for `rapo select` to tell
    assert likelier.pairs == 3


@pytest.mark.usefixtures("map_kept")
def test_check_and_select_tell_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scored.parquet"
    pq.write_table(TABLE.slice(0, 3), file)
    said = "The policy finds the better-scored response likelier in 50 % of the pairs."
    assert cli.main(["check", str(file)]) == 0
    assert said in capsys.readouterr().out
    assert cli.main(["select", str(file), "-k", "1", "--out", str(tmp_path / "best.parquet")]) == 0
    assert said in capsys.readouterr().out
