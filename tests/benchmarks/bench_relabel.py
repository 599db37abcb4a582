"""Relabelling: rapo's whole columns against a row at a time, and the memory of a stream.

Run:  python tests/benchmarks/bench_relabel.py [--pairs 60000] [--repeats 3]

The peer is our own emulation of how scripts usually do it: two `datasets.map` calls whose Python function builds
each row's new messages (goal in a system turn; responses swapped for the second), then `concatenate_datasets`.
Both open the same data set on disk and end with all rows in memory; ours checks every pair on the way. Runs are
interleaved; a small first run of each pays for imports.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rapo.pairs import files, writing
from rapo.relabelling import goals, relabel

WORDS = np.array(
    ["the", "of", "and", "to", "in", "answer", "is", "question", "for", "it", "with", "as", "on", "by"]
)


def ultrafeedback_sized(n: int, *, seed: int = 0, shorter: int = 1) -> pa.Table:
    """Scored pairs with UltraFeedback's typical lengths: prompts ~0.6 kB, responses ~1.3 kB, half-point scores.

    Texts are so many times ``shorter``.
    """
    rng = np.random.default_rng(seed)
    text = " ".join(rng.choice(WORDS, 50_000))
    lengths = {"prompt": (6.0, 0.8), "chosen": (7.0, 0.6), "rejected": (6.9, 0.6)}
    columns: dict[str, Any] = {}
    for name, (mean, spread) in lengths.items():
        sizes = np.clip(rng.lognormal(mean, spread, n), 20, 9000).astype(int) // shorter
        starts = rng.integers(0, len(text) - 9000, n)
        role = "user" if name == "prompt" else "assistant"
        columns[name] = [
            [{"role": role, "content": text[start : start + size]}]
            for start, size in zip(starts, sizes, strict=True)
        ]
    scores = np.sort(rng.integers(2, 21, (n, 2)) / 2, axis=1)
    return pa.table({**columns, "score_chosen": scores[:, 1], "score_rejected": scores[:, 0]})


def by_row(folder: Path) -> int:
    """The peer: `datasets.map`, a row at a time."""
    from datasets import Dataset, concatenate_datasets, load_from_disk

    def number(score: float) -> str:
        return str(int(score)) if score == int(score) else str(score)

    def prompt(row: dict[str, Any], score: float) -> list[dict[str, str]]:
        text = goals.OVERALL.wording.format(goals=f"Overall score: {number(score)}.", low="1", high="10")
        return [{"role": "system", "content": text}, *row["prompt"]]

    def keep(row: dict[str, Any]) -> dict[str, Any]:
        score = row["score_chosen"]
        return {"prompt": prompt(row, score), "chosen": row["chosen"], "rejected": row["rejected"], "goal": score}

    def swap(row: dict[str, Any]) -> dict[str, Any]:
        score = row["score_rejected"]
        return {"prompt": prompt(row, score), "chosen": row["rejected"], "rejected": row["chosen"], "goal": score}

    data: Dataset = load_from_disk(str(folder))
    made = [data.map(function, load_from_cache_file=False, keep_in_memory=True) for function in (keep, swap)]
    return len(concatenate_datasets(made))


def by_column(folder: Path) -> int:
    """Ours, checks included."""
    return len(relabel.relabel(files.read(folder), ties="keep"))


def seconds(function: Any, folder: Path) -> tuple[float, float, int]:
    """Wall time, processor time and rows of one run."""
    wall, processor = time.perf_counter(), time.process_time()
    rows = function(folder)
    return time.perf_counter() - wall, time.process_time() - processor, rows


def speed(n: int, repeats: int, folder: Path) -> None:
    """Interleave both ways and print the table."""
    from datasets import disable_progress_bars

    disable_progress_bars()
    writing.write(ultrafeedback_sized(n), folder / "pairs")
    writing.write(ultrafeedback_sized(500), folder / "few")
    by_row(folder / "few"), by_column(folder / "few")
    ways = {"row by row (datasets.map)": by_row, "whole columns (rapo)": by_column}
    walls: dict[str, list[float]] = {name: [] for name in ways}
    processors: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, function in ways.items():
            wall, processor, rows = seconds(function, folder / "pairs")
            assert rows == 2 * n, (name, rows)
            walls[name].append(wall)
            processors[name].append(processor)
    print(f"{n:,} pairs -> {2 * n:,} rows, {repeats} interleaved repeats, medians")
    print(f"{'':28}{'wall s':>10}{'pairs/s':>12}{'CPU s':>10}{'pairs/CPU s':>14}")
    for name in ways:
        wall, processor = statistics.median(walls[name]), statistics.median(processors[name])
        print(f"{name:28}{wall:>10.2f}{n / wall:>12,.0f}{processor:>10.2f}{n / processor:>14,.0f}")
    for what, times in (("wall", walls), ("CPU", processors)):
        slow, fast = times.values()
        ratios = [a / b for a, b in zip(slow, fast, strict=True)]
        print(f"{what} ratio: median {statistics.median(ratios):.0f}x, {min(ratios):.0f}x to {max(ratios):.0f}x")
    print()


def memory(sizes: list[int], folder: Path) -> None:
    """Peak memory of streaming files of several sizes, each in a process of its own."""
    import pyarrow.parquet as pq

    print(f"{'streamed file':34}{'pairs':>10}{'MB in memory':>14}{'peak RSS MB':>13}{'s':>8}")
    for form in ("pairs.parquet", "pairs.jsonl", "one row group.parquet"):
        for n in sizes:
            source = folder / f"{n} {form}"
            parts = [ultrafeedback_sized(5_000, seed=i) for i in range(n // 5_000)]
            if form.startswith("one"):
                pq.write_table(pa.concat_tables(parts), source, row_group_size=n)
            else:
                writing.write(parts, source)
            size = sum(part.nbytes for part in parts) / 1e6
            del parts
            command = [sys.executable, __file__, "--stream", str(source), str(folder / f"out {source.name}")]
            peak, took = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            print(f"{form:34}{n:>10,}{size:>14.0f}{float(peak):>13.0f}{float(took):>8.1f}")


def stream(source: str, target: str) -> None:
    """Relabel one file into another; print peak memory of this process (MB) and seconds."""
    start = time.perf_counter()
    relabel.relabel_file(source, target)
    # Not ru_maxrss: a child begins with its parent's.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(peak, time.perf_counter() - start)


def main() -> None:
    """Speed, then memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="*", default=[20_000, 60_000, 120_000])
    parser.add_argument("--stream", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.stream:
        stream(*args.stream)
        return
    with tempfile.TemporaryDirectory() as folder:
        speed(args.pairs, args.repeats, Path(folder))
        memory(args.sizes, Path(folder))


if __name__ == "__main__":
    main()
