"""What the names in a definition stand for: definitions of the packages that are followed, or something outside."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from rapo.runs.modules import FUNCTIONS, Module

WHOLE = "*"  # a module handed on as a value: all that it defines


@dataclass(frozen=True)
class Target:
    """What a name stands for: a "definition" ("module:name"), a "module", or something "outside" (dotted)."""

    kind: str
    name: str


@lru_cache(maxsize=1024)
def _parsed(file: Path, name: str, mtime: int, size: int) -> Module:
    tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    return Module(name, tree, is_package=file.name == "__init__.py")


class Packages:
    """The source of some packages as it stands: name of a top package or module -> its folder or file.

    Other names are followed nowhere.
    """

    def __init__(self, tops: Mapping[str, Path]) -> None:
        self.tops = dict(tops)
        self.modules: dict[str, Module | None] = {}
        self._stamps: dict[Path, tuple[int, int]] = {}

    def is_current(self) -> bool:
        """Whether no file that was read has been edited since."""
        return all(_stamp(file) == stamp for file, stamp in self._stamps.items())

    def module(self, name: str) -> Module | None:
        """A module by its dotted name; None outside the packages, and where there is none."""
        if name not in self.modules:
            file = self.file(name)
            if file:
                self._stamps[file] = _stamp(file)
            self.modules[name] = _parsed(file, name, *self._stamps[file]) if file else None
        return self.modules[name]

    def file(self, name: str) -> Path | None:
        """Where the source of a module lies."""
        top, *rest = name.split(".")
        home = self.tops.get(top)
        if home is None or not home.is_dir():
            return None if rest else home
        place = home.joinpath(*rest)
        return next((file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()), None)

    def lookup(self, module: str, name: str, *, seen: tuple[str, ...] = ()) -> list[Target] | None:
        """What a name stands for on a module's top level; None where it has none of it."""
        found = self.module(module)
        if found is None:
            return None
        here = [Target("definition", f"{module}:{name}")] if name in found.statements else []
        if here or name in found.imports:
            imports = found.imports.get(name, [])
            return here + [one for where in imports for one in self.find(*where, seen=seen)]
        for star in reversed(found.stars):  # the last one hides the others
            if (there := self.find(star, name, seen=seen))[0].kind != "outside":
                return there
        return None

    def find(self, module: str, name: str, *, seen: tuple[str, ...] = ()) -> list[Target]:
        """What ``module.name`` is: definitions, a module, or something outside; without a name, the module."""
        found = self.module(module)
        if not name:
            return [Target("module" if found else "outside", module)]
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
                        return self.find(where, attribute or name)
        return []


def _stamp(file: Path) -> tuple[int, int]:
    try:
        stat = file.stat()
    except OSError:
        return (0, -1)
    return stat.st_mtime_ns, stat.st_size


@dataclass
class Scope:
    """Names bound in a function, a class or a comprehension, and those that a function reads."""

    names: set[str]
    imports: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    is_class: bool = False


