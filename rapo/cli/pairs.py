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
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rapo.cli import drawing, options, output
from rapo.pairs.faults import several

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_BATCHES = 32  # of the reward model, after which scores are on the disk
_log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo pairs`."""
    options.add_input(parser, what="candidates, or prompts with --from-model")
    output.add_output(parser, what="the pairs")
    options.add_candidates(parser)
    options.add_pair_checks(parser)
    parser.set_defaults(rule=None, bad=None)
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
    scorer = parser.add_mutually_exclusive_group()
    scorer.add_argument(
        "--reward-model",
        metavar="M",
        help="score candidates with this sequence classifier: a folder or a hub's id",
    )
    scorer.add_argument(
        "--judge", metavar="NAME", help="score candidates 1-10 with this language model on a server"
    )
    parser.add_argument(
        "--judge-server", metavar="URL", help="the judge's (default: $OPENAI_BASE_URL, else OpenAI's own)"
    )
    parser.add_argument(
        "--judge-set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="price_in, price_out, concurrency, timeout, key_variable ... of the judge, or options.FIELD of a request",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="tell the judge's requests, tokens and price, and ask and draw nothing",
    )
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
    from rapo.pairs import manifest, sources

    _check(args)
    if args.dry_run:
        return _foretell(args)
    output.check_output(args, args.file)
    done: dict[str, Any] = {}
    counts: dict[str, Any] = {}
    source, reading = _source(args, done, counts)
    pairing = sources.Pairing(
        rule=args.rule or ("worst" if args.from_model else "random"),
        seed=args.seed,
        score=args.score,
        exclude_sources=tuple(args.exclude_source),
    )
    with output.progress("pairs") as advance:
        n = sources.pairs_file(
            source,
            args.out,
            pairing,
            overwrite=args.overwrite,
            shard_rows=args.shard_rows,
            progress=advance,
            name=args.from_model or args.file,
            **reading,
        )
    about = "Scored preference pairs; of candidates with scores, the best of each prompt against another."
    return output.finish(
        args,
        source=manifest.source(args.file),
        counts={**counts, "pairs": n},
        about=about,
        settings=_without_secrets(args, done),
        done=done,
        line="\n  ".join([several(n, "pairs"), *done.pop("notes", [])]),
    )


def _without_secrets(args: argparse.Namespace, done: dict[str, Any]) -> dict[str, Any]:
    """The options that may hold secrets, as they may be written down."""
    from rapo.judging.address import without_secrets

    given = options.parse_settings(args.judge_set)
    beside = {key: "(not written down)" for key in given if key.startswith("options.extra_")}
    shown = {"server": done.get("drawn", {}).get("server"), "judge_server": done.pop("judge_server", None)}
    return {**shown, "judge_set": {**without_secrets(given), **beside}}


def _check(args: argparse.Namespace) -> None:
    """Refuse options that do not go together."""
    if args.batch_size is not None and args.batch_size < 1:
        raise ValueError(f"--batch-size is {args.batch_size}; need at least 1")
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
        table = _scored(table, args, done, counts, name=name)
    if args.quantile is not None:
        table = own_scores.at_quantile(table, args.quantile, field=args.score, name=name)
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

    note, judge = "", _judge(args)
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
    found = judges.expect(judges.rating_requests(_to_judge(_spoken(talks)), judge), judge)
    if args.json:
        options.print_json(asdict(found))
    else:
        options.say(found.line(prices="--judge-set price_in=P --judge-set price_out=P") + note)
    return 0


def _scored(
    table: "pa.Table", args: argparse.Namespace, done: dict[str, Any], counts: dict[str, Any], *, name: str
) -> "pa.Table":
    """The candidates with scores, NaN for blank ones, which nobody is asked about."""
    from rapo.pairs import own_scores

    talks = own_scores.talks(table, name=name)
    scores = np.full(len(talks), np.nan)
    own_scores.with_scores(table, scores, field=args.score, name=name)  # refuses before any work
    if spoken := _spoken(talks):
        said = np.array([_says(talk) for talk in talks], bool)
        scores[said] = (_judged if args.judge else _rewards)(spoken, args, done, counts)
    return own_scores.with_scores(table, scores, field=args.score, name=name)


def _spoken(talks: "Sequence[Any]") -> "list[Any]":
    """Those whose answer is not blank."""
    return [talk for talk in talks if _says(talk)]


def _says(talk: "Sequence[Any]") -> bool:
    return bool(talk[-1]["content"].strip())


def _to_judge(talks: "Sequence[Any]") -> "pd.DataFrame":
    """Conversations as a judge reads them."""
    import pandas as pd
    import pyarrow as pa

    from rapo.judging import inputs
    from rapo.pairs.messages import MESSAGES

    asked = inputs.spoken(pa.array([talk[:-1] for talk in talks], MESSAGES))
    return pd.DataFrame({"instruction": asked, "text": [talk[-1]["content"] for talk in talks]})


def _rewards(
    talks: Sequence[Any], args: argparse.Namespace, done: dict[str, Any], counts: dict[str, Any]
) -> np.ndarray:
    """The reward model's scores; those that build/rewards keeps are not computed again."""
    from transformers.utils import logging as transformers_logging

    from rapo import paths
    from rapo.config import canonical, content_hash
    from rapo.models import answers, rewards
    from rapo.scoring import processes
    from rapo.scoring.tokens import check_template

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # a head that is missing is told in one line
    model = rewards.load(args.reward_model, dtype=args.dtype, device=args.device or processes.current().device)
    check_template(model.tokenizer, args.reward_model)
    size = args.batch_size or 16
    scorer = rewards.Scorer(model, size)
    asks = [answers.Ask(content_hash(canonical(talk)), list(talk), 0) for talk in talks]
    settings = {"reward_model": model.key}
    with answers.keeping(paths.root() / "build" / "rewards" / f"{model.key}.jsonl", settings) as kept:
        counts["scores_kept_from_before"] = sum(ask.key in kept.found for ask in asks)
        with output.progress("rewards") as advance:
            found = answers.collect(asks, scorer, kept, batch=size * _BATCHES, progress=advance)
    done["scored_by"] = settings
    return np.array([np.nan if one is None else float(one.text) for one in found])


def _judged(
    talks: Sequence[Any], args: argparse.Namespace, done: dict[str, Any], counts: dict[str, Any]
) -> np.ndarray:
    """The judge's scores; NaN where it gives none clearly."""
    from rapo.judging import judges

    judge, rows = _judge(args), _to_judge(talks)
    with output.progress("requests") as advance:
        found, cost = judges.rate_answers(rows, judge=judge, progress=advance)
    lost = int(np.isnan(found).sum())
    counts |= {"requests_sent": cost.n_asked, "without_clear_score": lost}
    done |= {"scored_by": {"judge": judge.model}, "judge_server": judge.server.address.shown}
    paid = "" if cost.paid is None else f", price {cost.paid:.4g} now"
    told = f"{several(len(found), 'answers')} judged, {lost:,} without a clear score"
    sent = f"{several(cost.n_asked, 'requests')} sent now{paid}"
    done["notes"] = [*done.get("notes", []), f"{told}; {sent}"]
    return found


def _judge(args: argparse.Namespace) -> Any:
    """The judge that the options describe."""
    from dataclasses import fields

    from rapo.judging.judges import Judge

    settings: dict[str, Any] = {"options": {}}
    known = {field.name for field in fields(Judge)} - {"model", "base_url", "options", "graded", "prompt"}
    for key, value in options.parse_settings(args.judge_set).items():
        first, _, rest = key.partition(".")
        if first == "options" and rest:
            settings["options"][rest] = value
        elif key in known:
            settings[key] = value
        else:
            raise ValueError(f"--judge-set {key}: use one of {', '.join(sorted(known))}, or options.FIELD")
    return Judge(model=args.judge, base_url=args.judge_server, **settings)
