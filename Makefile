# Every word here works on a fresh clone with Python 3.11+ and nothing else; CI calls the same words.
SHELL := /bin/bash
# A failure anywhere in a line, pipelines included, fails the target.
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
IS_NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
# The first Python that is new enough; PYTHON=/path/to/python3.12 make ... chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$p $(IS_NEW_ENOUGH) 2>/dev/null && { echo $$p; break; }; done)
SETTINGS ?= examples/everything.yaml
FUZZ_MINUTES ?= 5
# LocalStack 4.14 runs on Python 3.13 alone.
SECOND_PYTHON ?= $(shell for p in python3.13 $(HOME)/.pyenv/versions/3.13.*/bin/python3.13; do \
  $$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && { echo $$p; break; }; done)
# MkDocs, in an environment of its own.
DOCS := build/docs/.installed
SITE := build/site
SECOND_OPINION := build/second-opinion/.installed
TYPED_FUNCTIONS := log_shipper vendor_connector resource_tags
TYPED := app.py logdock stacks constructs_lib local_cloud second_opinion policy_proof security_report supply_chain templates tests benchmarks
TESTS :=
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Bytecode is kept: importing the CDK without it costs seconds, every time.
unexport PYTHONDONTWRITEBYTECODE
# The wheels of a function's layer, for AWS (arm64, Python 3.13) and for the local cloud (this machine's Python).
LAYER_LOCK := lambda_src/log_shipper/requirements.txt
LAYERS := build/layers/log_shipper/arm64/.installed build/layers/log_shipper/host/.installed
# Checkers that pin old libraries, in an environment of their own.
TOOLS := build/tools/.installed
SETUP := $(VENV)/.installed $(BIN)/logdock node_modules/.package-lock.json $(LAYERS) $(TOOLS)

.PHONY: help setup demo local-stop test lint types unit end-to-end proof fuzz bench load vendor-apis second-opinion synth bootstrap-policy security-report security-diff templates docs docs-release docs-serve recording sbom release audit measure schema lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(SETUP) ## Install everything into .venv, node_modules and build (nothing to do the second time)

# An environment whose Python is gone or too old is made again.
VENV_STATE := $(shell test ! -e $(VENV) || $(BIN)/python $(IS_NEW_ENOUGH) 2>/dev/null || echo venv-is-unusable)

# Without a home directory to write to, the caches are here.
ifeq ($(shell test -w "$$HOME" && echo yes),)
export UV_CACHE_DIR := $(CURDIR)/build/cache/uv
export npm_config_cache := $(CURDIR)/build/cache/npm
endif

.PHONY: venv-is-unusable
venv-is-unusable:
	@echo "==> the Python of $(VENV) is gone or older than 3.11: $(VENV) is made again" && rm -rf $(VENV)

$(VENV)/.installed: requirements.lock requirements-setup.lock $(VENV_STATE)
	@test -n "$(PYTHON)" || { echo "Logdock needs Python 3.11 or later; none was found. Set PYTHON=/path/to/python3" >&2; exit 2; }
	@case "$$(uname -sm) $$(ldd --version 2>&1 || true)" in \
	  Darwin\ x86_64*) echo "Logdock does not install on an Intel Mac: cryptography has no wheel for it. Use Linux or a Mac with Apple silicon" >&2; exit 2;; \
	  *musl*) echo "Logdock does not install on Alpine (musl): duckdb has no wheel for it. Use a distribution with glibc, such as Debian" >&2; exit 2;; esac
	@echo "==> Python packages into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) cannot make a virtual environment (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.lock
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock requirements-setup.lock
	@touch $@

$(BIN)/logdock: logdock/cli/logdock $(VENV)/.installed
	@install -m 755 $< $@

node_modules/.package-lock.json: package-lock.json $(VENV)/.installed
	@echo "==> the CDK command line into node_modules"
	@npm ci --silent --no-audit --no-fund
	@touch $@

build/layers/log_shipper/%/.installed: $(LAYER_LOCK) logdock/layer.py $(VENV)/.installed
	@echo "==> the shipper's wheels for $*"
	@$(BIN)/python -m logdock.layer $(@D) $(if $(filter host,$*),--host)
	@touch $@

$(TOOLS): requirements-tools.lock $(VENV)/.installed
	@echo "==> the checkers that pin old libraries into $(@D)"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	@$(BIN)/uv pip sync --quiet --python $(@D)/bin/python --require-hashes --only-binary :all: requirements-tools.lock
	@touch $@

# LocalStack has parts that come as source alone, so packages are built here; their hashes are checked all the same.
$(SECOND_OPINION): requirements-second-opinion.lock $(VENV)/.installed
	@test -n "$(SECOND_PYTHON)" || { \
	  echo "make second-opinion needs Python 3.13; none was found. Set SECOND_PYTHON=/path/to/python3.13" >&2; exit 2; }
	@echo "==> LocalStack into $(@D)"
	@$(BIN)/uv venv --quiet --clear --python $(SECOND_PYTHON) $(@D)
	@$(BIN)/uv pip sync --quiet --python $(@D)/bin/python --require-hashes requirements-second-opinion.lock
	@touch $@

