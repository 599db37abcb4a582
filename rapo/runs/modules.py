"""A module's top level, read off its syntax tree: what it imports, what it defines and what it does."""

import ast
from collections.abc import Iterable, Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Module:
    """A module's top level; ``is_package`` where it is an ``__init__.py``."""

    def __init__(self, name: str, tree: ast.Module, *, is_package: bool = False) -> None:
        self.name = name
        self.package = name if is_package else name.rpartition(".")[0]
        self.imports: dict[str, list[tuple[str, str]]] = {}  # name -> what it may stand for, for type checkers too
        self.stars: list[str] = []  # modules behind ``from ... import *``
        self.runs: list[str] = []  # modules that importing this one imports
        self.statements: dict[str, list[ast.stmt]] = {}  # name -> the statements that define it, in order
        self.effects: list[ast.stmt] = []  # statements that do something when the module is imported
        self.made: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = []  # functions and classes
        for statement in tree.body:
            self._take(statement)

    def _take(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.If) and ast.unparse(statement.test).endswith("TYPE_CHECKING"):
            self._import(statement.body, runs=False)
            for other in statement.orelse:
                self._take(other)
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            self._import([statement])
        elif isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            self.statements.setdefault(statement.name, []).append(statement)
            self.made.append(statement)
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
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.If(test=test):
            return ast.unparse(test) == "__name__ == '__main__'"
    return False


def _owner(statement: ast.stmt) -> str | None:
    """The name that a call of its method, or an assignment to its part, changes."""
    match statement:
        case ast.Expr(value=ast.Call(func=node)) | ast.Assign(targets=[node, *_]) | ast.AugAssign(target=node):
            owner: ast.AST = node
            while isinstance(owner, (ast.Attribute, ast.Subscript)):
                owner = owner.value
            return owner.id if isinstance(owner, ast.Name) and owner is not node else None
    return None


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
            module = ".".join(filter(None, [*base, node.module]))
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
    match body[0]:
        case ast.Expr(value=ast.Constant(value=str())):
            body = body[1:]
    return [statement for statement in body if not isinstance(statement, ast.Pass)]
