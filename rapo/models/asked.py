"""A model in memory, asked what a person hands in: texts, or messages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rapo.models import sampling
from rapo.models.sampling import Messages


def sample(
    model: Any,
    tokenizer: Any,
    prompts: Iterable[str | Messages],
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    max_new_tokens: int = 96,
    seed: int = 0,
    ids: Sequence[int] | None = None,
    batch_size: int = 300,
) -> list[str]:
    """Sample one answer to each prompt; special tokens are left out of the text.

    A row's draws depend on (seed, row id) alone: neither batch size nor order nor the other rows change them, beyond
    the rounding of the logits.

    Args:
        model: a causal LM.
        tokenizer: with a chat template.
        prompts: a text (what the user says) or messages each; also a table's column of these. Shape: (n,)
        temperature: 0 takes the likeliest token.
        top_p: keep the likeliest tokens that together have this probability.
        max_new_tokens: where an answer is cut.
        seed: of the draws.
        ids: row ids; 0, 1, ... by default. Shape: (n,)
        batch_size: rows at a time; rows are sorted by length.

    Returns:
        Texts, in the order of the prompts. Shape: (n,)

    Raises:
        TypeError: a prompt is neither a text nor messages; tells which.
        ValueError: an option is out of range.
    """
    talks = _talks(prompts)
    return sampling.sample(
        model,
        tokenizer,
        talks,
        temperature=temperature,
        top_p=top_p,
        max_new_tokens=max_new_tokens,
        seed=seed,
        ids=ids,
        batch_size=batch_size,
    )


def _talks(prompts: Iterable[str | Messages]) -> list[Messages]:
    """Prompts as messages."""
    if isinstance(prompts, str):
        raise TypeError(
            f"prompts is the text {prompts[:40]!r}; give a list of texts or messages, [{prompts[:9]!r}...]"
        )
    given = prompts.to_pylist() if hasattr(prompts, "to_pylist") else list(prompts)  # an Arrow column
    return [_talk(prompt, place) for place, prompt in enumerate(given)]


def _talk(prompt: Any, place: int) -> Messages:
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    turns = [] if isinstance(prompt, Mapping) or not isinstance(prompt, Iterable) else list(prompt)
    if turns and all(isinstance(turn, Mapping) and {"role", "content"} <= set(turn) for turn in turns):
        return turns
    remedy = "give the rows' column, such as rows['prompt']" if isinstance(prompt, Mapping) else "mend it"
    raise TypeError(
        f"prompts[{place}] is {str(prompt)[:60]!r}, neither a text nor messages {{role, content}}; {remedy}"
    )
