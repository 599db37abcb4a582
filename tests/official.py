"""AlpacaEval's own length-controlled win rate, as a peer to compare with; `pip install alpaca_eval==0.6.6`.

Its import needs `pkg_resources`, which setuptools 82 and later no longer bring; a stand-in is given here. It looks
its calibration up on the hub; a local file is put in its place.
"""

import importlib.metadata
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TIGHT = {"n_splits": 5, "tol": 1e-10, "max_iter": 100_000}


def load() -> types.ModuleType:
    """The module `alpaca_eval.metrics.glm_winrate`.

    Raises:
        ImportError: the package is not installed.
    """
    with warnings.catch_warnings(), _pkg_resources():
        warnings.simplefilter("ignore")
        import alpaca_eval.metrics.glm_winrate as module
    return module


@contextmanager
def _pkg_resources() -> Iterator[None]:
    """The stand-in, taken away afterwards: pytest too looks whether `pkg_resources` is there."""
    from packaging.version import parse

    stand_in = types.ModuleType("pkg_resources")
    stand_in.parse_version = parse  # type: ignore[attr-defined]
    stand_in.get_distribution = lambda name: types.SimpleNamespace(  # type: ignore[attr-defined]
        version=importlib.metadata.version(name)
    )
    before = sys.modules.get("pkg_resources")
    sys.modules["pkg_resources"] = before or stand_in
    try:
        yield
    finally:
        if before is None:
            del sys.modules["pkg_resources"]


def annotations(rows: pd.DataFrame, *, model: str) -> pd.DataFrame:
    """Judgements of one model as the official function takes them: texts of the right lengths."""
    texts = {f"output_{n}": ["a" * int(size) for size in rows[f"length_{who}"]] for n, who in _SIDES}
    scores = {"preference": rows["preference"].to_numpy(), "preferences": rows["preference"].to_numpy()}
    return pd.DataFrame({**scores, **texts, "generator_1": "baseline", "generator_2": model})


_SIDES = ((1, "baseline"), (2, "model"))


def win_rate(module: Any, frame: pd.DataFrame, calibration: Path, *, tight: bool = False) -> dict[str, float]:
    """The official function on one model's annotations; ``tight``: with a solver tolerance of 1e-10."""
    module.hf_hub_download = lambda **_: str(calibration)
    info = dict(module.GLM_INFO["length_controlled_v1"])
    info |= {"kwargs": TIGHT} if tight else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = module.get_length_controlled_winrate(
            frame, save_weights_dir=None, is_warn_extreme_changes=False, glm_info=info
        )
    return {name: float(value) for name, value in found.items()}


def calibration_file(path: Path, *, n: int, seed: int = 0) -> Path:
    """A calibration in the official columns, made up: two gamed baselines on n instructions."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0.0, 1.2, n)
    parts = []
    for name, shift in (("verbose", -1.0), ("concise", 1.2)):
        delta = rng.normal(shift, 1.0, n)
        chance = 1 / (1 + np.exp(1.4 * np.tanh(delta) - 0.6 * hard))
        parts.append(
            pd.DataFrame(
                {
                    "preference": np.clip(chance + rng.normal(0, 0.1, n), 0.0, 1.0),
                    "std_delta_len": delta,
                    "index": np.arange(n),
                    "instruction_difficulty": hard,
                    "not_gamed_baseline": False,
                    "model": name,
                }
            )
        )
    pd.concat(parts).to_csv(path, index=False)
    return path
