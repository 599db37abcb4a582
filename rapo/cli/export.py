"""Write pairs, or relabelled rows, as the trainers of other libraries read them.

A command of its own, and no option of relabel or select, so that the rows of every step can be exported, and a step's
own output keeps its scores and ids for the next one. With --to llama-factory, the entry that dataset_info.json needs is
written beside OUT, or told where such a file is there already: it is never changed.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from rapo import paths
from rapo.cli import options, output
from rapo.pairs import manifest, targets, trainer_formats, writing
from rapo.pairs.door import open_pairs
from rapo.pairs.faults import several
from rapo.pairs.schema import SCORES

PICTURES = {"image", "images", "videos"}  # columns of what a prompt has besides its text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo export`."""
    options.add_input(parser, what="pairs, or rows of `rapo relabel`")
    known = "; ".join(f"{name}: {one.about}" for name, one in trainer_formats.FORMATS.items())
    parser.add_argument("--to", required=True, choices=tuple(trainer_formats.FORMATS), help=known)
    output.add_output(parser, what="the rows")
    options.add_pair_checks(parser)


def run(args: argparse.Namespace) -> int:
    """Convert batch by batch, write, and tell."""
    output.check_output(args, args.file)
    form = trainer_formats.FORMATS[args.to]
    pairs = open_pairs(args.file, scored=form.scored or None, **options.reading(args))
    turned, left = 0, ""
    with output.progress("pairs") as advance:

        def made() -> Iterator[pa.Table]:
            nonlocal turned, left
            for table in writing.watched(pairs.batches(), advance):
                rows = trainer_formats.convert(table, args.to)
                turned += _turned(table)
                left = _left_out({*table.column_names} - {*rows.column_names})
                yield rows

        rows = writing.write(made(), args.out, overwrite=args.overwrite, shard_rows=args.shard_rows)
    hint = _register(output.product(args)) if args.to == "llama-factory" and args.out != targets.STDOUT else ""
    return output.finish(
        args,
        source=manifest.source(args.file),
        counts={"rows": rows},
        read=pairs,
        about=f"Preference data for {form.about}.",
        line=f"{several(rows, 'rows')} for {form.about}{hint}"
        + left
        + f"; in {several(turned, 'pairs')} chosen scores below rejected, as `rapo check` tells" * bool(turned),
    )


def _left_out(columns: set[str]) -> str:
    """What of these columns belongs to prompts, in words: tools, pictures."""
    tools = "; tools are left out, which rows for trl have" * (trainer_formats.TOOLS in columns)
    return tools + "".join(f"; column {name} is left out: rows are texts" for name in sorted(columns & PICTURES))


def _turned(table: pa.Table) -> int:
    """How many pairs' chosen response scores below the rejected one; relabelled rows are ordered by their goal."""
    if "goal" in table.column_names or not {*SCORES} <= {*table.column_names}:
        return 0
    return int(pc.sum(pc.less(*(table[name] for name in SCORES))).as_py() or 0)


def _register(target: Path) -> str:
    """Write LLaMA-Factory's entry beside the product; what a person must do where there is a file already."""
    entry = {target.name.partition(".")[0]: trainer_formats.dataset_info(target.name)}
    file = target.with_name("dataset_info.json")
    if not file.exists():
        paths.write_text(file, json.dumps(entry, indent=2, ensure_ascii=False) + "\n")
        return f"; entry in {file}"
    try:
        there = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:  # with comments, say
        there = None
    done = isinstance(there, dict) and all(there.get(name) == told for name, told in entry.items())
    return "" if done else f"; add to {file}: {json.dumps(entry, ensure_ascii=False)[1:-1]}"
