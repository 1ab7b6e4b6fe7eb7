# One command each: demo, setup, test, check. PYTHON is any Python >= 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := -m pip install --quiet --disable-pip-version-check

.PHONY: help demo setup fix lint types imports test test-faults check bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

demo: .venv-demo/.ready ## train CartPole for real, six runs, list them and draw their curves
	.venv-demo/bin/python example/cartpole/train.py --data-root demo_data
	@echo
	.venv-demo/bin/rla ls --task cartpole --limit 6 --data-root demo_data
	.venv-demo/bin/rla plot --task cartpole --metric mean_return --group-by lr --title "CartPole-v1, REINFORCE" \
		--output demo_data/curves.png --force --data-root demo_data
	@echo
	@echo "curves:  demo_data/curves.png"
	@echo "logs:    demo_data/log/cartpole/"
	@echo "events:  tensorboard --logdir demo_data/log/cartpole"
	@echo "index:   sqlite3 demo_data/rla.db"

setup: $(VENV)/.ready ## make .venv with everything for development

test: $(VENV)/.ready ## run the tests
	$(BIN)/python -m pytest -n 2 --quiet

test-faults: $(VENV)/.ready ## the long form of the fault tests
	RLA_TEST_FAULTS=full $(BIN)/python -m pytest -n 2 --quiet tests/faults

fix: $(VENV)/.ready ## format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.ready ## format, style and spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell

types: $(VENV)/.ready ## static types
	$(BIN)/mypy

imports: $(VENV)/.ready ## who may import whom
	$(BIN)/lint-imports

check: lint types imports test ## all of it, documents included

bench: .venv-bench/.ready ## measure, side by side with other trackers
	.venv-bench/bin/python tests/benchmarks/run.py

clean: ## remove environments, caches and run output
	rm -rf .venv .venv-demo .venv-bench .*_cache .hypothesis build dist *.egg-info demo_data rla_data

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) -e '.[dev]'
	@touch $@

.venv-demo/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-demo
	.venv-demo/bin/python $(PIP) -e '.[gym]'
	@touch $@

.venv-bench/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python $(PIP) -e '.[dev,bench]'
	@touch $@
