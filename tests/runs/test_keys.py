"""Keys of runs: what can change a result changes them, what cannot does not. The packages are made up."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from rapo.runs import keys
from rapo.runs.run import Run

Write = Callable[[dict[str, str]], None]

CODE = {
    "__init__": "",
    "runs": '''
        """Runs."""
        import numpy as np
        from made_up.helpers import LIMIT as limit
        from made_up import helpers, tables as other

        def f(config, folder, needs):
            """What it does."""
            from made_up.late import late
            model = helpers.Model(limit)
            return late(model.score(config)) + other.total([0, 1])

        def beside(config):
            return 0
        ''',
    "helpers": """
        import functools
        from made_up.settings import DEFAULT, KINDS

        LIMIT, UNUSED = 3, 4
        TABLE = {"a": 1}
        TABLE["b"] = 2

        class Base:
            def size(self):
                return 1

        class Model(Base):
            kind: str = "plain"

            def __init__(self, limit, default=DEFAULT):
                self.limit = limit

            @functools.cache
            def score(self, config):
                return self.limit + TABLE["b"] + self.size()
        """,
    "settings": "DEFAULT = 2\nKINDS = ('x', 'y')\n",
    "late": """
        import os
        from made_up.hooks import nothing

        def late(value):
            return even(value) if value else nothing(value)

        def even(value):
            return value == 0 or odd(value - 1)

        def odd(value):
            return value != 0 and even(value - 1)
        """,
    "hooks": """
        import os

        def register(name, function):
            pass

        def hook():
            return 1

        def nothing(value):
            return None

        register("called", hook)
        """,
    "tables": "from made_up.numbers import *\n",
    "numbers": "def total(values):\n    return sum(value for value in values)\n\ndef unused():\n    return 1\n",
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.syspath_prepend(tmp_path)

    def written(modules: dict[str, str]) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "made_up"]:
            monkeypatch.delitem(sys.modules, name)
        for name, text in modules.items():
            file = tmp_path / "made_up" / f"{name.replace('.', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(text))

    return written


def edited(module: str, old: str, new: str) -> dict[str, str]:
    text = dedent(CODE[module])
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {module}"
    return CODE | {module: text.replace(old, new)}


def key(write: Write, modules: dict[str, str], function: str = "made_up.runs:f") -> str:
    write(modules)
    return Run(function, {"seed": 0}).key


COUNTS = {
    "the function itself": ("runs", "[0, 1]", "[0, 2]"),
    "a constant under another name": ("helpers", "LIMIT, UNUSED = 3, 4", "LIMIT, UNUSED = 5, 4"),
    "a constant in the constant of a default": ("settings", "DEFAULT = 2", "DEFAULT = 3"),
    "a default": ("helpers", "default=DEFAULT", "default=1"),
    "a parameter's name": (
        "late",
        "def odd(value):\n    return value",
        "def odd(n):\n    value = n\n    return value",
    ),
    "a change of a table": ("helpers", 'TABLE["b"] = 2', 'TABLE["b"] = 3'),
    "a method of a base class": ("helpers", "return 1", "return 2"),
    "a base class": ("helpers", "Model(Base)", "Model"),
    "a method": ("helpers", "self.limit + TABLE", "self.limit - TABLE"),
    "a field": ("helpers", '"plain"', '"other"'),
    "a decorator": ("helpers", "@functools.cache", "@functools.lru_cache"),
    "a helper imported inside a function": (
        "late",
        "return even(value) if value else",
        "return even(0) if value else",
    ),
    "a helper of the helper, in a circle": ("late", "value != 0", "value != 2"),
    "which helper is called": ("late", "return even(value) if", "return odd(value) if"),
    "a helper behind a star": ("numbers", "sum(value for", "max(value for"),
    "the function of a library": ("numbers", "sum(", "__import__('math').fsum("),
    "what importing does": ("hooks", '"called", hook', '"other", hook'),
    "a function that importing hands on": ("hooks", "return 1", "return 2"),
}
IDLE = {
    "a comment": ("late", "    return even", "    # why\n    return even"),
    "a docstring": ("late", "def odd(value):\n", 'def odd(value):\n    """Whether it is odd."""\n'),
    "the docstring of a class": ("helpers", "class Base:\n", 'class Base:\n    """It."""\n\n'),
    "the docstring of a module": ("settings", "DEFAULT", '"""Settings."""\nDEFAULT'),
    "formatting": ("late", "value == 0 or odd(value - 1)", "(\n        value==0\n        or odd(value-1))"),
    "quotes": ("helpers", '"plain"', "'plain'"),
    "a hint": ("late", "def odd(value):", "def odd(value: int) -> bool:"),
    "a function beside": ("runs", "return 0", "return 1"),
    "a constant beside": ("helpers", "LIMIT, UNUSED = 3, 4", "LIMIT, UNUSED = 3, 5"),
    "a constant that is imported but not used": ("settings", "'x', 'y'", "'x'"),
    "a function behind a star": ("numbers", "return 1", "return 2"),
    "an import that moves into the function": (
        "late",
        "from made_up.hooks import nothing\n\ndef late(value):\n",
        "\ndef late(value):\n    from made_up.hooks import nothing\n",
    ),
    "a script": ("settings", "DEFAULT = 2", "DEFAULT = 2\nif __name__ == '__main__':\n    print(DEFAULT)"),
}


@pytest.mark.parametrize("edit", COUNTS.values(), ids=COUNTS)
def test_what_is_reached_counts(write: Write, edit: tuple[str, str, str]) -> None:
    assert key(write, edited(*edit)) != key(write, CODE)


@pytest.mark.parametrize("edit", IDLE.values(), ids=IDLE)
def test_nothing_else_counts(write: Write, edit: tuple[str, str, str]) -> None:
    assert key(write, edited(*edit)) == key(write, CODE)


def renamed(names: dict[str, str]) -> dict[str, str]:
    """The package with some words replaced everywhere, in the names of modules too."""

    def replace(text: str) -> str:
        return re.sub(r"\w+", lambda word: names.get(word.group(), word.group()), text)

    return {replace(name): replace(text) for name, text in CODE.items()}


@pytest.mark.parametrize(
    "name", ["late", "odd", "Model", "Base", "LIMIT", "DEFAULT", "TABLE", "hook", "f", "runs", "hooks"]
)
def test_names_do_not_count(write: Write, name: str) -> None:
    function = {"f": "made_up.runs:another", "runs": "made_up.another:f"}.get(name, "made_up.runs:f")
    assert key(write, renamed({name: "another"}), function) == key(write, CODE)


def test_how_a_library_is_imported_does_not_count(write: Write) -> None:
    ways = (
        "import numpy as np\ndef f(config, folder, needs):\n    return np.linalg.norm([1])\n",
        "import numpy\ndef f(config, folder, needs):\n    return numpy.linalg.norm([1])\n",
        "def f(config, folder, needs):\n    from numpy.linalg import norm as n\n    return n([1])\n",
        "from numpy import linalg\ndef f(config, folder, needs):\n    return linalg.norm([1])\n",
    )
    assert len({key(write, CODE | {"runs": way}) for way in ways}) == 1
    assert len({key(write, CODE | {"runs": way}) for way in (ways[0], ways[0].replace("norm", "det"))}) == 2


def test_places_do_not_count(write: Write) -> None:
    late = dedent(CODE["late"])
    odd = "def odd(value):\n    return value != 0 and even(value - 1)\n"
    moved = CODE | {
        "late": late.replace(odd, "from made_up.inner.deep import odd\n"),
        "inner.__init__": "",
        "inner.deep": "from made_up.late import even\n\n" + odd,
    }
    assert moved["late"] != late
    assert key(write, moved) == key(write, CODE)
    exported = CODE | {"runs": CODE["runs"].replace("made_up.late import", "made_up import")}
    exported["__init__"] = "from made_up.late import late\n"
    assert key(write, exported) == key(write, CODE)


def test_which_of_two_known_functions_is_called_counts(write: Write) -> None:
    code = """
        def one():
            return 1

        def two():
            return 2

        def last():
            return one()

        def f(config, folder, needs):
            return one() + two() + last()
        """
    other = code.replace("return one()\n\n", "return two()\n\n")
    assert key(write, CODE | {"runs": other}) != key(write, CODE | {"runs": code})


def test_local_names_hide_those_of_the_module(write: Write) -> None:
    code = """
        def used():
            return 1

        def hidden():
            return 2

        def f(config, folder, needs, hidden=0):
            return [hidden(used) for hidden in [used]] + [used(hidden) for used in []]
        """
    before = key(write, CODE | {"runs": code})
    assert key(write, CODE | {"runs": code.replace("return 2", "return 3")}) == before
    assert key(write, CODE | {"runs": code.replace("return 1", "return 3")}) != before


@pytest.mark.parametrize(
    ("named", "table"),
    [
        ('"made_up.late:late"', ""),
        ('f"{WHERE}:late"', 'WHERE = "made_up.late"'),
        ('f"{late.__name__}:late"', "from made_up import late"),
        ('"made_up." + "late:late"', ""),
        ("getattr(late, config)", "from made_up import late"),
        ("late", "if 0:\n    from math import floor as late\nelse:\n    from made_up.late import late"),
        ("made_up.verb", "import made_up"),
        ("cast()", "from made_up.late import late\ndef cast() -> 'Late': ..."),
    ],
)
def test_functions_named_otherwise_are_followed(write: Write, named: str, table: str) -> None:
    """By a text, a module's attributes, one of two imports, a lazy package, or a hint."""
    lazy = "_VERBS = {'verb': 'made_up.late:late'}\n\ndef __getattr__(name):\n    return _VERBS[name]\n"
    late = CODE["late"] + "\n        class Late:\n            def value(self):\n                return odd(1)\n"
    table = table.replace("import late\ndef", "import Late\ndef")
    code = CODE | {
        "__init__": lazy,
        "late": late,
        "runs": f"{table}\ndef f(config, folder, needs):\n    return {named}\n",
    }
    assert key(write, code) != key(write, code | {"late": late.replace("value != 0", "value != 1")})


