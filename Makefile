# Two commands: make run (sets up, does the main job, serves) and make test (sets up, checks, tests).
PYTHON ?=
PORT ?= 8000
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUTF8 := 1
unexport PYTHONDONTWRITEBYTECODE  # compiled anew in every process, torch and transformers take ten seconds of each

run: setup ; @$(BIN)/python manage.py run --port $(PORT) $(if $(SYSTEMS),--systems "$(SYSTEMS)") $(if $(SUBJECT),--subject "$(SUBJECT)")
demo: setup ; @$(BIN)/python manage.py run --no-serve $(if $(SYSTEMS),--systems "$(SYSTEMS)") $(if $(SUBJECT),--subject "$(SUBJECT)")
setup: ; @PYTHON="$(PYTHON)" sh docker/setup.sh runtime
setup-dev: ; @PYTHON="$(PYTHON)" sh docker/setup.sh development
check: setup-dev  # the types on both cores, beside everything else; its sockets need a short path
	@TMPDIR=/tmp $(BIN)/mypy --num-workers 2 & types=$$!; \
	  $(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/lint-imports \
	  && $(BIN)/djlint templates --check --lint && $(BIN)/python manage.py makemigrations --check --dry-run \
	  && $(BIN)/python manage.py generate_docs --check; rest=$$?; \
	  wait $$types && exit $$rest
test: check ; @$(BIN)/pytest -q -n 2 --dist loadfile -m "not slow"
test-all: check
	@$(BIN)/pytest -q -n 2 --dist loadfile
	@sh tests/mutation.sh
lock: setup-dev
	@for set in requirements requirements-dev; do $(BIN)/uv pip compile -q --universal --python-version 3.11 \
	  --generate-hashes --no-emit-package torch --no-header $$set.in -o $$set.txt; done
clean: ; rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache
.PHONY: run demo setup setup-dev check test test-all lock clean
