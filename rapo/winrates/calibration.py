"""Calibration of length-controlled win rates: how hard each instruction is, and two gamed baselines.

It comes from a file (AlpacaEval's ``df_gamed.csv`` or one that `save` wrote), from the Hugging Face hub
(`official`), or is estimated from the judgements of a pool of models on a benchmark of one's own (`from_pool`).
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rapo.judging import judgements as judged
from rapo.paths import write_text
from rapo.stats.arrays import Floats, Integers
from rapo.winrates.difficulty import estimate, standardised

_log = logging.getLogger(__name__)

# Fewer models tell too little about an instruction: the formula then does without its difficulty.
MIN_POOL = 5
OFFICIAL_REPOSITORY, OFFICIAL_FILE = "tatsu-lab/alpaca_eval", "df_gamed.csv"
GET_IT = f"hf download {OFFICIAL_REPOSITORY} {OFFICIAL_FILE} --repo-type dataset --local-dir ."
GAMED = ("preference", "std_delta_len", "instruction_difficulty")


@dataclass(frozen=True)
class Calibration:
    """What the length-controlled win rate knows beforehand about a benchmark.

    Attributes:
        difficulty: log-odds that an instruction adds for every model; index: instruction ids, in file order.
        gamed: judgements of the baseline's verbose and concise variants, in file order: ``preference`` in [0, 1],
            ``std_delta_len``, ``instruction_difficulty``; None where there are none.
        source: where it comes from, in words.
        without: for each model of the pool, difficulties estimated without it; index models, columns instructions.
    """

    difficulty: pd.Series
    gamed: pd.DataFrame | None
    source: str
    without: pd.DataFrame | None = None

    def of(self, models: pd.Index, model_codes: Integers, places: Integers) -> Floats:
        """Difficulty for each judgement.

        A model of the pool gets the difficulties that were estimated without it.

        Args:
            models: names.
            model_codes: place in ``models``, Shape (n,).
            places: place of the instruction in ``difficulty``, Shape (n,).
        """
        values = self.difficulty.to_numpy(dtype=float)[places]
        if self.without is None:
            return values
        rows = self.without.index.get_indexer(models)[model_codes]
        return np.where(rows >= 0, self.without.to_numpy()[rows, places], values)


def load(path: str | Path) -> Calibration:
    """Read a calibration file: AlpacaEval's ``df_gamed.csv`` or one with its columns, plain or .gz.

    Raises:
        FileNotFoundError: the file is missing; names the command that gets the official one.
        ValueError: a column is missing or a value is not a finite number.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no calibration file {path}; get AlpacaEval's with: {GET_IT}")
    frame = pd.read_csv(path)
    if lacking := {"index", "instruction_difficulty"} - set(frame.columns):
        raise ValueError(f"{path} is no calibration: no column {sorted(lacking)}; it has {list(frame.columns)}")
    has_gamed = {"preference", "std_delta_len"} <= set(frame.columns)
    numbers = frame[list(GAMED) if has_gamed else ["instruction_difficulty"]].apply(pd.to_numeric, errors="coerce")
    if not np.isfinite(numbers.to_numpy(dtype=float)).all():
        bad = int(np.flatnonzero(~np.isfinite(numbers.to_numpy(dtype=float)).all(axis=1))[0])
        raise ValueError(f"{path}: row {bad} holds {frame.iloc[bad].to_dict()}; every number must be finite")
    first = frame.drop_duplicates("index")
    difficulty = pd.Series(first["instruction_difficulty"].to_numpy(dtype=float), index=pd.Index(first["index"]))
    return Calibration(difficulty, numbers.astype(float) if has_gamed else None, str(path))


def official() -> Calibration:
    """AlpacaEval's own calibration: from a cache of the hub or of ours, else downloaded once.

    ``HF_ENDPOINT`` names another hub, ``HF_HUB_OFFLINE=1`` forbids the download, ``XDG_CACHE_HOME`` moves our
    cache.

    Raises:
        FileNotFoundError: it is in no cache and cannot be downloaded; names the command that gets it.
    """
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rapo" / OFFICIAL_FILE
    for file in (own, *_hub_cache()):
        if file.is_file():
            return load(file)
    _download(own)
    return load(own)


def _hub_cache() -> list[Path]:
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    return sorted(hub.glob(f"datasets--{OFFICIAL_REPOSITORY.replace('/', '--')}/snapshots/*/{OFFICIAL_FILE}"))


