"""A definition's syntax tree as text: what counts in it, with the definitions that it names as numbers."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from rapo.runs.modules import COMPREHENSIONS, FUNCTIONS, Module, bound, imported, undocumented

FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")  # how a run names its function
WHOLE = "*"  # a module handed on as a value: all that it defines
_SKIPPED = frozenset({"ctx", "type_comment", "kind", "type_params"})


@dataclass(frozen=True)
class Target:
    """What a name stands for: a "definition" ("module:name"), a "module", or something "outside" (dotted)."""

    kind: str
    name: str


class Names(Protocol):
    """Knows what names stand for."""

    def lookup(self, module: str, name: str) -> list[Target] | None:
        """What a name stands for on a module's top level; None where it has none of it."""

    def member(self, module: str, name: str) -> list[Target]:
        """What ``module.name`` is."""

    def target(self, module: str, attribute: str) -> list[Target]:
        """What ``from module import attribute`` gives; without an attribute, the module."""

    def module(self, name: str) -> Module | None:
        """A module that is followed; None for others."""


@dataclass
class Scope:
    """Names bound in a function, a class or a comprehension, and those that a function reads."""

    names: set[str]
    imports: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    is_class: bool = False


class Writer:
    """Writes one definition.

    Attributes:
        parts: the text so far.
        refs: definitions named so far; their place is their number.
        imports: modules that the definition imports when it runs.
        strings: texts in it.
    """

    def __init__(self, names: Names, home: Module) -> None:
        self.names, self.home = names, home
        self.parts: list[str] = []
        self.refs: dict[str, int] = {}
        self.imports: list[str] = []
        self.strings: set[str] = set()
        self._scopes: list[Scope] = []

    def define(self, name: str, statement: ast.stmt) -> None:
        """Write one of the statements that define a name of the module, without the name."""
        if isinstance(statement, FUNCTIONS):
            self._function(statement)
        elif isinstance(statement, ast.ClassDef):
            self._class(statement)
        elif isinstance(statement, ast.AnnAssign):
            self._hint(statement.annotation)
            self._write(statement.value)
        elif isinstance(statement, ast.Assign):
            self._assigned(name, statement)
        else:
            self.write(statement)

    def _assigned(self, name: str, statement: ast.Assign) -> None:
        """The value behind one of the names; for ``a, b = 1, 2`` its part alone."""
        value = statement.value
        for target in statement.targets:
            if isinstance(target, ast.Name) and target.id == name:
                self.write(value)
                return
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                there = [one.id if isinstance(one, ast.Name) else None for one in target.elts]
                if name in there and len(there) == len(value.elts):
                    self.write(value.elts[there.index(name)])
                    return
        self.write(statement)

    def write(self, node: ast.AST) -> None:
        """Write a node and what lies below it."""
        if isinstance(node, ast.Name):
            self._name(node.id)
        elif isinstance(node, ast.Attribute):
            self._attribute(node)
        elif isinstance(node, FUNCTIONS):
            self.parts.append(f"name {node.name} ")
            self._function(node)
        elif isinstance(node, ast.ClassDef):
            self.parts.append(f"name {node.name} ")
            self._class(node)
        elif isinstance(node, ast.Lambda):
            self._defaults(node.args)
            self._inside(Scope({argument.arg for argument in _arguments(node.args)}), [node.body])
        elif isinstance(node, COMPREHENSIONS):
            self._comprehension(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node)
        elif isinstance(node, ast.AnnAssign):
            self._annotated(node)
        elif not isinstance(node, (ast.Pass, ast.Global)) and not self._named_function(node):
            self._generic(node)

    def _write(self, value: object) -> None:
        if isinstance(value, ast.AST):
            self.write(value)
        elif isinstance(value, list):
            self.parts.append("[")
            for item in value:
                before = len(self.parts)
                self._write(item)
                self.parts.extend("," * (len(self.parts) > before))  # imports and hints leave nothing
            self.parts.append("]")
        else:
            self.parts.append(repr(value))

    def _generic(self, node: ast.AST) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.strings.add(node.value)
        self.parts.append(type(node).__name__ + "(")
        for name, value in ast.iter_fields(node):
            if name not in _SKIPPED:
                self._write(value)
                self.parts.append(",")
        self.parts.append(")")

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._write(node.decorator_list)
        self.parts.append(type(node).__name__)
        self._defaults(node.args)
        for hint in (*(argument.annotation for argument in _arguments(node.args)), node.returns):
            self._hint(hint)
        names = {argument.arg for argument in _arguments(node.args)}
        imports: dict[str, list[tuple[str, str]]] = {}
        for name, where, runs in imported(node.body, self.home.package):
            imports.setdefault(name, []).append(where)
            self.imports.append(runs)
        read = {sub.id for sub in ast.walk(node) if isinstance(sub, ast.Name) and isinstance(sub.ctx, ast.Load)}
        self._inside(Scope(names | set(bound(node.body)), imports, read), undocumented(node.body))

    def _defaults(self, arguments: ast.arguments) -> None:
        """Parameters with their defaults."""
        kinds = (arguments.posonlyargs, arguments.args, arguments.kwonlyargs)
        stars = [star.arg if star else "" for star in (arguments.vararg, arguments.kwarg)]
        self.parts.append(repr([[argument.arg for argument in kind] for kind in kinds] + [stars]))
        self._write(arguments.defaults)
        self._write(arguments.kw_defaults)

    def _class(self, node: ast.ClassDef) -> None:
        self._write(node.decorator_list)
        self.parts.append("class")
        self._write(node.bases)
        self._write(node.keywords)
        self._inside(Scope(set(bound(node.body)), is_class=True), undocumented(node.body))

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self.parts.append(type(node).__name__)
        self.write(node.generators[0].iter)
        scope = Scope({name for part in node.generators for name in _stored(part.target)})
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        inner: list[ast.AST] = [*results]
        for number, part in enumerate(node.generators):
            inner += [part.target, *([part.iter] if number else []), *part.ifs]
            self.parts.append(f"for {part.is_async} {len(part.ifs)} ")
        self._inside(scope, inner)

    def _inside(self, scope: Scope, nodes: Iterable[ast.AST]) -> None:
        self._scopes.append(scope)
        self._write(list(nodes))
        self._scopes.pop()

    def _annotated(self, node: ast.AnnAssign) -> None:
        """In a class the hint may make the field what it is; elsewhere it does nothing."""
        if self._scopes and self._scopes[-1].is_class:
            self._generic(node)
            return
        self._hint(node.annotation)
        if node.value:
            self.parts.append("=")
            self.write(node.target)
            self.write(node.value)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        """What is used counts where it is used; what is imported for its effect, or tried, counts here."""
        used = self._scopes[-1].read if self._scopes else set()
        for name, where, _ in imported([node], self.home.package):
            for target in self.names.target(*where):
                if target.kind == "outside" and name not in used:
                    self.parts.append(f"import {target.name}")

    def _name(self, name: str) -> None:
        targets = self._targets(name)
        if targets is None:
            self.parts.append(f"${name}")
        for target in targets or ():
            self._target(target, [])

    def _attribute(self, node: ast.Attribute) -> None:
        names, base = [node.attr], node.value
        while isinstance(base, ast.Attribute):
            names, base = [base.attr, *names], base.value
        targets = self._targets(base.id) if isinstance(base, ast.Name) else None
        if targets is None:
            self._generic(node)
        for target in targets or ():
            self._target(target, names)

    def _target(self, target: Target, names: list[str]) -> None:
        """Write what a name stands for, with the attributes that follow."""
        if target.kind == "module" and names:
            for member in self.names.member(target.name, names[0]):
                self._target(member, names[1:])
            return
        if target.kind == "outside":
            self.parts.append(" " + ".".join([target.name, *names]))
            return
        qualified = target.name if target.kind == "definition" else f"{target.name}:{WHOLE}"
        number = self.refs.setdefault(qualified, len(self.refs))
        self.parts.append(".".join([f"@{number}", *names]))

    def _targets(self, name: str) -> list[Target] | None:
        """What a name stands for here; None for local names, builtins and what is not known."""
        for depth, scope in enumerate(reversed(self._scopes)):
            if scope.is_class and depth:
                continue
            if name in scope.imports:
                return [one for where in scope.imports[name] for one in self.names.target(*where)]
            if name in scope.names:
                return None
        return self.names.lookup(self.home.name, name)

    def _hint(self, hint: ast.expr | None) -> None:
        """A hint does nothing, but the classes that it names may be what a function hands out."""
        if hint is None:
            return
        for node in ast.walk(_parsed_hint(hint)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node is not hint:
                self._hint(node)
            elif isinstance(node, (ast.Name, ast.Attribute)):
                self._hinted(node)

    def _hinted(self, node: ast.Name | ast.Attribute) -> None:
        for qualified in self._probe(node):
            module, _, name = qualified.partition(":")
            home = self.names.module(module)
            statements = home.statements.get(name, []) if home else []
            if any(isinstance(statement, ast.ClassDef) for statement in statements):
                self._target(Target("definition", qualified), [])

    def _probe(self, node: ast.AST) -> list[str]:
        """The definitions that an expression names, without writing it."""
        probe = Writer(self.names, self.home)
        probe._scopes = self._scopes
        probe.write(node)
        return list(probe.refs)

    def _named_function(self, node: ast.AST) -> bool:
        """Write a text "module:name", put together from constants or not, as the function that it names."""
        if not isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)):
            return False
        text = self.text(node)
        if not text or not FUNCTION.fullmatch(text):
            return False
        module, _, name = text.partition(":")
        home = self.names.module(module)
        if home is None or name not in home.statements:
            return False
        self._target(Target("definition", text), [])
        return True

    def text(self, node: ast.AST) -> str | None:
        """The text that an expression of constants gives, else None."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.JoinedStr):
            parts = [self.text(part) for part in node.values]
            return None if None in parts else "".join(part for part in parts if part)
        if isinstance(node, ast.FormattedValue):
            return self.text(node.value) if node.conversion == -1 and not node.format_spec else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.text(node.left), self.text(node.right)
            return None if left is None or right is None else left + right
        return self._constant(node) if isinstance(node, (ast.Name, ast.Attribute)) else None

    def _constant(self, node: ast.Name | ast.Attribute) -> str | None:
        """The text behind a name: a constant's value, or a module's ``__name__``."""
        if isinstance(node, ast.Name) and node.id == "__name__":
            return self.home.name
        of_module = isinstance(node, ast.Attribute) and node.attr == "__name__"
        probe = self._probe(node.value if isinstance(node, ast.Attribute) and of_module else node)
        module, _, name = next(iter(probe), "").partition(":")
        home = self.names.module(module)
        if home is None or len(probe) != 1 or (name == WHOLE) != of_module:
            return None
        if of_module:
            return home.name
        values = [one.value for one in home.statements[name] if isinstance(one, (ast.Assign, ast.AnnAssign))]
        return Writer(self.names, home).text(values[0]) if len(values) == 1 and values[0] else None


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    stars = [star for star in (arguments.vararg, arguments.kwarg) if star]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *stars]


def _stored(target: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


def _parsed_hint(hint: ast.expr) -> ast.expr:
    """A hint that is written as a text, as a tree; what does not parse (a word of a Literal) as it is."""
    if isinstance(hint, ast.Constant) and isinstance(hint.value, str):
        try:
            return ast.parse(hint.value, mode="eval").body
        except SyntaxError:
            return hint
    return hint
