"""Recipes of `rapo train`: YAML in the names of TRL's own arguments, so that `trl dpo --config` reads the same file.

What TRL has no word for stands in a block ``rapo``, and is left out where nothing of it is wanted:

    rapo: {trainer: kto, columns: {prompt: question}, bad: drop, long_rows: drop, data_revision: COMMIT,
           test_data: FILE}

Reading a recipe imports TRL (seconds): its own classes say which names there are.
"""

import dataclasses
import difflib
import types
import typing
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapo.config import load_yaml, merge

TRAINERS = ("sft", "dpo", "simpo", "cpo", "kto", "orpo")
OWN: dict[str, Any] = {
    "trainer": None,  # simpo where loss_type says so, else dpo
    "columns": {},  # as --column of the other commands: {prompt: question}
    "bad": "raise",
    "long_rows": "cut",  # as TRL does; "drop" leaves such rows out, "raise" stops
    "data_revision": None,  # of a data set on the hub
    "test_data": None,  # what is evaluated on where dataset_name has no split for it: a file, a folder, a hub's id
}
DATA = ("datasets", "dataset_name", "dataset_config", "dataset_train_split", "dataset_test_split")
LAUNCH = ("accelerate_config", "num_processes")  # of `trl dpo` too, which starts itself through accelerate
_CHOICES = {"trainer": TRAINERS, "bad": ("raise", "drop"), "long_rows": ("cut", "drop", "raise")}
_REFUSED = {
    "trust_remote_code": "code that comes with a model is never run",
    "resume_from_checkpoint": "the same command goes on from the last checkpoint in --out by itself",
    "save_only_model": "training could not go on from checkpoints without the optimiser's state",
    "push_to_hub": "nothing is uploaded; do it when the model is trained",
}
_PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", type(None): "null"}


@dataclass(frozen=True)
class Recipe:
    """A recipe whose every name is known.

    Attributes:
        name: of its file, or of one that comes with rapo.
        trainer: one of `TRAINERS`.
        arguments: of the trainer's configuration.
        model: of TRL's ModelConfig.
        data: those of `DATA`.
        launch: those of `LAUNCH`.
        own: the block ``rapo``, whole.
        out: its ``output_dir``.
    """

    name: str
    trainer: str
    arguments: dict[str, Any]
    model: dict[str, Any]
    data: dict[str, Any]
    launch: dict[str, Any]
    own: dict[str, Any]
    out: str | None

    def asked(self) -> dict[str, Any]:
        """What decides what is trained: all but where it goes and how many processes do it."""
        own = {**self.own, "trainer": self.trainer}
        return {**self.model, **self.data, **self.arguments, "rapo": own}


def packaged() -> dict[str, Path]:
    """The recipes that come with rapo, by name: files that TRL's command line reads as they are."""
    return {file.stem: file for file in sorted((Path(__file__).parent / "recipes").glob("*.yaml"))}


