"""What the readers of data advise, in the words of a recipe: they name options of other commands."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from rapo.pairs.faults import PairsError

TEST_SPLIT = "dataset_test_split"
_NO_SPLIT = r"but --split (\S+) was asked for(; leave it out)?"
_COLUMN = r"--column (\w+)=(\.{3}|\w+)"


@contextmanager
def in_a_recipes_words(split: str) -> Iterator[None]:
    """Errors name what `rapo train` can be told.

    Args:
        split: what says which split is meant, as "dataset_train_split".

    Raises:
        PairsError: in place of one that names options of other commands; any other ValueError alike.
    """
    try:
        yield
    except PairsError as error:
        faults = [replace(fault, remedy=worded(fault.remedy, split)) for fault in error.faults]
        raise PairsError(error.name, faults) from error
    except ValueError as error:
        raise ValueError(worded(str(error), split)) from error


def worded(text: str, split: str) -> str:
    """A remedy with settings where it names options.

    >>> worded("type --column prompt=... --column label=..., or leave them out with --bad drop", "dataset_train_split")
    "type --set 'rapo.columns={prompt: ..., label: ...}', or leave them out with --set rapo.bad=drop"
    """
    if split == TEST_SPLIT:
        other = "" if "has no splits" in text else f"name another with {split}, or "
        remedy = f"{other}say --set rapo.test_data=FILE"
        text = re.sub(_NO_SPLIT, rf"but evaluation asks for the split \1; {remedy}", text)
    typed = re.sub(f"{_COLUMN}( {_COLUMN})*", _columns, text)
    return typed.replace("--bad drop", "--set rapo.bad=drop").replace("--split", split)


def _columns(typed: re.Match[str]) -> str:
    """All columns as one setting."""
    named = ", ".join(": ".join(pair) for pair in re.findall(_COLUMN, typed[0]))
    return f"--set 'rapo.columns={{{named}}}'"
