"""Frozen settings: canonical JSON, content hashes and recipes in YAML."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """YAML that reads ``1e-6`` as a number, of which YAML 1.1 makes a string, and refuses a name that stands twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """A mapping as it is written; PyYAML would take the last of equal names, and tell nobody."""
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            name = (key.tag, str(key.value))
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} stands here twice", key.start_mark
                )
            if isinstance(key, yaml.ScalarNode):
                seen.add(name)
        return node


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9]+(?:[eE][-+]?[0-9]+)?|\.inf|\.nan)$"
    ),
    list("-+0123456789."),
)


def canonical(settings: Any) -> str:
    """Return the one JSON text of plain settings: sorted keys, no spaces, no NaN.

    Raises:
        TypeError: a value is not plain (str, int, float, bool, None, list, dict).
        ValueError: a number is NaN or infinite.

    >>> canonical({"b": 1, "a": [1.0, "x"]})
    '{"a":[1.0,"x"],"b":1}'
    """
    return json.dumps(settings, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def content_hash(*parts: str | bytes, length: int = 16) -> str:
    """SHA-256 over the parts, each preceded by its length, as ``length`` hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:length]


def differences(before: Any, now: Any, name: str = "") -> Iterator[str]:
    """How plain values differ, as "beta was 0.1, is 0.2"; of mappings each part by its name.

    >>> list(differences({"data": {"rows": 3}, "seed": 1}, {"data": {"rows": 4}, "seed": 1}))
    ['data.rows was 3, is 4']
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in sorted({*before, *now}):
            yield from differences(before.get(key), now.get(key), f"{name}.{key}".strip("."))
    elif before != now:
        yield f"{name or 'it'} was {before!r}, is {now!r}"


def load_yaml(path: str | Path) -> Any:
    """Read YAML; ``1e-6`` is a number.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: the text is not YAML.
    """
    return parse_yaml(Path(path).read_text(encoding="utf-8"), name=str(path))


def parse_yaml(text: str, *, name: str = "<text>") -> Any:
    """Parse YAML text; ``name`` is what an error calls it.

    >>> parse_yaml("lr: 1e-6")
    {'lr': 1e-06}
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"{name} is not valid YAML: {error}") from error


def recipe(name: str, scale: str) -> dict[str, Any]:
    """Settings of one study at one scale, from ``rapo/studies/<name>/recipe.yaml``.

    The file has a block ``common`` and one block per scale; the scale's values override, nested mappings merge. Its
    seeds are `shifted` where a replication measures with others.

    Raises:
        ValueError: no such recipe, or the recipe has no such scale.
    """
    file = resources.files("rapo") / "studies" / name / "recipe.yaml"
    if not file.is_file():
        raise ValueError(f"no study named {name!r} has a recipe.yaml in rapo/studies")
    blocks = parse_yaml(file.read_text(encoding="utf-8"), name=f"studies/{name}/recipe.yaml") or {}
    scales = sorted(set(blocks) - {"common"})
    if scale not in scales:
        raise ValueError(f"recipe {name!r} has no scale {scale!r}; it has {scales}")
    return shifted(merge(blocks.get("common") or {}, blocks[scale] or {}), seed_shift())


SHIFT = "RAPO_SEED_SHIFT"  # set for the processes of `rapo replicate`, and by nobody else
TUNE = "RAPO_TUNE"  # set for those of `rapo reproduce --tune`: what is kept of tuning is measured anew


def seed_shift() -> int:
    """By how much the seeds of this process differ from those that the recipes name: 0 but in a replication."""
    return int(os.environ.get(SHIFT) or 0)


def is_seed(name: str) -> bool:
    """Whether a setting of this name is a seed or several; ``n_seeds`` is a count.

    >>> [is_seed(name) for name in ("seed", "tuning_seeds", "base_seed", "n_seeds", "seedling")]
    [True, True, True, False, False]
    """
    words = name.split("_")
    return words[-1] in ("seed", "seeds") and words[0] != "n"


def shifted(settings: Any, shift: int) -> Any:
    """Settings with every seed in them, however deep, moved by ``shift``; a seed that is null stays so.

    Raises:
        ValueError: a seed is neither a whole number, nor a list of them, nor null.

    >>> shifted({"seeds": [1, 2], "base_seed": None, "rounds": [{"seed": 3, "pairs": 10}]}, 500)
    {'seeds': [501, 502], 'base_seed': None, 'rounds': [{'seed': 503, 'pairs': 10}]}
    """
    if isinstance(settings, Mapping):
        return {
            name: _moved(name, value, shift) if is_seed(str(name)) else shifted(value, shift)
            for name, value in settings.items()
        }
    return [shifted(one, shift) for one in settings] if isinstance(settings, list) else settings


def _moved(name: str, value: Any, shift: int) -> Any:
    if isinstance(value, list):
        return [_moved(name, one, shift) for one in value]
    if value is not None and type(value) is not int:
        raise ValueError(f"{name} is {value!r}; a seed is a whole number, a list of them, or null")
    return None if value is None else value + shift


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Deep-merge two mappings; ``over`` wins, neither is changed.

    >>> merge({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}})
    {'a': {'x': 1, 'y': 3}}
    """
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def plain(value: Any) -> Any:
    """Plain JSON of what `json.dumps` does not know; give it as ``default=plain``.

    Numpy scalars become numbers, arrays lists; anything else (paths, dates, intervals) becomes its text.
    """
    return value.tolist() if hasattr(value, "tolist") else str(value)
