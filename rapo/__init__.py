"""rapo: preference data for aligning language models.

Importing the package runs nothing: every name below is loaded on first use.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_ROOMS = (
    "agreement",
    "audit",
    "bias",
    "candidates",
    "chat",
    "claims",
    "config",
    "files",
    "goals",
    "intervals",
    "judges",
    "leaderboard",
    "logprobs",
    "margins",
    "models",
    "pairs",
    "paths",
    "plots",
    "relabel",
    "sampling",
    "selection",
    "sources",
    "study",
    "style",
    "tables",
    "theory",
    "toy",
    "training",
    "winrate",
    "world",
)


def __getattr__(name: str) -> Any:
    """Import a room of the house on first use (PEP 562)."""
    if name in _ROOMS:
        return importlib.import_module(f"rapo.{name}")
    raise AttributeError(f"module 'rapo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS])
