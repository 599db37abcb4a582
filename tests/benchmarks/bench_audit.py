"""The audit: wall time, processor time and peak memory on pairs of UltraFeedback's size, read from JSON lines.

Run:  python tests/benchmarks/bench_audit.py [--pairs 60000]

Texts are drawn from 20,000 words, so that nearly every shingle is new: the hard case for sketches. One pair in a
hundred repeats another's prompt with two words changed. The audit runs in a process of its own, whose peak memory is
told.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

AUDIT = """
import resource, sys, time
from rapo.inspection.audit import audit
wall, work = time.monotonic(), time.process_time()
report = audit(sys.argv[1])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
found = report.finding("near-duplicate-prompts").count
print(f"{report.n:,} pairs: {time.monotonic() - wall:.1f} s, {time.process_time() - work:.1f} s of processor time, "
      f"peak {peak:.2f} GB; {found:,} near-duplicate prompts")
"""


def write(path: Path, n: int, *, seed: int = 0) -> None:
    """Scored pairs as JSON lines: prompts of about 30 words, responses of about 170."""
    draw = np.random.default_rng(seed)
    words = [f"{draw.choice(list('abcdefgh'))}{number}" for number in range(20_000)]
    prompt: list[str] = []
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            new = [words[at] for at in draw.integers(0, 20_000, 30)]
            prompt = new if i % 100 else [*prompt[:-2], "other", "words"]
            texts = [[words[at] for at in draw.integers(0, 20_000, draw.integers(40, 300))] for _ in range(2)]
            scores = sorted(draw.integers(2, 21, 2) / 2, reverse=True)
            row = {"prompt": " ".join(prompt), "chosen": " ".join(texts[0]), "rejected": " ".join(texts[1])}
            file.write(json.dumps(row | {"score_chosen": scores[0], "score_rejected": scores[1]}) + "\n")


def main() -> None:
    """Write the pairs, audit them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=60_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        write(path, options.pairs)
        print(f"{path.stat().st_size / 1e6:,.0f} MB of JSON lines")
        subprocess.run([sys.executable, "-c", AUDIT, str(path)], check=True)


if __name__ == "__main__":
    main()
