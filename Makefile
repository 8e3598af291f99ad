# laambda's commands. `make demo` and `make test` do all the set-up they need.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export LAAMBDA_HOME ?= $(CURDIR)/.laambda
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo up test test-fast check format bench lock clean

demo: $(VENV)/.laambda ## push a sample app through the whole farm and show what happened
	@$(BIN)/python -m laambda.cli.demo

up: $(VENV)/.laambda ## run the farm in the foreground until Ctrl-C
	@$(BIN)/laambda up

test: $(VENV)/.dev ## every test; as root it installs what they need (APT=0: never)
	@tests/setup.sh
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

test-fast: $(VENV)/.dev ## the tests for your own loop, under two minutes
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow"

check: $(VENV)/.dev ## lint, types, import contracts
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports --config setup.cfg

format: $(VENV)/.dev
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## measure; prints a report, asserts nothing
	@$(BIN)/python -m benchmarks

lock: $(VENV)/.uv ## resolve the dependencies of setup.cfg anew
	@$(BIN)/uv pip compile -q --upgrade requirements/setup.in $(LOCK) -o requirements/setup.txt
	@$(BIN)/uv pip compile -q --upgrade setup.cfg --extra local $(LOCK) -o requirements/laambda.txt
	@$(BIN)/uv pip compile -q --upgrade setup.cfg --all-extras -c requirements/laambda.txt $(LOCK) -o requirements/dev.txt
	@$(BIN)/uv pip compile -q --upgrade requirements/ministack.in $(LOCK) -o requirements/ministack.txt
LOCK := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

clean:
	rm -rf $(VENV) .laambda

# A hash-pinned uv, which installs the rest with bytecode compiled.
$(VENV)/.uv: requirements/setup.txt
	@deploy/needs.sh $(PYTHON)
	@echo "Setting up $(VENV) (once, about 20 s)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/setup.txt
	@touch $@

$(VENV)/.laambda: $(VENV)/.uv requirements/laambda.txt setup.cfg
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes --compile-bytecode -r requirements/laambda.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.laambda requirements/dev.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes --compile-bytecode -r requirements/dev.txt
	@touch $@
