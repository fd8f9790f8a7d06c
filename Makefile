# Everything runs in .venv, which `install` keeps in step with setup.cfg and constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# Other people's defaults (PYTHONPATH of a shell, an active environment, no compiled files) must not leak in.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
RATE ?= 400
SECONDS ?= 30
LOCUST ?= --headless
SUITE ?= all
# The pip that Python 3.11 brings takes twice as long over so many pins, so it is replaced first. It compiles on one core:
# compileall takes all of them, and leaves out the tests of others.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# One process more than cores, since tests wait too; whole files each, in this order: first what linters may run beside,
# then whole stacks, which wait much (the one that five files share before the others: it takes longest), and the small
# ones last: they use the time that the stacks leave, and no process ends alone with a long one.
SIDE_BY_SIDE := --numprocesses $(shell expr $$(nproc) + 1) --dist loadfile --no-loadscope-reorder
SHARED_STACK := tests/acceptance/test_cli.py
STACKS := $(SHARED_STACK) $(filter-out $(SHARED_STACK),$(wildcard tests/acceptance/test_*.py)) tests/faults
# Of small matrices, a second BLAS thread costs more than it brings, and its sums end in other last bits.
test pytest bench-peers bench-saturation bench-saturation-peers: export OPENBLAS_NUM_THREADS := 1
.PHONY: help install demo up test lint pytest faults bench load locust conformance-peers bench-peers bench-saturation bench-saturation-peers clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 24

install: $(STAMP)  ## the environment in .venv, pinned by constraints.txt

$(STAMP): setup.cfg constraints.txt pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Tributary needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "Installing into .venv with $$($(PYTHON) --version) (once; repeated when setup.cfg or constraints.txt change) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) -c constraints.txt pip
	@PYTHONWARNINGS='ignore:Editable installation' $(PIP) --no-compile -c constraints.txt -e '.[local,pictures,dev]'
	@$(BIN)/python -m compileall -q -j 0 -x '/tests?/' .venv/lib
	@touch $@
	@echo "Installed."

demo: install  ## a sample month through the whole stack, checked to the cent, then stopped
	@$(BIN)/tributary demo

up: install  ## the same stack, and it stays: Ctrl-C stops it
	@$(BIN)/tributary up $(UP)

test: install  ## lint beside all tests: integration, acceptance, faults, unit
	@$(MAKE) --no-print-directory --jobs 2 pytest lint

pytest: install
	@$(BIN)/python -m pytest tests/integration $(STACKS) tests/unit $(SIDE_BY_SIDE) $(PYTEST)

lint: install  ## ruff, mypy, import floors
	@$(BIN)/ruff check app config tasks workers tests load
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

faults: install  ## kill -9 of every part under load, again and again
	@$(BIN)/python -m pytest tests/faults $(PYTEST)

bench: install  ## measurements, one JSON object a line
	@$(BIN)/python -m load.bench

load: install  ## RATE events/s for SECONDS against a stack started by `make up`; every event is accounted for
	@$(BIN)/python -m load.run --rate $(RATE) --seconds $(SECONDS) $(LOAD)

locust: install  ## the same by Locust: 400 events/s, then a burst of 2,000; with its web page: make locust LOCUST=
	@$(BIN)/locust --locustfile load/locustfile.py $(LOCUST)

bench-saturation: install  ## the proof of the saturation model on simulated channels: every gate, kept or not
	@$(BIN)/python -m load.bench_saturation --suite $(SUITE)

bench-saturation-peers: install  ## PyMC-Marketing, Meridian and two simple fits on the same simulated channels
	@$(BIN)/python -m load.saturation_peers $(PEERS)

conformance-peers: install  ## four peers on the same journeys: where each agrees, where and why not
	@$(BIN)/python -m load.conformance install
	@$(BIN)/python -m load.conformance $(CONFORMANCE)

bench-peers: install  ## the five models and Markov beside the same four peers, on the same journeys
	@$(BIN)/python -m load.conformance install
	@$(BIN)/python -m load.bench_peers $(PEERS)

clean:  ## remove what make made, but not .tributary
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
