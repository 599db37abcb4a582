"""Train a model as a recipe says, with TRL's own trainers: SFT, DPO and its losses, SimPO, CPO, KTO, ORPO.

RECIPE is a YAML file of TRL's own arguments, as `trl dpo --config` takes it, or the name of one that comes with rapo:
  rapo train --recipes
  rapo train ra_dpo_qwen2 --set dataset_name=goals.jsonl --out qwen2-ra
Data are read as every command reads pairs; rows of `rapo relabel` and `rapo score --trl` train as they are. What TRL
has no word for is set with rapo.NAME=VALUE: trainer (sft, dpo, simpo, cpo, kto, orpo), columns, bad, long_rows,
data_revision, test_data (evaluated on with eval_strategy=steps). LoRA: --set use_peft=true. Tracking: --set
report_to=tensorboard (trackio, wandb).

OUT/rapo.json says what was trained on what, and how. The same command again goes on from the last checkpoint of an
interrupted run, and does nothing where it is finished. num_processes and accelerate_config (multi_gpu, fsdp2, zero3,
or a file) start several processes; launched by accelerate or torchrun, each process takes its share:
  accelerate launch --config_file mine.yaml -m rapo train RECIPE --out OUT
"""

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import Any

from rapo.cli import options
from rapo.pairs.faults import several


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo train`."""
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="a YAML file, or a name from --recipes")
    options.add_settings(parser, what="over the recipe; may be repeated")
    parser.add_argument("--out", metavar="OUT", help="folder of the model (default: the recipe's output_dir)")
    parser.add_argument("--recipes", action="store_true", help="list the recipes that come with rapo")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(args: argparse.Namespace) -> int:
    """Train, or start the processes that do, and tell."""
    if args.recipes:
        return _list(as_json=args.json)
    if not args.recipe:
        raise ValueError("name a recipe: a YAML file, or one of `rapo train --recipes`")
    from rapo.training import launched, recipe

    found = recipe.read(args.recipe, options.parse_settings(args.set))
    if not (out := args.out or found.out):
        raise ValueError(f"{found.name} names no output_dir; say --out FOLDER")
    words = ["train", args.recipe, *(word for one in args.set for word in ("--set", one)), "--out", out]
    words += ["--json"] if args.json else []
    if command := launched.command(found, words):
        sys.stdout.flush()
        os.environ[launched.MARK] = "1"
        os.execv(command[0], command)
    return _train(found, Path(out), as_json=args.json)


def _train(found: Any, out: Path, *, as_json: bool) -> int:
    """Train in this process; the first among several speaks for all."""
    from transformers.utils import logging as transformers_logging

    from rapo.scoring import processes
    from rapo.training.run import run as train

    transformers_logging.disable_progress_bar()
    is_main = processes.current().is_main
    if not is_main:
        logging.getLogger("rapo").setLevel(logging.ERROR)
    told = train(found, out)
    if is_main and as_json:
        options.print_json(told)
    elif is_main:
        options.say(f"{out}: {_summary(told)}")
    return 0


def _summary(told: dict[str, Any]) -> str:
    """What was done, in one line."""
    rows, loss = told["rows"], told["loss"]
    apart = ", ".join(
        f"{rows[name]:,} {words}" for name, words in (("cut", "cut"), ("left_out", "left out")) if rows[name]
    )
    went = f", loss {loss['first']:.4g} to {loss['last']:.4g}" if loss else ""
    on = f", gone on from step {told['resumed'][-1]:,}" if told["resumed"] else ""
    return (
        f"{told['trainer']}, {several(told['steps'], 'steps')} of {several(told['rows_a_step'], 'rows')}, "
        f"{several(rows['read'], 'rows')} read{f' ({apart})' if apart else ''}{went}{on}"
    )


def _list(*, as_json: bool) -> int:
    """The recipes that come with rapo: name, model, loss, and where the file lies."""
    from rapo.config import load_yaml
    from rapo.training.recipe import packaged

    found = {name: (file, load_yaml(file)) for name, file in packaged().items()}
    if as_json:
        options.print_json({name: {"file": file, **held} for name, (file, held) in found.items()})
        return 0
    for name, (file, held) in found.items():
        about = f"{held['model_name_or_path']}, beta {held['beta']:g}, learning rate {held['learning_rate']:g}"
        options.say(f"{name:<18} {about}\n{'':<18} {file}")
    return 0
