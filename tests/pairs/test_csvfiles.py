from pathlib import Path

import pytest

from rapo.pairs import files
from rapo.pairs.door import open_pairs


def test_texts_stay_texts_and_numbers_become_numbers(tmp_path: Path):
    cells = b'prompt,score_chosen,n,note\n"2, or\n3?",9,1,\n007,9.5,2,"x ""y"""\n'
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + cells)
    assert files.read(tmp_path / "a.csv").to_pylist() == [
        {"prompt": "2, or\n3?", "score_chosen": 9.0, "n": 1, "note": None},
        {"prompt": "007", "score_chosen": 9.5, "n": 2, "note": 'x "y"'},
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,b\n1,2\n1\n", r"Row #3: Expected 2 columns, got 1"),
        (b"a,a\n1,2\n", "the header names column 'a' twice"),
    ],
)
def test_a_broken_table_is_told(content: bytes, told: str, tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.csv.*{told}"):
        files.read(tmp_path / "a.csv")


def test_numbers_are_numbers_under_names_that_hold_the_letters_of_others(tmp_path: Path):
    (tmp_path / "a.csv").write_text("preference,confidence,id,prompt_id,promptId,ref\n1,0.5,7,8,9,3\n")
    (row,) = files.read(tmp_path / "a.csv").to_pylist()
    assert row == {"preference": 1, "confidence": 0.5, "id": "7", "prompt_id": "8", "promptId": "9", "ref": "3"}


def test_rewards_are_scores_that_can_be_mapped(tmp_path: Path):
    (tmp_path / "a.csv").write_text("prompt,chosen,rejected,chosen_reward,rejected_reward\nq,4,5,1.5,-2\n")
    names = {f"score_{side}": f"{side}_reward" for side in ("chosen", "rejected")}
    got = open_pairs(tmp_path / "a.csv", columns=names).read().to_pylist()[0]
    assert (got["score_chosen"], got["score_rejected"]) == (1.5, -2.0)
    assert got["chosen"] == [{"role": "assistant", "content": "4"}]
