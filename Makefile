# Two commands that do all their own set-up: `make review` and `make test`.
# They need git, make and Python 3.11 or newer (PYTHON=... names another one).

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: review test check format schema lock clean

review: $(READY)  ## review this repository's last commit and say where the report is
	$(BIN)/reviewer run --commit HEAD

test: $(READY)  ## run all tests
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest --numprocesses auto --dist worksteal $(PYTEST)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

check: $(READY)  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: $(READY)  ## renew docs/report.schema.json
	$(BIN)/python -c "import json; from reviewer.outputs.json_report import schema; print(json.dumps(schema(), indent=2))" > docs/report.schema.json

lock: $(READY)  ## renew both lock files from pyproject.toml; the action installs requirements.txt
	$(BIN)/python -m pip install --quiet 'uv>=0.5'
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --python-version 3.11 --quiet --upgrade --output-file requirements-dev.txt
	$(BIN)/uv pip compile pyproject.toml --constraint requirements-dev.txt --universal --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --python-version 3.11 --quiet --upgrade --output-file requirements.txt

clean:
	rm -rf $(VENV) dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The lock file names every package with its hashes; our own code is installed on top, without a download.
$(READY): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "reviewer needs Python 3.11 or newer with its venv module (Debian: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)
