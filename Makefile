# The two commands of the README, and the quick ones. Everything lands in .venv; nothing else is touched.
PYTHON ?= python3
export PYTHON EXTRAS
BIN := .venv/bin
# Each has a PostgreSQL, an S3 server, a browser and hubs of its own; the tests of a file stay together.
TEST_PROCESSES ?= 2

.PHONY: setup serve demo test check bench bench-scale faults torture screenshots clean

setup:
	@scripts/setup.sh dev

# A hub needs a tenth of what its developers need. For PostgreSQL or S3: make serve EXTRAS='postgresql s3'.
serve:
	@scripts/setup.sh serve
	@$(BIN)/entrepot serve

# As root this installs the Debian packages of scripts/packages.txt; a user gets them below .tools.
# A hub with 30 repositories of some 20 kinds, 150 accounts and 90 days of pulls, in demo-data.
demo: setup
	@$(BIN)/python scripts/demo.py

test: setup
	@scripts/packages.sh
	@scripts/tools.sh
	@$(BIN)/just lint
	@$(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist loadfile

check: setup
	@$(BIN)/just check

# Nodes, PostgreSQL and S3: what a request costs each; a million manifests; memory. As root.
bench-scale: setup
	@scripts/packages.sh
	@scripts/tools.sh
	@$(BIN)/python -m bench.nodes
	@$(BIN)/python -m bench.large
	@$(BIN)/python -m bench.memory

bench: setup
	@scripts/packages.sh
	@scripts/tools.sh
	@$(BIN)/python -m bench

# The long forms, with fixed seeds; hours. What they find is written to faults/results.
torture: faults
faults: setup
	@$(BIN)/python -m faults kill --seed 1
	@$(BIN)/python -m faults power --seed 1 --report faults/results/power.md
	@$(BIN)/python -m faults syscalls --seed 1 --report faults/results/syscalls.md
	@$(BIN)/python -m faults shortages --seed 1 --rounds 5 --report faults/results/shortages.md
	@$(BIN)/python -m faults crowds --seed 1 --report faults/results/crowds.md
	@$(BIN)/python -m faults nodes --seed 1
	@$(BIN)/python -m faults steps --seed 1 --report faults/results/steps.md
	@$(BIN)/python -m faults s3 --seed 1
	@$(BIN)/python -m faults clocks --seed 1
	@$(BIN)/python -m faults soak --seed 1

screenshots: setup
	@scripts/tools.sh
	@$(BIN)/python scripts/screenshots.py

clean:
	rm -rf .venv .venv.old .venv.new .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
