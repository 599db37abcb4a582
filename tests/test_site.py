"""The pages of the site: what they say is true, each has its place. `make docs` builds it and follows links."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import rapo
from rapo.cli import options
from rapo.cli.completion import whole_parser
from rapo.training import recipe

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
EXAMPLE = re.compile(r"```python\n((?:(?!```).)*)```\n\n```text\n(.*?)```", re.DOTALL)
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", re.DOTALL)
HELD = re.compile(r"<!-- held by (\S+): ([^>]+) -->(.*?)(?=\n#|\Z)", re.DOTALL)


def module(name: str) -> ModuleType:
    """A file of docs/ that is no package's."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def prose(book: Path) -> list[str]:
    """The texts between a notebook's cells of code."""
    cells = json.loads(book.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


build, fill = module("build"), module("fill")


def commands(text: str) -> list[str]:
    """Every command line of `rapo` that a page types."""
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line.startswith("rapo ")]


def test_every_page_has_its_place_in_a_table_of_contents() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    entries = [
        line for tree in re.findall(r"```\{toctree\}\n(.*?)```", index, flags=re.DOTALL) for line in tree.split()
    ]
    staged = {target.removesuffix(".md") for target in build.pages().values() if target.endswith(".md")}
    assert staged - {"index"} <= {entry.strip("<>") for entry in entries}


@pytest.mark.parametrize(
    "line", sorted({line for page in PAGES for line in commands(page.read_text(encoding="utf-8"))})
)
def test_a_command_of_a_page_can_be_typed(line: str) -> None:
    words = shlex.split(line.partition(" --launcher")[0])[1:]  # whose options are told apart before
    assert whole_parser().parse_args(words).command == words[0]


@pytest.mark.slow
def test_a_recipe_that_a_page_trains_by_knows_its_settings() -> None:
    lines = [line for page in PAGES for line in commands(page.read_text(encoding="utf-8"))]
    found = [
        whole_parser().parse_args(shlex.split(line)[1:]) for line in lines if line.startswith("rapo train ra_")
    ]
    assert found
    for args in found:
        recipe.read(args.recipe, options.parse_settings(args.set))


def test_the_reference_shows_every_function() -> None:
    text = (DOCS / "reference.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"autofunction:: rapo\.(\w+)", text)) == rapo.__all__


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param(code, said, id=f"{page.stem}-{i}", marks=[pytest.mark.slow] * ("rapo.train" in code))
        for page in PAGES
        for i, (code, said) in enumerate(EXAMPLE.findall(page.read_text(encoding="utf-8")))
    ],
)
def test_an_example_says_what_stands_below_it(code: str, said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(ROOT), "RAPO_ROOT": str(tmp_path), "PATH": "", "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.stdout == said


def test_the_pages_tell_the_kept_claims() -> None:
    assert list(fill.pages(DOCS)) == [], "say `python docs/fill.py`"


def test_a_table_of_claims_follows_the_patterns_and_says_where_there_is_nothing() -> None:
    known = [one for one in fill.cards() if one.id in ("RA-T1", "RA-T2", "RA-T2/pairs-alone")]
    assert [line.split(" | ")[0] for line in fill.table(["RA-T2*", "RA-T1"], known).splitlines()[2:]] == [
        "| RA-T2", "| RA-T2/pairs-alone", "| RA-T1",
    ]  # fmt: skip
    assert fill.table(["none"], known) == f"{fill.UNKNOWN}\n"


def test_numbers_on_a_page_stand_in_the_test_that_holds_them() -> None:
    found = [hit for page in PAGES for hit in HELD.findall(page.read_text(encoding="utf-8"))]
    assert found
    for test, numbers, text in found:
        holding = (ROOT / test).read_text(encoding="utf-8")
        for number in numbers.split():
            assert number in holding, f"{number} is not in {test}"
            assert number in text, number


def test_links_lead_to_what_is_staged_to_the_repository_or_nowhere() -> None:
    staged = {"docs/a.md": "a.md", "notebooks/b.ipynb": "notebooks/b.ipynb"}
    text = "[b](../notebooks/b.ipynb#x) [code](../rapo/cli) [report](../figures/report.html) [out](https://x.y)"
    assert build.relinked(text, "docs/a.md", staged, "") == (
        '[b](notebooks/b.ipynb#x) code <a href="figures/report.html">report</a> [out](https://x.y)'
    )
    assert build.relinked("[code](../rapo/cli)", "docs/a.md", staged, "https://github.com/o/r") == (
        "[code](https://github.com/o/r/blob/main/rapo/cli)"
    )
    assert build.relinked("[a](../docs/a.md)", "notebooks/b.ipynb", staged, "") == "[a](../a.md)"


def test_links_in_what_a_notebook_has_put_out_lead_to_built_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = json.loads((ROOT / "notebooks" / "index.ipynb").read_text(encoding="utf-8"))
    told = "[a](quickstart.ipynb), [b](../docs/faq.md#x), [c](https://x.y/c.md)"
    next(cell for cell in index["cells"] if cell["cell_type"] == "code")["outputs"] = [
        {"output_type": "display_data", "metadata": {}, "data": {"text/markdown": [told]}}
    ]
    monkeypatch.setattr(build, "notebook", lambda *_: (json.loads(json.dumps(index)), True))
    build.stage("small", tmp_path)
    staged = json.loads((tmp_path / "notebooks" / "index.ipynb").read_text(encoding="utf-8"))
    (shown,) = (one for cell in staged["cells"] for one in cell.get("outputs", []))
    assert shown["data"]["text/markdown"] == "[a](quickstart.html), [b](../faq.html#x), [c](https://x.y/c.md)"


def test_outputs_are_shown_only_where_the_cells_are_still_the_same(tmp_path: Path) -> None:
    def write(name: str, *cells: dict) -> Path:
        (tmp_path / name).write_text(json.dumps({"cells": list(cells), "metadata": {}}))
        return tmp_path / name

    cell = {"cell_type": "code", "source": ["1 + 1"], "metadata": {}, "outputs": []}
    given = {"cell_type": "code", "source": "scale = 'smoke'", "metadata": {"tags": ["injected-parameters"]}}
    ran = {**cell, "source": "1 + 1\n", "outputs": [{"output_type": "stream", "name": "stdout", "text": "2"}]}
    source, executed = write("a.ipynb", cell), write("b.ipynb", given, ran)
    assert build.notebook(source, executed) == ({"cells": [ran], "metadata": {}}, True)
    assert build.notebook(write("c.ipynb", {**cell, "source": "1 + 2"}), executed)[1] is False
    assert build.notebook(source, tmp_path / "none.ipynb") == ({"cells": [cell], "metadata": {}}, False)


def test_a_broken_link_and_whatever_is_loaded_from_a_network_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="top"></h1><a href="#top"><a href="b.html#no"><a href="none.html"><a href="https://x.y">'
        '<script src="https://x.y/z.js"></script><img src="data:,x">'
    )
    (tmp_path / "b.html").write_text("<p>")
    assert list(build.broken(tmp_path)) == [
        "a.html links to b.html#no: no such place on that page",
        "a.html links to none.html, which is not there",
        "a.html loads https://x.y/z.js",
    ]


def test_every_formula_can_be_drawn_without_a_script() -> None:
    pytest.importorskip("docutils", reason="`make docs` was never called")
    conf = module("conf")
    texts = [cell for book in (ROOT / "notebooks").glob("*.ipynb") for cell in prose(book)]
    formulas = [tex for text in texts for pair in FORMULA.findall(text) for tex in pair if tex]
    assert formulas
    for tex in formulas:
        assert "<math" in conf.mathml(tex), tex
