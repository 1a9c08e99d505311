# Burnish: `make help` lists what there is.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help run mismatch table test lint types bench clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Burnish needs Python 3.11 or later; name one with: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: $(INSTALLED)  ## the whole loop on the digits demo, ending in a report
	@$(BIN)/python data/digits/recipe.py
	$(BIN)/burnish run data/digits/digits.yaml

mismatch: $(INSTALLED)  ## the digits again, trained on scanner images alone: dev and test come from a phone
	@$(BIN)/python data/digits/recipe.py
	$(BIN)/burnish run data/digits/digits-mismatch.yaml

table: $(INSTALLED)  ## the same loop on a mixed table with planted errors
	@$(BIN)/python data/cancer/recipe.py
	$(BIN)/burnish run data/cancer/cancer.yaml

test: $(INSTALLED)  ## the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile

lint: $(INSTALLED)  ## ruff: style and layout
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)  ## mypy, strict
	$(BIN)/mypy

bench: $(INSTALLED)  ## the figures of the README; needs --data for some, see benchmarks/README.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/digits.py
	$(BIN)/python benchmarks/seed_table.py

clean:  ## remove what was made here, but for the reports
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis data/*/made
