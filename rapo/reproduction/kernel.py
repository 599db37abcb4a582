"""Running one notebook: papermill in this process, a kernel of this interpreter, a verdict that can be trusted."""

import contextlib
import json
import logging
import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.reproduction import marker
from rapo.reproduction.notebook import Source
from rapo.runs import processor

KERNEL_START = 60  # seconds
_MOVED = ("RAPO_BUILD", "RAPO_RUNS")  # folders, named in full for a kernel: it works in the notebooks' folder
_live: dict[str, Any] = {}  # notebook -> its kernel manager


class NotebookError(RuntimeError):
    """A notebook did not run to its end; the text says in which cell and why."""


def execute(
    source: Source, values: Mapping[str, Any], *, scale: str, began: float, timeout: float | None = None
) -> Path:
    """Run a notebook with these parameters and return its executed copy, an HTML page beside it. Safe in threads.

    A kernel that does not start is given a second try. What fails is kept, with its traceback, under
    ``build/<scale>/failed``.

    Args:
        began: when the whole reproduction began; runs reused from before then are time saved.
        timeout: seconds that one cell may take.

    Raises:
        NotebookError: a cell failed or took too long, the kernel died, or cells were left out.
    """
    target = marker.executed_file(source.name, scale)
    failed = paths.build(scale) / "failed" / f"{source.name}.ipynb"
    partial = paths.build(scale) / "running" / f"{source.name}.ipynb"
    partial.parent.mkdir(parents=True, exist_ok=True)
    for second in (False, True):
        for file in (partial, _journal(partial)):
            file.unlink(missing_ok=True)
        try:
            _papermill(source, values, partial, began=began, timeout=timeout)
            _check(partial)
            break
        except Exception as error:
            if not second and not _last_started(partial):
                continue
            paths.write_text(failed.with_suffix(".txt"), _explained(error) + _said(partial.with_suffix(".log")))
            if partial.exists():
                partial.replace(failed)
            raise NotebookError(_summary(error, failed)) from error
    for file in (failed, failed.with_suffix(".txt")):
        file.unlink(missing_ok=True)
    paths.write_text(target.with_suffix(".html"), _html(partial))
    partial.replace(target)
    return target


def written(name: str, scale: str) -> set[Path]:
    """The files that a notebook's last run wrote, its workers included."""
    journal = _journal(paths.build(scale) / "running" / f"{name}.ipynb")
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.is_file() else []
    return {Path(line) for line in lines}


def _journal(partial: Path) -> Path:
    """Where `paths.whole` notes what a run writes."""
    return partial.with_suffix(".written")


def pid(name: str) -> int | None:
    """Process id of the kernel that runs a notebook now."""
    return getattr(getattr(_live.get(name), "provisioner", None), "pid", None)


def stop_all() -> None:
    """End every kernel at once, with its workers; half-written runs are swept by the next study."""
    for name in list(_live):
        _kill(pid(name))


def _papermill(
    source: Source, values: Mapping[str, Any], partial: Path, *, began: float, timeout: float | None
) -> None:
    """Execute into ``partial``, saved after every cell; the kernel and its children are gone afterwards."""
    import papermill

    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # what fails is told by NotebookError
    manager_class = _manager_class(source.name, partial, began=began)
    try:
        with _event_loop():
            papermill.execute_notebook(
                str(source.path).replace("{", "{{").replace("}", "}}"),  # papermill formats paths
                str(partial).replace("{", "{{").replace("}", "}}"),
                parameters=dict(values),
                kernel_name="python3",
                language="python",
                progress_bar=False,
                start_timeout=KERNEL_START,
                execution_timeout=timeout,
                kernel_manager_class=manager_class,
                resources={"metadata": {"path": str(source.path.parent)}},
            )
    finally:
        _kill(pid(source.name))
        _live.pop(source.name, None)


