"""A kind of artifact: how it is recognised, what it is called, and what can be done with it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from entrepot.kinds.commands import Command, CommandTarget
from entrepot.kinds.recognition.manifest_view import ManifestView


class Family(StrEnum):
    """Kinds that people think of together; a page's colours and filters go by it."""

    IMAGE = "image"
    CHART = "chart"
    FILES = "files"
    VOLUME = "volume"
    SBOM = "sbom"
    SIGNATURE = "signature"
    ATTESTATION = "attestation"
    REPORT = "report"
    MODEL = "model"
    WASM = "wasm"
    COMPOSE = "compose"
    CONFIGURATION = "configuration"
    POLICY = "policy"
    PACKAGE = "package"
    MACHINE = "machine"
    CACHE = "cache"
    UNKNOWN = "unknown"


class Tab(StrEnum):
    """Pages that a kind may have beside its overview, in the order in which they are shown."""

    PLATFORMS = "platforms"
    LAYERS = "layers"
    README = "readme"
    VALUES = "values"
    SCHEMA = "schema"
    TEMPLATES = "templates"
    FILES = "files"
    PACKAGES = "sbom"
    VULNERABILITIES = "vulnerabilities"
    MISCONFIGURATIONS = "misconfigurations"
    SECRETS = "secrets"
    LICENSES = "licenses"
    PROVENANCE = "provenance"
    SIGNATURES = "signatures"
    DOCUMENT = "document"
    CONFIG = "config"


class Extractor(StrEnum):
    """The extractors that read an artifact's blobs after the push."""

    NOTHING = "nothing"
    IMAGE = "image"
    CHART = "chart"
    FILES = "files"
    """File names and sizes of layers, trees of tars and zips, previews, README, LICENSE."""
    DOCUMENTS = "documents"
    """SBOMs, statements, signatures, reports: decided by each layer's type and content."""
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of what an artifact says of itself: `App version` `1.2.3`."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Description:
    """An artifact's own description, in the fields that all kinds share.

    Everything is text that somebody pushed: escape it, and link only what is http(s).
    """

    title: str = ""
    version: str = ""
    description: str = ""
    licenses: str = ""
    authors: str = ""
    vendor: str = ""
    url: str = ""
    documentation: str = ""
    source: str = ""
    revision: str = ""
    created: str = ""
    base_name: str = ""
    base_digest: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of artifact. `id` is what searches, filters and addresses use; it never changes."""

    id: str
    name: str
    plural: str
    family: Family
    icon: str
    """The name of a symbol in the icon sheet."""
    recognizes: Callable[[ManifestView], bool]
    """Asked in the catalogue's order; the first to say yes has it."""
    commands: Callable[[CommandTarget, ManifestView], tuple[Command, ...]]
    describe: Callable[[ManifestView], Description]
    facts: Callable[[ManifestView], tuple[Fact, ...]]
    tabs: tuple[Tab, ...] = (Tab.FILES,)
    extractor: Extractor = Extractor.FILES
    is_attachment: bool = False
    """It speaks of another artifact: never shown as a version, never "latest"."""
    hub_type: str = "unrecognized"
    """Docker Hub's `content_type`."""
