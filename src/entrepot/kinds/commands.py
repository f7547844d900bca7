"""Commands that people paste, for one artifact at one address."""

from dataclasses import dataclass
from enum import StrEnum

from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag


class Language(StrEnum):
    """How a snippet is to be read: pasted into a shell, or into a file."""

    SHELL = "shell"
    YAML = "yaml"
    JSON = "json"
    DOCKERFILE = "dockerfile"
    HCL = "hcl"
    RUBY = "ruby"


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do with one tool: `text` works as it is."""

    tool: str
    title: str
    text: str
    language: Language = Language.SHELL
    note: str = ""


@dataclass(frozen=True, slots=True)
class CommandTarget:
    """Where an artifact is, as the person who reads the page reaches it."""

    host: str
    """`host[:port]`."""
    is_https: bool
    repository: RepositoryName
    digest: Digest
    tag: Tag | None = None

    @property
    def repository_reference(self) -> str:
        """`host/name`."""
        return f"{self.host}/{self.repository}"

    @property
    def reference(self) -> str:
        """`host/name:tag`, or `host/name@digest` where the page is of a digest."""
        if self.tag is None:
            return self.pinned
        return f"{self.repository_reference}:{self.tag}"

    @property
    def pinned(self) -> str:
        """`host/name@digest`: what never changes."""
        return f"{self.repository_reference}@{self.digest}"

    @property
    def url(self) -> str:
        """`scheme://host`."""
        return f"{'https' if self.is_https else 'http'}://{self.host}"
