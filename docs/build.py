"""Build the site: `make docs`, or `python docs/build.py [SCALE]`. It reads no network and writes to build/site alone.

Pages are staged first: those of docs/, the changelog, and the notebooks with the outputs of the scale's last run where
their cells are still the same; the report and the figures of that run, or else the kept ones, go with them as they are.
Pages of commands and packages are made here. Links lead to what is staged, else to the repository where its address is
known (on GitHub), else nowhere; at the end every link of the site is followed.
"""

import argparse
import importlib
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout, suppress
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from unittest import mock
from urllib.parse import unquote, urlsplit

from rapo.cli import main as cli

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "build" / "site"
ONLINE = "<!-- online -->"  # where docs/index.md tells how to try it without installing
LINK = re.compile(r"(?P<shown>!?\[[^\]\[]*\])\((?P<target>[^)\s]+)\)")
ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "notebooks/README.md": "notebooks.md",
    "data/earlier/README.md": "earlier.md",
}
REPORT = dict.fromkeys(("figures/report.html", "figures/README.md"), "figures/report.html")
PACKAGES = (
    "pairs", "inspection", "relabelling", "scoring", "selection", "training", "models", "judging", "winrates",
    "stats", "claims", "plots", "world", "runs", "reproduction",
)  # fmt: skip


def pages() -> dict[str, str]:
    """Place in the repository -> place on the site, of every page."""
    docs = {f"docs/{page.name}": page.name for page in sorted((ROOT / "docs").glob("*.md"))}
    books = {
        f"notebooks/{one.name}": f"notebooks/{one.name}" for one in sorted((ROOT / "notebooks").glob("*.ipynb"))
    }
    return docs | books | {source: target for source, target in ELSEWHERE.items() if (ROOT / source).is_file()}


