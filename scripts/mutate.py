"""Plants small faults in the code, one at a time, and says which of them no test notices.

`python scripts/mutate.py --seed 1 --each 20` takes 20 places from each of five packages, changes
each in the checkout that it runs in, and runs the tests that reach it: those that execute its
statement (all fast tests are run once before, to see which do), then those that look from outside
at processes, which nobody can follow. Where no test reaches it, the package's own are run. A line
of JSON is printed for each. The file is put back whatever happens. Run it in a clean checkout of
its own: nobody else should read files that are mutated.

`--record FILE` keeps what the first run saw, and `--reached FILE` begins with that.
"""

import argparse
import ast
import contextlib
import copy
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import reached

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCE: Final = ROOT / "src" / "entrepot"
PACKAGES: Final = ("registry", "hub", "http", "storage", "extract")
FOLLOWED: Final = [
    f"tests/{each}"
    for each in (
        *("registry", "storage", "extract", "hub", "jobs", "kinds", "oci", "ops", "settings"),
        *("metadata", "web", "contracts", "doors"),
    )
]
OWN: Final = {each: [f"tests/{each}"] for each in PACKAGES} | {"http": ["tests/doors"]}
FROM_OUTSIDE: Final = {
    "registry": [
        "tests/cli",
        "tests/wire/test_backups.py",
        "tests/wire/distribution/test_uploads.py",
    ],
    "hub": ["tests/cli", "tests/hub/contents/test_indexing.py"],
    "http": ["tests/cli/test_serving.py", "tests/wire"],
    "storage": [
        "tests/cli/test_migrate.py",
        "tests/wire/distribution/test_uploads.py",
        "tests/wire/test_s3.py",
    ],
    "extract": [
        *("tests/extract/test_child.py", "tests/extract/test_renderer.py"),
        *("tests/hub/contents/test_indexing.py", "tests/hub/contents/test_attachments.py"),
    ],
}
LEAST: Final = 120.0
"""Seconds that tests always have; past these, thrice what they took without a fault."""
RECORDING: Final = 3600.0
PASSED, FAILED, INTERRUPTED = 0, 1, 2  # what pytest ends with
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
    """A place and what is changed there.

    `outcome` is `killed`, `survived`, or `hung`: the tests did not end, which is noticed too.
    """

    file: str
    line: int
    before: str
    after: str
    tests: int = 0
    """How many tests execute the statement."""
    outcome: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """A node that can be changed: the file, and its number among the file's `places`."""

    path: Path
    number: int

    @property
    def name(self) -> str:
        """What it is called where tests are noted that come by it."""
        return f"{self.path.relative_to(SOURCE)}:{self.number}"


@dataclass(frozen=True, slots=True)
class Known:
    """What the run without a fault saw."""

    reached: Mapping[str, Sequence[str]]
    seconds: Mapping[str, float]

    def tests_of(self, place: Place) -> frozenset[str]:
        """The tests that execute the place's statement."""
        return frozenset(self.reached.get(place.name, ()))

    def time_for(self, tests: frozenset[str]) -> float:
        """How long the tests may take, in seconds."""
        return LEAST + 3 * sum(self.seconds.get(each, 0.0) for each in tests)


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


def immaterial(tree: ast.Module) -> set[ast.AST]:
    """What is no behaviour to hold to: lines of the log; and text that cannot be subtracted."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and ast.unparse(node).startswith(("_log.", "log.")):
            found.update(ast.walk(node))
        elif isinstance(node, ast.BinOp):
            texts = [each for each in (node.left, node.right) if _is_text(each)]
            found.update([node] if texts else [])
    return found


def _is_text(node: ast.AST) -> bool:
    is_constant = isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    return is_constant or isinstance(node, ast.JoinedStr)


def choose(package: str, count: int, seed: int) -> list[Place]:
    """Places of the package, in the order they are drawn."""
    found, left_out = [], set()
    for path in sorted((SOURCE / package).rglob("*.py")):
        tree = ast.parse(path.read_text())
        unheard = immaterial(tree)
        for number, node in enumerate(places(tree)):
            if node in unheard:
                left_out.add(len(found))
            found.append((path, number))
    drawing = random.Random(f"{seed}/{package}")  # noqa: S311 - a sample, no secret
    drawn: dict[int, None] = {}
    while len(drawn) < min(count, len(found) - len(left_out)):
        index = drawing.randrange(len(found))
        if index not in left_out:
            drawn[index] = None
    return [Place(*found[index]) for index in drawn]


def marked(path: Path, chosen: Sequence[Place]) -> str:
    """The file's text, with a note before the statement of each of the places."""
    tree = ast.parse(path.read_text())
    found = list(places(tree))
    blocks = [
        block
        for node in ast.walk(tree)
        for block in (getattr(node, name, None) for name in ("body", "orelse", "finalbody"))
        if isinstance(block, list)
    ]
    for place in chosen:
        # `ast.walk` comes from outside: the last is the innermost.
        block, statement = [
            (block, statement)
            for block in blocks
            for statement in block
            if any(one is found[place.number] for one in ast.walk(statement))
        ][-1]
        note = ast.parse(f"{reached.NOTE}({place.name!r})").body[0]
        block.insert(block.index(statement), note)
    return ast.unparse(ast.fix_missing_locations(tree))