REGISTERS = {  # what notes a function or a class when it is made, and how it is named there
    "a decorator": (
        "def register(made):\n    KNOWN.append(made)\n    return made\n",
        "@register\ndef made(): return 1",
    ),
    "a decorator with words": (
        "def register(name):\n    return KNOWN.append\n",
        "@register('made')\nclass Made:\n    value = 1",
    ),
    "a dispatcher": (
        "import functools\n@functools.singledispatch\ndef register(value): KNOWN.append(value)\n",
        "@register.register(int)\ndef _(value): return 1",
    ),
    "a base class": (
        "class register:\n    def __init_subclass__(cls): KNOWN.append(cls)\n",
        "class Between(register): pass\nclass Made(Between):\n    value = 1",
    ),
    "a metaclass": (
        "class Meta(type):\n    def __init__(cls, *rest): KNOWN.append(cls)\nclass register(metaclass=Meta): pass\n",
        "class Made(register):\n    value = 1",
    ),
}


@pytest.mark.parametrize(("register", "made"), REGISTERS.values(), ids=REGISTERS)
def test_what_registers_itself_counts_though_nobody_names_it(write: Write, register: str, made: str) -> None:
    function = (
        "from made_up import kinds, register\n\ndef f(config, folder, needs):\n    return register.KNOWN[0]\n"
    )
    package = {"__init__": "", "register": f"KNOWN = []\n{register}", "runs": function}
    before = f"from made_up.register import register\n{made}\n"
    changed = before.replace("1", "2")
    assert changed != before
    assert key(write, package | {"kinds": before}) != key(write, package | {"kinds": changed})


