# `make help` explains the targets. It needs only make and Python >= 3.11.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Options for the program behind the target: make run ARGS="--port 8123 --data DIR"
ARGS ?=
VENV ?= .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
STRESS := $(VENV)/.installed-stress
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
# uv, installed by pip, installs packages in a tenth of pip's time.
UV ?= $(BIN)/uv
# Without bytecode files, each process and each test worker would compile everything again.
unexport PYTHONDONTWRITEBYTECODE
WITH_ENGINES := $(BIN)/python -m platform_site.run.engines exec --

# Tried in this order; a candidate must run and be able to make environments, because
# a pyenv shim of a version that is not selected exists but fails.
CANDIDATES := $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3 \
	"$$HOME"/.pyenv/versions/3.13*/bin/python3 \
	"$$HOME"/.pyenv/versions/3.12*/bin/python3 \
	"$$HOME"/.pyenv/versions/3.11*/bin/python3)
USABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

.PHONY: help run test test-all stress mutants bench check django-checks schema lookalikes messages pythons \
	gate-budget

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  ARGS="..." passes options, PYTHON=... selects the interpreter.'

run: $(RUN) ## Run the platform here, with demonstration data; Ctrl-C stops it
	@exec $(BIN)/python manage.py up $(ARGS)

test: $(DEV) ## Run the tests (browser tests too where a Chromium is found)
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile \
		--no-loadscope-reorder $(ARGS)

test-all: ## Run the tests on each Python 3.11 to 3.13 that is found
	@$(MAKE) pythons | { found=; while read -r version python; do \
		found="$$found $$version"; \
		echo "== Python $$version ($$python)"; \
		$(MAKE) test VENV=.venv-$$version PYTHON="$$python" </dev/null || exit 1; \
	done; \
	test -n "$$found" || { echo "No Python 3.11 to 3.13 found." >&2; exit 1; }; \
	echo "== Passed on:$$found"; }

pythons: # Prints the version and the path of each usable Python, the oldest first.
	@for minor in 11 12 13; do \
		for python in python3.$$minor "$$HOME"/.pyenv/versions/3.$$minor*/bin/python3; do \
			"$$python" -c '$(USABLE)' >/dev/null 2>&1 || continue; \
			echo "3.$$minor $$python"; \
			break; \
		done; \
	done

stress: $(DEV) $(STRESS) ## Run the long fault tests, and the properties with many examples
	@$(BIN)/python -m pytest -m "stress or hypothesis" --hypothesis-profile stress $(ARGS)

gate-budget: ## Record the cost of the last .ci/run, to compare the next one with
	@test -f .gate/figures.json || { echo "Run .ci/run first." >&2; exit 1; }
	@cp .gate/figures.json tests/gate/budget.json

mutants: $(DEV) ## Break the pure rules line by line; a test must notice (an hour)
	@nice -n 10 $(BIN)/mutmut run $(or $(ARGS),'*')
	@$(BIN)/python -m tests.mutants $(ARGS)

bench: $(DEV) ## Run the benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

check: $(DEV) ## Check style, types, imports, templates, migrations, deployment, API
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/djlint templates --check --quiet
	$(BIN)/djlint templates --lint --quiet
	@$(BIN)/python -m tests.access.document | diff -u docs/permissions.md - || \
		{ echo "docs/permissions.md is out of date: run make schema." >&2; exit 1; }
	@$(WITH_ENGINES) $(MAKE) django-checks VENV=$(VENV)

django-checks: # Needs a database: called by `check`, which starts one.
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --fail-level WARNING
	ENVIRONMENT=production TRUSTED_PROXIES=none BASE_URL=https://platform.example.com \
		$(BIN)/python manage.py check --deploy --fail-level WARNING
	@schema=$$(mktemp) && trap 'rm -f "$$schema"' EXIT && \
		$(BIN)/python manage.py spectacular --validate --fail-on-warn --file "$$schema" && \
		{ diff -u docs/openapi.yaml "$$schema" || \
		{ echo "docs/openapi.yaml is out of date: run make schema." >&2; exit 1; }; }

schema: $(DEV) ## Generate the pages of docs/ that are made from the code
	@$(BIN)/python -m tests.access.document > docs/permissions.md
	@$(BIN)/python -m tests.audit.catalogue > docs/audit-events.md
	@$(BIN)/python -m tests.agents.catalogue > docs/categories.md
	@$(WITH_ENGINES) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

lookalikes: $(DEV) ## Generate the table of look-alike characters
	@$(BIN)/python -m tests.house.lookalike_table

messages: ## Compile the translations of reasons (needs gettext)
	@for po in transactions/locale/*/LC_MESSAGES/django.po; do \
		msgfmt --check-format -o "$${po%.po}.mo" "$$po" || exit 1; \
	done

$(BIN)/python:
	@for python in $(CANDIDATES); do \
		"$$python" -c '$(USABLE)' >/dev/null 2>&1 || continue; \
		echo "Making $(VENV) with $$("$$python" --version) ($$python)."; \
		exec "$$python" -m venv --clear $(VENV); \
	done; \
	echo "No usable Python 3.11 or newer$(if $(PYTHON), at $(PYTHON)). Install one with" \
		"its venv module (Debian, Ubuntu: apt install python3 python3-venv), or name one:" \
		"make PYTHON=/path/to/python3.12 ..." >&2; exit 1

# uv fails if only pip is configured for the package index; then pip installs.
$(RUN): requirements.txt | $(BIN)/python $(UV)
	@echo "Installing $$(grep -c '^[a-z]' requirements.txt) packages into $(VENV)."
	@$(UV) pip install --python $(BIN)/python --require-hashes -r requirements.txt || \
		{ echo "Using pip instead; that takes minutes."; $(INSTALL) -r requirements.txt; }
	@touch $@

# A client generator in Java (30 MB), which only one test needs.
$(STRESS): requirements-stress.txt | $(DEV)
	@$(INSTALL) -r requirements-stress.txt
	@touch $@

$(DEV): requirements-dev.txt | $(BIN)/python $(UV)
	@echo "Installing $$(grep -c '^[a-z]' requirements-dev.txt) packages into $(VENV)."
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt || \
		$(INSTALL) -r requirements-dev.txt
	@touch $@

$(BIN)/uv: requirements-dev.txt | $(BIN)/python
	@echo "Installing uv, which installs the other packages."
	@awk '/^[a-z]/ { of_uv = /^uv==/ } of_uv' requirements-dev.txt > $(VENV)/uv.txt
	@$(INSTALL) -r $(VENV)/uv.txt
	@touch $@
