"""What a study costs beside its runs: a bare joblib loop in the same process is the peer.

    python tests/benchmarks/bench_study.py [--runs 200] [--repeats 3] [--megabytes 0]

Runs do nothing, so that all that is measured is the engine: keys, locks, directories, JSON, rename, scheduling;
and, where they write some megabytes, the disk and the checksums.
"""

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import joblib

sys.path.insert(0, str(Path(__file__).parent))
os.environ["RAPO_PROGRESS"] = "quiet"

from rapo.runs.queue import run_all
from rapo.runs.run import Run


def nothing(config: dict, folder: Path, needs: dict[str, Path]) -> dict:
    """A run that does nothing but write some megabytes."""
    (folder / "weights.bin").write_bytes(bytes(int(config["megabytes"] * 1e6)))
    return {"x": config["x"]}


def bare(config: dict) -> dict:
    """The same without an engine."""
    return {"x": config["x"]}


def plan(count: int, repeat: int, megabytes: float) -> list[Run]:
    """One base and ``count`` arms on it; new keys in each repeat."""
    same = {"repeat": repeat, "megabytes": megabytes}
    base = Run("bench_study:nothing", {"x": -1, **same})
    return [Run("bench_study:nothing", {"x": x, **same}, {"base": base}) for x in range(count)]


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Measure, interleaved with the peer, and print the medians per run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--megabytes", type=float, default=0.0, help="written by each run")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RAPO_ROOT"] = folder
        root = Path(folder) / "runs"
        run_all(plan(2, -1, 0), name="warm", jobs=2, root=root)
        for repeat in range(args.repeats):
            for jobs in (1, 2):
                runs = plan(args.runs, 10 * repeat + jobs, args.megabytes)
                pool = joblib.Parallel(n_jobs=jobs, batch_size=1, pre_dispatch="n_jobs")
                cases = {
                    f"joblib alone, {jobs} jobs": lambda: pool(joblib.delayed(bare)(run.config) for run in runs),  # noqa: B023
                    f"run_all, new, {jobs} jobs": lambda: run_all(runs, name="b", jobs=jobs, root=root),  # noqa: B023
                    f"run_all, reused, {jobs} jobs": lambda: run_all(runs, name="b", jobs=jobs, root=root),  # noqa: B023
                }
                for name, work in cases.items():
                    found.setdefault(name, []).append(seconds(work) / args.runs)
    print(f"{'':26} ms a run (median of {args.repeats}, {args.runs} runs)")
    for name, values in found.items():
        print(f"{name:26} {1000 * statistics.median(values):8.2f}")


if __name__ == "__main__":
    main()
