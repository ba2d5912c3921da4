# `make run` and `make test` are all a newcomer needs: both set up .venv first.
# PYTHON=/path/to/python chooses the interpreter of a new .venv; ARGS="--pace 0" goes to `alvh run`.

VENV := .venv
BIN := $(VENV)/bin
REMEDY := install its venv package (on Debian and Ubuntu: apt install python3-venv), then run make setup again.
READY := $(VENV)/.ready
CANDIDATES := $(if $(PYTHON),"$(PYTHON)",python3.11 python3.12 python3.13 python3)

# Prints the first candidate of a fitting version that can make a virtual environment.
FIND_PYTHON = \
	for python in $(CANDIDATES); do \
		case "$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" in \
			3.11|3.12|3.13) \
				if "$$python" -c 'import ensurepip, venv' 2>/dev/null; then echo "$$python"; exit 0; fi; \
				bare="$$python";; \
		esac; \
	done; \
	if [ -n "$$bare" ]; then \
		echo "setup: $$bare lacks the means to make .venv; $(REMEDY)" >&2; \
	else \
		echo "setup: found no Python 3.11, 3.12 or 3.13 (tried $(CANDIDATES)); install one, or name it: make setup PYTHON=/path/to/python3.12" >&2; \
	fi; \
	exit 1

.DEFAULT_GOAL := help
.PHONY: help setup clients peers bench browser docs run test check chaos fuzz format clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## Make .venv with everything in it (nothing to do when it is up to date)

$(READY): pyproject.toml constraints.txt
	@if ! $(BIN)/python -c 'import pip' 2>/dev/null; then \
		python=$$($(FIND_PYTHON)) || exit 1; \
		echo "setup: making $(VENV) with $$python"; \
		"$$python" -m venv --clear $(VENV) || { \
			echo "setup: $$python could not make .venv; $(REMEDY)" >&2; \
			exit 1; }; \
	fi
	@echo "setup: installing the pinned packages (a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' || { \
		echo "setup: the packages could not be installed; see pip's words above, then run make setup again." >&2; \
		exit 1; }
	@touch $(READY)

browser: setup ## Add what the tests of the dashboard need (a Chromium must be at hand)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[browser]'

CLIENTS := ib_async ibapi nautilus_ibapi

clients: $(CLIENTS:%=.clients/%/.ready) .clients/adapter/.ready ## Make environments with the TWS clients that the tests speak with

.clients/%/.ready: tests/foreign/clients/%.txt | setup
	@echo "clients: installing $*"
	@$(BIN)/python -m venv --clear .clients/$*
	@.clients/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The adapter on ib_async: the project without its dependencies, which would bring ib_insync.
.clients/adapter/.ready: pyproject.toml constraints.txt tests/foreign/clients/ib_async.txt | setup
	@echo "clients: installing the project on ib_async"
	@$(BIN)/python -m venv --clear .clients/adapter
	@$(BIN)/python tests/foreign/clients/adapter_requirements.py > .clients/adapter/requirements.txt
	@.clients/adapter/bin/python -m pip install --quiet --disable-pip-version-check \
		-r .clients/adapter/requirements.txt
	@.clients/adapter/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

docs: setup ## Build the site of documentation into build/docs; a warning is an error
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/sphinx-build -q -W --keep-going -b html docs build/docs

PEERS := pricing nautilus

peers: $(PEERS:%=.clients/%-peers/.ready) ## Make environments with the programs that benchmarks measure beside

.clients/%-peers/.ready: benchmarks/%_peers.txt | setup
	@echo "peers: installing those of $*"
	@$(BIN)/python -m venv --clear .clients/$*-peers
	@.clients/$*-peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

bench: setup peers ## Measure everything and write docs/performance.md (some minutes)
	@$(BIN)/python -m benchmarks.report

run: setup ## Replay real history in the terminal: condor and hedge together
	@$(BIN)/alvh run $(ARGS)

test: check ## Run every check and test
	$(BIN)/python -m pytest

check: setup ## Check format, lint, types and the import table
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

KILLS ?= 40
VENUE ?= exchange
FAULTS ?= 0
CHAOS = $(if $(filter gateway,$(VENUE)),gateway_chaos,chaos)
HOW_MANY = $(if $(filter 0,$(FAULTS)),--kills $(KILLS),--faults $(FAULTS))
chaos: setup ## Kill bot and exchange: KILLS=1000 SEED=7; VENUE=gateway; several faults at once: FAULTS=100
	$(BIN)/python tests/chaos/$(if $(filter 0,$(FAULTS)),$(CHAOS),storm).py $(HOW_MANY) $(if $(SEED),--seed $(SEED))

SECONDS ?= 30
fuzz: setup .clients/fuzz/.ready ## Fuzz what reads a stranger's words: SECONDS=60 TARGET=journal_row
	PYTHONPATH=.:.clients/fuzz $(BIN)/python tests/fuzz/fuzz.py $(SECONDS) $(TARGET)

.clients/fuzz/.ready: tests/fuzz/requirements.txt | setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --target .clients/fuzz -r $<
	@touch $@

format: setup ## Format the code and mend what the linter can mend
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

clean: ## Remove .venv and every cache; runs/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
