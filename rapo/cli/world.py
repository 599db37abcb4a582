"""`rapo world`: write a data set of the micro world, scored candidates in UltraFeedback's shape."""

import argparse

from rapo.cli import options, output
from rapo.pairs import writing
from rapo.pairs.faults import several
from rapo.world import data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    output.add_output(parser, what="the candidates")
    parser.add_argument("--prompts", type=int, default=1000, metavar="N", help="how many prompts (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="row i depends on the seed and i alone (default 0)")
    parser.add_argument("--split", choices=("train", "tuning", "test"), default="train", help="which prompts")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
        help="a setting of the world: noise=2, length_bias=1, gold.peak=0, skill=[0.1,0.7]",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write the candidates; `rapo pairs` makes pairs of them."""
    if args.prompts < 1:
        raise ValueError(f"--prompts is {args.prompts}; ask for at least one")
    output.check_output(args)
    try:
        table = data.candidates(_world(args.settings), args.prompts, seed=args.seed, split=args.split)
    except TypeError as error:  # what a setting is used for tells what it should be
        raise ValueError(
            f"--set: a value is of the wrong kind ({error}); give numbers where numbers belong"
        ) from error
    rows = writing.write(table, args.out, overwrite=args.overwrite, shard_rows=args.shard_rows)
    return output.finish(
        args,
        source={"path": "the micro world", "sha256": None},
        counts={"prompts": rows},
        about="Prompts of rapo's micro world, each with scored answers, in UltraFeedback's shape.",
        line=f"{several(rows, 'prompts')}, {data.CANDIDATES} scored answers each",
    )


def _world(settings: list[str]) -> data.World:
    given = options.parse_settings(settings)
    gold = {name.removeprefix("gold."): value for name, value in given.items() if name.startswith("gold.")}
    chosen = {name: value for name, value in given.items() if not name.startswith("gold.")}
    try:
        return data.make_world({**chosen, "gold": gold})
    except TypeError as error:
        raise ValueError(f"--set: {error}; see rapo.world.data.World and rapo.world.reward.Gold") from error
