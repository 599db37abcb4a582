"""Two annotators' judgements side by side: from two tables, or from two columns of one."""

import pandas as pd

from rapo.judging import judgements as judged

_KEY = ["model", "instruction"]
_LENGTHS = ["length_model", "length_baseline"]


def match(
    first: pd.DataFrame, second: pd.DataFrame, *, names: tuple[str, str] = ("first", "second")
) -> pd.DataFrame:
    """Pairs that both annotators judged: the same model's answer to the same instruction.

    One of the tables may hold several judgements of a pair; each then meets the other's one.

    Args:
        first, second: of `rapo.judging.judgements.read`.
        names: what an error calls them.

    Returns:
        ``model``, ``instruction``, ``first``, ``second`` (preferences 1..2) and, where known, ``length_model`` and
        ``length_baseline``, in the first table's order.

    Raises:
        ValueError: no pair is in both tables, a pair is repeated in both, the baselines differ, or lengths say that the
            same ids stand for other answers.

    >>> import pandas as pd
    >>> one = pd.DataFrame({"model": ["m", "m"], "instruction": [1, 2], "preference": [1.2, 2.0]})
    >>> match(one, one.iloc[1:])[["instruction", "first", "second"]].to_numpy().tolist()
    [[2.0, 2.0, 2.0]]
    """
    if first.duplicated(_KEY).any() and second.duplicated(_KEY).any():
        row = first[first.duplicated(_KEY)].iloc[0]
        raise ValueError(
            f"{names[0]} and {names[1]} both judge a pair more than once (model {row['model']!r}, instruction "
            f"{row['instruction']} and others), so it is not clear which belong together; keep one each"
        )
    left = first.rename(columns={"preference": "first"}).astype({"model": str})
    right = second.rename(columns={"preference": "second"}).astype({"model": str})
    if first["instruction"].dtype != second["instruction"].dtype:
        left, right = left.astype({"instruction": str}), right.astype({"instruction": str})
    _check_answers(left, right, names)
    lengths = [column for column in _LENGTHS if column in left or column in right]
    right = right.drop(columns=[column for column in lengths if column in left and column in right])
    both = left.merge(right, on=_KEY, suffixes=("", " of the second"))
    if both.empty:
        examples = [f"({row['model']}, {row['instruction']})" for row in (left.iloc[0], right.iloc[0])]
        raise ValueError(
            f"no (model, instruction) is in both {names[0]}, which begins with {examples[0]}, and {names[1]}, which "
            f"begins with {examples[1]}; map their columns so that both name models and instructions alike"
        )
    if "baseline of the second" in both:
        differ = both["baseline"].astype(str) != both["baseline of the second"].astype(str)
        if differ.any():
            row = both[differ].iloc[0]
            raise ValueError(
                f"baselines differ: {row['baseline']!r} in {names[0]}, {row['baseline of the second']!r} in "
                f"{names[1]}; compare judgements of the same two answers"
            )
    return both[[*_KEY, "first", "second", *lengths]]


def _check_answers(left: pd.DataFrame, right: pd.DataFrame, names: tuple[str, str]) -> None:
    """Refuse ids that mean other answers here than there: numbers of rows in files that are ordered differently."""
    known = [column for column in _LENGTHS if column in left and column in right]
    both = left[[*_KEY, *known]].merge(right[[*_KEY, *known]], on=_KEY, suffixes=("", " there"))
    for column in known:
        differ = both[column] != both[f"{column} there"]
        if differ.any():
            row = both[differ].iloc[0]
            raise ValueError(
                f"{names[0]} and {names[1]} hold other answers under the same ids: {column} differs in "
                f"{int(differ.sum()):,} of {len(both):,} pairs, first in model {row['model']!r}, instruction "
                f"{row['instruction']!r} ({row[column]:g} and {row[f'{column} there']:g} characters). Ids that are "
                "numbers of rows fit files in one order only: judge files whose rows have ids (column id or pair_id)"
            )


def side_by_side(
    frame: pd.DataFrame,
    *,
    first: str,
    second: str,
    columns: dict[str, str] | None = None,
    encoding: judged.Encoding | None = None,
    missing: judged.Missing = "error",
    name: str = "judgements",
) -> pd.DataFrame:
    """The same from one table with a preference column of each annotator.

    Args:
        frame: as it was loaded, one row a pair.
        first, second: names of the two columns.
        columns, encoding, missing, name: as in `rapo.judging.judgements.table`, for both columns.

    Raises:
        ValueError: a column is not there, or what `rapo.judging.judgements.table` raises.
    """
    for column in (first, second):
        if column not in frame:
            raise ValueError(f"{name} has no column {column!r}; it has {list(frame.columns)}")
    if missing == "drop":
        frame = frame[frame[[first, second]].notna().all(axis=1)]
    known = encoding or judged.known_encoding(frame, columns or {}, name)
    one, other = (
        judged.table(
            frame,
            columns={**(columns or {}), "preference": column},
            encoding=known,
            by=(model_column(frame, columns),),
            duplicates="keep",
            name=name,
        )
        for column in (first, second)
    )
    lengths = [column for column in _LENGTHS if column in one]
    both = one.rename(columns={"preference": "first"}).assign(second=other["preference"])
    return both[[*_KEY, "first", "second", *lengths]]


def model_column(frame: pd.DataFrame, columns: dict[str, str] | None = None) -> str:
    """The column that names the model, whoever judged it."""
    given = (columns or {}).get("model")
    return given or ("model" if "model" in frame else "generator_2")