def _download(target: Path) -> None:
    import urllib.request

    hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    remedy = f"get it where there is a network with: {GET_IT} ; then give its path as the calibration"
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "on", "yes", "true"):
        raise FileNotFoundError(f"AlpacaEval's calibration is in no cache and HF_HUB_OFFLINE is set; {remedy}")
    url = f"{hub}/datasets/{OFFICIAL_REPOSITORY}/resolve/main/{OFFICIAL_FILE}"
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            text = answer.read().decode("utf-8")
    except (OSError, ValueError) as error:
        raise FileNotFoundError(
            f"AlpacaEval's calibration cannot be had from {url} ({error}); {remedy}"
        ) from error
    write_text(target, text)


def from_pool(judgements: pd.DataFrame, *, gamed: Sequence[str] = ()) -> Calibration | None:
    """Estimate how hard each instruction is from the judgements of a pool of models.

    One logistic model for all: log-odds that model m beats the baseline on instruction i =
    quality[m] + slope[m] * tanh(std_delta_len) + difficulty[i], with difficulty ~ Normal(0, variance) and that
    variance estimated too. For each model of the pool the difficulties are also estimated without its own
    judgements: otherwise a model's luck on an instruction would look like the instruction's difficulty.

    Args:
        judgements: as `rapo.judging.judgements.table` makes them, with lengths.
        gamed: models of the table that are variants of the baseline told to be verbose or concise; their
            judgements become the rows that hold the length effect in place (AlpacaEval uses two), nothing else.

    Returns:
        The calibration, or None where the pool has fewer than `MIN_POOL` models (a warning says so).

    Raises:
        ValueError: lengths are missing or a gamed model is not in the table.
    """
    frame = judged.check(judgements)
    if lacking := {"length_model", "length_baseline"} - set(frame.columns):
        raise ValueError(f"the judgements have no column {sorted(lacking)}; a pool needs lengths of both outputs")
    is_gamed = frame["model"].isin(list(gamed)).to_numpy()
    if absent := set(gamed) - set(frame["model"][is_gamed]):
        raise ValueError(f"gamed baselines {sorted(absent)} are not among the models")
    n_models = frame["model"][~is_gamed].nunique()
    if n_models < MIN_POOL:
        _log.warning(
            "%d models judged are too few to tell how hard instructions are (at least %d): "
            "length control does without instruction difficulty",
            n_models,
            MIN_POOL,
        )
        return None
    calibration = _estimated(frame[~is_gamed].reset_index(drop=True))
    if not gamed:
        return calibration
    return replace(calibration, gamed=_gamed_rows(frame[is_gamed].reset_index(drop=True), calibration.difficulty))


def _length(frame: pd.DataFrame, codes: Integers) -> Floats:
    """Standardised length differences; 0 where they have no scale."""
    delta = (frame["length_baseline"] - frame["length_model"]).to_numpy(dtype=float)
    return np.nan_to_num(standardised(delta, codes))


def _gamed_rows(frame: pd.DataFrame, difficulty: pd.Series) -> pd.DataFrame:
    codes, _ = pd.factorize(frame["model"])
    known = difficulty.reindex(frame["instruction"]).fillna(0.0).to_numpy()
    rows = {
        "preference": frame["preference"].to_numpy(dtype=float) - 1,
        "std_delta_len": _length(frame, codes),
        "instruction_difficulty": known,
    }
    return pd.DataFrame(rows)


def _estimated(frame: pd.DataFrame) -> Calibration:
    codes, models = pd.factorize(frame["model"])
    places, ids = pd.factorize(frame["instruction"], sort=True)
    shape = (len(models), len(ids))
    length = np.tanh(_length(frame, codes))
    wins, lengths, seen = (
        np.bincount(codes * shape[1] + places, values, minlength=shape[0] * shape[1]).reshape(shape).astype(float)
        for values in (frame["preference"].to_numpy(dtype=float) - 1, length, np.ones(len(frame)))
    )
    many = np.maximum(seen, 1)
    together, without = estimate(wins / many, lengths / many, seen)
    index = pd.Index(ids)
    return Calibration(
        pd.Series(together, index=index),
        None,
        f"a pool of {shape[0]} models",
        pd.DataFrame(without, index=pd.Index(models), columns=index),
    )
