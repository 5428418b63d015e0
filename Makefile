# Two commands on a fresh machine: `make demo` and `make test`. Both set themselves up; nothing is installed outside
# this folder. Works with GNU make 3.81 and newer.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
DEMO_VENV := .venv-demo
PEER_VENV := .venv-peer
ifeq ($(OS),Windows_NT)
BIN := Scripts
else
BIN := bin
endif
PY := $(VENV)/$(BIN)/python
DEMO_PY := $(DEMO_VENV)/$(BIN)/python
PEER_PY := $(PEER_VENV)/$(BIN)/python

# Tests run optimised, with debug assertions and without the minutes that link-time optimisation takes.
CARGO_TEST := cargo test --workspace --locked --profile checked
PAIRS ?= 10000000
FUZZ_SECONDS ?= 20

RUST_SOURCES := $(shell find rust -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock
PIP_FLAGS := --quiet --disable-pip-version-check

.PHONY: help
help: ## say what can be made (this)
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

## setting up -----------------------------------------------------------------------------------------------------

# The tools and the editable package; the same step builds the extension, in release.
$(VENV)/.installed: pyproject.toml tools/preflight
	@tools/preflight rust
	@[ -x $(PY) ] || { python=$$(tools/preflight python); "$$python" -m venv $(VENV); }
	@echo 'setting up $(VENV): tools, then the extension in release; a few minutes the first time'
	$(PY) -m pip install $(PIP_FLAGS) -e '.[dev]'
	@touch $@

# Only the extension, and only where Rust is newer than the set-up.
$(VENV)/.built: $(RUST_SOURCES) $(VENV)/.installed
	@[ -z "$$(find rust Cargo.toml Cargo.lock -type f -newer $(VENV)/.installed)" ] \
	  || { set -x; PATH="$(CURDIR)/$(VENV)/$(BIN):$$PATH" $(PY) -m pip install $(PIP_FLAGS) --no-deps --no-build-isolation -e .; }
	@touch $@

$(DEMO_VENV)/.installed: pyproject.toml tools/preflight examples/agentdojo/requirements.txt
	@tools/preflight rust
	@[ -x $(DEMO_PY) ] || { python=$$(tools/preflight python); "$$python" -m venv $(DEMO_VENV); }
	@echo 'setting up $(DEMO_VENV): AgentDojo, then the kernel in release; a few minutes the first time'
	$(DEMO_PY) -m pip install $(PIP_FLAGS) -r examples/agentdojo/requirements.txt -e .
	@touch $@

$(DEMO_VENV)/.built: $(RUST_SOURCES) $(DEMO_VENV)/.installed
	@[ -z "$$(find rust Cargo.toml Cargo.lock -type f -newer $(DEMO_VENV)/.installed)" ] \
	  || { set -x; $(DEMO_PY) -m pip install $(PIP_FLAGS) --no-deps -e .; }
	@touch $@

## what people run ------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(DEMO_VENV)/.built ## AgentDojo's banking suite, attacked and governed; under 3 minutes after set-up
	$(DEMO_PY) examples/agentdojo/run.py $(DEMO_FLAGS)

.PHONY: test
test: test-rust test-python ## every test of the everyday tier, at most 10 minutes on two cores

.PHONY: test-rust
test-rust: ## the Rust half of `make test`
	@tools/preflight rust
	$(CARGO_TEST)

.PHONY: test-python
test-python: $(VENV)/.built ## the Python half of `make test`
	$(PY) -m pytest -m 'not slow' $(PYTEST_FLAGS)

.PHONY: test-slow
test-slow: $(VENV)/.built ## what takes longer than `make test` allows
	$(CARGO_TEST) -- --ignored
	$(PY) -m pytest -m slow $(PYTEST_FLAGS)

.PHONY: differential
differential: ## engine against reference on PAIRS=10000000 (policy, request) pairs
	@tools/preflight rust
	cargo run --locked --profile checked -p agent-os-testkit --bin differential -- --pairs $(PAIRS)

.PHONY: mutants
mutants: $(VENV)/.installed ## takes each defence of tests/security/mutants.yaml out and sees its tests fail; hours
	$(PY) tests/security/mutants.py

.PHONY: check
check: check-fmt lint types imports workflows ## formats, lints, types, arrows between rooms: no test is run

.PHONY: check-fmt
check-fmt: $(VENV)/.installed
	cargo fmt --all --check
	$(PY) -m ruff format --check .

.PHONY: fmt
fmt: $(VENV)/.installed ## format everything
	cargo fmt --all
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix-only .

.PHONY: lint
lint: $(VENV)/.installed ## clippy and ruff, warnings are errors
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(PY) -m ruff check .

.PHONY: types
types: $(VENV)/.built ## mypy --strict, and the binding's stubs against the binding
	$(PY) -m mypy
	$(PY) -m mypy.stubtest agent_os._core

.PHONY: imports
imports: $(VENV)/.installed ## the arrows between the rooms of python/agent_os
	$(VENV)/$(BIN)/lint-imports --no-cache

.PHONY: workflows
workflows: $(VENV)/.installed ## schema and security of .github/workflows
	$(VENV)/$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(VENV)/$(BIN)/zizmor --offline --quiet .github

.PHONY: deny
deny: ## licences, advisories and sources of the Rust dependencies (needs cargo-deny)
	@command -v cargo-deny >/dev/null || { echo 'cargo-deny was not found' >&2; \
	  echo '  hint: `cargo install --locked cargo-deny` (about four minutes)' >&2; exit 1; }
	cargo deny --all-features check

.PHONY: bench
bench: $(VENV)/.built ## the benchmarks of docs/benchmarks.md, with their peers in the same run
	$(PY) -m pip install $(PIP_FLAGS) -r benches/requirements.txt
	@# This peer's import name is ours, so it lives apart.
	[ -x $(PEER_PY) ] || $(PY) -m venv $(PEER_VENV)
	$(PEER_PY) -m pip install $(PIP_FLAGS) -r benches/peers/requirements.txt
	$(PY) benches/run.py $(BENCH_FLAGS)

.PHONY: bench-instructions
bench-instructions: ## instructions per decision, against the bounds of benches/instructions.json (needs valgrind)
	@tools/preflight rust
	@"$$(tools/preflight python)" benches/instructions.py $(BENCH_FLAGS)

.PHONY: fuzz-smoke
fuzz-smoke: ## each fuzz target for FUZZ_SECONDS=20 (needs cargo-fuzz and a C++ compiler)
	@command -v cargo-fuzz >/dev/null || { echo 'cargo-fuzz was not found' >&2; \
	  echo '  hint: `cargo install --locked cargo-fuzz` (under a minute)' >&2; exit 1; }
	@"$$(tools/preflight python)" tools/fuzz_seeds.py
	@for target in $$(cargo fuzz list); do \
	  echo "== $$target"; \
	  RUSTC_BOOTSTRAP=1 cargo fuzz run "$$target" -- -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=1; \
	done

.PHONY: wheel
wheel: $(VENV)/.installed ## dist/: the wheel and the sdist, inspected
	rm -rf dist
	$(VENV)/$(BIN)/maturin build --release --locked --sdist --out dist
	$(PY) tests/packaging/artifacts.py dist

.PHONY: docs
docs: $(VENV)/.built ## run every example of the README and of docs/, and say what was not run
	$(PY) tests/docs/run_pages.py README.md docs

.PHONY: generate
generate: $(VENV)/.built ## what is made from the code: schema, compiled presets, tables of the reference pages
	$(PY) -m agent_os.policy.generate
	$(PY) -m tests.docs.reference_tables

.PHONY: clean
clean: ## remove what was made here, virtual environments and build trees included
	cargo clean
	rm -rf dist fuzz/target $(VENV) $(DEMO_VENV) $(PEER_VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find python tests examples benches -name __pycache__ -type d -prune -exec rm -rf {} +
	find python -name '_core*.so' -delete -o -name '_core*.pyd' -delete
