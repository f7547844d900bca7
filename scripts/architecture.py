"""Writes the table of packages into docs/explanation/architecture.md: `just map`.

The rows are the layers of import-linter's contract in pyproject.toml, from the top down, with the
first sentence of each package's docstring; the folders of a package follow it.
"""

import ast
import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
MAP: Final = ROOT / "docs" / "explanation" / "architecture.md"
_TABLE: Final = re.compile(r"(<!-- layers: just map -->\n).*?(<!-- end of layers -->)", re.DOTALL)


def layers() -> list[list[str]]:
    """Return the packages of each layer, from the highest down."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = (each for each in contracts["contracts"] if each["type"] == "layers")
    return [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]


def purpose(package: str) -> str:
    """Return the first sentence of a package's docstring, without its full stop."""
    folder = ROOT / "src" / "entrepot" / package
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    return re.split(r"\.(?:\s|$)", text, maxsplit=1)[0].replace("\n", " ")


def folders(package: str) -> list[str]:
    """Return the packages inside a package, such as `hub/people`."""
    parent = ROOT / "src" / "entrepot"
    found = (path.parent for path in (parent / package).glob("*/__init__.py"))
    return sorted(f"{package}/{each.name}" for each in found if each.name != "migrations")


def table() -> str:
    """Return the table of packages as Markdown."""
    lines = ["| layer | package | purpose |", "|---|---|---|"]
    for number, packages in enumerate(layers(), 1):
        rows = [row for package in packages for row in (package, *folders(package))]
        lines += [f"| {number} | `{each}` | {purpose(each)} |" for each in rows]
    return "\n".join(lines) + "\n"


def written() -> str:
    """Return the document with the table as it should be."""
    return _TABLE.sub(lambda found: found[1] + table() + found[2], MAP.read_text())


if __name__ == "__main__":
    MAP.write_text(written())
