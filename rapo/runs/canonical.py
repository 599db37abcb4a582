"""A definition's syntax tree as text: what counts in it, with the definitions that it names as numbers."""

import ast
import re
from collections.abc import Sequence

from rapo.runs.modules import COMPREHENSIONS, FUNCTIONS, Module, bound, imported, own, undocumented
from rapo.runs.names import Names, Packages, Scope, Target

FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")  # how a run names its function
_SKIPPED = frozenset({"ctx", "type_comment", "kind", "type_params"})


class Writer:
    """Writes one definition."""

    def __init__(self, packages: Packages, home: Module) -> None:
        self.names = Names(packages, home)
        self.parts: list[str] = []  # the text so far
        self.refs: dict[str, int] = {}  # definition named so far -> its number
        self.imports: list[str] = []  # modules that the definition imports when it runs
        self.strings: set[str] = set()  # texts in it

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
        found = self.names.chain(node) if isinstance(node, (ast.Name, ast.Attribute)) else None
        if found is not None:
            for target, rest in found:
                self._target(target, rest)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            self.parts.append(f"name {node.name} ")
            self.define(node.name, node)
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
        within = list(own(node.body))
        for name, where, runs in imported(within, self.names.home.package):
            imports.setdefault(name, []).append(where)
            self.imports.append(runs)
        loads = (one for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load))
        read = {one.id for one in loads} if imports else set()
        self._inside(Scope(names | set(bound(within)), imports, read), undocumented(node.body))

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
        self._inside(Scope(set(bound(own(node.body))), is_class=True), undocumented(node.body))

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self.parts.append(type(node).__name__)
        self.write(node.generators[0].iter)
        targets = [one for part in node.generators for one in ast.walk(part.target)]
        scope = Scope({one.id for one in targets if isinstance(one, ast.Name)})
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        inner: list[ast.AST] = [*results]
        for number, part in enumerate(node.generators):
            inner += [part.target, *([part.iter] if number else []), *part.ifs]
            self.parts.append(f"for {part.is_async} {len(part.ifs)} ")
        self._inside(scope, inner)

    def _inside(self, scope: Scope, nodes: Sequence[ast.AST]) -> None:
        self.names.scopes.append(scope)
        self._write(list(nodes))
        self.names.scopes.pop()

    def _annotated(self, node: ast.AnnAssign) -> None:
        """In a class the hint may make the field what it is; elsewhere it does nothing."""
        if self.names.scopes and self.names.scopes[-1].is_class:
            self._generic(node)
            return
        self._hint(node.annotation)
        if node.value:
            self.parts.append("=")
            self.write(node.target)
            self.write(node.value)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        """What is used counts where it is used; what is imported for its effect, or tried, counts here."""
        used = self.names.scopes[-1].read if self.names.scopes else set()
        for name, where, _ in imported([node], self.names.home.package):
            for target in self.names.packages.find(*where):
                if target.kind == "outside" and name not in used:
                    self.parts.append(f"import {target.name}")

    def _target(self, target: Target, rest: list[str]) -> None:
        """Write what a name stands for, with the attributes that follow."""
        outside = target.kind == "outside"
        first = f" {target.name}" if outside else f"@{self.refs.setdefault(target.name, len(self.refs))}"
        self.parts.append(".".join([first, *rest]))

    def _hint(self, hint: ast.expr | None) -> None:
        """A hint does nothing, but the classes that it names may be what a function hands out."""
        for target in self.names.classes(hint) if hint else ():
            self._target(target, [])

    def _named_function(self, node: ast.AST) -> bool:
        """Write a text "module:name", put together from constants or not, as the function that it names."""
        text = self.names.text(node) if isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)) else None
        there = bool(text and FUNCTION.fullmatch(text) and self.names.statements(text)[1])
        if there:
            self._target(Target("definition", str(text)), [])
        return there


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    stars = [star for star in (arguments.vararg, arguments.kwarg) if star]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *stars]
