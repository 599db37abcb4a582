"""The six academic benchmarks of RA-T4 through EleutherAI's ``lm-evaluation-harness``, for real models.

The paper (arXiv:2410.08067) names GSM8K, GPQA, MUSR, TruthfulQA, BBH and ARC, not their variants; these are those of
the two Open LLM Leaderboards. The harness is no dependency: ``pip install 'lm_eval[hf]'`` beside the models, run what
`commands` returns, and read what it wrote with `read`. Checked with lm_eval 0.4.13.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtri

from rapo.relabelling import goals


@dataclass(frozen=True)
class Benchmark:
    """One benchmark as the harness knows it: its task, the metric that counts, and the examples in the prompt."""

    task: str
    metric: str
    shots: int


BENCHMARKS: dict[str, Benchmark] = {
    "GSM8K": Benchmark("gsm8k", "exact_match,strict-match", 5),
    "GPQA": Benchmark("leaderboard_gpqa", "acc_norm,none", 0),
    "MUSR": Benchmark("leaderboard_musr", "acc_norm,none", 0),
    "TruthfulQA": Benchmark("truthfulqa_mc2", "acc,none", 0),
    "BBH": Benchmark("leaderboard_bbh", "acc_norm,none", 3),
    "ARC": Benchmark("arc_challenge", "acc_norm,none", 25),
}


def commands(
    model: str,
    out: str | Path,
    *,
    goal: float | None = None,
    template: str = "overall",
    benchmarks: Sequence[str] = (),
) -> list[list[str]]:
    """What to run for one model, one command for each number of examples; `shlex.join` makes a line of one.

    Args:
        model: path or hub id.
        out: folder for the harness's results, one for each model and goal.
        goal: asked for in the system turn; None asks plainly. Chat templates without a system role refuse it.
        template: how the goal is worded, see `rapo.relabelling.goals.template`.
        benchmarks: of `BENCHMARKS`; none for all six.

    Raises:
        ValueError: an unknown benchmark.

    >>> commands("my/model", "results", benchmarks=["GSM8K"])[0][:6]
    ['lm_eval', '--model', 'hf', '--model_args', 'pretrained=my/model,dtype=bfloat16', '--tasks']
    """
    names = _known(benchmarks)
    start = ["lm_eval", "--model", "hf", "--model_args", f"pretrained={model},dtype=bfloat16"]
    asked = [] if goal is None else ["--system_instruction", goals.template(template).text(goal)]
    end = ["--apply_chat_template", *asked, "--batch_size", "auto", "--output_path", str(out)]
    found = []
    for shots in sorted({BENCHMARKS[name].shots for name in names}):
        tasks = ",".join(BENCHMARKS[name].task for name in names if BENCHMARKS[name].shots == shots)
        examples = ["--num_fewshot", str(shots), *(["--fewshot_as_multiturn"] if shots else [])]
        found.append([*start, "--tasks", tasks, *examples, *end])
    return found


def read(folder: str | Path, *, benchmarks: Sequence[str] = ()) -> pd.DataFrame:
    """Accuracies that the harness wrote under a folder (``results_*.json``), the newest of each benchmark.

    Returns:
        Columns benchmark, estimate, low, high (accuracy in percent, 95 % interval from the harness's standard error;
        NaN bounds where it gives none).

    Raises:
        FileNotFoundError: no results there.
        ValueError: a file is no JSON, or a benchmark is missing; tells which.
    """
    folder, names = Path(folder), _known(benchmarks)
    files = sorted(folder.rglob("results_*.json"), key=lambda file: (file.stat().st_mtime_ns, file.name))
    if not files:
        raise FileNotFoundError(
            f"no results_*.json under {folder}; run rapo.judging.benchmarks.commands(...) with this folder"
        )
    measured: dict[str, dict[str, float | str]] = {}
    for file in files:
        try:
            measured |= json.loads(file.read_text(encoding="utf-8"))["results"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{file} is not what lm_eval writes ({error!r}); remove it and run it again"
            ) from error
    rows = []
    for name in names:
        wanted = BENCHMARKS[name]
        value = measured.get(wanted.task, {}).get(wanted.metric)
        if value is None:
            raise ValueError(
                f"{folder} has no {wanted.metric!r} of {wanted.task!r} ({name}); run its command, or name others"
            )
        spread = measured[wanted.task].get(wanted.metric.replace(",", "_stderr,"))
        half = ndtri(0.975) * (spread if isinstance(spread, float) else np.nan)
        rows.append((name, *(100 * limit for limit in (float(value), float(value) - half, float(value) + half))))
    return pd.DataFrame(rows, columns=["benchmark", "estimate", "low", "high"])


def compare(arms: dict[str, str | Path], *, benchmarks: Sequence[str] = ()) -> pd.DataFrame:
    """Every arm's accuracies side by side, with their mean last, as the paper's table has them.

    Args:
        arms: name of an arm -> folder of its results.

    Returns:
        One row an arm: columns arm, the benchmarks, average (percent).
    """
    rows = []
    for arm, folder in arms.items():
        found = read(folder, benchmarks=benchmarks).set_index("benchmark")["estimate"]
        rows.append({"arm": arm, **found.to_dict(), "average": found.mean()})
    return pd.DataFrame(rows)


def _known(benchmarks: Sequence[str]) -> list[str]:
    if unknown := sorted(set(benchmarks) - set(BENCHMARKS)):
        raise ValueError(f"unknown benchmark {', '.join(unknown)}; use {', '.join(BENCHMARKS)}")
    return list(benchmarks) or list(BENCHMARKS)
