# make run    the flagship job in rehearsal: no key, no cost, no services to install
# make test   all tests
# make coverage   of these the tests of llm, results, execution and dispatch, which fail below a floor of branch coverage
# make check  the gates: format, lint, types, import rules
# make wheel  builds the wheel and tries it in an environment that holds nothing but what it declares
# make docs   the documentation as a site that can be searched, in site/
# make pictures   the pictures of the README, made by the product (needs Chromium)
# make mutants    the changes to the code that no test notices; OF="troupe_batch.llm.cache*" for a part, hours for all
# make bench  the benchmarks; figures and machine are written to docs/benchmarks.md
# make lock   new lock files from pyproject.toml

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
RUN_READY := $(VENV)/.run-ready
DEV_READY := $(VENV)/.dev-ready

# Each package as pip comes to it: pip itself says either nothing for minutes or several lines about each.
define INSTALL
{ $(PIP) install --progress-bar off --require-hashes -r $(1) || echo FAILED; } | awk -v of=$$(grep -c '^[a-z0-9].*==' $(1)) \
	'/^Collecting /{ print "  " ++n " of at most " of ": " $$2 } /^Installing/{ print "  unpacking them" } /^FAILED$$/{ bad = 1 } END{ exit bad }' >&2
endef

# A tracer slows down what it traces, so tests that the floor does not count run without it, and no test runs twice.
COVERED := tests/contracts $(foreach kind,unit integration,$(wildcard $(addprefix tests/$(kind)/,llm results execution dispatch)))
PYTEST := $(PY) -m pytest -n auto --maxprocesses 8 --dist worksteal

.PHONY: run test coverage check format wheel docs pictures mutants bench lock clean

run: $(RUN_READY)
	@$(VENV)/bin/troupe run jobs/gazpacho_concept_test.yaml --rehearse --again

test: coverage
	$(PYTEST) $(COVERED:%=--ignore=%)

# `--cov` stands last, as it would take the first path for what to measure.
coverage: $(DEV_READY)
	$(PYTEST) $(COVERED) --cov

check: $(DEV_READY)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(DEV_READY)
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

wheel: $(RUN_READY)
	.ci/wheel

docs: $(DEV_READY)
	$(VENV)/bin/zensical build --strict --clean

pictures: $(DEV_READY)
	$(PY) docs/images/make.py

# Beside the environment, not in it: the lock files are for what runs and tests the product.
mutants: $(DEV_READY)
	$(PIP) install --quiet --target $(VENV)/mutmut mutmut==3.8.1
	PYTHONPATH=$(VENV)/mutmut $(PY) -m mutmut run $(OF)
	PYTHONPATH=$(VENV)/mutmut $(PY) -m mutmut results

bench: $(DEV_READY)
	$(PY) -m pytest -m bench -s tests/benchmarks

lock: $(PY)
	$(PIP) install --quiet uv
	$(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 --group build pyproject.toml -o requirements.lock
	$(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 --all-extras --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

# Datasets (runs) and paid replies (.troupe) stay: remove them by hand if you mean it.
clean:
	rm -rf $(VENV) .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis dist site mutants

$(PY):
	@set -e; for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
		if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "troupe_batch needs Python 3.11 or newer; set PYTHON=/path/to/python3" >&2; exit 1; fi; \
	$$found -m venv $(VENV)

$(RUN_READY): $(PY) requirements.lock pyproject.toml
	@echo "Installing the pinned dependencies into $(VENV) (once, a few minutes) ..." >&2
	@$(call INSTALL,requirements.lock)
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_READY): $(RUN_READY) requirements-dev.lock
	@echo "Installing what tests and checks need (once) ..." >&2
	@$(call INSTALL,requirements-dev.lock)
	@touch $@
