import pyarrow as pa
import pytest

from rapo.pairs import columns


def test_rename_maps_columns_and_extremes_of_lists():
    raw = pa.table({"q": ["2 + 2 ?"], "rm": [[9.0, 5.0, 2.0]], "other": [1]})
    got = columns.rename(raw, {"prompt": "q", "score_chosen": "max(rm)", "score_rejected": "min(rm)"})
    assert got.to_pylist() == [
        {"rm": [9.0, 5.0, 2.0], "other": 1, "prompt": "2 + 2 ?", "score_chosen": 9.0, "score_rejected": 2.0}
    ]
    with pytest.raises(ValueError, match="no column 'nope'; it has q, rm, other"):
        columns.rename(raw, {"prompt": "nope"})


def test_messages_are_no_prompt_though_a_question_stands_beside_them():
    assert columns.known(["messages", "question"]) == {}
