"""A notebook as a document: what it says of itself, its parameters, and the hash of all that decides its results."""

import ast
import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.config import canonical, content_hash, is_seed, seed_shift, shifted
from rapo.runs import keys

RESERVED = ("scale", "measure", "jobs")  # parameters that have options of their own


@dataclass(frozen=True)
class Source:
    """A stored notebook."""

    path: Path
    cost: str  # "heavy" runs alone with all workers, "light" beside others
    after: tuple[str, ...]  # notebooks that run first when they are chosen too
    parameters: dict[str, Any]  # name -> default, from the cell tagged ``parameters``
    text: str  # hash of its cells without outputs
    code: str  # its code cells as one program, without IPython's own lines
    question: str = ""  # what it answers
    place: int = 0  # in the reading order, from 1; 0: in none
    claims: tuple[str, ...] = ()  # ids of the papers' claims that it measures

    @property
    def name(self) -> str:
        """File name without suffix."""
        return self.path.stem


def load(path: Path) -> Source:
    """Read a notebook's description.

    Raises:
        ValueError: the file is no notebook, its parameters are not literals, or its metadata is wrong.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells, about = content["cells"], content["metadata"].get("rapo", {})
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a notebook: {error!r}") from error
    cost = about.get("cost", "light")
    if cost not in ("light", "heavy"):
        raise ValueError(f"{path}: metadata rapo.cost is {cost!r}; use 'light' or 'heavy'")
    parts = [canonical([cell["cell_type"], _source(cell), _tags(cell)]) for cell in cells]
    return Source(
        path=path,
        cost=cost,
        after=tuple(about.get("after", ())),
        parameters=_parameters(cells, path),
        text=content_hash(*parts),
        code="\n".join(_program(cell) for cell in cells if cell["cell_type"] == "code"),
        question=about.get("question", ""),
        place=about.get("place", 0),
        claims=tuple(about.get("claims", ())),
    )


def find(names: Iterable[str] | None = None) -> list[Source]:
    """The named notebooks (name, file name or path), or all of ``notebooks/``, sorted by name.

    Raises:
        ValueError: there is no such notebook; tells those that there are.
    """
    there = {path.stem: path for path in sorted(paths.notebooks().glob("*.ipynb"))}
    if names is None:
        return [load(path) for path in there.values()]
    chosen: dict[str, Path] = {}
    for name in names:
        path = Path(name)
        stem = path.name.removesuffix(".ipynb")
        if path.suffix == ".ipynb" and path.is_file():
            chosen[stem] = path.resolve()
        elif stem in there:
            chosen[stem] = there[stem]
        else:
            close = difflib.get_close_matches(path.stem, there, n=1)
            meant = f"; did you mean {close[0]!r}?" if close else "."
            known = ", ".join(there) or f"none in {paths.notebooks()}"
            raise ValueError(f"no notebook {name!r}{meant} Notebooks: {known}")
    return [load(path) for path in chosen.values()]


def check_any(sources: Sequence[Source]) -> None:
    """Raise ValueError where there is no notebook: outside a checkout nothing is reproduced, drawn or kept."""
    if not sources and not any(paths.notebooks().glob("*.ipynb")):
        raise ValueError(
            f"no notebook in {paths.notebooks()}; go into a checkout of rapo, or name it in RAPO_ROOT"
        )


def check_settings(sources: Sequence[Source], settings: Mapping[str, Any], *, strict: bool) -> None:
    """Raise ValueError for settings that no notebook knows, or whose type differs from the default's.

    Where it is ``strict``, every notebook must know every setting.
    """
    for name, value in settings.items():
        if name in RESERVED:
            option = "the command `rapo figures`" if name == "measure" else f"--{name}"
            raise ValueError(f"{name} is not set with --set; use {option}")
        knowing = [source for source in sources if name in source.parameters]
        if not knowing or (strict and len(knowing) < len(sources)):
            blind = [source for source in sources if name not in source.parameters]
            own = {source.name: [one for one in source.parameters if one not in RESERVED] for source in blind}
            known = "; ".join(f"{one} has {', '.join(there) or 'none of its own'}" for one, there in own.items())
            raise ValueError(f"unknown parameter {name!r}: {known}")
        for source in knowing:
            _check_type(source, name, value)


def parameters(source: Source, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What of the common parameters and the settings is injected into a notebook: those that it knows.

    In a replication its own seeds are others as well.
    """
    own = {name: value for name, value in source.parameters.items() if is_seed(name)}
    moved = shifted(own, seed_shift()) if seed_shift() else {}
    return moved | {name: value for name, value in wanted.items() if name in source.parameters}


