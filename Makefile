# Everything that people and CI call. PYTHON makes the virtual environment; the rest runs in .venv.
PYTHON ?= python3
TARGET ?=
MUTATE ?=
VENV := .venv
BIN := $(VENV)/bin
WORK := .work
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test long check lint type architecture e2e golden bench simulate mutate docs package clean

help:  ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# uv comes first: an old pip can fail on its own metadata, uv depends on none of it.
$(READY): pyproject.toml hatch_build.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

demo: $(READY)  ## Freeze, build and verify examples/digits (TARGET=docker or venv insists)
	@PYTHON='$(PYTHON)' sh examples/demo.sh '$(BIN)' '$(WORK)/demo' '$(TARGET)'

test: $(READY)  ## Run all tests; those that need a container engine are skipped where none answers
	$(BIN)/python -m pytest

long: $(READY)  ## Run the tests that make test leaves out for their length
	$(BIN)/python -m pytest -m long

e2e: $(READY)  ## Run the examples for real
	$(BIN)/python -m pytest tests/e2e

check: lint type architecture  ## Lint, format, types, imports, counts

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

type: $(READY)
	$(BIN)/mypy

architecture: $(READY)
	$(BIN)/python tests/architecture/counts.py

golden: $(READY)  ## Write the golden files anew; read the diff before you commit it
	ENVSNAP_GOLDEN=write $(BIN)/python -m pytest tests/render --quiet
	git diff --stat -- tests/golden

docs: $(READY)  ## Write docs/manifest.md from the types
	$(BIN)/python docs/generate.py

bench: $(READY)  ## Measure against peers, side by side
	$(BIN)/python benchmarks/run.py

simulate: $(READY)  ## Simulate verifies of jobs that do not repeat themselves: the table in docs/numerics.md
	$(BIN)/python benchmarks/simulate_verdicts.py

mutate: $(READY)  ## Change envsnap/compare in small ways; tell how many of these changes a test notices, and list the others
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group mutation
	$(BIN)/mutmut run $(MUTATE)
	@$(BIN)/mutmut results --all true | sort -V | awk -F': ' '$$2 == "not checked" {next} {all++} \
	    $$2 == "killed" || $$2 == "timeout" {killed++; next} {print} \
	    END {printf "%d of %d mutants killed (%.1f %%)\n", killed, all, all ? 100 * killed / all : 0}'

package: $(READY)  ## Build the wheel, install it outside the checkout, render a template from there
	sh tests/package.sh '$(PYTHON)' '$(BIN)'

clean:  ## Remove what the targets made
	rm -rf $(VENV) $(WORK) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis mutants .mutmut-cache
