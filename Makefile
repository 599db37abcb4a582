# Two commands do everything: `make reproduce` and `make test`. Each sets up what it needs first.
SHELL := bash
.DEFAULT_GOAL := help

PYTHON ?= python3
SCALE ?= small
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((n < 4 ? n : 4)))
NOTEBOOKS ?=
ARGS ?=
VENV ?= .venv

EXTRAS := train,notebooks,judges,dev
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
READY := $(VENV)/.ready
# Tests of what loads no torch: importing it and TRL costs each worker more than all of pairs' tests.
TORCH_COMMANDS := $(patsubst %,tests/cli/test_%.py,audit pairs sample score train)
LOG := build/install.log
QUICK := $(wildcard tests/test_*.py) $(addprefix tests/,stats claims pairs selection relabelling world winrates) \
  $(filter-out $(TORCH_COMMANDS),$(wildcard tests/cli/test_*.py))
NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'

.PHONY: help setup reproduce replicate figures check test docs format lab clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Variables: SCALE=smoke|small|full ($(SCALE))  JOBS=N ($(JOBS))  NOTEBOOKS='name ...' (all)  PYTHON=... ($(PYTHON))"

reproduce: $(READY) ## run every notebook; tables, figures and report land in build/SCALE/figures/
	@$(VENV)/bin/rapo reproduce $(NOTEBOOKS) --scale $(SCALE) --jobs $(JOBS) $(ARGS)

replicate: $(READY) ## measure everything anew with other seeds, and tell what came out otherwise
	@$(VENV)/bin/rapo replicate $(NOTEBOOKS) --scale $(SCALE) --jobs $(JOBS) $(ARGS)

figures: $(READY) ## redraw figures, tables and report from the kept results, without training
	@$(VENV)/bin/rapo figures --jobs $(JOBS) $(ARGS)

# Two worker processes: each pays torch's import (about 10 s) and then halves minutes of tests. A file stays
# on one worker, so that what its fixtures trained is trained once.
test: $(READY) ## unit, property, end-to-end and doc tests
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

# Two cores: mypy runs beside the tests until it is through, which with its cache takes seconds.
check: $(READY) ## lint, types and the tests of what loads no torch: less than a minute, for while you work
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy & types=$$!; \
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile -m "not slow" $(QUICK); tests=$$?; wait $$types && exit $$tests

docs: $(READY) ## the site, in build/site/html: guides, notebooks as last run at SCALE, report, reference
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[docs]'
	@$(PY) docs/build.py $(SCALE) $(ARGS)

format: $(READY) ## let ruff lay out the code
	@$(PY) -m ruff check --fix --exit-zero .
	@$(PY) -m ruff format .

lab: $(READY) ## open the notebooks in JupyterLab, the index first; they are saved without outputs
	@$(PY) -m jupyter lab --notebook-dir=. --ContentsManager.pre_save_hook=rapo.reproduction.lab.without_outputs \
	  notebooks/index.ipynb

setup: $(READY) ## only install, into .venv
	@echo "Ready: . $(VENV)/bin/activate"

clean: ## remove executed notebooks and caches; trained runs (build/runs) stay
	@rm -rf build/smoke build/small build/full .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find rapo tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## also remove trained runs and the virtual environment
	@rm -rf build $(VENV) rapo.egg-info

# The stamp is newer than both files once everything they name is installed. Each step says one line; what pip says
# stands in the log.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) $(NEW_ENOUGH) 2>/dev/null || { \
	  found=$$($(PYTHON) --version 2>/dev/null); \
	  echo "rapo needs Python 3.11 or newer; '$(PYTHON)' is $${found:-not there}."; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@mkdir -p $(dir $(LOG)) && : >$(LOG)
	@echo "Installing the pinned environment into $(VENV) (once, about 1.7 GB; log: $(LOG))"
	@$(PY) $(NEW_ENOUGH) 2>/dev/null || ( $(call step,1/3 virtual environment,$(PYTHON) -m venv --clear $(VENV)) ) || { \
	  echo "No virtual environment could be made; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@$(call step,2/3 torch $(TORCH),$(install_torch))
	@$(call step,3/3 everything else,$(PIP) install --constraint constraints.txt --editable '.[$(EXTRAS)]')
	@touch $@

# $(call step,words,command): the words, then the seconds that it took, or the end of the log. What the command has to
# say to a person goes to its third stream.
define step
printf '  %-26s' '$(1)'; began=$$SECONDS; \
if ( $(2) ) 3>&1 >>$(LOG) 2>&1; then echo "$$((SECONDS - began)) s"; \
else echo "failed"; tail -n 15 $(LOG); echo "All of it: $(LOG)"; exit 1; fi
endef

# torch goes first and alone. PyPI's Linux build brings gigabytes of CUDA, so a Linux machine without an NVIDIA
# GPU takes the CPU build: from a configured index or folder, else from PyTorch's own; the default build comes
# last. The pytorch.org attempt gives up early, so that it costs seconds where it cannot be reached.
define install_torch
has=$$($(PY) -c 'from importlib.metadata import version; print(version("torch").partition("+")[0])' 2>/dev/null); \
if [ "$$has" = "$(TORCH)" ]; then exit 0; fi; \
if [ "$$(uname -s)" = Linux ] && ! nvidia-smi -L >/dev/null 2>&1; then \
  $(PIP) install --no-deps 'torch==$(TORCH)+cpu' && exit 0; \
  $(PIP) install --no-deps --index-url $(TORCH_CPU_INDEX) --timeout 10 --retries 1 'torch==$(TORCH)+cpu' && exit 0; \
  echo -n "no CPU build within reach: the default one ... " >&3; \
fi; \
$(PIP) install --no-deps 'torch==$(TORCH)'
endef
