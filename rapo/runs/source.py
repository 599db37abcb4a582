"""What a function reaches, read off the source definition by definition; nothing is imported for it.

A definition is a module's function, class or assigned name. Its text is its syntax tree without docstrings, positions
and hints, in which each name of another definition is a number: so neither where code lies nor what it is called
counts, only what it does. Local names, attributes and keywords stay as they are written.
"""

import ast
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from rapo.runs.canonical import Writer
from rapo.runs.modules import Module
from rapo.runs.names import WHOLE, Target

READERS = ("importlib.resources", "__file__")


@dataclass(frozen=True)
class Definition:
    """One definition as it counts.

    Attributes:
        text: its code; ``@0``, ``@1``, ... stand for ``refs``.
        refs: qualified names ("module:name") of the definitions that it names, in order.
        imports: modules that it imports when it runs.
        strings: its texts.
    """

    text: str
    refs: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    strings: frozenset[str] = frozenset()

    @cached_property
    def digest(self) -> bytes:
        """Hash of the text alone."""
        return hashlib.sha256(self.text.encode()).digest()


@lru_cache(maxsize=1024)
def _parsed(file: Path, name: str, mtime: int, size: int) -> Module:
    tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    return Module(name, tree, is_package=file.name == "__init__.py")


class Code:
    """The source of some packages as it stands.

    Args:
        tops: name of a top package or module -> its folder or file. Other names are followed nowhere.

    Attributes:
        definitions: those read so far; one that is taken out is read anew.
    """

    def __init__(self, tops: Mapping[str, Path]) -> None:
        self.tops = dict(tops)
        self._modules: dict[str, Module | None] = {}
        self._stamps: dict[str, tuple[int, int]] = {}
        self._effects: dict[str, frozenset[str]] = {}
        self.definitions: dict[str, Definition] = {}

    def is_current(self) -> bool:
        """Whether no file that was read has been edited since."""
        return all(_stamp(file) == stamp for file, stamp in self._stamps.items())

    def module(self, name: str) -> Module | None:
        """A module by its dotted name; None outside the packages, and where there is none."""
        if name not in self._modules:
            file = self._file(name)
            if file:
                self._stamps[str(file)] = stamp = _stamp(str(file))
                self._modules[name] = _parsed(file, name, *stamp)
            else:
                self._modules[name] = None
        return self._modules[name]

    def _file(self, name: str) -> Path | None:
        top, *rest = name.split(".")
        home = self.tops.get(top)
        if home is None:
            return None
        if not home.is_dir():
            return None if rest else home
        place = home.joinpath(*rest)
        return next((file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()), None)

    def put(self, name: str, tree: ast.Module) -> None:
        """Take this tree for a module's source, whatever its file holds."""
        file = self._file(name)
        package = file is not None and file.name == "__init__.py"
        self._modules[name] = Module(name, tree, is_package=package)
        self._effects.clear()
        for one in [one for one in self.definitions if one.partition(":")[0] == name]:
            del self.definitions[one]

    def lookup(self, module: str, name: str, *, seen: tuple[str, ...] = ()) -> list[Target] | None:
        """What a name stands for on a module's top level; None where it has none of it."""
        found = self.module(module)
        if found is None:
            return None
        here = [Target("definition", f"{module}:{name}")] if name in found.statements else []
        if here or name in found.imports:
            imports = found.imports.get(name, [])
            return here + [one for where in imports for one in self.target(*where, seen=seen)]
        for star in found.stars:
            if (there := self.member(star, name, seen=seen))[0].kind != "outside":
                return there
        return None

    def member(self, module: str, name: str, *, seen: tuple[str, ...] = ()) -> list[Target]:
        """What ``module.name`` is: definitions, a module, or something outside."""
        found = self.module(module)
        if found is None or f"{module}:{name}" in seen:
            return [Target("outside", f"{module}.{name}")]
        if here := self.lookup(module, name, seen=(*seen, f"{module}:{name}")):
            return here
        if self.module(f"{module}.{name}"):
            return [Target("module", f"{module}.{name}")]
        if "__getattr__" in found.statements:
            return [Target("definition", f"{module}:__getattr__"), *self._lazy(found, name)]
        return [Target("outside", f"{module}.{name}")]

    def _lazy(self, module: Module, name: str) -> list[Target]:
        """What a name stands for in a table of a module with ``__getattr__``: name -> "module" or "module:name"."""
        for statement in (one for several in module.statements.values() for one in several):
            for table in (node for node in ast.walk(statement) if isinstance(node, ast.Dict)):
                for key, value in zip(table.keys, table.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == name and isinstance(value, ast.Constant):
                        where, _, attribute = str(value.value).partition(":")
                        return self.target(where, attribute or name)
        return []

    def target(self, module: str, attribute: str, *, seen: tuple[str, ...] = ()) -> list[Target]:
        """What ``from module import attribute`` gives; without an attribute, the module."""
        if attribute:
            return self.member(module, attribute, seen=seen)
        return [Target("module" if self.module(module) else "outside", module)]

    def definition(self, qualified: str) -> Definition:
        """A definition by its qualified name, ``module:name``."""
        if qualified not in self.definitions:
            module, _, name = qualified.partition(":")
            found = self.module(module)
            assert found is not None, f"{qualified} was resolved, so its module is there"
            self.definitions[qualified] = self._read(found, name)
        return self.definitions[qualified]

    def _read(self, module: Module, name: str) -> Definition:
        if name == WHOLE:
            return Definition("a module", tuple(f"{module.name}:{each}" for each in module.statements))
        writer = Writer(self, module)
        if name.startswith("!"):
            writer.write(module.effects[int(name[1:])])
        for statement in module.statements.get(name, []):
            writer.define(name, statement)
        return Definition(
            "".join(writer.parts), tuple(writer.refs), tuple(writer.imports), frozenset(writer.strings)
        )

    def reach(self, *roots: str) -> "Reach":
        """All that some definitions reach.

        Raises:
            ValueError: there is no such definition.
        """
        for root in roots:
            module, _, name = root.partition(":")
            if (found := self.module(module)) is None:
                raise ValueError(f"no source file for module {module!r}; check the name in {root!r}")
            if name not in found.statements and name != WHOLE:
                raise ValueError(f"{module} has no function {name!r}; check the name in {root!r}")
        return Reach(self, roots)

    def effects(self, module: str) -> frozenset[str]:
        """Statements that run when a module is imported, its own and those of what it imports."""
        if module not in self._effects:
            waiting, done, found = [module], set[str](), set[str]()
            while waiting:
                name = waiting.pop()
                if not name or name in done:
                    continue
                done.add(name)
                waiting.append(name.rpartition(".")[0])
                if there := self.module(name):
                    waiting.extend(there.runs)
                    found.update(f"{name}:!{number}" for number in range(len(there.effects)))
            self._effects[module] = frozenset(found)
        return self._effects[module]

    def walk(self, *roots: str) -> dict[str, Definition]:
        """Qualified name -> definition, in the order in which names are met; without what imports do."""
        found: dict[str, Definition] = {}
        waiting = list(reversed(roots))
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = definition = self.definition(name)
                waiting.extend(reversed(definition.refs))
        return found


class Reach:
    """What some definitions reach.

    Attributes:
        definitions: qualified name -> definition; statements that run on import are called ``module:!number``.
        hash: of all that counts; 64 hex digits.
    """

    def __init__(self, code: Code, roots: tuple[str, ...]) -> None:
        self.definitions = code.walk(*roots)
        main, effects = _digest(roots, self.definitions), dict[str, bytes]()
        while missing := self._effects(code) - set(effects):
            for effect in missing:
                walked = code.walk(effect)
                effects[effect] = _digest((effect,), walked)
                self.definitions |= walked
        self.hash = hashlib.sha256(b"".join([main, *sorted(set(effects.values()))])).hexdigest()

    def _effects(self, code: Code) -> set[str]:
        """Statements that run when the modules of all definitions, and those that they import, are imported."""
        modules = {name.partition(":")[0] for name in self.definitions}
        modules.update(name for definition in self.definitions.values() for name in definition.imports)
        return {effect for module in modules for effect in code.effects(module)}

    @property
    def strings(self) -> frozenset[str]:
        """The texts in all of it."""
        return frozenset().union(*(definition.strings for definition in self.definitions.values()))

    @property
    def reads_files(self) -> bool:
        """Whether any of it asks where the package's files lie."""
        return any(word in definition.text for definition in self.definitions.values() for word in READERS)


def _digest(roots: tuple[str, ...], definitions: Mapping[str, Definition]) -> bytes:
    """Hash of definitions that name each other by their place."""
    place = {name: str(number) for number, name in enumerate(definitions)}
    digest = hashlib.sha256(",".join(place[root] for root in roots).encode())
    for definition in definitions.values():
        digest.update(definition.digest)
        digest.update(",".join([place[name] for name in definition.refs]).encode() + b";")
    return digest.digest()


def _stamp(file: str) -> tuple[int, int]:
    try:
        stat = os.stat(file)
    except OSError:
        return (0, -1)
    return stat.st_mtime_ns, stat.st_size
