"""The layout of a backup directory.

    blobs/sha256/ab/abcd…          bytes, each digest once for all generations
    generations/NAME/facts.jsonl.gz, generation.json

`generation.json` is written last, and says that the generation is whole. A generation holds no
bytes of its own: a second backup copies only what is new.
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, cast

from entrepot.errors import Invalid, NotFound
from entrepot.metadata.engines.snapshots import Line
from entrepot.model.blobs import StoredBlob
from entrepot.oci.digests import Digest

FACTS: Final = "facts.jsonl.gz"
MARK: Final = "generation.json"
_RUN: Final = 1024 * 1024

Watch = Callable[[int, int], None]
"""Told how many bytes of how many are done."""


@dataclass(frozen=True, slots=True)
class BackupGeneration:
    """One backup that is whole: its moment lies between `began` and `ended`."""

    name: str
    began: str
    ended: str
    rows: int
    blobs: int
    size: int
    facts: str
    problems: list[str] = field(default_factory=list)
    version: str = ""
    """Of the program that made it."""


class BackupCatalog:
    """The backups in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "generations"

    def list_all(self) -> list[BackupGeneration]:
        """Every generation that is whole, the oldest first."""
        marks = sorted(self.path.glob(f"*/{MARK}"))
        return [_parsed(mark.read_bytes()) for mark in marks]

    def get(self, name: str | None = None) -> BackupGeneration:
        """The generation of that name, or the newest; else `NotFound`."""
        found = [each for each in self.list_all() if name in (None, each.name)]
        if not found:
            raise NotFound(
                f"there is no backup in {self.directory}" + (f": {name}" if name else "")
            )
        return found[-1]

    def facts_of(self, generation: BackupGeneration) -> Path:
        """The path of the database copy."""
        return self.path / generation.name / FACTS

    def path_of(self, digest: Digest) -> Path:
        """Return where the bytes of the digest are, or belong."""
        return self.directory / "blobs" / digest.algorithm / digest.hex[:2] / digest.hex


def _parsed(text: bytes) -> BackupGeneration:
    """A later version may say more of it."""
    known = {each.name for each in fields(BackupGeneration)}
    return BackupGeneration(
        **{name: each for name, each in json.loads(text).items() if name in known}
    )


def lines_of(path: Path) -> Iterator[Line]:
    """The facts in a file."""
    with gzip.open(path, "rb") as file:
        for line in file:
            yield cast(Line, json.loads(line))


def blobs_in(path: Path) -> Iterator[StoredBlob]:
    """The blobs that the facts name."""
    columns: list[str] | None = None
    for line in lines_of(path):
        if isinstance(line, dict):
            columns = list(line["columns"]) if line.get("table") == "blobs" else None
        elif columns is not None:
            row: dict[str, Any] = dict(zip(columns, line, strict=True))
            yield StoredBlob(row["digest"], row["size"], row["storage_key"])


def list_blobs(path: Path) -> list[StoredBlob]:
    """As `blobs_in`."""
    return list(blobs_in(path))


def runs_of(path: Path) -> Iterator[bytes]:
    """The bytes of a blob; raise `Invalid` where the backup lacks them."""
    try:
        with path.open("rb") as file:
            while run := file.read(_RUN):
                yield run
    except FileNotFoundError as error:
        raise Invalid(f"the backup lacks {path.name}") from error


def hash_of_file(path: Path) -> str:
    """Return the recorded hash of the generation's database copy."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
