# The quick loop: format, lint, types, import layers, fast tests.
set shell := ["bash", "-euo", "pipefail", "-c"]
bin := ".venv/bin"

check:
    {{bin}}/ruff format --check --quiet .
    {{bin}}/ruff check --quiet .
    {{bin}}/mypy
    {{bin}}/lint-imports
    {{bin}}/pytest -q -m "not clients and not conformance and not torture and not wire and not package"

format:
    {{bin}}/ruff format --quiet .
    {{bin}}/ruff check --fix --quiet .
