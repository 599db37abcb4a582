"""How long Python, `import rapo` and `rapo --help` take from a cold process, in turns.

python tests/benchmarks/bench_import.py [--repeats N]
"""

import argparse
import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

# name -> (arguments of the interpreter, budget in seconds; None for the peers of the same run)
PROGRAMS: dict[str, tuple[list[str], float | None]] = {
    "python -c pass": (["-c", "pass"], None),
    "import rapo": (["-c", "import rapo"], 0.3),
    "rapo --help": (["-m", "rapo", "--help"], 0.5),
    "rapo report --help": (["-m", "rapo", "report", "--help"], 0.5),
    "import pandas": (["-c", "import pandas"], None),
    "import trl": (["-c", "import trl"], None),
}


def seconds(arguments: Sequence[str]) -> float:
    """Wall-clock time of one process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def measure(repeats: int) -> dict[str, list[float]]:
    """Times of every program, one of each in a round, after one round that warms the disk."""
    there = [
        name for name in PROGRAMS if not name.startswith("import ") or importlib.util.find_spec(name.split()[1])
    ]
    times: dict[str, list[float]] = {name: [] for name in there}
    for turn in range(repeats + 1):
        for name in there:
            took = seconds(PROGRAMS[name][0])
            times[name] += [took] if turn else []
    return times


def main() -> int:
    """Print the table; exit 1 when a budget is exceeded by the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    times = measure(parser.parse_args().repeats)
    bare = statistics.median(times["python -c pass"])
    print(f"{'program':<20} {'median s':>9} {'min s':>8} {'x python':>9} {'budget s':>9}")
    over = 0
    for name, taken in times.items():
        middle, budget = statistics.median(taken), PROGRAMS[name][1]
        over += budget is not None and middle > budget
        print(f"{name:<20} {middle:>9.3f} {min(taken):>8.3f} {middle / bare:>9.1f} {budget or '-':>9}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
