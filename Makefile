# One vocabulary; CI calls the same words.
PYTHON ?= python3
USE_CASE ?= flights
BIN := .venv/bin
export PYTHONPATH := $(CURDIR)
export NUMPY_MADVISE_HUGEPAGE := 0
unexport PYTHONDONTWRITEBYTECODE

DATA := $(patsubst include/usecases/%/data-requirements.txt,.data/%/.fetched,$(wildcard include/usecases/*/data-requirements.txt))

.DEFAULT_GOAL := help
.PHONY: help run up down stack stack-down stack-test test test-servers test-docker test-slow test-all check fix docs bench lock clean

help:  ## list the words
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

run: $(BIN)/.installed $(DATA)  ## the main job: history, first champion, real nights, report (USE_CASE=flights UNTIL=2013-12-31)
	@$(BIN)/ratchet run $(USE_CASE) $(if $(UNTIL),--until $(UNTIL))

up: $(BIN)/.installed $(DATA)  ## leave the same stack running: Airflow and MLflow, addresses and passwords printed
	@$(BIN)/ratchet up

down:  ## stop what `make up` started
	@$(BIN)/ratchet down

stack:  ## the full stack in containers, set up and healthy, addresses printed; needs Docker with Compose, and no .venv
	@$(PYTHON) -m include.platform.compose.stack up

stack-down:  ## stop the containers; their data stays
	@$(PYTHON) -m include.platform.compose.stack down

stack-test:  ## a night end to end in a stack of its own, which is gone afterwards (USE_CASE=flights NIGHTS=1)
	@USE_CASE=$(USE_CASE) $(PYTHON) -m tests.stack.run

test: $(BIN)/.installed $(DATA)  ## the tests, with one run under a real scheduler
	@$(BIN)/python -m pytest -n logical --dist loadfile -m "not servers and not docker and not slow"

test-servers: $(BIN)/.installed $(DATA)  ## those that start real servers (Postgres)
	@$(BIN)/python -m pytest -n logical --dist loadfile -m servers

test-docker: $(BIN)/.installed $(DATA)  ## those that need a Docker engine
	@$(BIN)/python -m pytest -m docker

test-slow: $(BIN)/.installed $(DATA)  ## those that take minutes: a month's backfill on Postgres, two schedulers, Postgres away in a night
	@$(BIN)/python -m pytest -m slow -s

test-all: test test-servers test-docker test-slow  ## all of them

check: $(BIN)/.installed  ## ruff, mypy, import-linter, use cases, generated docs
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/ratchet check
	@$(BIN)/ratchet docs --check

fix: $(BIN)/.installed  ## what can be mended by machine
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

docs: $(BIN)/.installed  ## generate the reference pages in docs/ and build the documentation site in site/
	@$(BIN)/ratchet docs --stage build/docs
	@$(BIN)/zensical build --strict --clean

bench: $(BIN)/.installed $(DATA)  ## rolling evaluation over the year and speed against a baseline; JSON in bench/
	@$(BIN)/python -m bench

lock: $(BIN)/.installed  ## resolve requirements*.in into hash-locked files
	@for list in requirements requirements-dev requirements-serving requirements-server; do \
	  $(BIN)/uv pip compile -q --universal -p 3.11 --generate-hashes --no-annotate --no-header $$list.in -o $$list.txt || exit 1; done

clean:  ## forget everything that ran (var/); the environment and the data stay
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
