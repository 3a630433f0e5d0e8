# Two commands do all the set-up: `make demo` and `make test`. Everything lives in .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
FRONT := $(shell find labextension/src labextension/style labextension/schema labextension/package.json labextension/tsconfig.json -type f 2>/dev/null)
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH
# uv trusts what the machine trusts, as pip does: companies have certificates of their own.
export UV_SYSTEM_CERTS := 1

.PHONY: demo lab test test-slow pictures fuzz stress check bench corpus constraints clean
.DEFAULT_GOAL := demo

demo: .venv/installed
	$(BIN)/nbprod up example-notebooks/churn.ipynb $(if $(ONCE),--once)

lab: .venv/installed
	$(BIN)/jupyter lab --notebook-dir=example-notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

test: .venv/installed-dev
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-slow: .venv/installed-dev
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile --ignore tests/cases
	$(BIN)/python -m pytest -m slow -n 2 tests/cases

# The pictures of docs/tutorial.md, by the test that clicks the way.
pictures: .venv/installed-dev
	NBPROD_PICTURES=docs/images $(BIN)/python -m pytest -q tests/e2e/panel/test_tutorial.py
	$(BIN)/python tests/support/shrink.py docs/images

# Broken notebooks are analysed, random ones run as a notebook and as a pipeline: make fuzz SECONDS=3600 SEED=1
fuzz: .venv/installed-dev
	PYTHONPATH=tests/support $(BIN)/python -W ignore -m fuzzing --mutants 10000 \
		--seconds $(or $(SECONDS),600) $(if $(SEED),--seed $(SEED))

# Runs are killed at random instants, the run after each must end as one that nobody disturbed: make stress ROUNDS=200 SEED=1
stress: .venv/installed-dev
	PYTHONPATH=tests/support $(BIN)/python -W ignore -m stress --rounds $(or $(ROUNDS),200) \
		$(if $(SEED),--seed $(SEED)) $(if $(SECONDS),--seconds $(SECONDS))

check: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	@if command -v npm >/dev/null; then cd labextension && \
	{ [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent --no-audit --no-fund; } && \
	npm run --silent check && npm run --silent test; \
	else echo "skipped: the front end's types and unit tests, npm is missing"; fi

bench: .venv/installed-dev
	$(BIN)/python benchmarks/run_all.py

corpus: .venv/installed-dev
	$(BIN)/python benchmarks/corpus.py $(DIR) $(ARGS)

constraints: .venv/installed-dev
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --extra dev \
		--python-version 3.11 -o constraints.txt pyproject.toml

.venv/bin/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

.venv/installed: .venv/bin/uv pyproject.toml constraints.txt $(FRONT)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r constraints.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	$(BIN)/python -m compileall -q nbprod
	touch $@

.venv/installed-dev: .venv/installed
	touch $@

clean:
	rm -rf .venv .nbprod dist build test-results
