"""Lists private functions of one statement with one caller: hops that a reader makes.

`python scripts/short_functions.py` prints those of `src`, and their number by package.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "src" / "entrepot"


def short_functions(path: Path) -> Iterator[str]:
    """Yield the names of a file's private functions of one statement that are used once."""
    text = path.read_text()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        is_private = node.name.startswith("_") and not node.name.endswith("__")
        statements = len(node.body) - (ast.get_docstring(node) is not None)
        uses = len(re.findall(rf"\b{node.name}\b", text)) - 1
        if is_private and statements == 1 and uses == 1:
            yield node.name


def list_short_functions() -> list[tuple[str, str]]:
    """Return each such function of `src` with the file's path below the package."""
    return [
        (str(path.relative_to(ROOT)), name)
        for path in sorted(ROOT.rglob("*.py"))
        for name in short_functions(path)
    ]


if __name__ == "__main__":
    found = list_short_functions()
    for place, name in found:
        print(place, name)
    for package, count in Counter(place.partition("/")[0] for place, _ in found).most_common():
        print(f"{count:5} {package}")
    print(f"{len(found):5} in all")
