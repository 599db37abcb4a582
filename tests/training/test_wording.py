"""What readers advise, in the words of a recipe."""

import numpy as np
import pytest

from rapo.pairs.faults import Fault, PairsError
from rapo.training.wording import in_a_recipes_words, worded


def test_options_become_settings() -> None:
    assert worded("name one with --split", "dataset_train_split") == "name one with dataset_train_split"
    typed = "say it: --column score=correctness. Or leave rows out with --bad drop."
    assert worded(typed, "split") == (
        "say it: --set 'rapo.columns={score: correctness}'. Or leave rows out with --set rapo.bad=drop."
    )
    assert worded("mend the row", "split") == "mend the row"


def test_an_error_stays_of_its_kind() -> None:
    fault = Fault("label", "is none", "Leave it out with --bad drop.", np.array([3]), ("None",))
    told = r"row 3 \(None\)\. Leave it out with --set rapo\.bad=drop\.$"
    with pytest.raises(PairsError, match=told), in_a_recipes_words("split"):
        raise PairsError("rows.jsonl", [fault])
    told = "^name it with dataset_test_split$"
    with pytest.raises(ValueError, match=told), in_a_recipes_words("dataset_test_split"):
        raise ValueError("name it with --split")
