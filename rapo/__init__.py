"""rapo: preference data for aligning language models.

    import rapo

    pairs = rapo.read_pairs("pairs.jsonl")        # scored pairs, checked
    rapo.audit(pairs).table()                     # scores, premises, lengths, duplicates, ... with what to do
    rows = rapo.relabel(pairs)                    # two goal-conditioned rows a pair, for TRL
    best, chosen = rapo.select(scored, fraction=0.4)

``dir(rapo)`` lists the functions; each is loaded on first use. Importing the package runs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rapo.inspection.audit import audit
    from rapo.judging.agreement import agreement
    from rapo.judging.judgements import read as read_judgements
    from rapo.judging.judges import judge_pairs
    from rapo.models.asked import sample
    from rapo.pairs.candidates import to_pairs as make_pairs
    from rapo.pairs.check import check as check_pairs
    from rapo.pairs.sources import read_pairs
    from rapo.relabelling.relabel import relabel
    from rapo.runs.queue import run_all
    from rapo.scoring.score import score
    from rapo.selection.select import select
    from rapo.training.train import train_dpo, train_sft, train_simpo
    from rapo.winrates.length_control import length_controlled
    from rapo.winrates.plain import win_rates

__version__ = "0.1.0"

_FUNCTIONS = {
    "agreement": "judging.agreement:agreement",
    "audit": "inspection.audit:audit",
    "check_pairs": "pairs.check:check",
    "judge_pairs": "judging.judges:judge_pairs",
    "length_controlled": "winrates.length_control:length_controlled",
    "make_pairs": "pairs.candidates:to_pairs",
    "read_judgements": "judging.judgements:read",
    "read_pairs": "pairs.sources:read_pairs",
    "relabel": "relabelling.relabel:relabel",
    "run_all": "runs.queue:run_all",
    "sample": "models.asked:sample",
    "score": "scoring.score:score",
    "select": "selection.select:select",
    "train_dpo": "training.train:train_dpo",
    "train_sft": "training.train:train_sft",
    "train_simpo": "training.train:train_simpo",
    "win_rates": "winrates.plain:win_rates",
}
__all__ = sorted(_FUNCTIONS)


def __getattr__(name: str) -> Any:
    """Load a function on first use (PEP 562)."""
    if name not in _FUNCTIONS:
        raise AttributeError(f"module 'rapo' has no attribute {name!r}; it offers {', '.join(_FUNCTIONS)}")
    module, _, function = _FUNCTIONS[name].partition(":")
    found = globals()[name] = getattr(importlib.import_module(f"rapo.{module}"), function)
    return found


def __dir__() -> list[str]:
    return [*_FUNCTIONS, "__version__"]