def test_a_function_that_a_library_decorates_registers_nothing(write: Write) -> None:
    before = "import functools\n@functools.cache\ndef made(): return 1\n"
    function = "from made_up import kinds\n\ndef f(config, folder, needs):\n    return 0\n"
    package = {"__init__": "", "runs": function}
    changed = before.replace("1", "2")
    assert key(write, package | {"kinds": before}) == key(write, package | {"kinds": changed})


def test_files_of_the_package_count_where_they_are_asked_for(write: Write, tmp_path: Path) -> None:
    code = (
        "from importlib import resources\ndef f(config, folder, needs):\n    return resources.files('made_up')\n"
    )
    before, blind = key(write, CODE | {"runs": code}), Run("made_up.late:late").key
    (tmp_path / "made_up" / "table.yaml").write_text("a: 1")
    after = Run("made_up.runs:f", {"seed": 0}).key
    assert after != before
    assert Run("made_up.late:late").key == blind
    for left in (".DS_Store", ".runs.py.swp", "__pycache__/runs.nbi"):
        (tmp_path / "made_up" / left).parent.mkdir(exist_ok=True)
        (tmp_path / "made_up" / left).write_text("left by a system")
    assert Run("made_up.runs:f", {"seed": 0}).key == after
    (tmp_path / "made_up" / "table.yaml").rename(tmp_path / "made_up" / "other.yaml")
    assert Run("made_up.runs:f", {"seed": 0}).key != after


