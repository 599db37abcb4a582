"""Candidates with scores or ranks: UltraFeedback, Nectar, HelpSteer2, Orca. `rapo.pairs.candidates` pairs them up."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import candidates, check, columns, messages
from rapo.pairs.candidates import Pairing
from rapo.pairs.columns import CANDIDATES, holds_candidates
from rapo.pairs.layouts.dialogues import dialogue
from rapo.pairs.layouts.layout import Layout, Made, has, replaced
from rapo.pairs.messages import whole

HELPSTEER = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")


def _candidates(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    made = candidates.made(_with_names(table, row), pairing, name=name, first_row=row)
    return Made(made.table, made.rows, made.faults, made.left_out)


def _with_names(table: pa.Table, row: int) -> pa.Table:
    """Rows that can be drawn for: a missing prompt is an empty one, which the check tells, and an id is the row's."""
    for column in ("prompt", "instruction", "prompt_id"):
        if column in table.column_names and table[column].null_count:
            held = whole(table[column])
            if column == "prompt_id":
                held, new = check.identifiers(held), _row_ids(table, row)
            else:
                new = pa.array(["" if messages.is_text(held.type) else []] * len(table), held.type)
            filled = pc.if_else(held.is_valid(), held, new)
            table = table.set_column(table.column_names.index(column), column, filled)
    return table


def _row_ids(table: pa.Table, row: int) -> pa.Array:
    return pa.array([f"row-{row + at}" for at in range(len(table))], pa.string())


def _nectar(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    """Ranks as scores: the last of n answers gets 1, the first n."""
    answers = whole(table["answers"])
    lengths = messages.sizes(answers)
    flat = answers.flatten()
    ranks = pc.struct_field(flat, "rank").cast(pa.float64()).to_numpy(zero_copy_only=False)
    fields = {
        "response": pc.struct_field(flat, "answer"),
        "overall_score": pa.array(np.repeat(lengths, lengths) + 1.0 - ranks),
        "model": pc.struct_field(flat, "model"),
    }
    made = {"prompt": dialogue(whole(table["prompt"])), CANDIDATES: messages.of_fields(fields, lengths)}
    return _candidates(replaced(table, ("answers",), made), replace(pairing, score="overall_score"), name, row)


def _helpsteer2(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    """Neighbouring rows of one prompt are its candidates."""
    prompts = whole(table["prompt"])
    parted = np.ones(len(prompts), bool)
    parted[1:] = ~messages.equal(prompts[1:], prompts[:-1])
    starts = np.flatnonzero(parted)
    lengths = np.diff(np.append(starts, len(prompts)))
    rated = {column: whole(table[column]) for column in HELPSTEER if column in table.column_names}
    score = whole(table["score"]) if "score" in table.column_names else rated["helpfulness"]
    fields = {
        "response": whole(table["response"]),
        "overall_score": score,
        "annotations": pa.StructArray.from_arrays(list(rated.values()), names=list(rated)),
    }
    grouped = pa.table(
        {"prompt": dialogue(prompts.take(pa.array(starts))), CANDIDATES: messages.of_fields(fields, lengths)}
    )
    made = _candidates(grouped, replace(pairing, score="overall_score"), name, row)
    groups = np.arange(len(made.table)) if made.rows is None else made.rows
    firsts = pa.array([f"row-{number}" for number in row + starts[groups]], pa.string())
    sides = pc.binary_join_element_wise(
        firsts, pc.replace_substring_regex(made.table["pair_id"], "^[^:]*", ""), ""
    )
    faults = [replace(fault, rows=row + starts[fault.rows - row]) for fault in made.faults]
    return Made(_named(made.table, prompt_id=firsts, pair_id=sides), starts[groups], faults, made.left_out)


def _orca(table: pa.Table, pairing: Pairing, name: str, row: int) -> Made:
    """Pairs beside the list of both ratings."""
    mapping = columns.known(table.column_names) | {"score_chosen": "max(rating)", "score_rejected": "min(rating)"}
    return Made(columns.rename(table, mapping, name=name))


def _are_numbers(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) and columns.is_number(kind.value_type)


def _named(table: pa.Table, **columns: pa.Array) -> pa.Table:
    """The table with other values in these columns."""
    for name, held in columns.items():
        table = table.set_column(table.column_names.index(name), name, held)
    return table


CANDIDATE_LISTS = Layout(
    "candidates", lambda sample: holds_candidates(sample.column_names), _candidates, pairs_up=True
)
NECTAR = Layout(
    "berkeley-nest/Nectar",
    lambda sample: has("prompt", "answers")(sample) and _has_ranks(sample.schema.field("answers").type),
    _nectar,
    "ranks become scores: the last of n answers has 1, the first n",
    pairs_up=True,
)
ORCA = Layout(
    "argilla/distilabel-intel-orca-dpo-pairs",
    lambda sample: (
        has("chosen", "rejected", "rating")(sample) and _are_numbers(sample.schema.field("rating").type)
    ),
    _orca,
    "the best of both ratings is chosen's score",
)
HELPSTEER2 = Layout(
    "nvidia/HelpSteer2",
    has("prompt", "response", "helpfulness"),
    _helpsteer2,
    "a response's score is its helpfulness, 0 to 4; to take another type --column score=correctness",
    pairs_up=True,
    together="prompt",
)


def _has_ranks(kind: pa.DataType) -> bool:
    is_list = pa.types.is_list(kind) and pa.types.is_struct(kind.value_type)
    return is_list and {"answer", "rank", "model"} <= {field.name for field in kind.value_type}
