# The commands of this project; CI and hooks run the same ones. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
CODE := packages services tests tools $(wildcard bench)

.DEFAULT_GOAL := help
.PHONY: help setup lock lint format typecheck imports gates check test test-fast run up down review generate chaos sim bench \
	release clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | awk -F '\t' '{printf "  %-10s %s\n", $$1, $$2}'

setup: ## make .venv/ with everything in it; needs git, make and Python 3.11 only
	@$(PYTHON) -m tools.setup

lock: setup ## write requirements.lock anew from the pyproject files
	@$(PYTHON) -m tools.lock

lint: setup ## look for mistakes and unformatted code
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)

format: setup ## format the code and repair what can be repaired by itself
	@$(BIN)/ruff check --fix-only --quiet $(CODE)
	@$(BIN)/ruff format $(CODE)

typecheck: setup ## check the types, strictly
	@$(BIN)/mypy $(CODE)

imports: setup ## check who imports whom
	@$(BIN)/lint-imports --no-cache

gates: setup ## check the sizes of files and functions, and house rules no linter knows
	@$(BIN)/python -m tools.gates

check: lint typecheck imports gates ## everything that reads the code without running it

test: check ## check, then run every bounded test: what CI runs
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not chaos"

test-fast: setup ## run the tests that need no server
	@$(BIN)/python -m pytest -q tests/unit -m "not postgres and not kafka and not chaos"

run: setup ## start everything in one process with an example pull request
	@$(BIN)/penstock up --demo

up: setup ## start PostgreSQL, Kafka and every service as a process of its own
	@$(BIN)/python -m penstock.local.cluster up

down: setup ## stop what `make up` started
	@$(BIN)/python -m penstock.local.cluster down

review: setup ## review what the current branch changes, on the terminal
	@$(BIN)/penstock review

generate: setup ## write schemas, flow and settings pages: what is generated from contracts and settings
	@$(BIN)/python -m penstock_contracts.generate
	@$(BIN)/python -m tools.settings_page

chaos: setup ## break everything under load, count what is lost or said twice; minutes; more with ARGS=--long
	@$(BIN)/python -m pytest -q -m chaos
	@$(BIN)/python -m tests.chaos $(ARGS)

sim: setup ## simulate whole installations, 100,000 seeds; most of an hour on two cores; others with ARGS='--runs 2000'
	@$(BIN)/python -m tests.sim $(ARGS)

bench: setup ## measure every figure against its peer or bound; some with ARGS=NAME, those that take long with ARGS=--long
	@$(BIN)/python -m bench $(ARGS)

release: test ## freeze the schemas of this version and build the distributions
	@$(BIN)/python -m penstock_contracts.release
	@$$($(PYTHON) -m tools.get_uv) build --quiet --all-packages --out-dir dist

clean: ## remove what can be made again; data in .run/ stays
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
