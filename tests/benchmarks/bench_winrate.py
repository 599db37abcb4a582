"""Length-controlled win rates beside AlpacaEval's own function, and a million judgements.

    python tests/benchmarks/bench_winrate.py [--data FOLDER] [--rounds 3] [--million]

Ours and theirs take turns in one process, so that whatever else the machine does disturbs both. CPU seconds are those
of this process; wall seconds are shown beside them. FOLDER holds AlpacaEval's judgements (annotations.parquet and a
calibration df_gamed*.csv*); without it judgements are made up. Needs `pip install alpaca_eval==0.6.6`.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import official
import pandas as pd

from rapo.judging import judgements
from rapo.studies.winrates import simulation
from rapo.winrates import calibration, length_control

HERE = Path(__file__).resolve()
NEARBY = HERE.parents[2].parent / "shared" / "data" / "alpaca_eval"


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def data(folder: Path, scratch: Path) -> tuple[pd.DataFrame, Path, str]:
    """Judgements, a calibration file, and what they are."""
    if (folder / "annotations.parquet").is_file():
        frame = judgements.read(folder / "annotations.parquet")
        frame["model"] = frame["model"].astype(str)
        return frame, next(folder.glob("df_gamed*")), f"AlpacaEval's judgements in {folder.name}"
    frame = simulation.judgements(n_models=24, n_instructions=805).judgements
    return frame, official.calibration_file(scratch / "df_gamed.csv", n=805), "made-up judgements"


def against_the_official_function(folder: Path, rounds: int) -> None:
    """Parity and speed, model by model."""
    peer = official.load()
    with tempfile.TemporaryDirectory() as scratch:
        frame, file, what = data(folder, Path(scratch))
        known = calibration.load(file)
        parts = {name: part.reset_index(drop=True) for name, part in frame.groupby("model")}
        theirs = {name: official.annotations(part, model=name) for name, part in parts.items()}
        seconds: dict[str, list[tuple[float, float]]] = {"official": [], "table, one": [], "table, all": []}
        for _ in range(rounds):
            for name, part in parts.items():
                seconds["official"].append(timed(lambda name=name: official.win_rate(peer, theirs[name], file)))
                seconds["table, one"].append(
                    timed(lambda part=part: length_control.length_controlled(part, calibration=known))
                )
                whole = timed(lambda: length_control.length_controlled(frame, calibration=known))
                seconds["table, all"].append((whole[0] / len(parts), whole[1] / len(parts)))
        ours = length_control.length_controlled(frame, calibration=known, match="position").set_index("model")
        gaps = []
        for tight in (True, False):
            rates = {name: official.win_rate(peer, part, file, tight=tight) for name, part in theirs.items()}
            official_rates = pd.Series({name: rate["length_controlled_winrate"] for name, rate in rates.items()})
            gaps.append(float((ours["length_controlled_winrate"] - official_rates).abs().max()))
    print(f"{what}: {len(parts)} models, {len(frame):,} judgements, {rounds} rounds\n")
    print(f"{'per model':<14}{'CPU ms':>10}{'wall ms':>10}{'times faster (CPU)':>22}{'(wall)':>10}")
    base = [statistics.median(column) for column in zip(*seconds["official"], strict=True)]
    for name, values in seconds.items():
        cpu, wall = (statistics.median(column) for column in zip(*values, strict=True))
        print(f"{name:<14}{cpu * 1e3:>10.2f}{wall * 1e3:>10.2f}{base[0] / cpu:>22.1f}{base[1] / wall:>10.1f}")
    print(
        f"\nlargest difference: {gaps[0]:.1e} points at a solver tolerance of 1e-10, {gaps[1]:.4f} at its default"
    )


def a_million_judgements() -> None:
    """Read and rank 1,000 models x 1,000 instructions."""
    made = simulation.judgements(n_models=1000, n_instructions=1000, seed=0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        gamed = official.calibration_file(folder / "df_gamed.csv", n=1000)
        made.judgements.to_parquet(folder / "big.parquet")
        made.judgements.to_csv(folder / "big.csv", index=False)
        print(f"\n{'a million judgements, read and ranked':<46}{'CPU s':>8}{'wall s':>8}")
        for name in ("big.parquet", "big.csv"):
            for label, known in (
                ("gamed baselines", gamed),
                ("difficulty of the pool", "pool"),
                ("no difficulty", None),
            ):

                def work(name: str = name, known: object = known) -> pd.DataFrame:
                    return length_control.length_controlled(judgements.read(folder / name), calibration=known)

                cpu, wall = timed(work)
                print(f"{name + ', ' + label:<46}{cpu:>8.2f}{wall:>8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=NEARBY, metavar="FOLDER")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--million", action="store_true", help="only the million judgements")
    args = parser.parse_args()
    if not args.million:
        try:
            against_the_official_function(args.data, args.rounds)
        except ImportError as error:
            print(f"the official function is not installed ({error}): pip install alpaca_eval==0.6.6")
    a_million_judgements()


if __name__ == "__main__":
    main()
