# hotline-bridge: `make demo` shows it, `make test` proves it. Both set up all they need on a fresh Debian machine
# that has Python 3.11 and make. Package indexes and certificates are those of the machine's own configuration.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3.11
PORT ?= 5000
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --generate-hashes --universal --python-version 3.11 \
	--extra postgresql --extra tracing --no-emit-index-url --no-header --no-annotate

SUITE := $(BIN)/python -m pytest -n 4 --dist worksteal

.PHONY: help demo test coverage check audit format bench fuzz rules upgrade shift load wheel unit lock translations pictures venv browser clean

help: ## Show the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(RUNTIME) ## Bridge and sandbox on this machine; prints the address (PORT=5000, ALL=1: four kinds)
	@exec $(BIN)/python -m bridge demo --port $(PORT) $(if $(ALL),--all)

test: check browser ## Everything that must hold before a commit
	@mkdir -p build
	@# Four on two cores: a worker waits for Chromium, for servers and for time-outs more than half of its time.
	@PYTHONDONTWRITEBYTECODE= $(SUITE) tests $(PYTEST_ARGS) | tee build/pytest.txt
	@grep -E " passed.* in " build/pytest.txt

coverage: $(DEV) ## How much of the bridge the rooms and contracts go through; fails below 95 % of lines, 88 % of branches
	@mkdir -p build && rm -f .coverage .coverage.*
	@# Apart from the tests: to follow each line takes half as long again.
	@PYTHONDONTWRITEBYTECODE= $(SUITE) tests/rooms tests/contracts --cov --cov-report= $(PYTEST_ARGS)
	@$(BIN)/python -m coverage json --quiet
	@$(BIN)/python -m coverage report --sort=cover
	@$(BIN)/python -m tests.structure.coverage_gate build/coverage.json

check: $(DEV) ## Style, types, import contracts; known vulnerabilities, careless code, secrets in the tree
	@mkdir -p build
	@# The audit waits for the network for the most part, and mypy has one core only. Meanwhile the tests are collected,
	@# and so compiled for those who run them, each of whom would compile them all.
	@$(BIN)/python -m tests.structure.audit >build/audit.txt 2>&1 & audit=$$!; \
		PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --collect-only -qq tests >build/collected.txt 2>&1 & collected=$$!; \
		$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && PYTHONPATH=. $(BIN)/lint-imports --no-cache \
		|| { kill $$audit $$collected; exit 1; }; \
		wait $$collected || { tail -n 50 build/collected.txt; kill $$audit; exit 1; }; \
		wait $$audit || { cat build/audit.txt; exit 1; }; cat build/audit.txt

audit: $(DEV) ## Known vulnerabilities of what is locked, careless code, secrets in the tree
	@$(BIN)/python -m tests.structure.audit

format: $(DEV) ## Let ruff put things right
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(DEV) ## Measure sign-ins and requests beside peers (PROFILE=1: where the CPU goes; SIGN_INS=100000: memory; MODEL=1: workers, threads)
	@$(BIN)/python -m tests.bench$(if $(MODEL),.model)$(if $(SIGN_INS),.memory --sign-ins $(SIGN_INS))$(if $(PROFILE), --profile)

fuzz: $(DEV) ## Let every reader of foreign bytes read what nobody would write (SECONDS=60 each, TARGET=landing)
	@$(PIP) install --quiet --only-binary :all: --require-hashes -r tests/fuzz/atheris.lock \
		|| echo "No wheel of atheris for this machine: hypothesis takes its place."
	@$(BIN)/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(addprefix --target ,$(TARGET))

rules: ## Play the alert rules with promtool, which Debian's package prometheus has
	@promtool check rules config/prometheus.rules.yml
	@promtool test rules tests/fixtures/prometheus/*.test.yml

upgrade: $(DEV) ## Go forward and back one release under traffic (FROM=7f0a809 STORE=postgresql|sqlite)
	@$(BIN)/python -m tests.upgrade $(if $(FROM),--from $(FROM)) $(if $(STORE),--store $(STORE))

shift: $(DEV) ## Play ten hours of 200 agents with every trouble of a day (AGENTS=200 HOURS=10)
	@AGENTS=$(or $(AGENTS),200) HOURS=$(or $(HOURS),10) $(BIN)/python -m tests.shift

load: $(DEV) browser ## Let 10,000 agents sign in at three replicas behind nginx (AGENTS=10000 SECONDS=180 RATE=… RESTART=1)
	@$(BIN)/python -m tests.load $(if $(AGENTS),--agents $(AGENTS)) $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(RATE),--rate $(RATE)) $(if $(RESTART),--restart)

wheel: $(DEV) ## Build wheel and sdist, install the wheel by itself, and sign in at its demo
	@.ci/try-wheel $(BIN)/python build

unit: wheel ## Boot systemd in a container and try config/bridge.service there (root; debootstrap, systemd-container)
	@.ci/try-unit build

lock: $(DEV) ## Write both lock files anew (UPGRADE=1: to the newest versions)
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements.lock
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --constraint requirements.lock --group dev --output-file requirements-dev.lock
	@echo "requirements.lock and requirements-dev.lock are written."

translations: $(DEV) ## Collect the texts, update and compile the catalogues
	@mkdir -p build
	@$(BIN)/pybabel --quiet extract --mapping config/babel.cfg --keywords lazy_gettext --keywords said --no-location --sort-output \
		--project hotline-bridge --output-file build/messages.pot .
	@$(BIN)/pybabel --quiet update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date \
		--input-file build/messages.pot --output-dir bridge/translations
	@$(BIN)/pybabel --quiet compile --directory bridge/translations

pictures: $(DEV) ## Take the README's pictures
	@$(BIN)/python -m tests.browser.pictures

venv: $(DEV) ## The virtual environment, with everything

clean: ## Remove what make made
	rm -rf $(VENV) build dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Set-up -------------------------------------------------------------------------------------------------------------

$(BIN)/python:
	@.ci/make-venv "$(PYTHON)" $(VENV)

$(RUNTIME): requirements.lock | $(BIN)/python
	@echo "Installing what the bridge needs (once)…"
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@touch $@

$(DEV): requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing what the bridge and its tests need (once)…"
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $(RUNTIME) $@

browser:
	@.ci/install-tools
