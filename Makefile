# Everything runs from .venv, which `setup` makes; nothing has to be installed beforehand but Python 3.11 or later.

BIN := .venv/bin
WORKERS ?= 2
KILLS ?= 10000
STATES ?= 2000
WORLDS ?= 10000
# The first Python that is new enough; `make PYTHON=/path/to/python3.12 setup` takes another one.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# What is installed is noted under the checksum of pyproject.toml, so an edit of that file installs again.
SUM := $(shell cksum pyproject.toml | cut -d' ' -f1)
HAS_TEST := .venv/.has-test-$(SUM)
HAS_HEAVY := .venv/.has-test-heavy-$(SUM)
# MLflow wants older releases of libraries that the other tests use in their newest, so services have a place of their own.
SERVICES := .venv-services
HAS_SERVICES := $(SERVICES)/.has-test-services-$(SUM)
HAS_EXAMPLES := .venv/.has-examples-$(SUM)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input

.PHONY: help setup demo test test-heavy test-services team explore faults lint types layers unit bench pictures clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(HAS_TEST) ## Make .venv with everything that tests and examples need
	@echo "Ready. The commands are in $(BIN)."

demo: ## Run the main job: three models on handwritten digits, a table and a report
	@[ -e $(HAS_TEST) ] || $(MAKE) --silent $(HAS_EXAMPLES)
	@$(BIN)/python examples/digits/pipeline.py
	@echo 'The command `zenml` is in $(BIN). Run `make demo` again: what has not changed is not computed.'

test: lint types layers ## Check everything: style, types, layers, then all tests; CI runs exactly this
	$(BIN)/python -m pytest -n $(WORKERS)

test-heavy: $(HAS_HEAVY) ## Run the tests of torch, Keras and XGBoost, which take gigabytes to install
	KERAS_BACKEND=torch $(BIN)/python -m pytest -m heavy tests/unit/materializers

test-services: $(HAS_SERVICES) ## Run the tests against real services: an MLflow server, W&B without its server, Azure's stand-in
	$(SERVICES)/bin/python -m pytest -m services tests/services

team: $(HAS_TEST) ## Run all user stories on PostgreSQL instead of a file
	TEAM_STORE=1 $(BIN)/python -m pytest -n $(WORKERS) tests/acceptance

explore: $(HAS_TEST) ## Run the property tests with new examples, and more of them
	PROPERTY_TESTS=explore $(BIN)/python -m pytest -n 2 -m hypothesis

faults: $(HAS_TEST) ## Kill runs at every point, cut their power, and write what held into RESULTS.md; KILLS=30000 STATES=9000 SEED=7
	$(BIN)/python tests/faults/faults.py --write --workers $(WORKERS) --kills $(KILLS) --states $(STATES) $(if $(SEED),--seed $(SEED))
	$(BIN)/python tests/faults/worlds.py --write --workers $(WORKERS) --worlds $(WORLDS)

lint: $(HAS_TEST) ## Check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(HAS_TEST) ## Check types
	$(BIN)/mypy

layers: $(HAS_TEST) ## Check that imports go one way
	$(BIN)/lint-imports

unit: $(HAS_TEST) ## Run the unit tests only
	$(BIN)/python -m pytest -n $(WORKERS) tests/unit

bench: $(HAS_TEST) ## Measure every budget and write benchmarks/RESULTS.md; wants a quiet machine
	$(BIN)/python benchmarks/run.py --write

pictures: $(HAS_TEST) ## Draw the pictures of the README from runs in a pseudo terminal
	@$(BIN)/python docs/pictures/make.py

clean: ## Remove caches and results; .venv stays
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks build dist
	rm -rf examples/*/output
	find src tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@[ -n '$(PYTHON)' ] || { echo 'Python 3.11 or later was not found. Install it, or name it: make PYTHON=/path/to/python setup' >&2; exit 1; }
	@echo 'Making .venv with $(PYTHON) …'
	@$(PYTHON) -m venv .venv

$(HAS_EXAMPLES): | $(BIN)/python
	@echo 'Installing the package and what the examples need …'
	@$(PIP) install --editable '.[examples]'
	@touch $@

$(HAS_TEST): | $(BIN)/python
	@echo 'Installing the package and what the tests need …'
	@$(PIP) install --editable '.[test,examples]'
	@touch $@

$(HAS_HEAVY): | $(BIN)/python
	@echo 'Installing the package and the heavy libraries that some tests need …'
	@$(PIP) install --editable '.[test-heavy]'
	@touch $@

$(HAS_SERVICES): | $(HAS_TEST)
	@echo 'Installing what the tests of services need into $(SERVICES) …'
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(SERVICES)
	@$(BIN)/uv pip install --quiet --python $(SERVICES)/bin/python --editable '.[test-services]'
	@touch $@
