# The commands of the project. CI runs the same ones.
PYTHON ?= python3
USE_CASE ?= flights
BIN := .venv/bin
export PYTHONPATH := $(CURDIR)
export NUMPY_MADVISE_HUGEPAGE := 0
unexport PYTHONDONTWRITEBYTECODE

DATA := $(patsubst include/usecases/%/data-requirements.txt,.data/%/.fetched,$(wildcard include/usecases/*/data-requirements.txt))

.DEFAULT_GOAL := help
.PHONY: help run up down stack stack-down stack-test test test-servers test-docker test-slow test-all check fix docs docs-commands bench lock clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

run: $(BIN)/.installed $(DATA)  ## the demo run: history, first champion, real nights, report (USE_CASE=flights UNTIL=2013-12-31)
	@$(BIN)/ratchet run $(USE_CASE) $(if $(UNTIL),--until $(UNTIL))

up: $(BIN)/.installed $(DATA)  ## start Airflow, MLflow and a model server, leave them running, and print addresses and passwords
	@$(BIN)/ratchet up $(USE_CASE)

down:  ## stop what `make up` started
	@$(BIN)/ratchet down

stack:  ## start the full stack in containers, and print its addresses; needs Docker with Compose, and no .venv
	@$(PYTHON) -m include.platform.compose.stack up

stack-down:  ## stop the containers of `make stack`; their data is kept
	@$(PYTHON) -m include.platform.compose.stack down

stack-test:  ## run nights end to end in a separate stack, which is removed afterwards (USE_CASE=flights NIGHTS=1)
	@USE_CASE=$(USE_CASE) $(PYTHON) -m tests.stack.run

# One thread for each worker: with more, the workers wait for each other.
test test-servers: export OMP_NUM_THREADS := 1
test test-servers: export OPENBLAS_NUM_THREADS := 1
test test-servers: export POLARS_MAX_THREADS := 1

test: $(BIN)/.installed $(DATA)  ## the tests, including a run under a real scheduler
	@$(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder -m "not servers and not docker and not slow"

test-servers: $(BIN)/.installed $(DATA)  ## the tests that start real servers (Postgres, S3, Redis, model server, BentoML)
	@$(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder -m servers

test-docker: $(BIN)/.installed $(DATA)  ## the tests that need a Docker engine
	@$(BIN)/python -m pytest -m docker

test-slow: $(BIN)/.installed $(DATA)  ## the tests that take minutes: a month's backfill on Postgres, two schedulers, Postgres down during a night
	@$(BIN)/python -m pytest -m slow -s

test-all: test test-servers test-docker test-slow  ## all tests

check: $(BIN)/.installed  ## ruff, mypy, import-linter, use cases, generated docs
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/ratchet check
	@$(BIN)/ratchet docs --check

fix: $(BIN)/.installed  ## apply automatic fixes
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

docs: $(BIN)/.installed  ## generate the reference pages in docs/ and build the documentation site in site/
	@$(BIN)/ratchet docs --stage build/docs
	@$(BIN)/zensical build --strict --clean
	@$(BIN)/python -m tests.docs.built_site

docs-commands: $(BIN)/.installed  ## run the commands of Start, Tutorial and How-to in the home that `make run` left
	@$(BIN)/python -m tests.docs.run

bench: $(BIN)/.installed $(DATA)  ## run all benchmarks; results as JSON in bench/results
	@$(BIN)/python -m bench

lock: $(BIN)/.installed  ## resolve requirements*.in into hash-locked files
	@for list in requirements requirements-dev requirements-serving requirements-server requirements-bento; do \
	  $(BIN)/uv pip compile -q --universal -p 3.11 --generate-hashes --no-annotate --no-header $$list.in -o $$list.txt || exit 1; done

clean:  ## stop the stack and delete everything that ran, of all use cases (var/); `ratchet forget` removes only one
	@$(BIN)/ratchet down
	rm -rf var

$(BIN)/.installed: requirements.txt requirements-dev.txt requirements-uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Ratchet needs Python 3.11 to 3.13, this is %d.%d: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-uv.txt
	@$(BIN)/python -m uv pip sync --quiet --require-hashes --compile-bytecode --python $(BIN)/python $(filter %.txt,$^)
	@$(BIN)/python -m uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $@

.data/%/.fetched: include/usecases/%/data-requirements.txt $(BIN)/.installed
	@$(BIN)/python -m uv pip install --quiet --require-hashes --no-deps --python $(BIN)/python --target .data/$* -r $<
	@touch $@
