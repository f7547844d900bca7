"""Artifacts, as lists and the API show them."""

from msgspec import Struct, field


class Marks(Struct, frozen=True):
    """Counts of the attachments of an artifact and its children.

    `signatures` are those that name the artifact; of these a trusted key, or somebody for whom a
    trust root vouches, made the `verified` ones, and the certificate or key that they bring fits
    the `valid` ones. `invalid` ones come on top: they name something else, are damaged, or cannot
    be read.
    """

    signatures: int = 0
    verified: int = 0
    valid: int = 0
    invalid: int = 0
    sboms: int = 0
    attestations: int = 0
    vulnerabilities: dict[str, int] = field(default_factory=dict)
    """Findings by severity."""


class Artifact(Struct, frozen=True):
    """A manifest and its kind; `size` is the total size of its contents.

    `state` tells whether the contents were read: `queued`, `done`, `failed`, `too large` or
    `unsupported`.
    """

    kind: str
    size: int
    title: str
    version: str
    description: str
    licenses: str
    created: str
    platforms: list[str]
    state: str
    reason: str
    marks: Marks
