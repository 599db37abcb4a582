"""What is shown of most arms, as panels of `rapo.plots.arms.arm_panels`."""

from collections.abc import Mapping
from typing import Any

from rapo.plots.arms import Panel
from rapo.world import data


def form_panels(world: Mapping[str, Any]) -> dict[str, Panel]:
    """Gold and broken answers, and between them sentences where their number is a side of quality in a world.

    Args:
        world: settings, as `data.make_world` takes them.
    """
    best = data.make_world(world).gold.best_sentences
    sentences = {} if best is None else {"sentences": Panel("sentences after the list", best)}
    broken = Panel("answers that break the form (%)")
    return {"gold": Panel("gold reward (1-10)"), **sentences, "unparseable": broken}
