"""Make scored pairs from candidates with scores: rows of {"instruction", "completions": [{"response",
"overall_score", ...}]}, as UltraFeedback has them.

Candidates without scores, such as `rapo sample MODEL PROMPTS --n 5` draws, are scored by --reward-model, or from 1
to 10 by the language model that --judge names, as `rapo judge --score` asks it. With --from-model M the candidates are
drawn first: IN holds prompts, and M's own --n answers to each become pairs, the best against the worst (--rule worst)
or against the one at a --quantile of the others. Answers, rewards and the judge's replies are kept under build/ as they
come: the same command again, or another --quantile, draws and pays nothing twice. --dry-run tells requests, tokens and
price of the judge beforehand.
"""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapo.cli import drawing, options, output, rating
from rapo.pairs.faults import several

if TYPE_CHECKING:
    import pyarrow as pa

_log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo pairs`."""
    options.add_input(parser, what="candidates, or prompts with --from-model")
    output.add_output(parser, what="the pairs")
    parser.add_argument(
        "--rule",
        choices=("random", "worst", "all"),
        help="compare the best candidate with a random other (default) or the worst, or every two candidates",
    )
    parser.add_argument("--seed", type=int, default=42, help="seed of the random other (default: 42)")
    parser.add_argument("--score", default="overall_score", help="a completion's field with its score")
    options.add_pair_checks(parser)
    parser.set_defaults(bad=None)
    parser.add_argument(
        "--exclude-source",
        action="append",
        default=[],
        metavar="NAME",
        help="leave out rows of this source; the official preprocessing leaves out truthful_qa",
    )
    parser.add_argument(
        "--quantile",
        type=float,
        metavar="Q",
        help="compare the best with the candidate at this quantile of the others' scores: 0 the worst, 1 the next best",
    )
    rating.add_rating(parser)
    parser.add_argument("--batch-size", type=int, metavar="N", help="of a model here (default: 16, answers: 32)")
    parser.add_argument("--dtype", help="of models here: float32, bfloat16, float16 or auto (default: auto)")
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 (a GPU if there is one)")
    own = parser.add_argument_group("a model's own answers")
    own.add_argument(
        "--from-model", metavar="M", help="draw candidates from this causal LM; with --server its name there"
    )
    drawing.add_drawing(own, n=5)


def run(args: argparse.Namespace) -> int:
    """Draw and score where asked to, stream into pairs, and say how many."""
    from rapo.pairs import manifest, writing
    from rapo.pairs.candidates import Pairing
    from rapo.pairs.door import open_pairs

    _check(args)
    if args.dry_run:
        return _foretell(args)
    output.check_output(args, args.file)
    done: dict[str, Any] = {}
    counts: dict[str, Any] = {}
    source, reading = _source(args, done, counts)
    pairing = Pairing(
        rule=args.rule or ("worst" if args.from_model else "random"),
        seed=args.seed,
        score=args.score,
        exclude_sources=tuple(args.exclude_source),
    )
    pairs = open_pairs(source, pairing=pairing, name=args.from_model or args.file, **reading)
    with output.progress("pairs") as advance:
        made = writing.watched(pairs.batches(), advance)
        n = writing.write(made, args.out, overwrite=args.overwrite, shard_rows=args.shard_rows)
    about = "Scored preference pairs; of candidates with scores, the best of each prompt against another."
    return output.finish(
        args,
        source=manifest.source(args.file),
        counts={**counts, "pairs": n},
        about=about,
        settings=rating.without_secrets_of(args, done),
        done=done,
        read=pairs,
        line="\n  ".join([several(n, "pairs"), *done.pop("notes", [])]),
    )


def _check(args: argparse.Namespace) -> None:
    """Refuse options that do not go together."""
    from rapo.pairs import own_scores

    if args.batch_size is not None and args.batch_size < 1:
        raise ValueError(f"--batch-size is {args.batch_size}; need at least 1")
    if args.quantile is not None:
        own_scores.check_quantile(args.quantile)
    if args.rule and args.quantile is not None:
        raise ValueError(
            f"--quantile says who is compared with the best, and so does --rule {args.rule}; leave one out"
        )
    if args.judge is None and (args.judge_server or args.judge_set):
        raise ValueError("--judge-server and --judge-set belong to --judge NAME; say that too")
    if args.judge is None and args.dry_run:
        raise ValueError("--dry-run tells what --judge NAME will take; say that too")
    if args.from_model is None:
        if args.server or args.goal or args.adapter:
            raise ValueError("--server, --goal and --adapter belong to --from-model M; say that too")
        return
    drawing.check(args)
    if not (args.reward_model or args.judge):
        raise ValueError("--from-model draws answers without scores; say --reward-model M or --judge NAME, too")
    if args.n < 2:
        raise ValueError(f"--n {args.n}: a pair needs 2 answers or more to a prompt")


def _source(
    args: argparse.Namespace, done: dict[str, Any], counts: dict[str, Any]
) -> "tuple[Any, dict[str, Any]]":
    """What pairs are made of, and how it is read: a file, or candidates in memory, drawn, scored and cut as asked."""
    from rapo.pairs import own_scores

    made_here = args.from_model or args.judge
    reading = {**options.reading(args), "bad": args.bad or ("drop" if made_here else "raise")}
    if not (made_here or args.reward_model or args.quantile is not None):
        return args.file, reading
    name = args.from_model or args.file
    table = _drawn(args, done, counts) if args.from_model else _candidates(args)
    reading |= {"split": None, "revision": None, "streaming": False, "columns": {}}
    if args.reward_model or args.judge:
        table = rating.scored(table, args, done, counts, name=name)
    if args.quantile is not None:
        table = own_scores.at_quantile(table, args.quantile, field=args.score, name=name, bad=reading["bad"])
    return table, reading


def _candidates(args: argparse.Namespace) -> "pa.Table":
    """The file's rows, under our names."""
    from rapo.pairs import columns, raw

    table = raw.read(args.file, split=args.split, revision=args.revision, streaming=args.streaming)
    return columns.rename(table, options.reading(args)["columns"], name=args.file)


def _drawn(args: argparse.Namespace, done: dict[str, Any], counts: dict[str, Any]) -> "pa.Table":
    """The model's own answers; those that build/answers keeps are not drawn again."""
    from rapo.models import answers

    what = drawing.drawing(args, args.from_model, args.file)
    with answers.keeping(_file(what), what.settings) as kept:
        drawn = what.draw(kept)
    if args.server and drawn.before:
        told = (
            "%d answers are those that %s gave before, kept in %s; if another model is served there now, remove it"
        )
        _log.warning(told, drawn.before, args.from_model, _file(what))
    done |= {"drawn": what.settings, "asked": what.told, "notes": [drawn.line]}
    counts |= drawn.counts
    return drawn.rows(flat=False)


def _file(what: drawing.Drawing) -> Path:
    """Where a model's answers are kept."""
    from rapo import paths
    from rapo.config import canonical, content_hash

    return paths.root() / "build" / "answers" / f"{content_hash(canonical(what.settings))}.jsonl"


def _foretell(args: argparse.Namespace) -> int:
    """What judging would take; answers that are not drawn yet count as long as they may be."""
    from dataclasses import asdict

    from rapo.judging import costs, judges
    from rapo.models import answers
    from rapo.pairs import own_scores

    note, judge = "", rating.judge_of(args)
    if args.from_model:
        what = drawing.drawing(args, args.from_model, args.file)
        file = _file(what)
        with answers.keeping(file if file.exists() else None, what.settings) as kept:
            foreseen = what.foreseen(kept, characters=args.max_new_tokens * costs.PER_TOKEN)
        table, left = foreseen.rows(flat=False), len(what.asks) - foreseen.before
        note = (
            f"; {left:,} answers are not drawn yet and count {args.max_new_tokens:,} tokens each" if left else ""
        )
    else:
        table = _candidates(args)
    talks = own_scores.talks(table, name=args.from_model or args.file)
    found = judges.expect(judges.rating_requests(rating.to_judge(rating.spoken(talks)), judge), judge)
    if args.json:
        options.print_json(asdict(found))
    else:
        options.say(found.line(prices="--judge-set price_in=P --judge-set price_out=P") + note)
    return 0
