"""What every test shares: real judged data beside the checkout, a throw-away project root, no display."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_chat_server import FakeServer, running
from hypothesis import settings

from rapo.runs import processor

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Read when torch is loaded: with more threads sums are taken in another order, and scores differ in their last bits
# from those of a process with fewer.
os.environ["OMP_NUM_THREADS"] = "1"
processor.pin()  # as studies do: on a processor with AMX training tests take half as long
os.environ.pop("COLUMNS", None)  # worker processes of pytest-xdist have it set; tables would be cut to 80 columns

# No timing assertions: a busy machine is no fault.
settings.register_profile("rapo", deadline=None)
settings.load_profile("rapo")

REPOSITORY = Path(__file__).resolve().parents[1]

# Trainers collect garbage, and each time all that was imported and collected would be looked through: half of what
# their tests took.
gc.disable()

# Benchmarks are programs, not tests: doctest collection would import them and their peers.
collect_ignore_glob = ["benchmarks/*"]


LONG = ("test_notebooks.py", "test_train_on_scores.py", "test_site.py", "test_full.py", "test_plan.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first, so that two processes end together."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    """No picture outlives its test; matplotlib is not loaded for those that draw none."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture(scope="session")
def repository() -> Path:
    """Top folder of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data that is no part of the project and may lie beside the checkout; skips where it does not."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data not found at {folder}")
    return folder


@pytest.fixture
def rapo_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project root: whatever the test writes through `rapo.paths` lands here."""
    monkeypatch.setenv("RAPO_ROOT", str(tmp_path))
    monkeypatch.delenv("RAPO_RUNS", raising=False)
    monkeypatch.delenv("RAPO_BUILD", raising=False)
    monkeypatch.delenv("RAPO_SEED_SHIFT", raising=False)
    monkeypatch.delenv("RAPO_TUNE", raising=False)
    return tmp_path


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced and renamed, in order, by the names that files have in the end."""
    told: list[str] = []
    opened: dict[int, str] = {}
    real_open, fsync, replace = os.open, os.fsync, Path.replace

    def spied_open(path: str | Path, *args: int, **options: int) -> int:
        descriptor = real_open(path, *args, **options)
        name = Path(path).name
        opened[descriptor] = name[1:].rsplit(".", 2)[0] if name.endswith(".tmp") else name
        return descriptor

    def spied_fsync(descriptor: int) -> None:
        told.append(f"synced {opened[descriptor]}")
        fsync(descriptor)

    def spied_replace(self: Path, target: Path) -> Path:
        told.append(f"renamed {target.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "open", spied_open)
    monkeypatch.setattr(os, "fsync", spied_fsync)
    monkeypatch.setattr(Path, "replace", spied_replace)
    return told


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A chat server on this machine, and nothing in the environment that leads elsewhere."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with running() as found:
        yield found
