"""Conversations that are no lists of {role, content}: texts with marks between turns, and {from, value}."""

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import messages
from rapo.pairs.candidates import Pairing
from rapo.pairs.layouts.layout import Layout, Made, replaced
from rapo.pairs.messages import whole
from rapo.pairs.schema import SCORES, SIDES

# "\n\nHuman: ...\n\nAssistant: ..." (Anthropic), "...<extra_id_1>Assistant\n...<extra_id_1>User\n..." (NVIDIA)
_MARK = re.compile(r"(?:^|\n\n)(Human|Assistant): ?|\n?<extra_id_1>(User|Assistant)\n")
_ROLES = {
    **dict.fromkeys(("human", "user", "User", "Human"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "model", "Assistant", "function_call"), "assistant"),
    **dict.fromkeys(("tool", "observation", "function_response", "function"), "tool"),
    "system": "system",
}


def dialogue(column: pa.Array) -> pa.ListArray:
    """Texts of marked turns as messages; a text without marks is one user turn, an empty last turn none.

    >>> dialogue(pa.array(["\\n\\nHuman: hi\\n\\nAssistant: yes\\n\\nHuman: why?\\n\\nAssistant:"])).to_pylist()[0][2]
    {'role': 'user', 'content': 'why?'}
    """
    return pa.array([None if text is None else _turns(text) for text in column.to_pylist()], messages.MESSAGES)


def _turns(text: str) -> list[dict[str, str]]:
    found = list(_MARK.finditer(text))
    if not found:
        return [{"role": "user", "content": text}]
    head = text[: found[0].start()].strip()
    ends = [*(mark.start() for mark in found[1:]), len(text)]
    said = [(mark[1] or mark[2], text[mark.end() : end].strip()) for mark, end in zip(found, ends, strict=True)]
    turns = [{"role": _ROLES[who], "content": what} for who, what in said]
    if not turns[-1]["content"]:
        turns.pop()
    return [{"role": "user", "content": head}, *turns] if head else turns


def _whole_dialogues(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    return Made(replaced(table, ("prompt",), {side: dialogue(whole(table[side])) for side in SIDES}))


def _are_dialogues(sample: pa.Table) -> bool:
    """Both sides begin with a human's turn and go on with an assistant's."""
    for side in SIDES:
        if side not in sample.column_names or not messages.is_text(sample.schema.field(side).type):
            return False
        texts = [text for text in sample[side].slice(0, 20).to_pylist() if text]
        if not texts or not all(text.lstrip().startswith("Human:") and "\n\nAssistant:" in text for text in texts):
            return False
    return True


def _asked_in_dialogue(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    return Made(replaced(table, (), {"prompt": dialogue(whole(table["prompt"]))}))


def _is_asked_in_dialogue(sample: pa.Table) -> bool:
    """Responses beside a prompt of marked turns, of which the last is the assistant's and still empty."""
    if not {"prompt", *SIDES} <= set(sample.column_names) or not messages.is_text(
        sample.schema.field("prompt").type
    ):
        return False
    texts = [text.strip() for text in sample["prompt"].slice(0, 20).to_pylist() if text]
    return bool(texts) and all(text.startswith("Human:") and text.endswith("\n\nAssistant:") for text in texts)


def from_value(column: pa.Array) -> pa.ListArray:
    """Turns of {from, value}, one or a list of them a row, as messages.

    >>> from_value(pa.array([{"from": "gpt", "value": "4"}])).to_pylist()
    [[{'role': 'assistant', 'content': '4'}]]
    """
    single = pa.types.is_struct(column.type)
    flat = column if single else column.flatten()
    lengths = np.ones(len(column), np.int64) if single else messages.sizes(column)
    said = pc.struct_field(flat, "from")
    at = pc.index_in(said, value_set=pa.array(list(_ROLES)))
    roles = pc.coalesce(pa.array(list(_ROLES.values())).take(at), said)
    return messages.Turns(roles, pc.struct_field(flat, "value").cast(pa.string()), lengths).column()


def _sharegpt(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    before = [column for column in ("conversations", "conversation") if column in table.column_names]
    made = {
        side: from_value(whole(table[side])) for side in SIDES if _is_from_value(table.schema.field(side).type)
    }
    if before and _is_from_value(table.schema.field(before[0]).type):
        made["prompt"] = from_value(whole(table[before[0]]))
    return Made(replaced(table, before if "prompt" in made else (), made))


def _is_sharegpt(sample: pa.Table) -> bool:
    return all(side in sample.column_names and _is_from_value(sample.schema.field(side).type) for side in SIDES)


def _is_from_value(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind
    return pa.types.is_struct(kind) and {"from", "value"} <= {field.name for field in kind}


def _implicit(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    """The prompt is what both texts begin with, up to a space, as TRL's `extract_prompt` cuts."""
    made: dict[str, list[str | None]] = {"prompt": [], "chosen": [], "rejected": []}
    for chosen, rejected in zip(*(table[side].to_pylist() for side in SIDES), strict=True):
        common = _common(chosen or "", rejected or "")
        cut = len(common) - (common.endswith(" "))
        made["prompt"].append(common[:cut])
        made["chosen"].append(chosen and chosen[cut:])
        made["rejected"].append(rejected and rejected[cut:])
    return Made(replaced(table, (), {column: pa.array(texts, pa.string()) for column, texts in made.items()}))


def _is_implicit(sample: pa.Table) -> bool:
    """Nothing but two texts (and scores), which begin alike in every row."""
    names = set(sample.column_names)
    if not set(SIDES) <= names <= {*SIDES, *SCORES, "margin", "pair_id", "prompt_id"}:
        return False
    if not all(messages.is_text(sample.schema.field(side).type) for side in SIDES):
        return False
    rows = zip(*(sample[side].slice(0, 100).to_pylist() for side in SIDES), strict=True)
    return all(_common(a or "", b or "").strip() for a, b in rows)


def _common(one: str, other: str) -> str:
    """What both texts begin with."""
    parted = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return one[: next(parted, min(len(one), len(other)))]


def json_lists(column: pa.Array) -> list[list[str | None]]:
    """Texts that hold JSON lists of texts, one a turn; a text that holds none is one turn."""
    return [_json_list(text or "") for text in column.to_pylist()]


def _json_list(text: str) -> list[str | None]:
    try:
        found = json.loads(text)
    except ValueError:
        return [text]
    return found if isinstance(found, list) else [text]


HH_RLHF = Layout(
    "Anthropic/hh-rlhf", _are_dialogues, _whole_dialogues, "whole dialogues, split into prompt and response"
)
FULL_HH_RLHF = Layout(
    "Dahoas/full-hh-rlhf", _is_asked_in_dialogue, _asked_in_dialogue, "the prompt's marked turns are its turns"
)
SHAREGPT = Layout("ShareGPT", _is_sharegpt, _sharegpt, "turns of {from, value}")
IMPLICIT = Layout(
    "TRL, implicit prompt", _is_implicit, _implicit, "the prompt is what chosen and rejected begin with"
)