def home() -> str:
    """Address of the repository on GitHub, "" where it is not known."""
    if name := os.environ.get("GITHUB_REPOSITORY"):
        return f"https://github.com/{name}"
    asked = subprocess.run(
        ["git", "remote", "get-url", "origin"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    found = re.fullmatch(r"(?:https://|git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?\s*", asked.stdout)
    return f"https://github.com/{found[1]}" if found else ""


def relinked(text: str, page: str, staged: Mapping[str, str], repository: str) -> str:
    """A page's text with its relative links as they are on the site.

    >>> relinked("[g](../docs/glossary.md#ra) [code](../rapo)", "notebooks/x.ipynb", {"notebooks/x.ipynb":
    ... "notebooks/x.ipynb", "docs/glossary.md": "glossary.md"}, "")
    '[g](../glossary.md#ra) code'
    """

    def from_(here: str, there: str) -> str:
        return os.path.relpath(there, os.path.dirname(staged[here]) or ".")

    def put(found: re.Match[str]) -> str:
        shown, target = found["shown"], found["target"]
        if re.match(r"[a-z]+:|#", target):
            return found[0]
        path, mark, anchor = target.partition("#")
        place = os.path.normpath(os.path.join(os.path.dirname(page), path))
        if place in staged:
            return f"{shown}({from_(page, staged[place])}{mark}{anchor})"
        if place in REPORT:
            return f'<a href="{from_(page, REPORT[place])}">{shown.strip("[]")}</a>'
        if repository:
            return f"{shown}({repository}/blob/main/{place}{mark}{anchor})"
        return shown.strip("![]")

    return LINK.sub(put, text)


def as_pages(text: str) -> str:
    """Links to pages as they are once built: nobody does that for what a notebook has put out.

    >>> as_pages("[a](a.ipynb) [b](../b.md#x) [c](https://y.z/c.md)")
    '[a](a.html) [b](../b.html#x) [c](https://y.z/c.md)'
    """
    return re.sub(r"\]\((?![a-z]+:)([^)#\s]+)\.(?:ipynb|md)(?=[)#])", r"](\1.html", text)


def notebook(source: Path, executed: Path) -> tuple[dict, bool]:
    """A notebook with the outputs of its last run, and whether it has any: only if its cells are still the same."""
    wanted = json.loads(source.read_text(encoding="utf-8"))
    if not executed.is_file():
        return wanted, False
    ran = json.loads(executed.read_text(encoding="utf-8"))
    cells = [cell for cell in ran["cells"] if "injected-parameters" not in cell["metadata"].get("tags", [])]
    same = [_source(cell) for cell in cells] == [_source(cell) for cell in wanted["cells"]]
    return (ran | {"cells": cells}, True) if same else (wanted, False)


def _source(cell: Mapping) -> str:
    return "".join(cell["source"]).strip()


def stage(scale: str, source: Path) -> list[str]:
    """Write all that Sphinx reads; the names of the notebooks that have no outputs."""
    shutil.rmtree(source, ignore_errors=True)
    staged, repository, plain = pages(), home(), []
    for place, target in staged.items():
        if place.endswith(".ipynb"):
            book, has_outputs = notebook(ROOT / place, ROOT / "build" / scale / place)
            plain += [] if has_outputs else [Path(place).stem]
            for cell in book["cells"]:
                if cell["cell_type"] == "markdown":
                    cell["source"] = relinked("".join(cell["source"]), place, staged, repository)
                for shown in (
                    one["data"] for one in cell.get("outputs", []) if "text/markdown" in one.get("data", {})
                ):
                    text = relinked("".join(shown["text/markdown"]), place, staged, repository)
                    shown["text/markdown"] = as_pages(text)
            _write(source / target, json.dumps(book))
        else:
            text = (ROOT / place).read_text(encoding="utf-8").replace(ONLINE, online(repository))
            _write(source / target, relinked(text, place, staged, repository))
    books = {target for target in staged.values() if target.endswith(".ipynb")}
    index = source / "notebooks.md"
    named = dict.fromkeys(re.findall(r"\((notebooks/\w+\.ipynb)\)", index.read_text(encoding="utf-8")))
    with index.open("a", encoding="utf-8") as stream:
        stream.write(_toctree([*named, *sorted(books - set(named))]))
    _write(source / "commands.md", commands())
    for package in PACKAGES:
        _write(source / "packages" / f"{package}.md", modules(package))
    _write(source / "packages.md", packages())
    return plain


def online(repository: str) -> str:
    """A line of the first page: the quickstart where nothing is to be installed, if the repository is on GitHub."""
    if not repository:
        return ""
    name = repository.removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{name}/blob/colab/quickstart.ipynb"
    binder = f"https://mybinder.org/v2/gh/{name}/main?labpath=notebooks/quickstart.ipynb"
    return f"Without installing anything: the quickstart [in Colab]({colab}) or [on Binder]({binder})."


def put_colab(repository: str, folder: Path) -> None:
    """Notebooks that need no torch, each with a first cell that fetches the repository and installs what is needed."""
    setup = [f"!git clone --quiet --depth 1 {repository} rapo\n", "!pip install --quiet ./rapo\n", "%cd rapo"]
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "colab",
        "metadata": {},
        "outputs": [],
        "source": setup,
    }
    for name in ("quickstart", "winrates"):
        book = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
        _write(folder / f"{name}.ipynb", json.dumps(book | {"cells": [cell, *book["cells"]]}, indent=1))


def put_report(scale: str, html: Path) -> None:
    """The report and its figures of the scale's last run, else the kept ones, into a built site."""
    figures = ROOT / "build" / scale / "figures"
    figures = figures if (figures / "report.html").is_file() else ROOT / "figures"
    shutil.copytree(figures, html / "figures", ignore=shutil.ignore_patterns("README.md", "claims"))
    report = html / "figures" / "report.html"
    text = re.sub(
        r'"(?:\.\./)+notebooks/(\w+)\.ipynb"', r'"../notebooks/\1.html"', report.read_text(encoding="utf-8")
    )
    _write(report, text)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _toctree(entries: Iterable[str]) -> str:
    return "\n".join(["", "```{toctree}", ":hidden:", ":titlesonly:", "", *entries, "```", ""])


def commands() -> str:
    """A page of every command's help."""
    wide = mock.patch.dict(os.environ, COLUMNS="100")  # enough for argparse, and not too much for a page
    lines = ["# Commands", "What `rapo COMMAND --help` tells."]
    for group, names in cli.GROUPS.items():
        lines.append(f"## {group.capitalize()}")
        for name in names:
            with wide, redirect_stdout(StringIO()) as told, suppress(SystemExit):
                cli.main([name, "--help"])
            lines += [f"### rapo {name}", f"```text\n{told.getvalue().rstrip()}\n```"]
    return "\n\n".join(lines) + "\n"


def packages() -> str:
    """The page that leads to the packages."""
    told = {name: importlib.import_module(f"rapo.{name}").__doc__ or "" for name in PACKAGES}
    lines = [f"| [{name}](packages/{name}.md) | {doc.strip().splitlines()[0]} |" for name, doc in told.items()]
    head = [
        "# Packages",
        "",
        "What stands behind the functions and commands.",
        "",
        "| package | |",
        "| --- | --- |",
    ]
    return "\n".join([*head, *lines, ""]) + _toctree(f"packages/{name}" for name in PACKAGES)


def modules(package: str) -> str:
    """A page of what a package's modules offer, from their docstrings."""
    told = importlib.import_module(f"rapo.{package}")
    names = [one.name for one in pkgutil.walk_packages(told.__path__, f"rapo.{package}.")]
    blocks = [
        f"## {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n   :ignore-module-all:\n```"
        for name in names
    ]
    return "\n\n".join([f"# {package}", told.__doc__ or "", *blocks]) + "\n"


class _Page(HTMLParser):
    """Where a page leads to, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                (self.links if tag == "a" else self.loads).append(value)


def broken(html: Path) -> Iterator[str]:
    """Every link of a built site that leads nowhere, and whatever a page would load from a network."""
    found = {file: _Page(file.read_text(encoding="utf-8")) for file in sorted(html.rglob("*.html"))}
    for file, page in found.items():
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loads and parts.scheme != "data":
                    yield f"{file.relative_to(html)} loads {link}"
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                yield f"{file.relative_to(html)} links to {link}, which is not there"
            elif target in found and unquote(parts.fragment) not in found[target].anchors:
                yield f"{file.relative_to(html)} links to {link}: no such place on that page"


def _sphinx(builder: str, out: Path) -> int:
    """Sphinx's exit status; its warnings are errors."""
    words = ["-q", "-W", "--keep-going", "-b", builder, "-c", str(ROOT / "docs"), "-d", str(SITE / "doctrees")]
    own = {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "sphinx", *words, str(SITE / "source"), str(out)]
    return subprocess.run(command, check=False, env=os.environ | own).returncode


def main() -> int:
    """Stage, build, follow every link."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scale", nargs="?", default="small", help="whose notebooks and report (small)")
    parser.add_argument(
        "--external", action="store_true", help="follow the links to other sites instead (a network)"
    )
    args = parser.parse_args()
    plain = stage(args.scale, SITE / "source")
    if args.external:
        return _sphinx("linkcheck", SITE / "external")
    shutil.rmtree(SITE / "html", ignore_errors=True)
    status = _sphinx("html", SITE / "html")
    put_report(args.scale, SITE / "html")
    if home():
        put_colab(home(), SITE / "colab")
    faults = list(broken(SITE / "html"))
    print(*faults, sep="\n", end="\n" * bool(faults))
    if plain:
        print(f"without outputs, as no run at scale {args.scale} made them as they are now: {', '.join(plain)}")
    print(f"{SITE / 'html' / 'index.html'}")
    return 1 if status or faults else 0


if __name__ == "__main__":
    sys.exit(main())
