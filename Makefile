# Thin targets. Each bootstraps what it needs on a machine with only Python 3.11+ and make.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export SAM_CLI_TELEMETRY := 0
export UV_PYTHON_DOWNLOADS := never
# Some images switch compiled modules off: then every process of the tests compiles all of them.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup demo test properties fuzz memory faults storm oracle e2e check lint types templates generated docs generate bench simulate cost conduct clean

setup: .venv/.ready

.venv/.ready: pyproject.toml uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n '/^name = "uv"$$/{n;s/version = "\(.*\)"/uv==\1/p;}' uv.lock)"
	UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --frozen --quiet --python $(BIN)/python
	UV_PROJECT_ENVIRONMENT=.venv/emulator $(BIN)/uv sync --frozen --quiet --only-group emulator --python $(BIN)/python
	@touch $@

demo: setup
	@$(BIN)/driftguard demo $(if $(JSON),--json)

test: setup
	$(BIN)/pytest -n auto --dist worksteal -m "not e2e"

# The property tests alone, with many more examples, and new ones each time.
properties: setup
	$(BIN)/pytest -n auto -m "hypothesis and not e2e" --hypothesis-profile long

# A hundred thousand made-up inputs for each door: about half an hour on two cores. FUZZ_SEED chooses
# others, and a fault is shown again with FUZZ_FIRST=its number INPUTS=1.
fuzz: setup
	FUZZ_INPUTS=$(or $(INPUTS),100000) $(BIN)/pytest -n 2 --durations 12 tests/fuzz

# Every archive that is made to take much memory: about a minute.
memory: setup
	MEMORY=all $(BIN)/pytest -n auto tests/unit/analysis/inventory/test_memory.py

# Every call of the guard goes wrong in every way, for 36 controls of all mechanisms: about an hour on
# two cores. ONLY=CONTROL:CALL:FAULT shows one trial again, STEP=10 runs every tenth, and CONTROLS= names
# scenarios, with commas.
faults: setup
	@$(BIN)/python -m tests.support.faults $(if $(ONLY),--only "$(ONLY)") $(if $(STEP),--step $(STEP)) $(if $(SEED),--seed $(SEED)) $(if $(CONTROLS),--controls $(CONTROLS))

# 20,000 events through the guard's handler: about ten minutes. EVENTS=2000 are fewer.
storm: setup
	@$(BIN)/python benchmarks/load.py $(if $(EVENTS),--events $(EVENTS)) $(if $(JSON),--json)

# Holds the judge of policies against an SMT solver, on so many random policies from a seed.
oracle: setup
	$(BIN)/python -m tests.support.oracle $(or $(COUNT),100000) $(or $(SEED),0)

e2e: setup
	$(BIN)/pytest -n auto --dist loadfile -m e2e

# All that needs no test to run.
check: lint types templates generated docs

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

templates: setup
	$(BIN)/cfn-lint template.yaml
	$(BIN)/sam validate --lint --region us-east-1

generated: setup
	$(BIN)/driftguard generate --check

# The documentation site, in .site/: any warning fails it, a link that leads nowhere among them.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

bench: setup
ifdef JSON
	@$(BIN)/python benchmarks/cold_start.py --json | $(BIN)/python benchmarks/replay.py --json --along | $(BIN)/python benchmarks/audit.py --json --along | $(BIN)/python benchmarks/exposure.py --json --along | $(BIN)/python benchmarks/secret_kinds.py --json --along | $(BIN)/python benchmarks/noise.py --json --along | $(BIN)/python benchmarks/console.py --json --along
else
	$(BIN)/python benchmarks/cold_start.py
	$(BIN)/python benchmarks/replay.py
	$(BIN)/python benchmarks/audit.py
	$(BIN)/python benchmarks/exposure.py
	$(BIN)/python benchmarks/secret_kinds.py
	$(BIN)/python benchmarks/noise.py
	$(BIN)/python benchmarks/console.py
endif

simulate: setup
	@$(BIN)/python benchmarks/autonomy.py $(if $(SEEDS),--seeds $(SEEDS)) $(if $(JSON),--json) $(if $(PAGE),--page docs)

# What is found of unusual conduct, how often people are asked about what is ordinary, and how long a
# slow insider needs: SEEDS= how many accounts are made up, STRATUS= recorded attacks (JSON lines of
# CloudTrail records), COSTS=1 what it costs instead.
conduct: setup
	@cd benchmarks && $(abspath $(BIN))/python -m conduct $(if $(SEEDS),--seeds $(SEEDS)) $(if $(STRATUS),--stratus $(abspath $(STRATUS))) $(if $(COSTS),--costs)

# What a stack costs a month: PAGE=1 writes docs/cost.md, MEASURE=1 counts anew what changes cost.
cost: setup
	@PYTHONPATH=. $(BIN)/python -m benchmarks.cost $(if $(PAGE),--page) $(if $(MEASURE),--measure)

generate: setup
	$(BIN)/driftguard generate

clean:
	rm -rf .venv .aws-sam .lab .site
