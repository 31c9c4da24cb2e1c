# The whole vocabulary: make demo | test | lint | bench, and kill | fuzz | docs for the long ones.
# Everything installs itself into .venv in this tree; nothing else on the machine is touched.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint bench kill fuzz docs clean

demo: .venv/.ready
	$(BIN)/voiced demo

# One more than there are cores: calls mostly wait for something.
WORKERS ?= $(shell echo $$(( $$(nproc) + 1 )))

test: .venv/.ready
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

lint: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.ready .venv-bench/.ready
	$(BIN)/python -m bench $(ARGS)

.venv-bench/.ready:  # genesis pins old versions of what we use, so it lives alone
	@$(BIN)/python -m venv --without-pip .venv-bench
	@echo "Installing genesis, for comparison, into .venv-bench (once) ..."
	@$(BIN)/python -m pip --python .venv-bench/bin/python install -q --disable-pip-version-check genesis==2026.10.18 \
	  && touch $@ || { echo "genesis cannot be installed: the benchmark goes on without it"; rm -rf .venv-bench; }

kill: .venv/.ready
	$(BIN)/pytest tests/kill -n auto --every-step

fuzz: .venv/.ready
	$(BIN)/python -m tests.fuzz $(ARGS)

docs: .venv/.ready
	$(BIN)/python -m docs.draw

.venv/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("voiced needs Python 3.11 or newer; this is %d.%d. Try: make PYTHON=python3.11 ..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || $(PYTHON) -m virtualenv -q .venv >/dev/null 2>&1 || \
	  { rm -rf .venv; test "$$(id -u)" = 0 && apt-get update -q && apt-get install -y -q python3-venv && $(PYTHON) -m venv .venv; } || \
	  { echo "Python's venv module is missing. As root: apt-get install python3-venv"; exit 1; }
	@echo "Installing voiced and its tools into .venv (once) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv .voiced build dist *.egg-info
