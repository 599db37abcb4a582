"""pyproject.toml, constraints.txt, environment.yml and the Makefile describe one environment."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTALLED_EXTRAS = {"train", "notebooks", "judges", "dev"}
DOCS = PROJECT["optional-dependencies"]["docs"]  # what `make docs` adds
# What conda-forge calls a package that PyPI calls otherwise.
CONDA_TO_PYPI = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
NOT_PYTHON_PACKAGES = {"python", "pip"}
# Wheels that a CUDA build of torch brings: they follow torch's own exact pins.
CUDA = re.compile(r"^(nvidia-|cuda-|triton$)")


def pins(*, of_docs: bool = True) -> dict[str, str]:
    """Package -> version of constraints.txt, with what stands at its end for `make docs` or without."""
    whole = (ROOT / "constraints.txt").read_text()
    text = whole if of_docs else whole.partition("\n# For `make docs` alone")[0]
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    requirements = [Requirement(line) for line in lines if line]
    return {canonicalize_name(item.name): str(item.specifier).removeprefix("==") for item in requirements}


def direct() -> list[Requirement]:
    """Every requirement that pyproject.toml names, of whichever extra; rapo's own extras left out."""
    extras = PROJECT["optional-dependencies"].values()
    lines = PROJECT["dependencies"] + [line for extra in extras for line in extra]
    return [item for item in map(Requirement, lines) if item.name != "rapo"]


def environment() -> tuple[list[str], list[str]]:
    """Conda's lines and pip's lines of environment.yml."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    conda = [entry for entry in entries if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    return conda, pip


def closure(name: str, extras: set[str], seen: set[tuple[str, str]]) -> Iterator[str]:
    """Names of all packages that an installed package needs on this machine."""
    for line in requires(name) or []:
        item = Requirement(line)
        if item.marker and not any(item.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            continue
        key = (canonicalize_name(item.name), ",".join(sorted(item.extras)))
        if key not in seen:
            seen.add(key)
            yield key[0]
            yield from closure(key[0], set(item.extras), seen)


def needed() -> set[str]:
    """All that ``rapo[train,notebooks,judges,dev]`` needs here; skips where it is not installed whole."""
    try:
        found = set(closure("rapo", INSTALLED_EXTRAS, set()))
    except PackageNotFoundError as error:
        pytest.skip(f"not the whole environment: {error}")
    return {name for name in found - {"rapo"} if not CUDA.match(name)}


@pytest.mark.parametrize("requirement", direct(), ids=str)
def test_the_pin_satisfies_pyproject(requirement: Requirement) -> None:
    name = canonicalize_name(requirement.name)
    assert name in pins(), f"{name} stands in pyproject.toml: pin it in constraints.txt"
    assert requirement.specifier.contains(pins()[name])


def test_the_lock_is_constraints_with_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    locked = {}
    for line in (line for line in text.splitlines() if line and not line.startswith("#")):
        pin, *hashes = line.split("--hash=")
        assert hashes, f"{pin} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", one) for one in hashes), pin
        item = Requirement(pin.strip())
        locked[canonicalize_name(item.name)] = str(item.specifier).removeprefix("==")
    assert locked == {name: version for name, version in pins().items() if name != "torch"}


# Markers of platform and Python version change the set of packages.
MADE_ON = ("linux", (3, 11))


@pytest.mark.skipif((sys.platform, sys.version_info[:2]) != MADE_ON, reason="made elsewhere")
def test_constraints_hold_all_that_is_needed_and_nothing_else() -> None:
    pinned = set(pins(of_docs=False))
    assert needed() - pinned == set(), "needed, and not pinned in constraints.txt"
    assert pinned - needed() == set(), "pinned in constraints.txt, and needed by nothing"


@pytest.mark.skipif((sys.platform, sys.version_info[:2]) != MADE_ON, reason="made elsewhere")
def test_constraints_hold_all_that_the_site_adds_and_nothing_else() -> None:
    pytest.importorskip("myst_nb", reason="`make docs` was never called")
    names = {canonicalize_name(Requirement(line).name) for line in DOCS}
    added = names | {one for name in names for one in closure(name, set(), set())}
    assert added - needed() == set(pins()) - set(pins(of_docs=False))


def test_every_pin_is_exact_and_carries_no_build_of_one_machine() -> None:
    for name, version in pins().items():
        assert re.fullmatch(r"[0-9][0-9a-z.]*", version), f"{name}=={version}: pin one public version"


def test_conda_installs_the_pinned_versions() -> None:
    conda, _ = environment()
    for line in conda:
        name, _, version = line.partition("=")
        if name not in NOT_PYTHON_PACKAGES:
            assert pins()[CONDA_TO_PYPI.get(name, name)] == version, f"environment.yml says {line}"


def test_conda_python_is_one_that_rapo_accepts() -> None:
    (version,) = [line.partition("=")[2] for line in environment()[0] if line.startswith("python=")]
    assert SpecifierSet(PROJECT["requires-python"]).contains(version + ".0")


def test_conda_leaves_the_rest_to_pip_under_the_same_pins() -> None:
    _, pip = environment()
    assert pip[0] == "-c constraints.txt"
    (editable,) = [line for line in pip if line.startswith("-e ")]
    assert set(re.findall(r"\w+", editable.partition("[")[2])) == INSTALLED_EXTRAS
    assert len(pip) == 2, "every further package belongs in pyproject.toml"


def test_conda_lines_are_plain_name_and_version() -> None:
    for line in environment()[0]:
        assert re.fullmatch(r"[a-z][a-z0-9-]*(=[0-9]+(\.[0-9]+)*)?", line), line


def test_conda_lines_parse_strictly() -> None:
    rattler = pytest.importorskip("rattler", reason="py-rattler is not installed")
    for line in environment()[0]:
        assert rattler.MatchSpec(line, strict=True).name is not None


def test_the_makefile_takes_torch_from_the_constraints_and_installs_every_extra() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert pins()["torch"] not in makefile, "one place for the pin: constraints.txt"
    extras = re.search(r"^EXTRAS := (\S+)$", makefile, flags=re.MULTILINE)
    assert extras is not None
    assert set(extras[1].split(",")) == INSTALLED_EXTRAS


# What another declared package brings for certain and is made to be used with it.
BROUGHT = {
    "PIL": "matplotlib",
    "nbclient": "nbconvert",
    "jupyter_core": "ipykernel",
    "jupyter_client": "ipykernel",
    "safetensors": "transformers",
    "huggingface_hub": "transformers",
    "tokenizers": "transformers",
    "markupsafe": "jinja2",
}
ASKED_FOR = {
    "peft",
    "submitit",
    "distributed",
    "ray",
}  # by whoever gives an adapter, or wants a launcher or a cluster
IMPORTED_AS = {"yaml": "pyyaml", "sklearn": "scikit-learn"}


def test_every_package_that_rapo_imports_is_declared() -> None:
    declared = {canonicalize_name(item.name) for item in direct()}
    for source in (ROOT / "rapo").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for top in {name.partition(".")[0] for name in names} - {"rapo"} - ASKED_FOR - sys.stdlib_module_names:
                package = BROUGHT.get(top, IMPORTED_AS.get(top, top))
                assert canonicalize_name(package) in declared, (
                    f"{source.name} imports {top}, which nobody declares"
                )
