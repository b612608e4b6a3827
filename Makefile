# The commands to know: `make demo`, `make test`, `make lint`. `make help` lists them all.
UV = $$(command -v uv || echo .tools/bin/uv)
PY = .venv/bin/python
export UV_SYSTEM_CERTS = 1
export PYTHONPATH :=
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test lint soak mutate bench bench-client serve locks
help:  ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# uv comes through pip, into a folder of ours: a bare Debian has neither venv nor a pip that installs into the system.
.tools/uv.stamp:
	@command -v uv >/dev/null || { echo "· fetching uv into .tools"; python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target .tools "uv>=0.13,<0.14" 2>/dev/null; }
	@mkdir -p .tools && touch $@

# Two stamps: the demo needs less than the tests; the test environment contains the demo's.
define INSTALL
	@echo "· installing $< into .venv (hash-checked)"
	@test -x $(PY) || $(UV) venv -q --no-project -p ">=3.11" .venv
	@$(UV) pip sync -q --require-hashes --only-binary :all: -p $(PY) $<
	@$(UV) pip install -q --no-deps -p $(PY) -e .
	@mkdir -p .venv && touch $@
endef
.venv/stamp-run: deploy/locks/run.txt pyproject.toml .tools/uv.stamp
	@if [ -e .venv/stamp-test ] && [ .venv/stamp-test -nt deploy/locks/test.txt ] && [ .venv/stamp-test -nt pyproject.toml ]; then touch $@; else $(MAKE) -s .venv/stamp-run-install; fi
.PHONY: .venv/stamp-run-install
.venv/stamp-run-install: deploy/locks/run.txt
	$(INSTALL)
	@touch .venv/stamp-run
.venv/stamp-test: deploy/locks/test.txt pyproject.toml .tools/uv.stamp
	$(INSTALL)

setup: .venv/stamp-test  ## make .venv with everything: run, test, lint

demo: .venv/stamp-run  ## train, post, and ask in a stand-in Slack in your browser (ONCE=1: check and leave)
	@$(PY) -m examples.demo $(if $(ONCE),--once)

test: .venv/stamp-test lint  ## lint, types, import contracts and all tests
	@$(PY) tests/browser/ensure.py
	@$(PY) tests/frameworks/ensure.py
	$(PY) -m pytest -q -n 2 --dist worksteal tests

lint: .venv/stamp-test  ## ruff, mypy --strict, import contracts
	@.venv/bin/ruff check -q . && .venv/bin/ruff format -q --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo

soak: .venv/stamp-test  ## the long fault and fuzz counts
	TRACKRECORD_SOAK=1 $(PY) -m pytest -q -n 2 --dist worksteal -m soak tests

mutate: .venv/stamp-test  ## put small faults into checks, receipts and log: does a test notice each?
	$(PY) -m tests.mutate

bench: .venv/stamp-test  ## measure: medians and ratios
	$(PY) -m tests.bench

bench-client: .venv/stamp-test  ## the client beside wandb, MLflow, Trackio, Aim, Sacred (JSON=FILE, QUICK=1)
	$(PY) -m tests.bench.client $(if $(JSON),--json $(JSON)) $(if $(QUICK),--quick)

serve: .venv/stamp-run  ## the registry on this machine
	$(PY) -m registry

# torch's build for CPUs alone, which the index may not have: then the tests that need it are skipped and say so.
TORCH = torch==2.13.0+cpu --hash=sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b
locks: .tools/uv.stamp  ## write deploy/locks/*.txt anew from pyproject.toml
	@mkdir -p deploy/locks
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --all-extras --group demo -o deploy/locks/run.txt pyproject.toml
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --all-extras --group demo --group test --group lint -o deploy/locks/test.txt pyproject.toml
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --group frameworks --no-emit-package torch --no-emit-package setuptools -o deploy/locks/frameworks.txt pyproject.toml
	@echo "$(TORCH)" >> deploy/locks/frameworks.txt
