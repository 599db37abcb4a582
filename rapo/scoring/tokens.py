"""Token ids of prompts and responses: where a response starts is read off the rendered messages, never their text."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from rapo.config import canonical, content_hash
from rapo.pairs import columns, messages
from rapo.pairs.check import check
from rapo.pairs.schema import TEXTS
from rapo.scoring.sequences import Completion

_log = logging.getLogger(__name__)

PAIR = ("chosen", "rejected")

_IDS_ALONE = {"verbose": False, "return_attention_mask": False, "return_token_type_ids": False}

Rows = Sequence[Mapping[str, Any]]
Ids = dict[str, list[list[int]]]  # "prompt_ids", and "<side>_ids" of each side


def tokenise(
    tokenizer: Any, rows: Rows, *, sides: Sequence[str] = PAIR, name: str = "rows", first_row: int = 1
) -> Ids:
    """Token ids of prompts and responses. This is the one rule that says where a response starts.

    As TRL does: messages go through the chat template, and a response starts where the prompt (with generation
    prompt) and the whole conversations part; plain strings are joined, an end-of-sequence token behind each response.

    Args:
        tokenizer: with a chat template, unless the rows are plain strings.
        rows: mappings with ``prompt`` and the sides: all messages, or all strings.
        sides: which responses there are: "completion", or "chosen" and "rejected".
        name, first_row: what an error calls the rows, and the first of them.

    Returns:
        ``prompt_ids`` and ``<side>_ids``. Shape of each: (n_rows,)

    Raises:
        ValueError: the tokenizer or its template refuses a row.
    """
    if not rows:
        return {f"{column}_ids": [] for column in ("prompt", *sides)}
    prompts = [row["prompt"] for row in rows]
    render = partial(_plain if isinstance(prompts[0], str) else _chat, tokenizer)
    told = partial(_told, name=name, first_row=first_row)
    starts = told(partial(render, prompt=True), prompts)
    wholes = [
        told(partial(render, prompt=False), [_joined(row["prompt"], row[side], tokenizer) for row in rows])
        for side in sides
    ]
    ends = [_common(*every) for every in zip(starts, *wholes, strict=True)]
    parted = sum(end < len(start) for end, start in zip(ends, starts, strict=True))
    if parted:
        _log.warning(
            "%s: in %d of %d rows the tokenised prompt is no prefix of prompt and response; what follows their "
            "common beginning counts as response, as in TRL",
            name, parted, len(rows),
        )  # fmt: skip
    ids = {"prompt_ids": [start[:end] for start, end in zip(starts, ends, strict=True)]}
    for side, whole in zip(sides, wholes, strict=True):
        ids[f"{side}_ids"] = [both[end:] for both, end in zip(whole, ends, strict=True)]
    return ids


def asked(tokenizer: Any, prompts: Sequence[Any]) -> list[list[int]]:
    """Token ids of prompts alone, as a model is asked them: with the generation prompt. Shape: (n_prompts,)"""
    if not prompts:
        return []
    return (_plain if isinstance(prompts[0], str) else _chat)(tokenizer, list(prompts), prompt=True)


def _joined(prompt: Any, answer: Any, tokenizer: Any) -> Any:
    """Messages one after the other, or one text that ends with the end-of-sequence token."""
    if not isinstance(prompt, str):
        return [*prompt, *answer]
    end = tokenizer.eos_token or ""
    return prompt + answer + ("" if (prompt + answer).endswith(end) else end)


def _plain(tokenizer: Any, texts: list[str], *, prompt: bool) -> list[list[int]]:
    return tokenizer(texts, **_IDS_ALONE)["input_ids"]


def _chat(tokenizer: Any, talks: list[Any], *, prompt: bool) -> list[list[int]]:
    return tokenizer.apply_chat_template(
        talks, add_generation_prompt=prompt, return_dict=False, tokenizer_kwargs=_IDS_ALONE
    )


def _told(render: Callable[[list[Any]], list[list[int]]], items: list[Any], *, name: str, first_row: int) -> Any:
    """Token ids of every item; where the tokenizer or its template refuses, a ValueError that names the row."""
    try:
        return render(items)
    except Exception as error:  # templates and tokenizers raise what they like
        for i, item in enumerate(items):
            try:
                render([item])
            except Exception as refused:
                raise ValueError(
                    f"{name}: row {first_row + i} cannot be tokenised ({refused}); mend the row, or the tokenizer or "
                    "its chat template (a goal for a template without system role goes into the user's turn)"
                ) from error
        raise


def _common(*sequences: Sequence[int]) -> int:
    """How many tokens all sequences begin with in common."""
    parted = (i for i, tokens in enumerate(zip(*sequences, strict=False)) if len(set(tokens)) > 1)
    return next(parted, min(map(len, sequences)))


def completions(ids: Ids, side: str, *, max_length: int | None = None) -> tuple[list[Completion], list[bool]]:
    """Sequences to score, cut at ``max_length`` tokens from the end as TRL does, and which of them were cut."""
    pairs = list(zip(ids["prompt_ids"], ids[f"{side}_ids"], strict=True))
    cut = [max_length is not None and len(prompt) + len(answer) > max_length for prompt, answer in pairs]
    return [Completion([*prompt, *answer][:max_length], max(len(prompt), 1)) for prompt, answer in pairs], cut


def texts(table: pa.Table, *, name: str = "<table>", first_row: int = 1) -> pa.Table:
    """The columns ``prompt``, ``chosen`` and ``rejected``, checked: all strings, or all lists of messages.

    Scores are not asked for. Columns under well-known other names are understood.

    Raises:
        PairsError: (a ValueError) columns are missing, a response is empty, or roles are out of order.

    >>> row = {"instruction": "2 + 2 ?", "chosen": "4", "rejected": "5"}
    >>> texts(pa.Table.from_pylist([row])).to_pylist()
    [{'prompt': '2 + 2 ?', 'chosen': '4', 'rejected': '5'}]
    """
    known = {target: source for target, source in columns.known(table.column_names).items() if target in TEXTS}
    named = columns.rename(table, known, name=name)
    named = named.select([column for column in TEXTS if column in named.column_names])
    checked = check(named, name=name, scored=False, first_row=first_row)
    if is_plain(named.schema):
        return pa.table({column: named[column].cast(pa.string()) for column in TEXTS})
    return checked.select(TEXTS)


def is_plain(schema: pa.Schema) -> bool:
    """True where prompt and responses are plain strings, scored as they stand, without a chat template."""
    return all(name in schema.names and messages.is_text(schema.field(name).type) for name in TEXTS)


def check_template(tokenizer: Any, name: str) -> None:
    """Refuse (with a ValueError) a tokenizer that has no chat template to render messages with."""
    if not getattr(tokenizer, "chat_template", None):
        raise ValueError(
            f"{name} holds messages, but the tokenizer ({type(tokenizer).__name__}) has no chat template; set "
            "tokenizer.chat_template, give the tokenizer of a chat model, or give prompt, chosen and rejected as "
            "plain strings"
        )


def row_ids(table: pa.Table) -> list[str]:
    """What names a row whatever the model, tokenizer or order: a hash of prompt, chosen and rejected."""
    return [content_hash(canonical([row[name] for name in TEXTS])) for row in table.to_pylist()]
