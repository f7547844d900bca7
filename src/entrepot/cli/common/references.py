"""Names of repositories and artifacts, as people write them."""

from typing import TYPE_CHECKING

from entrepot.cli.common.output import USAGE, fail
from entrepot.errors import EntrepotError, InvalidName

if TYPE_CHECKING:
    from entrepot.oci.names import Reference, RepositoryName


def parse_name(name: str) -> "RepositoryName":
    """Return the repository's name; exit with status 2 if it is invalid."""
    from entrepot.oci.names import RepositoryName

    try:
        return RepositoryName(name)
    except InvalidName:
        fail(f"invalid repository name: {name}", USAGE)


def parse_artifact(text: str) -> "tuple[RepositoryName, Reference | None]":
    """The repository of `NAME`, `NAME:TAG` or `NAME@DIGEST`, and which; else exit with 2."""
    from entrepot.oci.names import parse_reference

    name, at, digest = text.partition("@")
    tag = ""
    if not at and ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    try:
        return parse_name(name), parse_reference(digest or tag) if digest or tag else None
    except EntrepotError as error:
        fail(error.message, USAGE)
