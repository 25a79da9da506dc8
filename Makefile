# Everything a working copy needs, on a machine with git, make and Python >= 3.11.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .tools/bin/uv
RUN := .venv/bin
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE ?= copy
# Compiled once here instead of at every start of a process.
export UV_COMPILE_BYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help dev chat test check replay record-history bench prove format

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python >= 3.11 is needed, set PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv .tools || { echo "Python has no venv module: on Debian run 'apt-get install python3-venv'"; exit 1; }
	@.tools/bin/pip install --quiet uv==$(UV_VERSION)

.venv/.ready: pyproject.toml uv.lock | $(UV)
	@$(UV) sync --frozen --quiet --python $(PYTHON)
	@touch $@

dev: .venv/.ready ## run the whole stack: Temporal with Web UI, database, worker, API
	@exec $(RUN)/islanders dev

# By the environment and unexpanded: quotes, backticks and "$500" belong to the message, not to make or a shell.
chat: export CHAT_TEXT = $(value TEXT)
chat: .venv/.ready ## send one message to the running stack: make chat TEXT="2 bedrooms in Girne"
	@$(RUN)/islanders chat "$$CHAT_TEXT"

test: .venv/.ready ## every promise at small size
	@$(RUN)/python -m pytest -m "not prove"

check: .venv/.ready ## lint, format, types, room rules, compose file and Dockerfile
	@$(RUN)/ruff check --no-cache .
	@$(RUN)/ruff format --no-cache --check .
	@$(RUN)/mypy
	@$(RUN)/lint-imports
	@$(RUN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.temporal.yml
	@$(RUN)/hadolint Dockerfile

format: .venv/.ready ## write the formatting that check asks for
	@$(RUN)/ruff check --fix-only --quiet . ; $(RUN)/ruff format --quiet .

replay: .venv/.ready ## replay the recorded histories against the current workflows
	@$(RUN)/python -m pytest tests/workflows/test_replay.py

record-history: .venv/.ready ## record the histories again (read CONTRIBUTING.md first)
	@$(RUN)/python -m tests.workflows.record_histories

bench: .venv/.ready ## ratios and figures, each measured side by side in one run
	@$(RUN)/python -m benchmarks.turn
	@$(RUN)/python -m benchmarks.progress
	@$(RUN)/python -m benchmarks.watchers
	@$(RUN)/python -m benchmarks.stop

prove: .venv/.ready ## every promise at full size, with a real small model
	@$(UV) sync --frozen --quiet --group model --python $(PYTHON)
	@$(RUN)/python -m pytest -m "prove or not prove" --full-size
