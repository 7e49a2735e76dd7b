# Two commands: `make run` shows pyproxy at work, `make test` proves it. Both may be repeated, both are quiet when all is well.
SHELL := /bin/sh
VENV  := .venv
BIN   := $(VENV)/bin
PEERS := yes            # `make test PEERS=no` installs no Debian package and skips, by name, what needs one

.PHONY: help run test lint unit peers soak deep fuzz asan bench bench-micro bench-ha dist clean
.DEFAULT_GOAL := help

help:
	@echo "make run    a demo: two web servers, pyproxy in front of them, a statistics page"
	@echo "make test   lint, types, floors, every test, coverage"
	@echo "make lint   ruff, mypy --strict and the floors alone"
	@echo "make unit   the tests alone, without coverage (T=path -k word to choose)"
	@echo "make soak   endurance: memory under long loads; the table of faults beside HAProxy's figures; long failovers (T=tests/faults for one)"
	@echo "make deep   the laws of tests/property on 20,000 examples each (T=path to choose)"
	@echo "make fuzz   coverage-guided fuzzing, each target for 600 s (T=target to choose, SECONDS=60)"
	@echo "make asan   the tests of the compiled code, built with AddressSanitizer and UBSan"
	@echo "make bench  pyproxy, HAProxy and nginx side by side: CPU per request, memory (A=--quick, A='--rows http-keepalive')"
	@echo "make bench-micro  the hot functions one by one, beside the stored results (A=--store)"
	@echo "make bench-ha  failover gaps of pyproxy-ha and keepalived, side by side"
	@echo "make dist   wheel and sdist into dist/"
	@echo "make clean  removes what these made"

$(VENV)/.run: pyproject.toml setup.py .ci/venv
	@PYPROXY_PURE=1 .ci/venv $(VENV) .
	@touch $@

$(VENV)/.test: pyproject.toml setup.py .ci/venv
	@PYPROXY_PURE=1 .ci/venv $(VENV) '.[test]'
	@touch $@ $(VENV)/.run

# What was compiled hides the sources beside it: it has to be as new as they are.
$(VENV)/.compiled: $(VENV)/.test .ci/compile $(shell find proxy/core proxy/runtime proxy/engine -name '*.py' -o -name '*.pyx' -o -name '*.pxd')
	@.ci/compile $(BIN)/python
	@touch $@

run: $(VENV)/.run
	@PYPROXY_PURE=1 exec $(BIN)/pyproxy demo -f examples/haproxy.cfg

lint: $(VENV)/.test
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > .cache/lint-imports.txt 2>&1 || { cat .cache/lint-imports.txt; exit 1; }

peers:
	@[ "$(strip $(PEERS))" = no ] || .ci/peers

# Everything on the Python sources, whose coverage is measured; then on machine code what can tell the two apart.
TELLING := $(addprefix tests/,browser contract corpus differential e2e faults fuzz property scenario $(addprefix unit/,core engine health master runtime stats))

test: lint peers $(VENV)/.compiled
	@PYPROXY_PURE=1 $(BIN)/coverage run -m pytest
	@$(BIN)/python .ci/coverage_gate.py $(BIN)/coverage
	@$(BIN)/pytest $(TELLING)

unit: $(VENV)/.compiled
	@$(BIN)/pytest $(T)

soak: $(VENV)/.compiled peers
	@PYPROXY_SOAK=1 $(BIN)/pytest $(or $(T),tests/soak tests/faults tests/ha)

deep: $(VENV)/.compiled
	@HYPOTHESIS_PROFILE=deep $(BIN)/pytest $(or $(T),tests/property)

# The fuzzer itself is asked for here only: its wheels are large, and not there for each Python.
fuzz: $(VENV)/.test
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check atheris
	@PYPROXY_PURE=1 nice $(BIN)/python -m tests.fuzz $(or $(SECONDS),600) $(T)

asan: $(VENV)/.test
	@.ci/asan $(BIN)/python

bench: $(VENV)/.compiled
	@.ci/peers haproxy:haproxy nginx:nginx-light wrk:wrk strace:strace
	@exec $(BIN)/python -m bench $(A)

bench-ha: $(VENV)/.test
	@.ci/peers keepalived:keepalived ip:iproute2
	@exec $(BIN)/python -m bench.ha $(A)

bench-micro: $(VENV)/.compiled
	@exec $(BIN)/python -m bench.micro_compare $(A)

dist: $(VENV)/.test
	@$(BIN)/python -m build --outdir dist . > .cache/dist.txt 2>&1 || { cat .cache/dist.txt; exit 1; }
	@ls dist

clean:
	@find proxy -name '*.so' -exec rm -f {} +
	@rm -rf $(VENV) .cache .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
