# mtatui: everything one does with a checkout. `make` alone says what there is.
#
# Wants: make, Python 3.11 or newer with its venv module. The rest goes into .venv.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.PHONY: help no-venv run test daemons format style quick types rooms pytest bench docs clean

# The first Python that is new enough; `make PYTHON=…` overrides.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
ARGS ?=
# Most of the real daemons are waited for, so that more processes than cores are quicker.
WORKERS ?= 4
SAY = @printf '\n== %s\n'

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  make run ARGS='--demo' passes options on; make test WORKERS=4 uses more processes."

# -- the virtual environment: two stamps, remade when pyproject.toml is newer ---------------------------------------

# A .venv whose Python has gone (an upgrade of the system) is no .venv.
ifeq ($(wildcard $(BIN)/python),)
.venv/run.stamp: no-venv
endif
.venv/run.stamp: pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "mtatui needs Python 3.11 or newer; the python3 here is $$(python3 -V 2>&1 | cut -d' ' -f2-)." >&2; \
		echo "Install a newer one (Debian 12 and Ubuntu 24.04 bring it), or name it: make PYTHON=/path/to/python3.12" >&2; \
		exit 1; fi
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$(PYTHON) is there, but not its venv module. On Debian and Ubuntu: apt install python3-venv" >&2; \
		exit 1; fi
	@echo "Preparing .venv (once; again when pyproject.toml changes) …"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e .
	@touch $@

.venv/dev.stamp: .venv/run.stamp
	@echo "Adding the tools that the tests need …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[dev]'
	@touch $@

no-venv:

# -- using it -------------------------------------------------------------------------------------------------------

run: .venv/run.stamp ## open mtatui on this machine's Postfix, or on the demo server where there is none
	@export PATH="$$PATH:/usr/sbin:/usr/local/sbin"; \
	if [ -z "$(ARGS)" ] && ! postconf -h queue_directory >/dev/null 2>&1; then \
		echo "No Postfix here, or none that is configured: opening the demo server."; \
		exec $(BIN)/mtatui --demo; \
	else exec $(BIN)/mtatui $(ARGS); fi

# -- checking it: the quick checks first, the tests last ------------------------------------------------------------

test: ## run every check and test, real daemons included (as root on Debian they are installed)
	@$(MAKE) -j2 daemons style && $(MAKE) -j2 quick pytest

# Beside the tests, on what processor time they leave: much of theirs is waiting.
quick:
	@nice $(MAKE) types && nice $(MAKE) rooms

daemons:
	$(SAY) "the real daemons that the tests need"
	@scripts/install-daemons

style: .venv/dev.stamp
	$(SAY) "ruff: format and rules"
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: .venv/dev.stamp
	$(SAY) "mypy, strict"
	@$(BIN)/mypy

rooms: .venv/dev.stamp
	$(SAY) "import-linter: who may import whom"
	@$(BIN)/lint-imports --no-logo

pytest: .venv/dev.stamp
	$(SAY) "pytest: unit, contract, terminal, snapshots, wheel, real daemons"
	@$(BIN)/python -m compileall -q mtatui # what programs for servers need: they leave no compiled files behind
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

bench: .venv/dev.stamp ## measure against postqueue and pfqueue on one spool, in one run
	@$(BIN)/python -m bench $(ARGS)

# -- keeping it -----------------------------------------------------------------------------------------------------

format: .venv/dev.stamp ## put the code into its one format, and mend what ruff can mend
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

docs: .venv/run.stamp ## write the pages of docs/ that the code knows (keys, command line)
	@$(BIN)/python -m docs.generate

clean: ## remove what can be made again (the .venv too)
	@rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