$(DOCS): requirements-docs.lock $(VENV)/.installed
	@echo "==> MkDocs into $(@D)"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	@$(BIN)/uv pip sync --quiet --python $(@D)/bin/python --require-hashes --only-binary :all: requirements-docs.lock
	@touch $@

demo: $(SETUP) ## The whole product on this machine: deploy every export to the local cloud, play every vendor, show what landed; KEEP=1 leaves it running, ACCOUNTS=2 lands in two other accounts
	$(if $(filter-out 2,$(ACCOUNTS)),$(error ACCOUNTS is $(ACCOUNTS); allowed: 2))
	$(if $(filter-out 1,$(KEEP)),$(error KEEP is $(KEEP); allowed: 1))
	@$(BIN)/python -m local_cloud.demo --settings "$(if $(ACCOUNTS),examples/log-archive-account.yaml,$(SETTINGS))" $(if $(KEEP),--keep)

local-stop: $(SETUP) ## End what `make demo KEEP=1` left running
	@$(BIN)/python -m local_cloud.kept

# Side by side: each part leaves a core idle for a while. What the parts in the background print comes at the end.
test: $(SETUP) ## Everything that CI checks
	@mkdir -p build; trap 'kill $$(jobs -p) 2> /dev/null || true' EXIT; failed=; \
	$(MAKE) --no-print-directory lint types > build/checks.log 2>&1 & checks=$$!; \
	$(MAKE) --no-print-directory end-to-end > build/end-to-end.log 2>&1 & deployed=$$!; \
	$(MAKE) --no-print-directory unit || failed=yes; \
	wait $$checks || failed=yes; cat build/checks.log; \
	wait $$deployed || failed=yes; cat build/end-to-end.log; \
	test -z "$$failed"

lint: $(SETUP) ## Style, formatting, import rules
	@echo "==> lint"
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet .
	@PYTHONPATH=.:lambda_src/log_shipper:lambda_src/vendor_connector:lambda_src/resource_tags $(BIN)/lint-imports --no-logo

types: $(SETUP) ## mypy --strict: the functions that run on AWS, then the infrastructure
	@echo "==> types"
	@$(BIN)/mypy $(TYPED_FUNCTIONS:%=-p %)
	@$(BIN)/mypy $(TYPED)

# Each worker takes neighbours, so what a folder's tests share, such as templates and emulators, is mostly made once.
unit: $(SETUP) ## Unit and policy tests
	@echo "==> unit and policy tests"
	@CDK_VALIDATION=false $(BIN)/pytest -n 2 --dist worksteal -m 'not end_to_end and not proof' --ignore tests/end_to_end $(TESTS)

end-to-end: $(SETUP) ## Tests against the local cloud, deployed by the tests themselves
	@echo "==> end-to-end tests"
	@$(BIN)/pytest -m 'end_to_end and not proof' $(or $(TESTS),tests/end_to_end)

# Half an hour for a test is a guard against hanging: a deploy after another takes long on a busy machine.
proof: $(SETUP) ## What does not fit into five minutes: every action of every AWS service, every example deployed, every setting changed, every vendor connected
	@CDK_VALIDATION=false LOGDOCK_TEST_EXAMPLES=500 $(BIN)/pytest -n 2 --timeout 1800 -m 'proof or hypothesis' $(TESTS)

fuzz: $(SETUP) ## Any input at all for the decoders, parsers and handlers, with new seeds, for FUZZ_MINUTES (5)
	@$(BIN)/python -m tests.fuzz --minutes $(FUZZ_MINUTES)

bench: $(SETUP) ## The shipper against its floor, `logdock logs` against the obvious way, memory of both, shapes of input, small objects, SQL, hostile input, synth (each part alone: python -m benchmarks --only PART): build/bench.json
	@PYTHONPATH=.:lambda_src/log_shipper $(BIN)/python -m benchmarks --out build/bench.json

# Parts: each has a cloud of its own and ends within five minutes. PARTS="3" repeats one.
PARTS ?= 1 2 3 4 5 6 7 8 9 10
load: $(SETUP) ## 20,000 small objects on the local cloud to two destinations, one of which fails for a while, in ten PARTS: build/load.json
	@for part in $(PARTS); do $(BIN)/python -m benchmarks.load --part $$part; done

vendor-apis: $(SETUP) ## The connector's requests against the vendors' own API descriptions: ATLAS=file COCKROACHDB=file LOGZIO=file CLOUDFLARE=file
	@rm -f build/connector-requests.jsonl
	@LOGDOCK_VENDOR_REQUESTS=$(CURDIR)/build/connector-requests.jsonl $(BIN)/pytest tests/lambda_src/vendor_connector
	@$(BIN)/python -m local_cloud.openapi build/connector-requests.jsonl \
	  mongodb-atlas=$(ATLAS) cockroachdb=$(COCKROACHDB) logzio=$(LOGZIO) cloudflare=$(CLOUDFLARE)

