# The quick loop: format, lint, types, import layers, and the tests of what changed since main.
set shell := ["bash", "-euo", "pipefail", "-c"]
bin := ".venv/bin"

check: lint
    {{bin}}/pytest -q -m "not clients and not conformance and not faults and not wire and not package and not browser and not postgresql and not s3" $({{bin}}/python scripts/changed_tests.py)

# The same with every quick test; minutes.
check-all: lint
    {{bin}}/pytest -q -m "not clients and not conformance and not faults and not wire and not package and not browser"

# Everything about the code that needs no run.
lint:
    {{bin}}/ruff format --check --quiet .
    {{bin}}/ruff check --quiet .
    {{bin}}/mypy
    {{bin}}/lint-imports

format:
    {{bin}}/ruff format --quiet .
    {{bin}}/python scripts/format_templates.py
    {{bin}}/ruff check --fix --quiet .

# Write what the migrations make of an empty SQLite file; after a new migration.
schema:
    {{bin}}/python -c "import tempfile, pathlib; from entrepot.metadata import migrate; \
    path = pathlib.Path(tempfile.mkdtemp()) / 'schema.db'; migrate.upgrade_sqlite_by_scripts(path); \
    migrate.SQLITE_SCHEMA.write_text(migrate.dump_sqlite_schema(path))"

# Bring the translations up to date with what pages show; after a new text in a template.
messages:
    {{bin}}/python scripts/messages.py

# Write what is made of the settings (deploy/entrepot.toml, the chart's schema); after a new setting.
chart:
    {{bin}}/python scripts/setting_files.py

# Write the table of packages into the architecture's map; after a new package or layer.
map:
    {{bin}}/python scripts/architecture.py
