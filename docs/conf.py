"""Sphinx's settings of the site; `docs/build.py` stages the pages that it reads."""

import re
from importlib.util import find_spec
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

import rapo

project, author, copyright = "rapo", "The rapo developers", "The rapo developers, Apache-2.0"
version = release = rapo.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

html_theme, html_title = "furo", "rapo"
pygments_dark_style = "github-dark"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}

nb_execution_mode = "off"  # outputs are those of the last run
nb_merge_streams = True
nb_render_markdown_format = "gfm"  # what a notebook puts out has tables, too
nb_output_stderr = "remove"  # warnings and progress of the machine that ran them
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 4
suppress_warnings = ["config.cache"]

napoleon_use_ivar = True
default_role = "code"
python_display_short_literal_types = True
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "separated"
autodoc_preserve_defaults = True
# What an extra would bring and this environment lacks is stood in for: a light one builds the site, too.
_TRAIN = ("torch", "transformers", "trl", "datasets", "accelerate", "tokenizers", "safetensors", "huggingface_hub")
_EXTRAS = (*_TRAIN, "openai", "papermill", "nbformat", "psutil")
autodoc_mock_imports = [name for name in _EXTRAS if find_spec(name) is None]


def mathml(tex: str, *, block: bool = False) -> str:
    """A formula as MathML, which browsers draw themselves: no script, no network. They size brackets themselves, too.

    Raises:
        MathError: it has a command that docutils does not know.
    """
    return str(tex2mathml(re.sub(r"\\[bB]igg?[lmr]?(?![A-Za-z])", "", tex), as_block=block))


def _inline(page: Any, node: nodes.math) -> None:
    page.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _block(page: Any, node: nodes.math_block) -> None:
    page.body.append(f'<div class="math">{mathml(node.astext(), block=True)}</div>')
    raise nodes.SkipNode


def _short_types(app: Any, kind: str, name: str, *_: Any) -> None:
    """Whatever numpy makes an array of is an array; its alias for that fills three lines."""
    told = app.env.current_document.autodoc_annotations.get(name, {})
    told.update({argument: "array" for argument, hint in told.items() if "_SupportsArray" in hint})


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect(
        "autodoc-process-signature", _short_types, priority=900
    )  # when its own handler has noted the types
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
