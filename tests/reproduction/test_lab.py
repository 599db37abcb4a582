"""Running a notebook by hand leaves its stored text as it was."""

import re
from pathlib import Path

import nbformat

from rapo.reproduction.lab import without_outputs


def test_what_jupyter_saves_after_a_run_is_the_file_as_it_was_stored(repository: Path, tmp_path: Path) -> None:
    from jupyter_server.services.contents.filemanager import FileContentsManager
    from traitlets.config import Config

    (hook,) = re.findall(r"--(ContentsManager\.pre_save_hook=\S+)", (repository / "Makefile").read_text())
    kind, _, rest = hook.partition(".")
    option, _, name = rest.partition("=")
    source = repository / "notebooks" / "quickstart.ipynb"
    (tmp_path / source.name).write_bytes(source.read_bytes())
    manager = FileContentsManager(root_dir=str(tmp_path), config=Config({kind: {option: name}}))
    model = manager.get(source.name)
    content = model["content"]
    content["metadata"] |= {"language_info": {"name": "python", "version": "3.11.9"}, "widgets": {"a": 1}}
    for cell in content["cells"]:
        cell["metadata"]["trusted"] = True
        if cell["cell_type"] == "code":
            cell["execution_count"] = 3
            cell["metadata"]["execution"] = {"iopub.execute_input": "now"}
            cell["outputs"] = [nbformat.v4.new_output("stream", text="hello")]
    manager.save(model, source.name)
    assert (tmp_path / source.name).read_text() == source.read_text()


def test_other_files_are_left_alone() -> None:
    model = {"type": "file", "content": "text"}
    without_outputs(model, "a.txt", object())
    assert model == {"type": "file", "content": "text"}
