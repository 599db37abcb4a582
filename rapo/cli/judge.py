"""Let a language model judge pairs, or score answers from 1 to 10, over any server that speaks OpenAI's chat protocol.

IN holds pairs (chosen is compared with rejected), or a model's answers (instruction and output), which --against
compares with a baseline's (--column speaks of both files). Every pair is judged in both orders, so that a liking for
the first place cancels out; how often the order decides is told. OUT is read by `rapo winrate` and `rapo agreement`.
With --score each answer is scored alone: pairs get score_chosen and score_rejected, of which `rapo relabel` makes
goals; answers get score. A judge is asked at temperature 0: with --repeats say --set temperature=1, too, and of pairs
--verdict letter, or the runs hardly differ.

Answers are kept on disk under the whole request: a run that was interrupted goes on where it stopped, and nothing is
paid twice. --dry-run tells requests, tokens and price beforehand. A verdict that is not clear, or a request without an
answer, is null and counted. The key is read from $OPENAI_API_KEY and goes to https and to this machine only.
"""

import argparse
import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapo.cli import options, output, reliance
from rapo.pairs.faults import several

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from rapo.judging.costs import Cost
    from rapo.judging.judges import Judge
    from rapo.pairs.door import Pairs

_log = logging.getLogger(__name__)
_ABOUT = "Judgements by a language model: 1 the baseline wins ... 2 the model wins, the mean of both orders."
_SCORED = "Answers scored from 1 to 10 by a language model."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo judge`."""
    options.add_input(parser, what="pairs, or a model's answers", streams=False)
    parser.add_argument("--against", metavar="FILE", help="a baseline's answers to the same instructions")
    parser.add_argument("--score", action="store_true", help="score each answer alone, 1-10")
    parser.add_argument("--model", required=True, metavar="NAME", help="the judge's name on the server")
    parser.add_argument(
        "--server", metavar="URL", help="ends in /v1 (default: $OPENAI_BASE_URL, else OpenAI's own)"
    )
    parser.add_argument(
        "--verdict", choices=("logprobs", "letter"), default="logprobs",
        help="of a pair: from the probabilities of A and B (default), or the letter, for servers that give none",
    )  # fmt: skip
    parser.add_argument(
        "--prompt", metavar="FILE", help="another question: {instruction}, {first}, {second} or {answer}"
    )
    options.add_settings(parser, what="a further field of each request, null for none")
    parser.add_argument(
        "--repeats", type=int, default=1, metavar="N",
        help="judge N times with other seeds, take the mean, and tell how reliable the judge is (default: 1)",
    )  # fmt: skip
    parser.add_argument("--concurrency", type=int, default=5, metavar="N", help="requests at a time (default: 5)")
    parser.add_argument(
        "--timeout", type=float, default=60.0, metavar="S", help="seconds for one attempt (default: 60)"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=600.0,
        metavar="S",
        help="seconds to wait for a full server (default: 600)",
    )
    parser.add_argument(
        "--price-in", type=float, metavar="P", help="price of a million tokens that the judge reads"
    )
    parser.add_argument("--price-out", type=float, metavar="P", help="price of a million tokens that it writes")
    parser.add_argument(
        "--key-variable", default="OPENAI_API_KEY", metavar="NAME", help="of the key (OPENAI_API_KEY)"
    )
    parser.add_argument("--cache", metavar="FOLDER", help="where answers are kept (build/judgements)")
    parser.add_argument("--dry-run", action="store_true", help="tell requests, tokens and price, and ask nothing")
    output.add_output(parser, what="the judgements, or what was scored")
    options.add_pair_checks(parser)


def run(args: argparse.Namespace) -> int:
    """Read, judge, write, tell what it took."""
    judge, cache = _judge(args), Path(args.cache) if args.cache else None
    _check(args)
    if not args.dry_run:
        output.check_output(args, *[args.file, *([args.against] if args.against else [])])
    if args.repeats > 1 and not judge.draws:
        _warn_of_repeats(args)
    return _score(args, judge, cache) if args.score else _compare(args, judge, cache)


def _check(args: argparse.Namespace) -> None:
    """Refuse options that do not go together."""
    if args.score and args.against:
        raise ValueError("--score scores each answer alone; leave --against out")
    if args.repeats < 1:
        raise ValueError(f"--repeats {args.repeats}: judge at least once")


def _warn_of_repeats(args: argparse.Namespace) -> None:
    """Tell that runs at temperature 0 are alike."""
    graded = args.verdict == "logprobs" and not args.score
    more = " and --verdict letter, for probabilities of A and B hardly move from run to run" if graded else ""
    _log.warning(
        "--repeats %d at temperature 0 asks for the same answers again: they cannot show the judge's own noise. Say "
        "--set temperature=1%s", args.repeats, more,
    )  # fmt: skip


def _of_answers(args: argparse.Namespace, file: str) -> "pa.Table":
    """A file of answers; options of pairs alone are refused."""
    from rapo.judging import inputs

    if args.bad != "raise" or args.reversed_pairs != "raise":
        raise ValueError(f"--bad and --reversed-pairs belong to pairs; {file} holds answers, leave them out")
    of_own = {"split": args.split, "revision": args.revision} if file == args.file else {}
    return inputs.answers(file, columns=options.columns(args.column), **of_own)


def _judge(args: argparse.Namespace) -> "Judge":
    """The judge that the options describe."""
    from rapo.judging.judges import Judge

    judge = Judge(
        model=args.model,
        base_url=args.server,
        graded=args.verdict == "logprobs",
        options=options.parse_settings(args.set),
        price_in=args.price_in,
        price_out=args.price_out,
        concurrency=args.concurrency,
        timeout=args.timeout,
        patience=args.patience,
        key_variable=args.key_variable,
    )
    if not args.prompt:
        return judge
    template = Path(args.prompt).read_text(encoding="utf-8")
    return replace(judge, score_prompt=template) if args.score else replace(judge, prompt=template)


def _compare(args: argparse.Namespace, judge: "Judge", cache: Path | None) -> int:
    """Judge pairs in both orders."""
    import pyarrow as pa

    from rapo.judging import costs, judges
    from rapo.judging.reliability import mean_of
    from rapo.pairs import writing

    pairs, notes, read = _pairs(args)
    asked = [judge.again(run) for run in range(args.repeats)]
    if args.dry_run:
        return _foretell(args, [one for each in asked for one in judges.pair_requests(pairs, each)], judge, cache)
    with output.progress("requests") as advance:
        done = [judges.judge_pairs(pairs, judge=one, cache=cache, progress=advance) for one in asked]
    runs = [table for table, _ in done]
    table = mean_of(runs).assign(baseline=pairs["baseline"].to_numpy(), judge=judge.model)
    made = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    writing.write(made, args.out, overwrite=args.overwrite, shard_rows=args.shard_rows)
    lost = int(table["preference"].isna().sum())
    drop = "; leave them out with --missing drop" if lost else ""
    notes.append(f"{several(len(table), 'pairs')} judged in both orders, {lost:,} without a clear verdict{drop}")
    found = reliance.by_model(runs)
    notes += [line for model, one in found.items() if one for line in reliance.lines(model, one)]
    counts = {"judgements": len(table), "without_verdict": lost}
    told = {"reliability": {model: one and asdict(one) for model, one in found.items()}}
    return _finish(args, judge, costs.total([cost for _, cost in done]), _ABOUT, notes, counts, told, read)


def _score(args: argparse.Namespace, judge: "Judge", cache: Path | None) -> int:
    """Score answers, or both sides of pairs."""
    import numpy as np
    import pandas as pd

    from rapo.judging import costs, inputs, judges, repeated_scores
    from rapo.pairs import writing

    table, sides, read = _to_score(args)
    if sides:
        prompts = inputs.spoken(table["prompt"])
        texts = [inputs.spoken(table[side]) for side in sides]
    else:
        prompts, texts = table["instruction"].to_pylist(), [table["answer"].to_pylist()]
    rows = pd.DataFrame({"instruction": prompts * len(texts), "text": [text for side in texts for text in side]})
    asked = [judge.again(run) for run in range(args.repeats)]
    if args.dry_run:
        return _foretell(args, [one for each in asked for one in judges.rating_requests(rows, each)], judge, cache)
    with output.progress("requests") as advance:
        done = [judges.rate_answers(rows, judge=one, cache=cache, progress=advance) for one in asked]
    runs = np.array([scores for scores, _ in done])
    found, cost = repeated_scores.mean_score(runs), costs.total([cost for _, cost in done])
    names = [f"score_{side}" for side in sides] or ["score"]
    columns = {"": found, **({f"_{at}": run for at, run in enumerate(runs, 1)} if len(runs) > 1 else {})}
    scored = _scored(
        table,
        {
            name + ending: part
            for ending, held in columns.items()
            for name, part in zip(names, np.split(held, len(names)), strict=True)
        },
    )
    writing.write(scored, args.out, overwrite=args.overwrite, shard_rows=args.shard_rows)
    lost = int(np.isnan(found).sum())
    mean = f", mean {np.nanmean(found):.3g}" if lost < len(found) else ""
    notes = [f"{several(len(found), 'answers')} scored{mean}, {lost:,} without a clear score"]
    relied = repeated_scores.reliability(runs)
    notes += [reliance.of_scores(relied)] if relied else []
    if sides:
        chosen, rejected = np.split(found, 2)
        wrong, ties = int((chosen < rejected).sum()), int((chosen == rejected).sum())
        notes.append(
            f"chosen scores below rejected in {several(wrong, 'pairs')} (see --reversed-pairs), as high in {ties:,}"
        )
    told = {"reliability": asdict(relied)} if relied else {}
    return _finish(args, judge, cost, _SCORED, notes, {"rows": len(table)}, told, read)


def _pairs(args: argparse.Namespace) -> "tuple[pd.DataFrame, list[str], Pairs | None]":
    """Pairs of texts, what to tell of them, and what they were read from, where that held pairs."""
    from rapo.judging import inputs
    from rapo.pairs.door import open_pairs

    if not args.against:
        read = open_pairs(args.file, scored=None, **options.reading(args))
        return inputs.of_pairs(read.read()), [], read
    names = (args.file, args.against)
    own, base = (_of_answers(args, file) for file in names)
    pairs, alone = inputs.matched(own, base, names=names)
    lost = f"{several(alone, 'answers')} with none beside them in {args.against}, left out"
    return pairs, [lost] * bool(alone), None


def _to_score(args: argparse.Namespace) -> "tuple[pa.Table, tuple[str, ...], Pairs | None]":
    """What is scored, and of pairs their sides and what they were read from."""
    from rapo.judging import inputs
    from rapo.pairs import raw
    from rapo.pairs.door import open_pairs
    from rapo.pairs.schema import SIDES

    found = raw.opened(args.file, split=args.split, revision=args.revision)
    if inputs.holds_answers(next(found.pieces(1)).table.column_names, options.columns(args.column)):
        return _of_answers(args, args.file), (), None
    read = open_pairs(args.file, scored=None, **options.reading(args))
    return read.read(), SIDES, read


def _scored(table: "pa.Table", scores: Mapping[str, Any]) -> "pa.Table":
    """The table with scores; those that it had are called given_..., or given_2_... where that is taken."""
    import pyarrow as pa

    taken = {*table.column_names, *scores}
    given = {name: _free(name, taken) for name in table.column_names if name in scores}
    table = table.rename_columns([given.get(name, name) for name in table.column_names])
    for name, held in scores.items():
        table = table.append_column(name, pa.array(held, from_pandas=True))
    return table


def _free(name: str, taken: set[str]) -> str:
    """What to call a column that was given, unlike any other."""
    names = chain([f"given_{name}"], (f"given_{n}_{name}" for n in count(2)))
    return next(one for one in names if one not in taken)


def _foretell(args: argparse.Namespace, asked: "list[dict[str, Any]]", judge: "Judge", cache: Path | None) -> int:
    """What it would take."""
    from rapo.judging import judges

    found = judges.expect(asked, judge, cache=cache)
    if args.json:
        options.print_json(asdict(found))
        return 0
    options.say(found.line(prices="--price-in and --price-out"))
    return 0


def _finish(
    args: argparse.Namespace,
    judge: "Judge",
    cost: "Cost",
    about: str,
    notes: list[str],
    counts: dict[str, int],
    done: dict[str, Any],
    read: "Pairs | None",
) -> int:
    """Record, card, and what was done and paid."""
    from rapo.judging.address import without_secrets
    from rapo.pairs import manifest

    sent: dict[str, Any] = {
        name: "(not written down)" for name in ("extra_headers", "extra_query") if name in judge.options
    }
    if "extra_body" in judge.options:
        sent["extra_body"] = without_secrets(judge.options["extra_body"])
    shown = {"server": judge.server.address.shown, "set": {**without_secrets(judge.options), **sent}}
    taken, written = ("?" if n is None else f"{n:,}" for n in (cost.tokens_in, cost.tokens_out))
    sent_now = several(cost.n_asked, "requests")
    notes.append(f"{sent_now} sent now, {taken} tokens read, {written} written in all{_price(cost)}")
    requests = {"requests_sent": cost.n_asked, "requests_failed": cost.n_failed, "unreadable": cost.n_unreadable}
    return output.finish(
        args,
        source=manifest.source(args.file),
        counts={**counts, **requests},
        about=about,
        settings=shown,
        done={**done, "cost": asdict(cost)},
        read=read,
        line="\n  ".join(notes),
    )


def _price(cost: "Cost") -> str:
    """The price, as far as it is known: a server may not tell the tokens of answers that were kept."""
    if cost.paid is None:
        return ""
    whole = "price not known" if cost.price is None else f"price {cost.price:.4g}"
    return f"; {whole}, of which {cost.paid:.4g} now"
