"""Further columns of both responses, such as ``chosen_model`` and ``rejected_model``, which change places with them."""

import pyarrow as pa

from rapo.pairs.schema import SCORES, SIDES, partner


def alike(table: pa.Table) -> pa.Table:
    """The table with such columns in one type where there is one: empty cells, whole numbers and fractions, fields.

    >>> alike(pa.table({"chosen_rank": [1], "rejected_rank": [2.5]}))["chosen_rank"].type
    DataType(double)
    """
    for column, other in _unlike(table.schema):
        kinds = [pa.schema([("both", table.schema.field(name).type)]) for name in (column, other)]
        try:
            kind = pa.unify_schemas(kinds, promote_options="permissive").field("both").type
            held = {name: table[name].cast(kind) for name in (column, other)}
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            continue
        for name, values in held.items():
            table = table.set_column(table.column_names.index(name), name, values)
    return table


def refuse_unlike(schema: pa.Schema, *, name: str) -> None:
    """A ValueError where such columns cannot change places, as their types differ."""
    for column, other in _unlike(schema):
        kinds = [schema.field(one).type for one in (column, other)]
        raise ValueError(
            f"{name}: column {column} holds {kinds[0]} and {other} {kinds[1]}, and both change places with their "
            "responses: write them in one type, or leave them out"
        )


def _unlike(schema: pa.Schema) -> list[tuple[str, str]]:
    """Columns and their partners where their types differ; those of the schema are brought into one by its check."""
    further = [name for name in schema.names if name not in (*SIDES, *SCORES) and "chosen" in name]
    both = [(name, partner(name)) for name in further if partner(name) != name and partner(name) in schema.names]
    return [(one, other) for one, other in both if schema.field(one).type != schema.field(other).type]
