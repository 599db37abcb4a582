"""Canonical JSON, content hashes, YAML with real numbers, recipes."""

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo import config, paths

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_canonical_text_reads_back_equal(settings: Any) -> None:
    assert json.loads(config.canonical(settings)) == settings


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_canonical_text_does_not_depend_on_the_order_of_keys(settings: dict[str, int]) -> None:
    assert config.canonical(dict(reversed(settings.items()))) == config.canonical(settings)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_canonical_refuses_what_json_cannot_say(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        config.canonical({"lr": value})
    with pytest.raises(TypeError):
        config.canonical({"root": Path("somewhere")})


def test_content_hash_is_sha256_over_lengths_and_parts() -> None:
    # 8 bytes little-endian length, then the part: b"\x02" + 7 zero bytes + b"ab", b"\x01" + 7 zero bytes + b"c"
    stream = b"\x02\0\0\0\0\0\0\0ab\x01\0\0\0\0\0\0\0c"
    assert config.content_hash("ab", b"c", length=64) == hashlib.sha256(stream).hexdigest()
    assert config.content_hash("ab", "c") == config.content_hash("ab", "c", length=64)[:16]
    assert config.content_hash("ab", "c") != config.content_hash("a", "bc")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6),
        ("5E-7", 5e-7),
        ("1.5e3", 1500.0),
        ("-2e2", -200.0),
        (".5", 0.5),
        ("3", 3),
        (".inf", math.inf),
        ("1e-6x", "1e-6x"),
        ("e5", "e5"),
        ("'1e-6'", "1e-6"),
    ],
)
def test_yaml_reads_numbers_as_people_write_them(text: str, value: Any) -> None:
    read = config.parse_yaml(f"lr: {text}")["lr"]
    assert read == value
    assert type(read) is type(value)


def test_broken_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: [1, 2", encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.yaml is not valid YAML"):
        config.load_yaml(tmp_path / "x.yaml")
    with pytest.raises(FileNotFoundError):
        config.load_yaml(tmp_path / "missing.yaml")


@pytest.mark.parametrize("text", ["lr: 1e-6\nseed: 1\nlr: 5e-6", "{a: {b: 1, 'b': 2}}"])
def test_a_name_that_stands_twice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"(?s)r\.yaml is not valid YAML: '(lr|b)' stands here twice.*line \d"):
        config.parse_yaml(text, name="r.yaml")


def test_what_a_mapping_takes_over_may_be_replaced_in_it() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b\n  <<: *a\n  x: 2\nc: [{<<: *b, x: 3}, {x: 4}]"
    assert config.parse_yaml(text)["c"] == [{"x": 3, "y": 1}, {"x": 4}]


@given(
    st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xyz"), st.integers())),
    st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xyz"), st.integers())),
)
def test_merge_lets_the_second_win_leaf_by_leaf(base: dict[str, Any], over: dict[str, Any]) -> None:
    before = config.canonical([base, over])
    merged = config.merge(base, over)
    leaves = {(a, x): v for tree in (base, over) for a, branch in tree.items() for x, v in branch.items()}
    assert {(a, x): v for a, branch in merged.items() for x, v in branch.items()} == leaves
    assert config.canonical([base, over]) == before


def test_merge_replaces_a_mapping_by_a_leaf_and_a_leaf_by_a_mapping() -> None:
    assert config.merge({"a": {"x": 1}, "b": 2}, {"a": 3, "b": {"y": 4}}) == {"a": 3, "b": {"y": 4}}


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Writes the recipe of a study of its own package."""
    monkeypatch.setattr(config.resources, "files", lambda package: tmp_path)

    def write(name: str, text: str) -> None:
        (tmp_path / "studies" / name).mkdir(parents=True)
        (tmp_path / "studies" / name / "recipe.yaml").write_text(text, encoding="utf-8")

    return write


def test_a_recipe_is_common_overridden_by_the_scale(studies: Callable[[str, str], None]) -> None:
    studies("toy", "common: {lr: 1e-4, model: {width: 96, layers: 3}}\nsmoke: {model: {layers: 1}}\nsmall:\n")
    assert config.recipe("toy", "smoke") == {"lr": 1e-4, "model": {"width": 96, "layers": 1}}
    assert config.recipe("toy", "small") == {"lr": 1e-4, "model": {"width": 96, "layers": 3}}


@pytest.mark.parametrize("scale", ["full", "common"])
def test_a_recipe_without_the_scale_names_those_it_has(studies: Callable[[str, str], None], scale: str) -> None:
    studies("toy", "common: {lr: 1}\nsmoke: {}\n")
    with pytest.raises(ValueError, match=rf"'toy' has no scale '{scale}'; it has \['smoke'\]"):
        config.recipe("toy", scale)


def test_an_empty_recipe_and_a_missing_one_are_named(studies: Callable[[str, str], None]) -> None:
    studies("empty", "")
    with pytest.raises(ValueError, match="'empty' has no scale 'smoke'"):
        config.recipe("empty", "smoke")
    with pytest.raises(ValueError, match="no study named 'absent'"):
        config.recipe("absent", "smoke")


RECIPES = sorted(file.parent.name for file in (Path(config.__file__).parent / "studies").glob("*/recipe.yaml"))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_of_rapo_is_there_for_laptops(name: str) -> None:
    for scale in ("smoke", "small"):
        assert config.canonical(config.recipe(name, scale))


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_hold_scales_and_nothing_else(name: str) -> None:
    blocks = config.load_yaml(Path(config.__file__).parent / "studies" / name / "recipe.yaml")
    assert set(blocks) <= {"common", *paths.SCALES}


def leaves(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every plain value of nested settings, by its path."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        return {path: value}
    return {at: leaf for name, one in inner for at, leaf in leaves(one, (*path, str(name))).items()}


@pytest.mark.parametrize("scale", paths.SCALES)
@pytest.mark.parametrize("name", RECIPES)
def test_a_replication_takes_another_value_of_every_seed_and_of_nothing_else(
    name: str, scale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if scale not in config.load_yaml(Path(config.__file__).parent / "studies" / name / "recipe.yaml"):
        pytest.skip(f"{name} has no scale {scale}")
    plain = leaves(config.recipe(name, scale))
    monkeypatch.setenv("RAPO_SEED_SHIFT", "500")
    moved = leaves(config.recipe(name, scale))
    assert list(plain) == list(moved)
    for path, value in plain.items():
        counts = any(part.startswith("n_") for part in path)
        seeded = any("seed" in part for part in path) and not counts and value is not None
        assert moved[path] == (value + 500 if seeded else value), path


def test_every_recipe_is_looked_at() -> None:
    assert {"central_results", "self_play", "theory"} <= set(RECIPES)


def test_a_seed_in_words_is_refused() -> None:
    with pytest.raises(ValueError, match="base_seed is 'zero'; a seed is a whole number"):
        config.shifted({"base_seed": "zero"}, 1)


def test_plain_makes_json_of_numpy_and_text_of_the_rest() -> None:
    values = [np.float64(0.5), np.int32(3), np.bool_(True), np.array([[1, 2]]), Path("a/b")]
    assert json.loads(json.dumps(values, default=config.plain)) == [0.5, 3, True, [[1, 2]], "a/b"]