def read(source: str | Path, settings: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe and hold its names and values against TRL's.

    Args:
        source: a file, or a name in `packaged`.
        settings: over what the recipe says; ``rapo.trainer`` stands for trainer in its block.

    Raises:
        FileNotFoundError: there is no such recipe.
        ValueError: a name is unknown or a value is of a wrong kind; the nearest name, or what belongs there, is told.
    """
    file = _file(source)
    given = load_yaml(file)
    if not isinstance(given, dict):
        raise ValueError(f"{file} holds no settings; write lines like learning_rate: 5.0e-7")
    asked = dict(settings or {})
    if "dataset_name" in asked and "datasets" not in asked:
        given.pop("datasets", None)  # TRL would prefer it
    for name, value in asked.items():
        outer, dot, inner = name.partition(".")
        given = merge(given, {outer: {inner: value} if dot else value})
    return _checked(str(source), given)


def _file(source: str | Path) -> Path:
    """The file of a recipe."""
    known = packaged()
    if Path(source).is_file() or str(source) not in known:
        if not Path(source).exists():
            near = difflib.get_close_matches(Path(source).stem, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "`rapo train --recipes` lists those that come with rapo"
            raise FileNotFoundError(f"{source} does not exist; {hint}")
        return Path(source)
    return known[str(source)]


def config_class(trainer: str) -> Any:
    """TRL's configuration of a trainer."""
    import trl

    if trainer not in ("simpo", "cpo", "orpo"):
        return getattr(trl, f"{trainer.upper()}Config")
    with warnings.catch_warnings():  # TRL announces that this part of it may change
        warnings.simplefilter("ignore")
        from trl.experimental.cpo import CPOConfig
        from trl.experimental.orpo import ORPOConfig
    return ORPOConfig if trainer == "orpo" else CPOConfig


def _checked(name: str, given: Mapping[str, Any]) -> Recipe:
    """A recipe of what a file and a person say."""
    from trl import ModelConfig

    own = _own(name, given.get("rapo") or {})
    trainer = own["trainer"] or ("simpo" if given.get("loss_type") == "simpo" else "dpo")
    of_trainer, of_model = (_hints(kind) for kind in (config_class(trainer), ModelConfig))
    known = {*of_trainer, *of_model, *DATA, *LAUNCH, "rapo"}
    if unknown := [key for key in given if key not in known]:
        raise ValueError(f"{name}: {_unknown(unknown[0], trainer, known)}")
    if refused := [key for key, why in _REFUSED.items() if given.get(key)]:
        raise ValueError(f"{name}: {refused[0]} is not to be had: {_REFUSED[refused[0]]}; leave it out")
    arguments = {key: _value(name, key, held, of_trainer[key]) for key, held in given.items() if key in of_trainer}
    model = {key: _value(name, key, given[key], of_model[key]) for key in given if key in of_model}
    if not model.get("model_name_or_path"):
        raise ValueError(f"{name} names no model; add model_name_or_path: a folder, or a hub's id")
    out = arguments.pop("output_dir", None)
    data, launch = ({key: given[key] for key in keys if given.get(key)} for keys in (DATA, LAUNCH))
    if trainer == "simpo":
        if arguments.get("loss_type", "simpo") != "simpo":
            raise ValueError(
                f"{name}: loss_type is {arguments['loss_type']!r}, and the trainer is simpo; choose one"
            )
        arguments = {"loss_type": "simpo", "cpo_alpha": 0.0} | arguments
    return Recipe(name, trainer, arguments, model, data, launch, own, out)


def _own(name: str, given: Any) -> dict[str, Any]:
    """The block ``rapo``, whole and checked."""
    if not isinstance(given, Mapping):
        raise ValueError(f"{name}: rapo is {given!r}; write a block like rapo: {{trainer: kto}}")
    if unknown := [key for key in given if key not in OWN]:
        raise ValueError(f"{name}: {_nearest(f'rapo.{unknown[0]}', [f'rapo.{key}' for key in OWN])}")
    own = OWN | dict(given)
    for key, choices in _CHOICES.items():
        if own[key] not in (OWN[key], *choices):
            raise ValueError(f"{name}: rapo.{key} is {own[key]!r}; use one of {', '.join(choices)}")
    if not isinstance(own["columns"], Mapping):
        raise ValueError(f"{name}: rapo.columns is {own['columns']!r}; write {{prompt: question}}")
    return own


def _hints(kind: Any) -> dict[str, Any]:
    """Names of a configuration and of what kind their values are."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind) if field.init}


def _unknown(key: str, trainer: str, known: Iterable[str]) -> str:
    """Why a name cannot be used, and which one can."""
    others = [other for other in TRAINERS if other != trainer and key in _hints(config_class(other))]
    if others:
        return f"{key} is no argument of the trainer {trainer}, but of {', '.join(others)}; leave it out"
    return _nearest(key, known)


def _nearest(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(key), list(known), n=1, cutoff=0.5)
    return f"{key} is no argument that is known here" + (f"; did you mean {near[0]}?" if near else "")


def _value(name: str, key: str, value: Any, hint: Any) -> Any:
    """A value, once it is of the kind that belongs there; a single one in a list where a list does."""
    kinds = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    lists = [kind for kind in kinds if typing.get_origin(kind) is list]
    if lists and str not in kinds and value is not None and not isinstance(value, list):
        return [value]
    if set(kinds) <= set(_PLAIN) and not _fits(value, kinds):
        wanted = " or ".join(told for kind, told in _PLAIN.items() if kind in kinds)
        raise ValueError(f"{name}: {key} is {value!r}; give {wanted}")
    return value


def _fits(value: Any, kinds: tuple[Any, ...]) -> bool:
    """Whether a plain value is of one of the kinds; whole numbers are numbers, true and false are not."""
    return type(value) in kinds or (type(value) is int and float in kinds)
