"""Implicit rewards as columns: what `rapo relabel --goal implicit` makes goals of."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.scoring.tokens import PAIR

COLUMNS = tuple(f"implicit_{side}" for side in PAIR)


def with_implicit_rewards(table: pa.Table, *, beta: float = 1.0) -> pa.Table:
    """DPO's implicit rewards beta * log(pi / pi_ref) of both responses, beside the sums that they are made of.

    Args:
        table: with ``chosen_logprob_sum``, ``ref_chosen_logprob_sum`` and the same for rejected; a table without a
            reference is given back as it is.
        beta: DPO's beta. A goal made of the rewards' quantiles does not change with it.

    Returns:
        The table with ``implicit_chosen`` and ``implicit_rejected``, in nats times beta; null where a sum is.

    Raises:
        ValueError: beta is not a positive number.

    >>> sums = {"chosen_logprob_sum": [-10.0], "rejected_logprob_sum": [-12.0]}
    >>> reference = {"ref_chosen_logprob_sum": [-11.0], "ref_rejected_logprob_sum": [-11.5]}
    >>> with_implicit_rewards(pa.table({**sums, **reference}), beta=0.5)["implicit_chosen"].to_pylist()
    [0.5]
    """
    if not (np.isfinite(beta) and beta > 0):
        raise ValueError(f"beta is {beta}; use a positive number")
    needed = [f"{prefix}{side}_logprob_sum" for side in PAIR for prefix in ("", "ref_")]
    if not set(needed) <= set(table.column_names):
        return table
    kept = table.drop_columns([name for name in COLUMNS if name in table.column_names])
    for side, name in zip(PAIR, COLUMNS, strict=True):
        ratio = pc.subtract(table[f"{side}_logprob_sum"], table[f"ref_{side}_logprob_sum"])
        kept = kept.append_column(name, pc.multiply(ratio, beta))
    return kept
