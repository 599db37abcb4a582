"""A module's top level, read off its syntax tree: what it imports, what it defines and what it does."""

import ast
from collections.abc import Iterable, Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Module:
    """A module's top level.

    Attributes:
        name: dotted.
        is_package: whether it is an ``__init__.py``.
        imports: name -> what it may stand for, those for type checkers included.
        runs: modules that importing this one imports.
        statements: name -> the statements that define it, in order.
        effects: statements that do something when the module is imported.
    """

    def __init__(self, name: str, tree: ast.Module, *, is_package: bool = False) -> None:
        self.name, self.is_package = name, is_package
        self.package = name if is_package else name.rpartition(".")[0]
        self.imports: dict[str, list[tuple[str, str]]] = {}
        self.stars: list[str] = []
        self.runs: list[str] = []
        self.statements: dict[str, list[ast.stmt]] = {}
        self.effects: list[ast.stmt] = []
        for statement in tree.body:
            self._take(statement)

    def _take(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.If) and is_type_checking(statement):
            self._import(statement.body, runs=False)
            for other in statement.orelse:
                self._take(other)
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            self._import([statement])
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self.statements.setdefault(statement.name, []).append(statement)
        elif not _idle(statement):
            self._assign(statement)

    def _assign(self, statement: ast.stmt) -> None:
        self._import([statement])
        names = bound(own([statement]))
        for name in names:
            self.statements.setdefault(name, []).append(statement)
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and names:
            return
        owner = _owner(statement)
        if owner in self.statements:  # ``TABLE.update(...)``, ``Loader.add(...)``: part of what it changes
            self.statements[owner].append(statement)
        else:
            self.effects.append(statement)

    def _import(self, statements: Iterable[ast.stmt], *, runs: bool = True) -> None:
        for name, where, run in imported(own(statements), self.package):
            if runs:
                self.runs.append(run)
            if name == "*":
                self.stars.append(where[0])
            else:
                self.imports.setdefault(name, []).append(where)


def _idle(statement: ast.stmt) -> bool:
    """Docstrings, ``pass`` and what runs in a script alone."""
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    script = isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'"
    return constant or script or isinstance(statement, ast.Pass)


def _owner(statement: ast.stmt) -> str | None:
    """The name that a call of its method, or an assignment to its part, changes."""
    node: ast.AST | None = None
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        node = statement.value.func
    elif isinstance(statement, ast.Assign):
        node = statement.targets[0]
    elif isinstance(statement, ast.AugAssign):
        node = statement.target
    if not isinstance(node, (ast.Attribute, ast.Subscript)):
        return None
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def is_type_checking(node: ast.AST) -> bool:
    """True for ``if TYPE_CHECKING:`` and ``if typing.TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imported(nodes: Iterable[ast.AST], package: str) -> Iterator[tuple[str, tuple[str, str], str]]:
    """The imports among some nodes: name, (module, attribute) behind it, module that runs."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                stands_for = alias.name if alias.asname else alias.name.split(".")[0]
                yield alias.asname or stands_for, (stands_for, ""), alias.name
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield alias.asname or alias.name, (module, alias.name), f"{module}.{alias.name}"


def bound(nodes: Iterable[ast.AST]) -> list[str]:
    """Names that some nodes bind by other means than imports."""
    found: dict[str, None] = {}
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found[node.id] = None
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            if node.name:
                found[node.name] = None
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found[node.rest] = None
        elif isinstance(node, ast.Global):
            found.update(dict.fromkeys(f"global {name}" for name in node.names))
    return [name for name in found if not name.startswith("global ") and f"global {name}" not in found]


def own(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Nodes of a scope in order: not those inside of functions and classes, of comprehensions ``:=`` alone."""
    waiting = [*nodes][::-1]
    while waiting:
        yield (node := waiting.pop())
        if isinstance(node, COMPREHENSIONS):
            yield from (sub.target for sub in ast.walk(node) if isinstance(sub, ast.NamedExpr))
        elif not isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            waiting += [*ast.iter_child_nodes(node)][::-1]


def undocumented(body: list[ast.stmt]) -> list[ast.stmt]:
    """A body without its docstring and without ``pass``."""
    first = body[0]
    documented = (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
    return [statement for statement in body[documented:] if not isinstance(statement, ast.Pass)]
