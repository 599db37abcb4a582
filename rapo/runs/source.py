"""What a function reaches, read off the source definition by definition; nothing is imported for it.

A definition is a module's function, class or assigned name. Its text is its syntax tree without docstrings, positions
and hints, in which each name of another definition is a number: so neither where code lies nor what it is called
counts, only what it does. Local names, attributes and keywords stay as they are written.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rapo.runs.canonical import Writer
from rapo.runs.modules import Module
from rapo.runs.names import WHOLE, Names, Packages

READERS = ("importlib.resources", "__file__")


@dataclass(frozen=True)
class Definition:
    """One definition as it counts."""

    text: str  # its code; ``@0``, ``@1``, ... stand for ``refs``
    refs: tuple[str, ...] = ()  # qualified names ("module:name") of the definitions that it names, in order
    imports: tuple[str, ...] = ()  # modules that it imports when it runs
    strings: frozenset[str] = frozenset()

    @cached_property
    def digest(self) -> bytes:
        """Hash of the text alone."""
        return hashlib.sha256(self.text.encode()).digest()


class Code(Packages):
    """The definitions in the source of some packages; a definition that is taken out is read anew."""

    def __init__(self, tops: Mapping[str, Path]) -> None:
        super().__init__(tops)
        self.definitions: dict[str, Definition] = {}
        self._effects: dict[str, frozenset[str]] = {}

    def put(self, name: str, tree: ast.Module) -> None:
        """Take this tree for a module's source, whatever its file holds."""
        file = self.file(name)
        self.modules[name] = Module(name, tree, is_package=file is not None and file.name == "__init__.py")
        self._effects.clear()
        for one in [one for one in self.definitions if one.partition(":")[0] == name]:
            del self.definitions[one]

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
            writer.write([*module.effects, *module.made][int(name[1:])])
        for statement in module.statements.get(name, []):
            writer.define(name, statement)
        return Definition(
            "".join(writer.parts), tuple(writer.refs), tuple(writer.imports), frozenset(writer.strings)
        )

    def reach(self, *roots: str) -> "Reach":
        """All that some definitions reach; ValueError where there is no such definition."""
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
            waiting, done, found = [module], {""}, set[str]()
            while waiting:
                name = waiting.pop()
                if name not in done:
                    done.add(name)
                    waiting.append(name.rpartition(".")[0])
                    if there := self.module(name):
                        waiting.extend(there.runs)
                        found.update(f"{name}:!{number}" for number in self._acting(there))
            self._effects[module] = frozenset(found)
        return self._effects[module]

    def _acting(self, module: Module) -> Iterator[int]:
        """Numbers of a module's statements that do something: its effects, then what it makes by code of ours."""
        yield from range(len(module.effects))
        names = Names(self, module)
        for number, made in enumerate(module.made, len(module.effects)):
            if names.acts(made):
                yield number

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
    """What some definitions reach: by qualified name, statements that run on import as ``module:!number``; one hash."""

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