@contextlib.contextmanager
def replaced(texts: Mapping[Path, str]) -> Iterator[None]:
    """Have other texts in these files for a while."""
    originals = {path: path.read_bytes() for path in texts}
    try:
        for path, text in texts.items():
            path.write_text(text)
        yield
    finally:
        for path, original in originals.items():
            path.write_bytes(original)


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
    name = str(path.relative_to(SOURCE))
    return text, Mutation(name, line, before[:160], ast.unparse(new)[:160])


def run(tests: Sequence[str], seconds: float, **environment: str) -> int | None:
    """What pytest ends with; `None` where it does not end, and then nothing of it is left."""
    there = [each for each in tests if (ROOT / each).exists()]
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "reached"]
    path = os.pathsep.join([str(ROOT / "scripts"), *os.environ.get("PYTHONPATH", "").split()])
    process = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "pytest", *options, *there],
        cwd=ROOT,
        env=os.environ | environment | {"PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        # Servers that tests started are of its session, too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def record(chosen: Sequence[Place], kept: Path, tests: Sequence[str]) -> Known:
    """Run all tests that can be followed, without a fault, and see which come by the places."""
    files: dict[Path, list[Place]] = {}
    for place in chosen:
        files.setdefault(place.path, []).append(place)
    with replaced({path: marked(path, of) for path, of in files.items()}):
        if run(tests, RECORDING, **{reached.REACHED: str(kept)}) != PASSED:
            raise SystemExit("the tests fail without any fault")
    return load(kept)


def load(kept: Path) -> Known:
    """What `record` saw."""
    said = json.loads(kept.read_text())
    return Known(said["reached"], said["seconds"])


def try_one(package: str, place: Place, known: Known) -> Mutation:
    """Plant one fault, run the tests, and put the file back."""
    began = time.monotonic()
    text, mutation = plant(place.path, place.number)
    tests = known.tests_of(place)
    with replaced({place.path: text}):
        ended = _run_named(tests, package, known) if tests else run(OWN[package], 10 * LEAST)
        if ended == PASSED:
            ended = run(FROM_OUTSIDE[package], 10 * LEAST)
    outcome = {PASSED: "survived", None: "hung"}.get(ended, "killed")
    if ended is not None and ended > INTERRUPTED:
        raise SystemExit(f"pytest could not run: it ended with {ended}")
    seconds = round(time.monotonic() - began, 1)
    said = asdict(mutation) | {"tests": len(tests), "outcome": outcome, "seconds": seconds}
    return Mutation(**said)


def _run_named(tests: frozenset[str], package: str, known: Known) -> int | None:
    """Run the tests, those of the package first, and of them what is quickly done."""
    own, lasting = tuple(OWN[package]), defaultdict[str, float](float)
    for test in tests:
        lasting[test.partition("::")[0]] += known.seconds.get(test, 0.0)
    files = sorted(lasting, key=lambda each: (not each.startswith(own), lasting[each]))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as named:
        json.dump(sorted(tests), named)
        named.flush()
        return run(files, known.time_for(tests), **{reached.ONLY: named.name})


def main() -> None:
    """Try the places of each package in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=20, help="places of each package")
    parser.add_argument("--package", choices=PACKAGES, action="append")
    parser.add_argument("--record", type=Path, default=Path(tempfile.gettempdir()) / "reached.json")
    parser.add_argument("--reached", type=Path)
    given = parser.parse_args()
    chosen = {each: choose(each, given.each, given.seed) for each in given.package or PACKAGES}
    everywhere = [place for places_of in chosen.values() for place in places_of]
    known = load(given.reached) if given.reached else record(everywhere, given.record, FOLLOWED)
    for package, places_of in chosen.items():
        for place in places_of:
            print(json.dumps(asdict(try_one(package, place, known))), flush=True)


if __name__ == "__main__":
    main()
