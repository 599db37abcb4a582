"""Token ids of preference pairs: where the prompt ends is read off the rendered messages, never off their text."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from rapo.config import canonical, content_hash
from rapo.pairs import layouts, messages
from rapo.pairs import schema as pairs
from rapo.pairs.faults import PairsError
from rapo.scoring.sequences import Completion

_log = logging.getLogger(__name__)

TEXTS = pairs.TEXTS


@dataclass(frozen=True)
class Encoded:
    """Token ids of a table's rows. The prompt is what both sides begin with. Shape of each: (n_rows,)"""

    prompt: list[list[int]]
    chosen: list[list[int]]
    rejected: list[list[int]]

    def completions(self, side: str, *, max_length: int | None) -> tuple[list[Completion], list[bool]]:
        """Sequences to score, cut at ``max_length`` tokens from the end as TRL does, and which of them were cut."""
        wholes = [[*prompt, *answer] for prompt, answer in zip(self.prompt, getattr(self, side), strict=True)]
        cut = [max_length is not None and len(whole) > max_length for whole in wholes]
        made = [
            Completion(whole[:max_length], max(len(prompt), 1))
            for whole, prompt in zip(wholes, self.prompt, strict=True)
        ]
        return made, cut


def texts(table: pa.Table, *, name: str = "<table>", first_row: int = 1) -> pa.Table:
    """The columns ``prompt``, ``chosen`` and ``rejected``, checked: all strings, or all lists of messages.

    Scores are not asked for. Columns under well-known other names are understood.

    Raises:
        PairsError: (a ValueError) columns are missing, a response is empty, or roles are out of order.

    >>> row = {"instruction": "2 + 2 ?", "chosen": "4", "rejected": "5"}
    >>> texts(pa.Table.from_pylist([row])).to_pylist()
    [{'prompt': '2 + 2 ?', 'chosen': '4', 'rejected': '5'}]
    """
    known = {target: source for target, source in layouts.known(table.column_names).items() if target in TEXTS}
    named = pairs.rename(table, known, name=name)
    named = named.select([column for column in TEXTS if column in named.column_names])
    zeros = pa.nulls(len(named), pa.float64()).fill_null(0.0)
    scored = pa.table(
        {**dict(zip(named.column_names, named.columns, strict=True)), **dict.fromkeys(pairs.SCORES, zeros)}
    )
    try:
        checked = pairs.check(scored, name=name, first_row=first_row)
    except PairsError as error:
        raise PairsError(error.name, error.faults, what="pairs of responses to a prompt") from None
    if is_plain(named.schema):
        return pa.table({column: named[column].cast(pa.string()) for column in TEXTS})
    return checked.select(TEXTS)


def is_plain(schema: pa.Schema) -> bool:
    """True where prompt and responses are plain strings, scored as they stand, without a chat template."""
    return all(name in schema.names and messages.is_text(schema.field(name).type) for name in TEXTS)


def check_template(tokenizer: Any, name: str) -> None:
    """Refuse a tokenizer that cannot render messages.

    Raises:
        ValueError: it has no chat template.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise ValueError(
            f"{name} holds messages, but the tokenizer ({type(tokenizer).__name__}) has no chat template; set "
            "tokenizer.chat_template, give the tokenizer of a chat model, or give prompt, chosen and rejected as "
            "plain strings"
        )


def row_ids(table: pa.Table) -> list[str]:
    """What names a row whatever the model, tokenizer or order: a hash of prompt, chosen and rejected."""
    return [content_hash(canonical([row[name] for name in TEXTS])) for row in table.to_pylist()]


def encode(table: pa.Table, tokenizer: Any, *, name: str = "<table>", first_row: int = 1) -> Encoded:
    """Token ids of the columns that `texts` returns.

    As TRL does: messages go through the chat template, and the completion starts where prompt (with generation
    prompt) and whole conversation part; plain strings are joined, an end-of-sequence token behind each response.

    Raises:
        ValueError: the tokenizer has no chat template, or the template refuses a row.
    """
    prompts, chosen, rejected = (table[column].to_pylist() for column in TEXTS)
    render: Callable[..., list[list[int]]] = partial(_chat, tokenizer)
    sides = [[p + a for p, a in zip(prompts, side, strict=True)] for side in (chosen, rejected)]
    if is_plain(table.schema):
        render, end = partial(_plain, tokenizer), tokenizer.eos_token or ""
        sides = [[text if text.endswith(end) else text + end for text in side] for side in sides]
    told = partial(_told, name=name, first_row=first_row)
    starts = told(partial(render, prompt=True), prompts)
    wholes = [told(partial(render, prompt=False), side) for side in sides]
    return _split(starts, *wholes, name=name)


def _plain(tokenizer: Any, texts: list[str], *, prompt: bool) -> list[list[int]]:
    return tokenizer(texts, verbose=False)["input_ids"]


def _chat(tokenizer: Any, talks: list[list[dict[str, str]]], *, prompt: bool) -> list[list[int]]:
    return tokenizer.apply_chat_template(
        talks, add_generation_prompt=prompt, return_dict=False, tokenizer_kwargs={"verbose": False}
    )


def _told(render: Callable[[list[Any]], list[list[int]]], items: list[Any], *, name: str, first_row: int) -> Any:
    """Token ids of every item; where the tokenizer or its template refuses, the row is looked up.

    Raises:
        ValueError: naming the row.
    """
    try:
        return render(items) if items else []
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


def _split(starts: list[list[int]], chosen: list[list[int]], rejected: list[list[int]], *, name: str) -> Encoded:
    lengths = [
        min(common_prefix(start, a), common_prefix(start, b))
        for start, a, b in zip(starts, chosen, rejected, strict=True)
    ]
    shorter = sum(length < len(start) for length, start in zip(lengths, starts, strict=True))
    if shorter:
        _log.warning(
            "%s: in %d of %d rows the tokenised prompt is no prefix of prompt and response; what follows their "
            "common beginning counts as response, as in TRL",
            name, shorter, len(starts),
        )  # fmt: skip
    return Encoded(
        [whole[:length] for whole, length in zip(chosen, lengths, strict=True)],
        [whole[length:] for whole, length in zip(chosen, lengths, strict=True)],
        [whole[length:] for whole, length in zip(rejected, lengths, strict=True)],
    )


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """How many tokens two sequences begin with in common.

    >>> common_prefix([1, 2, 3], [1, 2, 4, 5])
    2
    """
    return next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )
