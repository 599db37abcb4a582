"""How `rapo pairs` has candidates scored that bring no scores: by a reward model here, or by a judge on a server."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rapo.cli import options, output
from rapo.pairs.faults import several

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_BATCHES = 32  # of the reward model, after which scores are on the disk


def add_rating(parser: argparse.ArgumentParser) -> None:
    """Options of who scores candidates."""
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


def without_secrets_of(args: argparse.Namespace, done: dict[str, Any]) -> dict[str, Any]:
    """The options that may hold secrets, as they may be written down."""
    from rapo.judging.address import without_secrets

    given = options.parse_settings(args.judge_set)
    beside = {key: "(not written down)" for key in given if key.startswith("options.extra_")}
    shown = {"server": done.get("drawn", {}).get("server"), "judge_server": done.pop("judge_server", None)}
    return {**shown, "judge_set": {**without_secrets(given), **beside}}


def scored(
    table: "pa.Table", args: argparse.Namespace, done: dict[str, Any], counts: dict[str, Any], *, name: str
) -> "pa.Table":
    """The candidates with scores, NaN for blank ones, which nobody is asked about."""
    from rapo.pairs import own_scores

    talks = own_scores.talks(table, name=name)
    scores = np.full(len(talks), np.nan)
    own_scores.with_scores(table, scores, field=args.score, name=name)  # refuses before any work
    if asked := spoken(talks):
        said = np.array([_says(talk) for talk in talks], bool)
        scores[said] = (_judged if args.judge else _rewards)(asked, args, done, counts)
    return own_scores.with_scores(table, scores, field=args.score, name=name)


def spoken(talks: "Sequence[Any]") -> "list[Any]":
    """Those whose answer is not blank."""
    return [talk for talk in talks if _says(talk)]


def _says(talk: "Sequence[Any]") -> bool:
    return bool(talk[-1]["content"].strip())


def to_judge(talks: "Sequence[Any]") -> "pd.DataFrame":
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

    judge, rows = judge_of(args), to_judge(talks)
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


def judge_of(args: argparse.Namespace) -> Any:
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
