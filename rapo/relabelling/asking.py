"""How a model is asked for a goal: as its training put it, else as its chat template wants it, or as one says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from rapo.relabelling import chat, goals, placement
from rapo.relabelling.placement import Message

RECORD = "rapo.json"  # beside a model: what `rapo train` trained it on

Goal = float | Mapping[str, float]


@dataclass(frozen=True)
class Asking:
    """Where a goal goes in a prompt, how it is worded, and how that is known."""

    placement: str
    template: goals.GoalTemplate
    told: str

    def put(self, messages: Sequence[Message], goal: Goal | None) -> list[dict[str, str]]:
        """A prompt that asks for a goal; None asks for nothing.

        Raises:
            ValueError: the goal is off the template's scale.
        """
        if goal is None:
            return placement.put(messages, None, placement=self.placement)
        for name, value in goal.items() if isinstance(goal, Mapping) else [("goal", goal)]:
            if not self.template.low <= value <= self.template.high:
                raise ValueError(
                    f"{name} is {value:g}, off the scale of {self.template.low:g} to {self.template.high:g} that "
                    f"the goal's words are made for; name the scale of the scores with --scale LOW HIGH"
                )
        return placement.put(messages, self.template.text(goal), placement=self.placement)


def asking(
    model: Any,
    *,
    tokenizer: Any = None,
    placement: str | None = None,
    template: str | None = None,
    scale: tuple[float, float] | None = None,
) -> Asking:
    """How a model is asked: what is given goes first, then what its training remembers, then its chat template.

    Args:
        model: a folder, a hub's id or a name at a server; a folder's ``rapo.json`` is read.
        tokenizer: whose chat template is looked at; without one, that of a folder.
        placement: "system" or "prefix".
        template: of the goal's words, as `rapo.relabelling.goals.template` takes it.
        scale: lowest and highest score that the words show.

    Raises:
        ValueError: nothing says where the goal goes, or a template is not known.
    """
    kept = remembered(model)
    words = goals.template(template) if template else _template(kept.get("template")) or goals.OVERALL
    if scale is not None:
        words = replace(words, low=scale[0], high=scale[1])
    if placement or kept.get("placement"):
        where, why = (placement, "as asked") if placement else (kept["placement"], f"as {RECORD} remembers")
    else:
        where, why = chat.placement(tokenizer or _chat_template(model)), "as the chat template wants it"
    return Asking(str(where), words, f"goal in words {words.name!r}, placed as {where}, {why}")


def remembered(model: Any) -> dict[str, Any]:
    """``placement`` and ``template`` of the goals that a model in a folder was trained with, as far as it says.

    Raises:
        ValueError: the record is no JSON.
    """
    file = Path(model) / RECORD if isinstance(model, str | Path) else None
    if file is None or not file.is_file():
        return {}
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is no JSON ({error}); mend it, or move it away and say --placement") from error
    scheme = told.get("goal") if isinstance(told.get("goal"), dict) else {}
    return {key: value for key in ("placement", "template") if (value := told.get(key) or scheme.get(key))}


def _template(told: Any) -> goals.GoalTemplate | None:
    """The words that a record holds: a template's name, or its fields."""
    if not isinstance(told, Mapping):
        return goals.template(told) if told else None
    known = {field.name for field in fields(goals.GoalTemplate)}
    return goals.GoalTemplate(**{name: value for name, value in told.items() if name in known})


def _chat_template(model: Any) -> chat.ChatTemplate:
    try:
        return chat.ChatTemplate.load(str(model))
    except FileNotFoundError:
        raise ValueError(
            f"nothing says where {model} wants its goal: say --placement system, or prefix for a chat template without "
            "a system role"
        ) from None
