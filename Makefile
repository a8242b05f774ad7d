# Two commands do all set-up on a fresh machine: `make run` and `make test`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
TOOLS := .tools
ARGS ?=

# A gateway is two processes that load some hundred modules: without what is compiled, a start and a
# test run take a fifth longer.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run demo test check format tools bench name-model secret-judge clean

help:
	@echo "make run     set up and start the gateway (ARGS='--listen 0.0.0.0:8080' passes options)"
	@echo "make demo    set up and show the gateway at work, without internet"
	@echo "make test    set up, check and test everything"
	@echo "make check   style, types, import contracts, migrations in step with models"
	@echo "make bench   measure; prints tables"
	@echo "make name-model DATA=path   train the name model anew (see training/names/README.md)"
	@echo "make secret-judge   train the judge of secrets anew (see training/secrets/README.md)"
	@echo "make clean   remove what was installed here (state is kept)"

run: $(VENV)/.run
	@exec $(BIN)/leakgate run $(ARGS)

demo: $(VENV)/.run
	@exec $(BIN)/leakgate demo $(ARGS)

# Tests run side by side, file by file (`tests/conftest.py`). These have the machine to themselves: they
# look at how long somebody waits, or change the network, which makes browsers load again.
ALONE := tests/test_workers.py tests/proxy/test_looking.py tests/proxy/test_transparent.py

test: check tools
ifeq ($(strip $(ARGS)),)
	$(BIN)/python -m pytest -q -n auto --dist loadfile --no-loadscope-reorder $(addprefix --ignore=,$(ALONE))
	$(BIN)/python -m pytest -q $(ALONE)
else
	$(BIN)/python -m pytest $(ARGS)
endif

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m gateway.database.check

format: $(VENV)/.dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench $(ARGS)

name-model: $(VENV)/.dev
	@test -d "$(DATA)/ner" || { echo "say where the data is: make name-model DATA=path" >&2; exit 1; }
	@$(call INSTALL,--group train)
	$(BIN)/python -m training.names.train --data "$(DATA)" --out gateway/detectors/models/names.npz

secret-judge: $(VENV)/.dev
	@$(call INSTALL,--group train)
	$(BIN)/python -m training.secrets.train --out gateway/detectors/models/secrets.json

clean:
	rm -rf $(VENV) $(TOOLS) build *.egg-info

# --- set-up ---------------------------------------------------------------------------------------

# The newest Python that will do, also from pyenv where it is not on the PATH.
define FIND_PYTHON
for candidate in "$${PYTHON:-}" python3.13 python3.14 python3.12 python3 \
    $$(ls -d "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python3 2>/dev/null | sort -rV); do \
  if [ -n "$$candidate" ] && command -v "$$candidate" >/dev/null 2>&1 && \
     "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then \
    command -v "$$candidate"; exit 0; \
  fi; \
done; \
echo "Leakgate needs Python 3.12 or newer, with venv; none was found." >&2; \
echo "Install one (for instance \`apt install python3.13-venv\` or \`pyenv install 3.13\`)," >&2; \
echo "or name it: make PYTHON=/path/to/python3.13 $(MAKECMDGOALS)" >&2; \
exit 1
endef

$(BIN)/python:
	@python="$$($(FIND_PYTHON))"; echo "Making $(VENV) with $$python"; "$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip

# The lock is for the Python that we develop on; a newer one takes what pyproject.toml allows. On 3.12
# mitmproxy wants an older typing-extensions than Presidio, for the sake of its own installers: only
# uv can be told that the newer one will do.
define INSTALL
case "$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" in \
  3.12) $(BIN)/python -m pip install --quiet uv && $(BIN)/uv pip install --quiet \
          --python $(BIN)/python --override requirements-3.12.txt -e . $(1) ;; \
  3.13) $(BIN)/python -m pip install --quiet -c requirements.lock -e . $(1) ;; \
  *) $(BIN)/python -m pip install --quiet -e . $(1) ;; \
esac
endef

$(VENV)/.run: pyproject.toml requirements.lock requirements-3.12.txt | $(BIN)/python
	@echo "Installing what the gateway needs (once)"
	@$(call INSTALL,)
	@touch $@

$(VENV)/.dev: pyproject.toml requirements.lock $(VENV)/.run
	@echo "Installing what the tests need (once)"
	@$(call INSTALL,--group dev)
	@touch $@

# Programs that tests drive: a mock of AI services, a browser, a directory, a syslog server. Tests that miss
# one are skipped and say so.
tools: $(TOOLS)/node_modules/.done $(TOOLS)/.system

$(TOOLS)/node_modules/.done: tests/tools/package.json
	@mkdir -p $(TOOLS)
	@if command -v npm >/dev/null; then \
	  cp tests/tools/package.json $(TOOLS)/ && cd $(TOOLS) && npm install --silent --no-fund --no-audit --no-package-lock; \
	else echo "npm is missing: tests against the mock services will be skipped" >&2; fi
	@mkdir -p $(@D) && touch $@

$(TOOLS)/.system:
	@mkdir -p $(TOOLS)
	@if ! command -v chromium >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium libnss3-tools >/dev/null \
	  || echo "chromium could not be installed: browser tests will be skipped" >&2; fi
	@if ! { test -x /usr/sbin/slapd && command -v htpasswd >/dev/null; } && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slapd apache2-utils >/dev/null \
	  || echo "slapd and htpasswd could not be installed: tests against a directory will be skipped" >&2; fi
	@if ! { test -x /usr/sbin/rsyslogd && ls /usr/lib/*/rsyslog/lmnsd_gtls.so >/dev/null 2>&1; } && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rsyslog rsyslog-gnutls >/dev/null \
	  || echo "rsyslog could not be installed: tests against it will be skipped" >&2; fi
	@touch $@
