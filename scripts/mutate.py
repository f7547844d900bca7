"""Plants small faults in the code, one at a time, and says which of them no test notices.

`python scripts/mutate.py --seed 1 --each 20` takes 20 places from each of five packages, changes
each in the checkout that it runs in, and runs the tests of that package; only where they pass, the
tests of doors and contracts too. A line of JSON is printed for each. The file is put back whatever
happens. Run it in a clean checkout of its own: nobody else should read files that are mutated.
"""

import argparse
import ast
import copy
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("registry", "hub", "http", "storage", "extract")
FIRST: Final = {
    "registry": ["tests/registry"],
    "hub": ["tests/hub"],
    "http": ["tests/http", "tests/doors"],
    "storage": ["tests/storage", "tests/contracts/test_uploads.py"],
    "extract": ["tests/extract", "tests/hub/test_indexing.py", "tests/hub/test_attachments.py"],
}
THEN: Final = ["tests/doors", "tests/contracts", "tests/hub", "tests/registry", "tests/jobs"]
TIMEOUT: Final = 900.0
_SWAPPED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """A place and what is changed there; `outcome` is `killed`, `survived` or `timed out`."""

    file: str
    line: int
    before: str
    after: str
    outcome: str = ""
    seconds: float = 0.0


def mutated(node: ast.AST) -> ast.AST | None:
    """The node with one small fault, or `None` where there is none to make."""
    new = copy.deepcopy(node)
    if isinstance(new, ast.Compare) and len(new.ops) == 1 and type(new.ops[0]) in _SWAPPED:
        new.ops[0] = _SWAPPED[type(new.ops[0])]()
        return new
    if isinstance(new, ast.BoolOp):
        new.op = ast.Or() if isinstance(new.op, ast.And) else ast.And()
        return new
    if isinstance(new, ast.UnaryOp) and isinstance(new.op, ast.Not):
        return new.operand
    if isinstance(new, ast.BinOp) and isinstance(new.op, ast.Add | ast.Sub):
        new.op = ast.Sub() if isinstance(new.op, ast.Add) else ast.Add()
        return new
    if isinstance(new, ast.Constant) and type(new.value) is bool:
        new.value = not new.value
        return new
    if isinstance(new, ast.Constant) and type(new.value) is int and new.value < 10:
        new.value += 1
        return new
    return _changed_statement(new)


def _changed_statement(new: ast.AST) -> ast.AST | None:
    if isinstance(new, ast.Expr) and isinstance(new.value, ast.Await | ast.Call):
        return ast.Pass()
    if isinstance(new, ast.Raise):
        return ast.Pass()
    if isinstance(new, ast.Continue):
        return ast.Break()
    return None


def places(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes inside functions that can be changed."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in function.body:
                for node in ast.walk(statement):
                    if mutated(node) is not None:
                        yield node


def choose(package: str, count: int, seed: int) -> list[tuple[Path, int]]:
    """Places of the package: files, and the place's number in each."""
    found = []
    for path in sorted((ROOT / "src" / "entrepot" / package).rglob("*.py")):
        total = sum(1 for _ in places(ast.parse(path.read_text())))
        found += [(path, number) for number in range(total)]
    chosen = random.Random(f"{seed}/{package}")  # noqa: S311 - a sample, no secret
    return chosen.sample(found, min(count, len(found)))


def plant(path: Path, number: int) -> tuple[str, Mutation]:
    """The file's text with the fault, and what that is."""
    tree = ast.parse(path.read_text())
    node = list(places(tree))[number]
    new = mutated(node) or node
    before = ast.unparse(node)
    line = getattr(node, "lineno", 0)

    class Replace(ast.NodeTransformer):
        def visit(self, other: ast.AST) -> ast.AST:
            return new if other is node else self.generic_visit(other)

    text = ast.unparse(ast.fix_missing_locations(Replace().visit(tree)))
    name = str(path.relative_to(ROOT / "src" / "entrepot"))
    return text, Mutation(name, line, before[:160], ast.unparse(new)[:160])


def passes(tests: Sequence[str]) -> bool | None:
    """Whether the tests pass; `None` where they do not end."""
    there = [each for each in tests if (ROOT / each).exists()]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *there]
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, cwd=ROOT, capture_output=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode == 0


def try_one(package: str, path: Path, number: int) -> Mutation:
    """Plant one fault, run the tests, and put the file back."""
    original, began = path.read_bytes(), time.monotonic()
    text, mutation = plant(path, number)
    try:
        path.write_text(text)
        result = passes(FIRST[package])
        if result:
            result = passes(THEN)
    finally:
        path.write_bytes(original)
    outcome = {True: "survived", False: "killed", None: "timed out"}[result]
    values = asdict(mutation) | {"outcome": outcome, "seconds": round(time.monotonic() - began, 1)}
    return Mutation(**values)


def main() -> None:
    """Try the places of each package in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=20, help="places of each package")
    parser.add_argument("--package", choices=PACKAGES, action="append")
    arguments = parser.parse_args()
    for package in arguments.package or PACKAGES:
        # A test that fails anyway would notice every fault.
        if not passes(FIRST[package]):
            raise SystemExit(f"the tests of {package} fail without any fault")
        for path, number in choose(package, arguments.each, arguments.seed):
            print(json.dumps(asdict(try_one(package, path, number))), flush=True)


if __name__ == "__main__":
    main()