@contextlib.contextmanager
def _event_loop() -> Iterator[None]:
    """The event loop of this thread, which Jupyter's client would open and leave open."""
    from jupyter_core.utils import ensure_event_loop

    loop = ensure_event_loop()
    try:
        yield
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _manager_class(name: str, partial: Path, *, began: float) -> Any:
    """A kernel manager that starts this very interpreter, whatever kernels are registered on the machine."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    spec = KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python 3",
        language="python",
        env={**_environment(), "RAPO_JOURNAL": str(_journal(partial)), "RAPO_BEGAN": str(began)},
        metadata={"supported_encryption": ["curve"]},
    )

    class Manager(AsyncKernelManager):
        kernel_spec = spec

        def __init__(self, **options: Any) -> None:  # traitlets hands its options through
            super().__init__(**options)
            self.transport_encryption = "auto"  # other people may share this machine
            _live[name] = self

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
            with partial.with_suffix(".log").open("wb") as log:  # the terminal shows progress
                await super().start_kernel(stdout=log, stderr=log, **options)

    return Manager


def _environment() -> dict[str, str]:
    """What a kernel needs to know; a person's IPython profile and back end are kept out."""
    moved = {name: str(Path(os.environ[name]).resolve()) for name in _MOVED if os.environ.get(name)}
    return {
        **{name: os.environ.get(name, value) for name, value in processor.KERNELS.items()},
        **moved,
        "RAPO_ROOT": str(paths.root()),
        "RAPO_PROGRESS": "quiet",
        "IPYTHONDIR": str(paths.root() / "build" / "ipython"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "TOKENIZERS_PARALLELISM": "false",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _kill(kernel: int | None) -> None:
    """Kill a kernel's process group: it leads its own session, which its workers share."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if kernel and kernel != os.getpgid(0):
            os.killpg(kernel, signal.SIGKILL)


def _cells(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The code cells of an executed copy, each with its number in the stored notebook."""
    try:
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return
    added = {"injected-parameters", "papermill-error-cell-tag"}
    number = 0
    for cell in cells:
        number += not added & set(cell["metadata"].get("tags", ()))
        if cell["cell_type"] == "code":
            yield number, cell


def _last_started(file: Path) -> tuple[int, str] | None:
    """Number and first line of the last cell that began. Its ``status`` cannot be trusted after a dead kernel."""
    last = None
    for index, cell in _cells(file):
        if cell["metadata"].get("papermill", {}).get("start_time"):
            last = index, "".join(cell["source"]).strip().partition("\n")[0]
    return last


def _check(file: Path) -> None:
    """Raise NotebookError unless every code cell was executed without an error."""
    for index, cell in _cells(file):
        if "".join(cell["source"]).strip() and cell.get("execution_count") is None:
            raise NotebookError(f"cell {index} was not executed")
        for output in cell.get("outputs", ()):
            if output["output_type"] == "error":
                raise NotebookError(f"cell {index}: {output['ename']}: {output['evalue']}")


def _summary(error: Exception, failed: Path) -> str:
    """One line: what happened, in which cell, and where the executed copy lies."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    if isinstance(error, PapermillExecutionError):
        what = f"{error.ename}: {str(error.evalue).strip()}".splitlines()[0]
    elif isinstance(error, DeadKernelError):
        what = "the kernel died (out of memory, or killed)"
    elif isinstance(error, CellTimeoutError):
        what = "the cell took longer than the time-out"
    else:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
    last = _last_started(failed)
    where = f"cell {last[0]} `{last[1][:60]}`: " if last else ""
    return f"{where}{what} ({failed.with_suffix('.txt')})"


def _explained(error: Exception) -> str:
    """The traceback of the cell, or of what happened here."""
    from papermill.exceptions import PapermillExecutionError

    text = str(error) if isinstance(error, PapermillExecutionError) else "".join(traceback.format_exception(error))
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _said(log: Path) -> str:
    """The last lines that the kernel itself printed: a crash below Python leaves its words there."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:] if log.exists() else []
    return "\n\nThe kernel's own last words:\n" + "\n".join(lines) + "\n" if lines else ""


def _html(file: Path) -> str:
    """A page that can be read without Jupyter."""
    import nbformat
    from nbconvert import HTMLExporter

    quiet = logging.getLogger("rapo.reproduction.kernel.html")
    quiet.setLevel(logging.CRITICAL)  # nbconvert warns of every picture without a description
    exporter = HTMLExporter(template_name="lab", exclude_input_prompt=True, exclude_output_prompt=True, log=quiet)
    page, _ = exporter.from_notebook_node(nbformat.read(file, as_version=4))
    return str(page)