second-opinion: $(SETUP) $(SECOND_OPINION) ## Every example on LocalStack, read back and compared with its templates: build/second-opinion.json
	@$(BIN)/python -m second_opinion --out build/second-opinion.json

synth: $(SETUP) ## Templates of SETTINGS (examples/everything.yaml) into cdk.out, with strict validation
	@npx --no-install cdk synth --quiet --output cdk.out -c settings="$(SETTINGS)"
	@echo "templates are in cdk.out"

bootstrap-policy: $(SETUP) ## What CloudFormation may do for SETTINGS, instead of AdministratorAccess: build/bootstrap-policy (docs/deploy.md)
	@$(BIN)/logdock bootstrap-policy --settings "$(SETTINGS)"

security-report: $(SETUP) ## Who can do what under SETTINGS, and what shows it, as one page, JSON and CSV: build/security-report.*
	@$(BIN)/python -m security_report --settings "$(SETTINGS)" --out build/security-report.html \
	  --json build/security-report.json --csv build/security-report.csv

security-diff: $(SETUP) ## What access NEW adds, removes and changes, compared with OLD (settings files, or reports as JSON): build/security-diff.json
	@$(BIN)/python -m security_report --diff "$(OLD)" "$(NEW)" --json build/security-diff.json

docs: $(DOCS) ## The documentation as a site, with search: build/site; a dead link fails
	@NO_MKDOCS_2_WARNING=1 $(<D)/bin/mkdocs build --strict --site-dir $(SITE)
	@echo "the site is in $(SITE)"

# A folder for each release, which stays as it is: publish PAGES as it is, for example by GitHub Pages.
PAGES ?= build/pages
docs-release: $(DOCS) ## The site of this version in PAGES (build/pages), beside those of earlier releases, with a selector
	@set -e; version=$$($(BIN)/python -m supply_chain.site_versions --version); \
	VERSION_PROVIDER=mike NO_MKDOCS_2_WARNING=1 $(<D)/bin/mkdocs build --quiet --strict --site-dir "$(abspath $(PAGES))/$$version"
	@$(BIN)/python -m supply_chain.site_versions "$(PAGES)"

docs-serve: $(DOCS) ## The site on http://127.0.0.1:8000, built again after each change
	@NO_MKDOCS_2_WARNING=1 $(<D)/bin/mkdocs serve --strict --dev-addr 127.0.0.1:8000

recording: $(SETUP) ## The demo's recording, table and dashboard, from the last `make demo`; while one is kept up (KEEP=1), the recording of docs/logdock.md
	@$(BIN)/python -m local_cloud.recording

templates: $(SETUP) ## Plain CloudFormation templates of landings, core and shipper, with the code: build/templates (docs/templates.md)
	@$(BIN)/python -m templates build/templates

sbom: $(SETUP) ## What ships and under which licences: build/sbom/logdock.cdx.json (CycloneDX) and licences.md
	@$(BIN)/python -m supply_chain.sbom build/sbom

release: templates sbom ## What a release consists of: wheel of the command, templates, bill of materials, notes, checksums: dist
	@$(BIN)/python -m supply_chain.release dist
	@echo "the release is in dist"

audit: $(SETUP) ## Known vulnerabilities of all that is locked; needs a network, and says what it could not check
	@$(BIN)/python -m supply_chain.audit

measure: $(VENV)/.installed ## What it costs to change the code, as a table; BASE=folder measures another checkout
	@$(BIN)/python -m supply_chain.measure $(BASE)

schema: $(VENV)/.installed ## Regenerate logdock/settings/logdock.schema.json, the settings table and the acknowledged findings
	@$(BIN)/python -m logdock.settings.schema
	@$(BIN)/python -m policy_proof.findings

lock: $(VENV)/.installed ## Resolve every lock again (after a change to pyproject.toml or requirements.in)
	@echo uv | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --upgrade - -o requirements-setup.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --no-header --upgrade --constraint requirements-setup.lock pyproject.toml --extra deploy --extra sql \
	  --group dev -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --no-header --upgrade --group docs -o requirements-docs.lock
	@$(BIN)/uv pip compile --quiet --python-platform aarch64-manylinux_2_28 --python-version 3.13 --only-binary :all: \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade lambda_src/log_shipper/requirements.in -o $(LAYER_LOCK)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --only-binary :all: --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --upgrade requirements-tools.in -o requirements-tools.lock
# What was current when LocalStack 4.14 was released: it does not run with later releases of some of these.
	@$(BIN)/uv pip compile --quiet --python-version 3.13 --exclude-newer 2026-03-15 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --upgrade requirements-second-opinion.in -o requirements-second-opinion.lock
	@npm install --package-lock-only --silent

clean: ## Remove all that was made here
	@rm -rf $(VENV) node_modules build dist cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
