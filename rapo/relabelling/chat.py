"""Chat templates: which placement of a goal a model needs, and rows shown as it will read them.

Templates are rendered, not guessed from names: some models refuse a system turn (Gemma 2), some drop it, some fold
it into a user turn (then the prefix says the same, and says it where the paper puts it).
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from rapo.relabelling.placement import Message


class Tokenizer(Protocol):
    """What is asked of a tokenizer: a chat template, and rendering it to text."""

    @property
    def chat_template(self) -> Any: ...

    @property
    def apply_chat_template(self) -> Callable[..., Any]: ...


@dataclass(frozen=True)
class ChatTemplate:
    """A chat template without its tokenizer: renders messages as transformers would, in milliseconds.

    Attributes:
        chat_template: the Jinja text.
        special: special tokens that the template may name ("bos_token", "eos_token").
    """

    chat_template: str
    special: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: str | Path) -> "ChatTemplate":
        """Read the template of a saved tokenizer, without importing transformers.

        Raises:
            FileNotFoundError: the folder holds no tokenizer_config.json.
            ValueError: the tokenizer has no chat template.
        """
        folder = Path(folder)
        if not (folder / "tokenizer_config.json").is_file():
            raise FileNotFoundError(
                f"{folder} holds no tokenizer_config.json; give the folder of a saved tokenizer"
            )
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        own = folder / "chat_template.jinja"
        text = own.read_text(encoding="utf-8") if own.is_file() else config.get("chat_template")
        if isinstance(text, list):
            text = {entry["name"]: entry["template"] for entry in text}.get("default")
        if not text:
            raise ValueError(_without(f"the tokenizer in {folder}"))
        tokens = {name: held for name, held in config.items() if name.endswith("_token") and held}
        special = {name: held["content"] if isinstance(held, dict) else held for name, held in tokens.items()}
        return cls(text, {name: held for name, held in special.items() if isinstance(held, str)})

    def apply_chat_template(
        self,
        conversation: Sequence[Message],
        *,
        tokenize: bool = False,
        add_generation_prompt: bool = False,
    ) -> str:
        """Messages as the text that the model reads.

        Raises:
            ValueError: tokens are asked for.
            jinja2.TemplateError: the template refuses the messages.

        >>> ChatTemplate(CHATML).apply_chat_template([{"role": "user", "content": "hi"}])
        '<|im_start|>user\\nhi<|im_end|>\\n'
        """
        if tokenize:
            raise ValueError("a ChatTemplate renders text only; use the tokenizer itself for tokens")
        return self._compiled.render(
            messages=[dict(message) for message in conversation],
            add_generation_prompt=add_generation_prompt,
            tools=None,
            documents=None,
            **self.special,
        )

    @cached_property
    def _compiled(self) -> Any:
        import jinja2
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        def refuse(message: str) -> None:
            raise jinja2.TemplateError(message)

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = refuse
        environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
        environment.filters["tojson"] = lambda value, indent=None: json.dumps(
            value, ensure_ascii=False, indent=indent
        )
        # Blocks that mark what the assistant says matter to tokens, not to text.
        text = re.sub(r"({%-?\s*)(end)?generation(\s*-?%})", _as_plain_block, self.chat_template)
        return environment.from_string(text)


def _as_plain_block(found: re.Match[str]) -> str:
    return f"{found[1]}{'endif' if found[2] else 'if true'}{found[3]}"


# Two templates to show and test with: one in the manner of ChatML, which has a system role, and one without.
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_SYSTEM = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message.role == 'system' %}{{ raise_exception('this template has no system role') }}{% endif %}"
    "<start_of_turn>{{ 'model' if message.role == 'assistant' else 'user' }}\n{{ message.content | trim }}"
    "<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
EXAMPLES: dict[str, ChatTemplate] = {
    "system role": ChatTemplate(CHATML),
    "no system role": ChatTemplate(NO_SYSTEM, {"bos_token": "<bos>"}),
}


def placement(tokenizer: Tokenizer) -> str:
    """Where a model's goals go: "system" where its chat template has a system turn of its own, else "prefix".

    "prefix" is the answer for a template that refuses a system turn, drops it, or folds it into a user turn.

    Raises:
        ValueError: the tokenizer has no chat template, or the template refuses even a plain question.

    >>> [placement(template) for template in EXAMPLES.values()]
    ['system', 'prefix']
    """
    if not getattr(tokenizer, "chat_template", None):
        raise ValueError(_without(type(tokenizer).__name__))
    goal, asked = "GOALTEXT", "QUESTIONTEXT"
    question = {"role": "user", "content": asked}
    try:
        tokenizer.apply_chat_template([question], tokenize=False)
    except Exception as error:
        raise ValueError(f"the chat template refuses a plain question: {error}; mend the template") from error
    try:
        text = tokenizer.apply_chat_template([{"role": "system", "content": goal}, question], tokenize=False)
    except Exception:  # templates raise what they like
        return "prefix"
    _, found, after = text.partition(goal)
    between, asked_after, _ = after.partition(asked)
    return "system" if found and asked_after and between.strip() else "prefix"


def show(row: Mapping[str, Any], template: Tokenizer) -> str:
    """A row of a preference data set as the model will read it: the prompt, then both responses.

    Raises:
        jinja2.TemplateError: the template refuses the prompt (a system turn, where it has no such role).
    """
    prompt = template.apply_chat_template(row["prompt"], tokenize=False, add_generation_prompt=True)
    texts = {side: "\n".join(message["content"] for message in row[side]) for side in ("chosen", "rejected")}
    return "\n".join(f"--- {name} ---\n{text}" for name, text in {"prompt": prompt.rstrip(), **texts}.items())


def show_pair(rows: pa.Table, pair_id: str, template: Tokenizer) -> str:
    """Both goal-conditioned rows of one pair, as the model will read them.

    Args:
        rows: from `rapo.relabelling.relabel.relabel`.
        pair_id: which pair.
        template: a tokenizer, or a template of `EXAMPLES`.

    Raises:
        ValueError: no row was made of that pair (a tie, or the other half).
    """
    found = rows.filter(pc.equal(rows["pair_id"], pair_id)).to_pylist()
    if not found:
        raise ValueError(f"no row is made of pair {pair_id!r}; ties and the other half have none")
    return "\n\n".join(f"{_title(row)}\n{show(row, template)}" for row in found)


def _title(row: Mapping[str, Any]) -> str:
    goal = f"{row['goal']:g}" if isinstance(row["goal"], float) else str(row["goal"])
    return f"===== goal {goal}, the score of the {row['goal_source']} response ====="


def _without(what: str) -> str:
    return f"{what} has no chat template; set tokenizer.chat_template, or choose placement='system' or 'prefix'"
