# Each target runs its set-up once: a second run starts in seconds.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
WEB_TOOLS := $(CURDIR)/$(VENV)/web-tools/node_modules
# Options of pip. `make test` installs PyTorch: on CPU-only hosts, set the CPU index of PyTorch's
# install page, and it takes under 2 GB instead of 7. `make up` installs PyTorch only for a GPU.
PIP_ARGS ?=
# Most tests wait for other processes: four at once suit two cores.
TEST_PROCESSES ?= 4
# Options that measure coverage; see the target. They take the suite half as long again.
COVERAGE ?=
# Python keeps what it compiled: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE
# 1 or 0: whether `make up` installs what needs an NVIDIA GPU. By default, if there is one.
WITH_GPU ?=

.DEFAULT_GOAL := help
.PHONY: force help up test coverage suite terraform simulate check style types audit sbom hostile accuracy bench bench-gpu bench-memory faults soak docs pictures samples clean setup

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

up: $(VENV)/.run ## start everything locally, without a cloud account
	@$(BIN)/videodrop up

test: $(VENV)/.dev ## lint, types, and the whole suite
	@$(MAKE) --no-print-directory style
	@$(MAKE) --no-print-directory -j3 types terraform suite

coverage: ## the same, with coverage, of which 95 % are required
	@$(MAKE) --no-print-directory test COVERAGE='--cov --cov-report=term'

# Waiting threads of PyTorch sleep. By default they spin, which costs most where cores are shared.
suite: $(VENV)/.dev
	OMP_WAIT_POLICY=PASSIVE \
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(COVERAGE)

# In parallel with the suite, because it mostly waits; its output is printed at the end.
terraform: $(VENV)/.dev
	@echo 'tests/infra run in parallel …'; mkdir -p build; \
	$(BIN)/pytest -p no:cacheprovider tests/infra >build/terraform.log 2>&1; \
	status=$$?; cat build/terraform.log; exit $$status

# Seconds of `make simulate`.
SECONDS ?= 60

simulate: $(VENV)/.dev ## search for a history that goes wrong, for SECONDS on all cores
	$(BIN)/python -m tests.simulation --seconds $(SECONDS) --processes "$$(nproc)"

check: $(VENV)/.dev ## lint, spelling, import contracts, types and known vulnerabilities only
	@$(MAKE) --no-print-directory -j2 style types
	@$(MAKE) --no-print-directory audit

# Bandit is not asked: ruff's rules S are a port of its own, and are on.
audit: $(VENV)/.dev ## known vulnerabilities of the pinned packages, where their database is reached
	@$(BIN)/python -m containers.audit

sbom: $(VENV)/.dev ## what each image consists of, as CycloneDX in build/bill
	@$(BIN)/python -m containers.bill

hostile: $(VENV)/.dev ## put crafted files through all stages, as a table; an hour
	$(BIN)/python -m benchmarks.hostile

types: $(VENV)/.dev
	$(BIN)/mypy

style: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/pytest -q -p no:cacheprovider tests/unit/test_words.py
	$(BIN)/lint-imports --no-logo
	@if [ -d $(WEB_TOOLS) ]; then \
	  PATH="$(WEB_TOOLS)/.bin:$$PATH" NODE_PATH="$(WEB_TOOLS)" npm run --silent check; \
	else echo 'pipeline/api/web is not checked: setup.sh installs TypeScript and ESLint where npm is'; fi

accuracy: $(VENV)/.dev ## word error rate and mAP on held-out videos, as a table
	$(BIN)/python -m samples.accuracy

faults: $(VENV)/.dev ## every kind of fault in real processes, as a table; half an hour
	FAULTS=all $(BIN)/pytest -v -p no:cacheprovider tests/faults

JOBS ?= 500

soak: $(VENV)/.dev ## many jobs under disturbance, as a table; JOBS=40 for a short one
	$(BIN)/python -m benchmarks.soak --jobs $(JOBS)

# Options of benchmarks/run.py, for example: make bench BENCH='--only speech --rounds 1'
BENCH ?=

bench: $(VENV)/.dev ## CPU time and memory beside the alternatives, as tables; hours
	$(BIN)/python -m benchmarks.run $(BENCH)

bench-gpu: $(VENV)/.dev ## engines and batch sizes on a host with an NVIDIA GPU
	$(BIN)/python -m benchmarks.run --only gpu $(BENCH)

bench-memory: $(VENV)/.dev ## memory over video length, as a table; cold starts of the API
	$(BIN)/python -m benchmarks.memory samples/landscape.mp4
	$(BIN)/python -m benchmarks.cold_start

docs: $(VENV)/.dev ## write docs/reference/ and the lanes of deploy/kubernetes/ again, from the code
	$(BIN)/python -m docs.generate
	$(BIN)/python -m deploy.lanes

pictures: $(VENV)/.dev ## take docs/pictures again, and pictures of all views and states in build/pictures
	PICTURES=build/pictures $(BIN)/pytest -q -p no:cacheprovider \
	  tests/browser/test_pictures.py tests/browser/test_views.py tests/browser/test_states.py tests/browser/test_dialogs.py
	cp build/pictures/*.jpg docs/pictures/

samples: $(VENV)/.dev ## generate the committed samples again
	$(BIN)/python -m samples.generate

setup: $(VENV)/.dev ## install only what `test` needs

clean: ## remove the output of these targets, except the state of `up`
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .coverage*

# With WITH_GPU the set-up runs again, because the packages may be others.
$(VENV)/.run: pyproject.toml constraints.txt setup.sh $(if $(WITH_GPU),force)
	@PYTHON='$(PYTHON)' PIP_ARGS='$(PIP_ARGS)' WITH_GPU='$(WITH_GPU)' ./setup.sh run

$(VENV)/.dev: pyproject.toml constraints.txt setup.sh package.json package-lock.json
	@PYTHON='$(PYTHON)' PIP_ARGS='$(PIP_ARGS)' ./setup.sh dev
