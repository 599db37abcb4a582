"""JupyterLab on the notebooks of the project: they are saved as they are stored, without outputs."""

from typing import Any

KEPT = ("kernelspec", "rapo")  # of a notebook's metadata


def without_outputs(model: dict[str, Any], path: str, contents_manager: object) -> None:
    """Jupyter's ``pre_save_hook``: outputs, counts and what the front end notes stay in the reader's window.

    So running a notebook by hand changes no tracked file; what it measures lands in ``build``. Other files are left
    alone.
    """
    if model["type"] != "notebook":
        return
    content = model["content"]
    content["metadata"] = {name: content["metadata"][name] for name in KEPT if name in content["metadata"]}
    content["metadata"]["language_info"] = {"name": "python"}
    for cell in content["cells"]:
        tags = cell["metadata"].get("tags")
        cell["metadata"] = {"tags": tags} if tags else {}
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