def test_the_last_of_two_stars_counts(write: Write) -> None:
    package = {
        "__init__": "",
        "one": "def total(values): return 1",
        "two": "def total(values): return 2",
        "runs": "from made_up.one import *\nfrom made_up.two import *\n\ndef f(*rest): return total(rest)",
    }
    before = key(write, package)
    assert key(write, package | {"one": "def total(values): return 3"}) == before
    assert key(write, package | {"two": "def total(values): return 3"}) != before


@pytest.mark.parametrize("library", keys.LIBRARIES)
def test_another_version_of_a_library_is_another_run(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    before = Run("rapo.paths:root").key
    monkeypatch.setattr(
        keys, "versions", lambda: {**dict.fromkeys(keys.LIBRARIES, "1"), "python": "3", "rapo": "1"}
    )
    ones = Run("rapo.paths:root").key
    monkeypatch.setattr(keys, "versions", lambda: {**dict.fromkeys(keys.LIBRARIES, "1"), library: "2"})
    assert len({before, ones, Run("rapo.paths:root").key}) == 3


def test_versions_name_python_rapo_and_the_libraries() -> None:
    assert {"python", "rapo", "numpy"} <= set(keys.versions())
    assert set(keys.libraries()) <= set(keys.LIBRARIES)


def test_config_and_needs_count_and_the_label_does_not(write: Write) -> None:
    write(CODE)
    need = Run("made_up.late:late")
    runs = [
        Run("made_up.runs:f", {"a": 1}),
        Run("made_up.runs:f", {"a": 2}),
        Run("made_up.runs:f", {"a": 1}, {"base": need}),
        Run("made_up.runs:f", {"a": 1}, {"other": need}),
        Run("made_up.late:odd", {"a": 1}),
    ]
    assert len({run.key for run in runs}) == 5
    assert Run("made_up.runs:f", {"a": 1}, label="one").key == runs[0].key


def test_what_cannot_be_found_is_named(write: Write) -> None:
    write(CODE)
    with pytest.raises(ValueError, match=r"no source file for module 'made_up.none'"):
        keys.source_hash("made_up.none:f")
    with pytest.raises(ValueError, match=r"no source file for module 'no_such_package'"):
        keys.source_hash("no_such_package.one:f")
    with pytest.raises(ValueError, match=r"made_up.late has no function 'none'"):
        keys.source_hash("made_up.late:none")
