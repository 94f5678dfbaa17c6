# Each target does its own set-up, once: a second run starts in seconds.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# CPU-only hosts: set PIP_ARGS to the CPU index that PyTorch's install page names, and the
# environment takes under 2 GB instead of 6.
PIP_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help up test suite terraform check accuracy bench docs samples clean setup

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

up: $(VENV)/.run ## start everything here, with no cloud account
	@$(BIN)/videodrop up

test: $(VENV)/.dev ## lint, types, and the whole suite with coverage
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory -j2 terraform suite

suite: $(VENV)/.dev
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term

# Beside the others, for it mostly waits; what it says comes in one piece.
terraform: $(VENV)/.dev
	@echo 'tests/infra run beside the others …'; mkdir -p build; \
	$(BIN)/pytest -p no:cacheprovider tests/infra >build/terraform.log 2>&1; \
	status=$$?; cat build/terraform.log; exit $$status

check: $(VENV)/.dev ## lint, import contracts and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

accuracy: $(VENV)/.dev ## word error rate and mAP on held-out videos, as a table
	$(BIN)/python -m samples.accuracy

bench: $(VENV)/.dev ## memory over length, as a table; cold starts
	$(BIN)/python benchmarks/memory.py samples/landscape.mp4
	$(BIN)/python benchmarks/cold_start.py

docs: $(VENV)/.dev ## write docs/reference/ anew, from the code
	$(BIN)/python -m docs.generate

samples: $(VENV)/.dev ## make the committed samples anew
	$(BIN)/python -m samples.generate

setup: $(VENV)/.dev ## what `test` needs, and no more

clean: ## remove what these targets made, except the state of `up`
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .coverage*

$(VENV)/.run: pyproject.toml constraints.txt setup.sh
	@PYTHON='$(PYTHON)' PIP_ARGS='$(PIP_ARGS)' ./setup.sh run

$(VENV)/.dev: pyproject.toml constraints.txt setup.sh
	@PYTHON='$(PYTHON)' PIP_ARGS='$(PIP_ARGS)' ./setup.sh dev
