# Every target sets up what it needs, once; `make` alone lists them.

WITH_TOOLS := . ./env.sh &&
TEST_WORKERS := 2
STEPS := 100000
FIRST_SEED := 1000

.DEFAULT_GOAL := help
.PHONY: help demo test test-deep check bench devnet contracts setup python node lock clean

help: ## list the targets
	@echo 'Clearway needs Python 3.11 or 3.12, Node.js 20 or newer, make and a POSIX shell.'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: setup contracts ## play a crash, and everybody's way home, on a local L1 and L2
	@$(WITH_TOOLS) ape run demo

test: setup contracts ## compile every contract and run every test
	@echo 'compiling the contracts, then running the tests with $(TEST_WORKERS) workers'
	@$(WITH_TOOLS) ape compile --force
	@$(WITH_TOOLS) pytest -n $(TEST_WORKERS) --dist worksteal

test-deep: setup ## take 100,000 random steps, in five minutes (STEPS=..., FIRST_SEED=...)
	@echo 'taking random steps with $(TEST_WORKERS) workers; a failure names its seed and step'
	@$(WITH_TOOLS) STEPS=$(STEPS) FIRST_SEED=$(FIRST_SEED) \
		pytest -v -n $(TEST_WORKERS) -m deep tests/market/test_walk.py

check: python ## check style, types, contract sizes and storage layouts
	@echo 'checking style and types, then sizes and storage layouts of the contracts'
	@$(WITH_TOOLS) ruff check .
	@$(WITH_TOOLS) ruff format --check .
	@$(WITH_TOOLS) mypy
	@$(WITH_TOOLS) python tools/check_contracts.py

bench: setup ## measure speed, size and gas, and compare gas with its snapshot
	@echo 'measuring speed, size and gas: about four minutes'
	@$(WITH_TOOLS) python -m benchmarks

devnet: setup ## start a local L1 and L2 and keep them running
	@echo 'starting a local L1 and L2'
	@$(WITH_TOOLS) ape run devnet up

contracts: python # compiled once; `ape run deploy` does it too
	@$(WITH_TOOLS) python -m clearway.deploying.compiled

setup: python node ## install the pinned tools into .venv and node_modules

python:
	@tools/setup.sh python

node:
	@tools/setup.sh node

lock: ## resolve both locks anew (needs uv)
	@command -v uv >/dev/null || { echo 'make lock needs uv on PATH' >&2; exit 1; }
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command 'make lock' --quiet --output-file requirements.txt
	npm install --package-lock-only

clean: ## delete all that was installed, built or cached; imported accounts stay
	rm -rf .venv node_modules .setup-*.log .build .boa-cache .coverage .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
	[ ! -d .ape-data ] || find .ape-data -mindepth 1 -maxdepth 1 ! -name accounts -exec rm -rf {} +
