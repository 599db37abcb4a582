"""Where a goal goes in a prompt: the one rule, for a list of messages and for a column of them.

"system": the goal is the system turn; where a prompt begins with one, the goal goes in front of its text.
"prefix", for chat templates without a system role: the goal goes in front of the first user turn's text; the text
of a system turn comes between the two. `rapo.relabelling.chat.placement` reads off a template which one it needs.

Said otherwise: the goal's turn takes in the prompt's system turn, and as a prefix its first user turn as well.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs.messages import Turns, equal, turns

PLACEMENTS = ("system", "prefix")
# Between texts that come to stand in one turn.
SEPARATOR = "\n\n"

Message = Mapping[str, str]


def put(
    messages: Sequence[Message], wish: str | None, *, placement: str, separator: str = SEPARATOR
) -> list[dict[str, str]]:
    """A prompt with a goal's text in it; no message is changed in place.

    Args:
        messages: a prompt, with or without a system turn.
        wish: a goal in words, from `rapo.relabelling.goals`; None asks for nothing.
        placement: "system" or "prefix".
        separator: between texts that come to stand in one turn.

    Raises:
        ValueError: the placement is unknown, or the prompt has no user turn to put the goal in front of.

    >>> put([{"role": "user", "content": "hi"}], "aim high", placement="prefix")
    [{'role': 'user', 'content': 'aim high\\n\\nhi'}]
    """
    role = _role(placement)
    copied = [dict(message) for message in messages]
    if wish is None:
        return copied
    taken = int(bool(copied) and copied[0]["role"] == "system") + (role == "user")
    if role == "user" and (len(copied) < taken or copied[taken - 1]["role"] != "user"):
        raise ValueError("the prompt has no user turn to put the goal in front of; begin it with one")
    old = [message["content"] for message in copied[:taken]]
    return [{"role": role, "content": separator.join([wish, *old])}, *copied[taken:]]


def put_columns(
    prompts: pa.Array, wishes: Sequence[pa.Array], *, placement: str, separator: str = SEPARATOR
) -> list[pa.ListArray]:
    """`put` for a column of prompts that `rapo.pairs.check` has seen, once for every column of wishes."""
    role, parts = _role(placement), turns(prompts)
    has_system = equal(parts.roles.take(pa.array(parts.starts)), "system")
    taken = has_system.astype(np.int64) + (role == "user")
    lengths = parts.lengths - taken + 1
    heads = np.cumsum(lengths) - lengths
    # Where each new turn comes from, among the old turns and, behind them, one goal's turn a row.
    source = np.empty(lengths.sum(), np.int64)
    is_head = np.zeros(len(source), bool)
    is_head[heads] = True
    source[is_head] = len(parts.row_of) + np.arange(len(lengths))
    source[~is_head] = np.flatnonzero(parts.place >= taken[parts.row_of])
    index = pa.array(source)
    roles = pa.concat_arrays([parts.roles, pa.repeat(pa.scalar(role), len(lengths))]).take(index)
    said = (pa.concat_arrays([parts.contents, _joined(parts, wish, taken, separator)]) for wish in wishes)
    return [Turns(roles, contents.take(index), lengths).column() for contents in said]


def _role(placement: str) -> str:
    """Whose turn says the goal."""
    if placement not in PLACEMENTS:
        raise ValueError(f"placement is {placement!r}; use 'system' or 'prefix'")
    return "system" if placement == "system" else "user"


def _joined(parts: Turns, wishes: pa.Array, taken: np.ndarray, separator: str) -> pa.Array:
    """What each goal's turn says: the goal, then the turns that it takes in."""
    for place in range(taken.max(initial=0)):
        rows = np.flatnonzero(taken > place)
        old = parts.contents.take(pa.array(parts.starts[rows] + place))
        said = pc.binary_join_element_wise(wishes.take(pa.array(rows)), old, separator)
        wishes = pc.replace_with_mask(wishes, pa.array(taken > place), said)
    return wishes
