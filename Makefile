# make demo   sets everything up in .venv and learns from real data (a minute)
# make test   sets everything up and runs format, lint, types and tests
# make docs   writes docs/errors.md and the flags in docs/cli.md from the source
# make clean  removes .venv and caches; your run folders stay

VERSIONS := python3 python3.14 python3.13 python3.12 python3.11
FITS := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null
PYTHON ?= $(firstword $(foreach name,$(VERSIONS),$(shell $(name) $(FITS) && echo $(name))))
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test format docs clean

demo: .venv/.ready
	$(BIN)/deeplode train demo:breast-cancer --target target

# Files keep their order, in which the slow ones come early; what runs alone is looked for only in
# files that have some.
test: .venv/.ready-for-tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m "not alone"
	$(BIN)/pytest -m alone $$(grep -rl --include='*.py' 'mark\.alone' tests)

format: .venv/.ready-for-tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.ready
	$(BIN)/python docs/make.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Installed once; again when the versions or the requirements change. PyTorch comes first and
# alone, so that whatever build your pip prefers (CPU or CUDA) is the one that stays.
.venv/.torch: constraints.txt
	@$(if $(PYTHON),,echo "deeplode needs Python 3.11 to 3.14: make PYTHON=/path/to/python" && exit 1)
	@echo "Setting up .venv (once; a few minutes) …"
	@$(PYTHON) $(FITS) || { echo "$(PYTHON) is not Python 3.11 to 3.14"; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(PIP) "$$(grep '^torch==' constraints.txt)"
	@touch $@

.venv/.ready: .venv/.torch pyproject.toml
	@$(PIP) -c constraints.txt -e .
	@touch $@

.venv/.ready-for-tests: .venv/.ready
	@$(PIP) -c constraints.txt -e '.[test]'
	@touch $@