class Names:
    """Names as one module's definition sees them."""

    def __init__(self, packages: Packages, home: Module) -> None:
        self.packages, self.home = packages, home
        self.scopes: list[
            Scope
        ] = []  # of the functions, classes and comprehensions around a node, outermost first

    def chain(self, node: ast.expr) -> list[tuple[Target, list[str]]] | None:
        """What ``a`` or ``a.b.c`` may stand for, each with the attributes that are left; None for what is local,
        built in or no such expression."""
        rest: list[str] = []
        while isinstance(node, ast.Attribute):
            rest, node = [node.attr, *rest], node.value
        targets = self._targets(node.id) if isinstance(node, ast.Name) else None
        return None if targets is None else [found for target in targets for found in self._follow(target, rest)]

    def _follow(self, target: Target, rest: list[str]) -> Iterator[tuple[Target, list[str]]]:
        if target.kind != "module":
            yield target, rest
        elif rest and rest != ["__name__"]:
            for member in self.packages.find(target.name, rest[0]):
                yield from self._follow(member, rest[1:])
        else:
            yield Target("definition", f"{target.name}:{WHOLE}"), rest

    def _targets(self, name: str) -> list[Target] | None:
        for depth, scope in enumerate(reversed(self.scopes)):
            if scope.is_class and depth:
                continue
            if name in scope.imports:
                return [one for where in scope.imports[name] for one in self.packages.find(*where)]
            if name in scope.names:
                return None
        return self.packages.lookup(self.home.name, name)

    def statements(self, qualified: str) -> tuple[Module | None, list[ast.stmt]]:
        """Where a definition lies, and the statements that make it."""
        module, _, name = qualified.partition(":")
        home = self.packages.module(module)
        return home, home.statements.get(name, []) if home else []

    def classes(self, hint: ast.expr) -> Iterator[Target]:
        """The classes of the packages that a hint names; hints that are written as texts are read."""
        if isinstance(hint, ast.Constant) and isinstance(hint.value, str):
            try:
                hint = ast.parse(hint.value, mode="eval").body
            except SyntaxError:  # a word of a Literal
                return
        for node in ast.walk(hint):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node is not hint:
                yield from self.classes(node)
            for target, _ in (self.chain(node) or []) if isinstance(node, (ast.Name, ast.Attribute)) else []:
                if any(isinstance(one, ast.ClassDef) for one in self.statements(target.name)[1]):
                    yield target

    def acts(self, made: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
        """Whether making a function or a class runs code of the packages, which may note it: ``@register("name")``."""
        if any(self._of_packages(decorator) for decorator in made.decorator_list):
            return True
        return isinstance(made, ast.ClassDef) and self._hooked(made)

    def _hooked(self, made: ast.ClassDef, seen: frozenset[str] = frozenset()) -> bool:
        """Whether a class has a metaclass of the packages, or a base that is told of the classes below it."""
        if any(word.arg == "metaclass" and self._of_packages(word.value) for word in made.keywords):
            return True
        bases = [target.name for base in made.bases for target, _ in self.chain(_head(base)) or []]
        for base in (base for base in bases if base not in seen):
            home, statements = self.statements(base)
            for one in (one for one in statements if isinstance(one, ast.ClassDef)):
                told = any(isinstance(each, FUNCTIONS) and each.name == "__init_subclass__" for each in one.body)
                if told or (home and Names(self.packages, home)._hooked(one, seen | {base})):
                    return True
        return False

    def _of_packages(self, node: ast.expr) -> bool:
        return any(target.kind != "outside" for target, _ in self.chain(_head(node)) or [])

    def text(self, node: ast.expr) -> str | None:
        """The text that an expression of constants gives, else None."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.JoinedStr):
            return _joined([self.text(part) for part in node.values])
        if isinstance(node, ast.FormattedValue):
            return self.text(node.value) if node.conversion == -1 and not node.format_spec else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return _joined([self.text(node.left), self.text(node.right)])
        if isinstance(node, ast.Name) and node.id == "__name__":
            return self.home.name
        return self._constant(self.chain(node) or [])

    def _constant(self, found: list[tuple[Target, list[str]]]) -> str | None:
        """The text behind a name: a constant's value, or a module's ``__name__``."""
        if len(found) != 1:
            return None
        target, rest = found[0]
        if rest == ["__name__"] and target.name.endswith(f":{WHOLE}"):
            return target.name.partition(":")[0]
        home, statements = self.statements(target.name)
        values = [one.value for one in statements if isinstance(one, (ast.Assign, ast.AnnAssign)) and one.value]
        return Names(self.packages, home).text(values[0]) if home and len(values) == 1 and not rest else None


def _head(node: ast.expr) -> ast.expr:
    """What is called or subscripted: ``register`` of ``register("name")``."""
    while isinstance(node, (ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node


def _joined(parts: list[str | None]) -> str | None:
    known = [part for part in parts if part is not None]
    return "".join(known) if len(known) == len(parts) else None
