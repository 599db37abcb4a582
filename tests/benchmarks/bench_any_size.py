"""Any size: time and peak memory of check, relabel and select on files made here, each command in a process of its own.

Run:  python tests/benchmarks/bench_any_size.py --sizes 60000 600000 [--formats parquet jsonl] [--folder DIR]
      python tests/benchmarks/bench_any_size.py --sizes 10000000 --formats parquet --shard-rows 500000 --folder DIR

10 million pairs are about 35 GB as JSON lines and 7 GB as parquet (their texts repeat), and twice that relabelled: give
a folder with room. Files that are there already are not made again; what the commands write is removed after each.
With --shard-rows source and product are folders of shards.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from bench_relabel import ultrafeedback_sized

from rapo.pairs import targets, writing

PIECE = 20_000
COMMANDS = {
    "check": ["check", "IN"],
    "audit": ["audit", "IN"],
    "relabel": ["relabel", "IN", "--out", "OUT"],
    "relabel --half": ["relabel", "IN", "--out", "OUT", "--half"],
    "select": ["select", "IN", "--fraction", "0.4", "--out", "OUT"],
}
# What a command does is measured from within, Python's start and imports included.
MEASURED = """
import json, resource, sys, time
from pathlib import Path
began = time.perf_counter()
from rapo.cli.main import main
status = main(sys.argv[1:])
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
used = resource.getrusage(resource.RUSAGE_SELF)
told = {"wall": time.perf_counter() - began, "cpu": used.ru_utime + used.ru_stime, "peak": peak, "status": status}
print(json.dumps(told), file=sys.stderr)
"""


def pieces(n: int, shorter: int) -> Iterator[pa.Table]:
    """Scored pairs with sums of a model and its reference; the texts of one piece, ids and numbers of their own."""
    texts = ultrafeedback_sized(min(n, PIECE), shorter=shorter)
    for start in range(0, n, PIECE):
        rows = min(PIECE, n - start)
        rng = np.random.default_rng(start)
        scores = np.sort(rng.integers(2, 21, (rows, 2)) / 2, axis=1)
        piece = texts.slice(0, rows).set_column(3, "score_chosen", pa.array(scores[:, 1]))
        piece = piece.set_column(4, "score_rejected", pa.array(scores[:, 0]))
        piece = piece.append_column("pair_id", pa.array([f"pair-{start + i}" for i in range(rows)]))
        for name in ("chosen", "rejected", "ref_chosen", "ref_rejected"):
            piece = piece.append_column(f"{name}_logprob_sum", pa.array(-rng.gamma(20, 10, rows)))
        yield piece


def measured(words: list[str]) -> dict[str, float]:
    """Wall and processor seconds and peak memory (MB) of one command."""
    done = subprocess.run([sys.executable, "-c", MEASURED, *words], capture_output=True, text=True, check=True)
    told = json.loads(done.stderr.strip().splitlines()[-1])
    assert told["status"] == 0, done.stderr
    return told


def main() -> None:
    """A line a command, format and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[60_000, 600_000])
    parser.add_argument("--formats", nargs="+", default=["parquet", "jsonl"], choices=("parquet", "jsonl"))
    parser.add_argument("--commands", nargs="+", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--shorter", type=int, default=1, help="texts so many times shorter than UltraFeedback's")
    parser.add_argument("--shard-rows", type=int, help="cut source and product into files of so many rows")
    parser.add_argument("--folder", type=Path, help="where files are made (a temporary folder)")
    args = parser.parse_args()
    cut = ["--shard-rows", str(args.shard_rows)] if args.shard_rows else []
    folder = args.folder or Path(tempfile.mkdtemp(prefix="any-size-"))
    print(
        f"{'command':16}{'format':>9}{'pairs':>13}{'GB':>7}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}{'pairs/CPU s':>13}"
    )
    try:
        for n in args.sizes:
            for suffix in args.formats:
                named = folder / f"pairs-{n}.{suffix}"
                source = targets.place(named, shard_rows=args.shard_rows)
                if not source.exists():
                    writing.write(pieces(n, args.shorter), named, shard_rows=args.shard_rows)
                for command in args.commands:
                    target = folder / f"out-{n}.{suffix}"
                    places = {"IN": [str(source)], "OUT": [str(target), *cut]}
                    told = measured([each for word in COMMANDS[command] for each in places.get(word, [word])])
                    for made in folder.glob(f"out-{n}*"):
                        shutil.rmtree(made) if made.is_dir() else made.unlink()
                    size = sum(file.stat().st_size for file in [source, *source.glob("*")] if file.is_file()) / 1e9
                    print(
                        f"{command:16}{suffix:>9}{n:>13,}{size:>7.2f}{told['wall']:>9.1f}{told['cpu']:>9.1f}"
                        f"{told['peak']:>9.0f}{n / told['cpu']:>13,.0f}",
                        flush=True,
                    )
    finally:
        if args.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