def digest(source: Source, *, scale: str, measure: bool = True, settings: Mapping[str, Any] | None = None) -> str:
    """Hash of all that decides a notebook's results: its cells, its parameters and what of rapo they reach.

    That is the code that the cells and their runs use, and the recipes and claims of the studies named in it. The
    number of jobs is left out: it changes no result. Without measuring, the kept results count as well; a notebook
    without parameters never measures.
    """
    values = parameters(source, {"scale": scale, "measure": measure, "jobs": 0, **(settings or {})})
    parts = [source.text, canonical(values), *_behind(source)]
    parts += [f"seeds moved by {seed_shift()}"] if seed_shift() else []
    if not measure or not source.parameters:
        kept = sorted(file for file in paths.results().glob("*") if file.is_file())
        parts += [content_hash(file.name, file.read_bytes()) for file in kept]
    return content_hash(*parts)


def _behind(source: Source) -> list[str]:
    """Hashes of the code that the cells reach, of what the studies named in it state, and of the libraries."""
    home, libraries = keys.home("rapo"), canonical(keys.libraries())
    stated = sorted((home / "studies").glob("*/*.yaml"))
    try:
        reach = keys.reach_of_text(source.code)
    except SyntaxError:
        # Words of IPython's own, such as ``files = !ls``: what they reach is not known, so all counts.
        every = [*stated, *sorted(home.rglob("*.py"))]
        return [content_hash(*(file.read_bytes() for file in every)), libraries]
    named = {source.name, *reach.strings}
    found = [
        content_hash(file.parent.name, file.name, file.read_bytes())
        for file in stated
        if file.parent.name in named
    ]
    return [reach.hash, *found, libraries]


def _parameters(cells: Iterable[Mapping[str, Any]], path: Path) -> dict[str, Any]:
    """Name -> default of the cell tagged ``parameters``; nothing where there is no such cell."""
    cell = next((cell for cell in cells if "parameters" in _tags(cell)), None)
    found: dict[str, Any] = {}
    for node in ast.parse(_source(cell)).body if cell else []:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        try:
            if not isinstance(node, (ast.Assign, ast.AnnAssign)) or not isinstance(target, ast.Name):
                raise ValueError("not an assignment to one name")
            found[target.id] = ast.literal_eval(node.value or ast.Constant(None))
        except (ValueError, TypeError) as error:
            line = ast.unparse(node)
            raise ValueError(
                f"{path}: parameter `{line}` is no literal ({error}); compute it in a later cell"
            ) from error
    return found


def _source(cell: Mapping[str, Any]) -> str:
    return "".join(cell["source"])


def _program(cell: Mapping[str, Any]) -> str:
    lines = _source(cell).splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!", "?")))


def _tags(cell: Mapping[str, Any]) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", []))


def _check_type(source: Source, name: str, value: Any) -> None:
    default = source.parameters[name]
    number = isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool)
    if default is not None and value is not None and type(value) is not type(default) and not number:
        kind, given = type(default).__name__, type(value).__name__
        raise ValueError(f"{name}={value!r} is a {given}; {source.name} expects a {kind} such as {default!r}")
