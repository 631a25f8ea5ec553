# `make` lists what there is. PYTHON=... chooses the interpreter, once.

BIN := .venv/bin
WORKSPACE := pyproject.toml $(wildcard services/*/pyproject.toml)
# Chaos kills real processes and measures time: its tests run one after another, by themselves.
CHAOS := tests/chaos -m chaos
PYTEST := $(BIN)/python -m pytest
PARALLEL := -n logical --maxprocesses=4 -m "not chaos and not docker"

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules
.PHONY: help demo up migrate test cover docker check audit fmt bench lock

help: ## list these
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: .venv/.runtime ## show the whole platform at work, on nothing but this machine (PORT, DATA_DIR, ONCE=1)
	@$(BIN)/ai-platform demo

up: .venv/.runtime ## run the whole platform in one process (PORT, DATA_DIR, or real servers by URL)
	@$(BIN)/ai-platform up

migrate: .venv/.runtime ## bring the database's tables up to date
	@$(BIN)/ai-platform migrate

test: .venv/.dev ## run every test (ARGS="-k ..."; REQUIRE_SERVICES=1 forbids skipping)
	$(PYTEST) $(PARALLEL) $(ARGS)
	$(PYTEST) $(CHAOS) $(ARGS)

cover: .venv/.dev ## run them, but for chaos, and list the lines that no test runs
	$(PYTEST) $(PARALLEL) --cov $(ARGS)

docker: .venv/.dev ## build the images, run all of it in containers, and break it there (port 8000)
	$(PYTEST) tests/containers -m docker -v $(ARGS)

check: .venv/.dev ## ask every tool: style, types, architecture, house rules
	@tools/check

audit: .venv/.audit ## look for known holes in what is locked, and for risky calls in what is ours
	@tools/audit

fmt: .venv/.dev ## put the code into shape
	$(BIN)/ruff check --quiet --fix . || true
	$(BIN)/ruff format --quiet .

bench: .venv/.bench ## measure, beside other systems (ARGS=...)
	$(BIN)/python -m bench $(ARGS)

lock: .venv/.runtime ## lock the dependencies anew (UPGRADE=1 takes the newest of each)
	tools/lock $(if $(UPGRADE),--upgrade)

.venv/.runtime: requirements.lock $(WORKSPACE)
	@tools/bootstrap

.venv/.dev: requirements.lock requirements-dev.lock $(WORKSPACE)
	@tools/bootstrap dev

.venv/.audit: requirements.lock requirements-dev.lock requirements-audit.lock $(WORKSPACE)
	@tools/bootstrap dev audit

.venv/.bench: requirements.lock requirements-dev.lock requirements-bench.lock $(WORKSPACE)
	@tools/bootstrap dev bench
