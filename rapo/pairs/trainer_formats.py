"""Pairs as the trainers of other libraries read them: whole columns, no text edited.

========================  ==========================================================================================
trl                       ``prompt``, ``chosen``, ``rejected``: TRL's explicit preference rows (DPO, CPO, ORPO, ...)
trl-kto                   ``prompt``, ``completion``, ``label``: two rows a pair, for TRL's KTOTrainer
trl-reward                as trl, with ``margin``, the difference of the scores, for TRL's RewardTrainer
llama-factory             ShareGPT's ``conversations``, with ``chosen`` and ``rejected``, for stages dpo and rm
ms-swift                  ``messages``, which end with the chosen response, and ``rejected_response``
nemo-rl                   ``context`` and two ranked ``completions``: NeMo RL's PreferenceDataset
========================  ==========================================================================================
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import messages
from rapo.pairs.schema import SIDES, TEXTS

_SHAREGPT = {"user": "human", "assistant": "gpt", "system": "system", "tool": "observation"}


@dataclass(frozen=True)
class Format:
    """How one library reads pairs.

    Attributes:
        convert: checked pairs to the library's columns.
        about: what reads the rows, for people.
        scored: whether pairs need scores.
    """

    convert: Callable[[pa.Table], pa.Table]
    about: str
    scored: bool = False


def convert(table: pa.Table, to: str) -> pa.Table:
    """Checked pairs as another library's trainer reads them.

    Args:
        table: pairs, as `rapo.pairs.check` gives them; rows of `rapo.relabel` too.
        to: a name in `FORMATS`.

    Returns:
        The format's columns alone, and for "trl" and "trl-reward" ``tools`` where there are any.
        Shape: (n_pairs, n_columns); (2 n_pairs, 3) for "trl-kto", each chosen response before the rejected one of its
        pair.

    Raises:
        ValueError: the format is unknown; a response has several turns where the format takes one; margins are asked
            of relabelled rows, whose responses are ordered by their goal and not by their scores.

    >>> from rapo.pairs.check import check
    >>> row = {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "5", "score_chosen": 9, "score_rejected": 2}
    >>> convert(check(pa.Table.from_pylist([row])), "ms-swift")["rejected_response"].to_pylist()
    ['5']
    """
    if to not in FORMATS:
        raise ValueError(f"format {to!r} is unknown; use one of {', '.join(FORMATS)}")
    if to == "trl-reward" and "goal" in table.column_names:
        raise ValueError(
            "these rows are relabelled: their responses are ordered by the goal, so that margins of their scores "
            "teach no reward; export the pairs that they were made of"
        )
    return FORMATS[to].convert(table.combine_chunks())


def dataset_info(file_name: str) -> dict[str, Any]:
    """What LLaMA-Factory's dataset_info.json says of an exported file.

    >>> dataset_info("rows.jsonl")["ranking"]
    True
    """
    columns = {"messages": "conversations", **dict(zip(SIDES, SIDES, strict=True))}
    return {"file_name": file_name, "formatting": "sharegpt", "ranking": True, "columns": columns}


TOOLS = "tools"  # definitions of the functions that a talk may call; TRL's trainers hand them to the chat template


def _trl(table: pa.Table) -> pa.Table:
    return table.select([*TEXTS, TOOLS] if TOOLS in table.column_names else TEXTS)


def _kto(table: pa.Table) -> pa.Table:
    n = len(table)
    sides = [
        pa.table({"prompt": table["prompt"], "completion": table[side], "label": pa.repeat(side == "chosen", n)})
        for side in SIDES
    ]
    turned = np.arange(2 * n).reshape(2, n).T.ravel()  # a pair's two rows together
    return pa.concat_tables(sides).take(pa.array(turned))


def _reward(table: pa.Table) -> pa.Table:
    margin = pc.subtract(table["score_chosen"], table["score_rejected"])
    return _trl(table).append_column("margin", margin)


def _llama_factory(table: pa.Table) -> pa.Table:
    responses = {side: _turn(table, side) for side in SIDES}
    named = {
        side: pa.StructArray.from_arrays([pa.repeat("gpt", len(table)), text], names=["from", "value"])
        for side, text in responses.items()
    }
    return pa.table({"conversations": _sharegpt(messages.whole(table["prompt"])), **named})


def _ms_swift(table: pa.Table) -> pa.Table:
    _turn(table, "chosen")
    both = _followed(*(messages.whole(table[name]) for name in ("prompt", "chosen")))
    return pa.table({"messages": both, "rejected_response": _turn(table, "rejected")})


def _nemo_rl(table: pa.Table) -> pa.Table:
    n = len(table)
    ranked = [
        pa.StructArray.from_arrays(
            [pa.array(np.full(n, rank)), messages.whole(table[side])], names=["rank", "completion"]
        )
        for rank, side in enumerate(SIDES)
    ]
    turned = np.arange(2 * n).reshape(2, n).T.ravel()
    both = pa.concat_arrays(ranked).take(pa.array(turned))
    return pa.table({"context": table["prompt"], "completions": messages.lists(both, np.full(n, 2))})


def _turn(table: pa.Table, side: str) -> pa.Array:
    """The text of responses of one turn each. Shape: (n_pairs,)"""
    parts = messages.turns(messages.whole(table[side]))
    if len(several := np.flatnonzero(parts.lengths != 1)):
        row = int(several[0])
        name = table["pair_id"][row].as_py() if "pair_id" in table.column_names else f"row {row + 1}"
        raise ValueError(
            f"pair {name}, column {side}: a response of {parts.lengths[row]} turns, where this format takes one; "
            "leave such pairs out, or export --to trl or nemo-rl"
        )
    return parts.contents


def _sharegpt(column: pa.Array) -> pa.Array:
    """Messages under ShareGPT's names for fields and roles."""
    parts = messages.turns(column)
    places = pc.index_in(parts.roles, value_set=pa.array(list(_SHAREGPT)))
    roles = pc.coalesce(pa.array(list(_SHAREGPT.values())).take(places), parts.roles)
    turns = pa.StructArray.from_arrays([roles, parts.contents], names=["from", "value"])
    return messages.lists(turns, parts.lengths)


def _followed(before: pa.Array, after: pa.Array) -> pa.Array:
    """Each row's turns of two columns, one behind the other."""
    one, two = messages.turns(before), messages.turns(after)
    rows = np.concatenate([one.row_of, two.row_of])
    order = pa.array(np.argsort(rows, kind="stable"))
    roles, contents = (
        pa.concat_arrays([getattr(part, name) for part in (one, two)]).take(order)
        for name in ("roles", "contents")
    )
    return messages.Turns(roles, contents, one.lengths + two.lengths).column()


FORMATS: dict[str, Format] = {
    "trl": Format(_trl, "TRL's trainers on pairs (DPO, CPO, ORPO, ...)"),
    "trl-kto": Format(_kto, "TRL's KTOTrainer"),
    "trl-reward": Format(_reward, "TRL's RewardTrainer", scored=True),
    "llama-factory": Format(_llama_factory, "LLaMA-Factory, stages dpo and rm"),
    "ms-swift": Format(_ms_swift, "ms-swift, rlhf_type dpo, orpo, cpo, simpo and rm"),
    "nemo-rl": Format(_nemo_rl, "NeMo RL's PreferenceDataset"),
}
