"""Drawing a model's answers to prompts: what `rapo sample` and `rapo pairs --from-model` share."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from rapo.cli import options, output
from rapo.pairs import messages
from rapo.pairs.faults import several

if TYPE_CHECKING:
    from rapo.models.answers import Answer, Ask, Engine, Kept
    from rapo.relabelling.asking import Asking, Goal

BATCH = 32


def add_drawing(parser: "argparse._ActionsContainer", *, n: int) -> None:
    """How answers are drawn, ``n`` to a prompt unless told otherwise."""
    parser.add_argument("--limit", type=int, metavar="N", help="ask the first N prompts alone")
    parser.add_argument(
        "--goal", metavar="G", help="a score to ask for, or several: truth=9,order=4 (default: ask plainly)"
    )
    parser.add_argument(
        "--placement", choices=("system", "prefix"), help="the goal as a system turn, or before the user's"
    )
    parser.add_argument("--template", help="overall, compact, a text file, or a wording that holds {goals}")
    parser.add_argument(
        "--scale", nargs=2, type=float, metavar=("LOW", "HIGH"), help="the scale of the goal's text"
    )
    parser.add_argument("--n", type=int, default=n, help=f"answers to each prompt (default: {n})")
    parser.add_argument("--temperature", type=float, default=1.0, help="0 takes the likeliest token (default: 1)")
    parser.add_argument(
        "--top-p", type=float, default=1.0, help="keep the likeliest tokens of this mass (default: 1)"
    )
    parser.add_argument("--max-new-tokens", type=int, default=512, metavar="N", help="of an answer (default: 512)")
    parser.add_argument("--adapter", metavar="A", help="a PEFT adapter to put on the model")
    parser.add_argument("--tokenizer", metavar="T", help="another tokenizer than the model's own")
    parser.add_argument("--server", metavar="URL", help="ask this server; its address ends in /v1")
    parser.add_argument("--concurrency", type=int, default=8, metavar="N", help="requests at a time (default: 8)")


def check(args: argparse.Namespace) -> None:
    """Refuse options that make no sense, before anything is loaded."""
    counts = (args.n, args.max_new_tokens, args.concurrency, args.batch_size, args.limit)
    numbers = [number for number in counts if number is not None]
    if not (args.temperature >= 0 and 0 < args.top_p <= 1 and min(numbers) >= 1):
        raise ValueError(
            f"cannot sample {args.n} answers of up to {args.max_new_tokens} tokens with --temperature "
            f"{args.temperature:g} --top-p {args.top_p:g}; the temperature is 0 or more, top-p above 0 and at most 1, "
            "the numbers 1 or more"
        )
    if args.temperature == 0 and args.n > 1:
        raise ValueError(
            f"--temperature 0 gives {args.n} equal answers to a prompt; say --n 1, or a temperature above 0"
        )
    local = {"--adapter": args.adapter, "--dtype": args.dtype, "--device": args.device}
    if args.server and (given := [name for name, value in local.items() if value]):
        raise ValueError(f"{given[0]} belongs to a model that is loaded here, not to --server; leave it out")
    asked = {"--placement": args.placement, "--template": args.template, "--scale": args.scale}
    if args.goal is None and (given := [name for name, value in asked.items() if value]):
        raise ValueError(f"{given[0]} says how a goal is asked for; give one with --goal, or leave it out")


def drawing(args: argparse.Namespace, model: str, source: str) -> "Drawing":
    """Load what answers, or find its server, and read what it is asked; refused before any answer is drawn.

    Args:
        args: of a command with `add_drawing`, with ``seed``, ``batch_size``, ``dtype``, ``device`` and ``bad``.
        model: who answers.
        source: the prompts.
    """
    prompts, goal = _prompts(args, source), _goal(args.goal)
    engine, asking, settings = (_server if args.server else _local)(args, model)
    asks = _asks(prompts, asking, goal, args)
    engine.check(asks)
    settings |= {name: getattr(args, name) for name in ("temperature", "top_p", "max_new_tokens", "seed")}
    batch = args.batch_size or (BATCH * args.concurrency if args.server else BATCH)
    name = f"{model} + {args.adapter}" if args.adapter else model
    name += f", g={args.goal}" if args.goal else ""  # another contestant than the same model, asked plainly
    told = asking.told if asking else "asked plainly"
    return Drawing(prompts, asks, engine, settings, batch, name, told, goal, args.n)


@dataclass(frozen=True)
class Drawing:
    """Answers that are wanted, and what gives them.

    Attributes:
        prompts: a row a prompt, with its id.
        asks: every answer to every prompt, prompts in their order.
        engine: what answers, ``batch`` at a time; ``model`` is its name, with the goal it is asked for.
        settings: all that an answer depends on but what is asked, as plain JSON.
        told: how the goal is asked for, in words.
        goal, n: what is asked for, and how many answers a prompt gets.
    """

    prompts: pa.Table
    asks: "list[Ask]"
    engine: "Engine"
    settings: dict[str, Any]
    batch: int
    model: str
    told: str
    goal: "Goal | None"
    n: int

    def draw(self, kept: "Kept") -> "Drawn":
        """Draw those that are not kept, and keep them."""
        from rapo.models import answers

        before = sum(ask.key in kept.found for ask in self.asks)
        with output.progress("answers") as advance:
            made = answers.collect(self.asks, self.engine, kept, batch=self.batch, progress=advance)
        return Drawn(self, made, before)

    def foreseen(self, kept: "Kept", *, characters: int) -> "Drawn":
        """Those that are kept and, for the others, stand-ins of so many characters, each unlike the others."""
        from rapo.models.answers import Answer

        found = [kept.found.get(ask.key) for ask in self.asks]
        made = [one or Answer(f"{place}".ljust(characters, "."), None, False) for place, one in enumerate(found)]
        return Drawn(self, made, sum(one is not None for one in found))


@dataclass(frozen=True)
class Drawn:
    """Answers in the order of what was asked, None where there is none to be had; ``before`` were kept already."""

    drawing: Drawing
    made: "Sequence[Answer | None]"
    before: int

    def rows(self, *, flat: bool) -> pa.Table:
        """A row an answer, or a row a prompt with its answers as candidates."""
        what = self.drawing
        fields, row_of = self._fields()
        rows = what.prompts.take(pa.array(row_of)) if flat else what.prompts
        names = pa.array([what.model] * len(rows), pa.string())
        asked = {**{name: rows[name] for name in rows.column_names}, "model": names}
        if flat:
            return pa.table({**asked, **fields})
        answers = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
        counts = np.bincount(row_of, minlength=len(rows))
        return pa.table({**asked, "completions": messages.lists(answers, counts)})

    def _fields(self) -> tuple[dict[str, pa.Array], np.ndarray]:
        """What is known of each answer that there is, and the row of its prompt."""
        what = self.drawing
        both = enumerate(zip(what.asks, self.made, strict=True))
        said = [(place, ask, answer) for place, (ask, answer) in both if answer]
        fields = {
            "response": pa.array([answer.text for _, _, answer in said], pa.string()),
            **({} if what.goal is None else {"goal": pa.array([what.goal] * len(said))}),
            "number": pa.array([place % what.n + 1 for place, _, _ in said], pa.int64()),
            "seed": pa.array([ask.seed for _, ask, _ in said], pa.int64()),
            "tokens": pa.array([answer.tokens for _, _, answer in said], pa.int64()),
            "cut": pa.array([answer.cut for _, _, answer in said], pa.bool_()),
        }
        return fields, np.array([place // what.n for place, _, _ in said], np.int64)

    @property
    def counts(self) -> dict[str, int]:
        """How many answers there are, and what is odd about some."""
        answered = [answer for answer in self.made if answer is not None]
        return {
            "prompts": len(self.drawing.prompts),
            "answers": len(answered),
            "kept_from_before": self.before,
            "cut": sum(answer.cut for answer in answered),
            "empty": sum(not answer.text.strip() for answer in answered),
            "without_answer": len(self.made) - len(answered),
        }

    @property
    def line(self) -> str:
        """The same for people."""
        counts = self.counts
        told = f"{several(counts['answers'], 'answers')} to {several(counts['prompts'], 'prompts')}"
        remarks = {"cut": "cut at --max-new-tokens", "empty": "empty", "without_answer": "refused by the server"}
        odd = "".join(f", {counts[name]:,} {what}" for name, what in remarks.items() if counts[name])
        return f"{told}{odd}; {self.drawing.told}"


def _prompts(args: argparse.Namespace, source: str) -> pa.Table:
    from rapo.pairs import prompts

    found = prompts.read(
        source,
        columns=options.columns(args.column),
        split=args.split,
        revision=args.revision,
        bad=args.bad or "raise",
    )
    return found if args.limit is None else found.slice(0, args.limit)


def _goal(given: str | None) -> "Goal | None":
    """One score, or one a name."""
    if given is None:
        return None
    parts = [part.rpartition("=") for part in given.split(",")]
    try:
        values = {name.strip(): float(value) for name, _, value in parts}
    except ValueError:
        raise ValueError(f"--goal {given}: give a number, or NAME=NUMBER,NAME=NUMBER") from None
    if len(values) < len(parts) or ("" in values and len(values) > 1):
        raise ValueError(f"--goal {given}: give one number, or one for each name")
    return values.get("", values)


def _asks(
    prompts: pa.Table, asking: "Asking | None", goal: "Goal | None", args: argparse.Namespace
) -> "list[Ask]":
    """Every answer to every prompt, prompts in their order."""
    from rapo.config import canonical, content_hash
    from rapo.models.answers import Ask
    from rapo.pairs.schema import hashes

    asks = []
    for key, asked in zip(prompts["prompt_id"].to_pylist(), prompts["prompt"].to_pylist(), strict=True):
        shown = asking.put(asked, goal) if asking else asked
        names = [f"{key}\x1e{number}" for number in range(1, args.n + 1)]
        seeds = hashes(names, seed=args.seed, purpose="answer") & 0x7FFFFFFF  # what servers take
        text = canonical(shown)
        asks += [Ask(content_hash(name, text), shown, int(seed)) for name, seed in zip(names, seeds, strict=True)]
    return asks


def _local(args: argparse.Namespace, model: str) -> "tuple[Engine, Asking | None, dict[str, Any]]":
    """A model that is loaded here."""
    from transformers.utils import logging as transformers_logging

    from rapo.models import generation, loading
    from rapo.scoring import processes
    from rapo.scoring.tokens import check_template

    transformers_logging.disable_progress_bar()
    tokenizer = loading.load_tokenizer(args.tokenizer, model)
    check_template(tokenizer, args.tokenizer or model)
    how = None if args.goal is None else _how(args, model, tokenizer)
    device = args.device or processes.current().device
    checkpoint = loading.load(model, adapter=args.adapter, dtype=args.dtype, device=device)
    engine = generation.Generator(
        checkpoint, tokenizer, temperature=args.temperature, top_p=args.top_p, max_new_tokens=args.max_new_tokens
    )
    return engine, how, {"model": checkpoint.key, "tokenizer": loading.tokenizer_key(tokenizer)}


def _server(args: argparse.Namespace, model: str) -> "tuple[Engine, Asking | None, dict[str, Any]]":
    """A server that speaks OpenAI's protocol."""
    from rapo.judging import answering
    from rapo.judging.server import ChatServer
    from rapo.relabelling import chat

    template = chat.ChatTemplate.load(args.tokenizer) if args.tokenizer else None
    how = None if args.goal is None else _how(args, model, template)
    server = ChatServer(base_url=args.server, concurrency=args.concurrency)
    drawn = {"temperature": args.temperature, "top_p": args.top_p, "max_new_tokens": args.max_new_tokens}
    engine = answering.ServerAnswers(model, server, **drawn)
    return engine, how, {"model": model, "server": server.address.shown}


def _how(args: argparse.Namespace, model: str, tokenizer: Any) -> "Asking":
    from rapo.relabelling import asking

    return asking.asking(
        args.adapter or model,
        tokenizer=tokenizer,
        placement=args.placement,
        template=args.template,
        scale=tuple(args.scale) if args.scale else None,
    )
