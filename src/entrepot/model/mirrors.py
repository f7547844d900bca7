"""Mirrors: namespaces whose repositories are fetched from another registry when they are pulled."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from entrepot.oci.tag_patterns import matches_any

LIBRARY = "library"
DEFAULT_TTL = 300
NEVER = -1
"""The TTL of a mirror that asks for no tag again."""


class MirrorVisibility(StrEnum):
    """The people that may pull from a mirror."""

    PUBLIC = "public"
    SIGNED_IN = "signed-in"
    MEMBERS = "members"


@dataclass(frozen=True, slots=True)
class BackOff:
    """The last failure of a whole upstream: it is not asked again before `until`."""

    until: datetime
    status: int
    """429, or 0 where no answer came."""
    reason: str
    failures: int
    """Failures since the last answer."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A namespace that mirrors the registry at `url`; `id` is the namespace's."""

    id: int
    name: str
    url: str
    visibility: MirrorVisibility
    created_at: datetime
    username: str = ""
    secret: str = field(default="", repr=False)
    """As it is stored: encrypted by the hub's keyring."""
    preset: str = ""
    ttl: int = DEFAULT_TTL
    """Seconds for which a tag is served without asking; `NEVER`: for good."""
    size_limit: int | None = None
    is_offline: bool = False
    allows_private: bool = False
    """Whether the upstream's own host may have a private address."""
    networks: tuple[str, ...] = ()
    """Private networks that it may redirect to."""
    token_hosts: tuple[str, ...] = ()
    """Hosts beside its own that may ask for the credentials."""
    answers_to: tuple[str, ...] = ()
    """Hosts of image names that clients ask for by `?ns=`."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    """Patterns of upstream repositories."""
    backs_off_until: datetime | None = None
    backs_off_status: int = 0
    backs_off_reason: str = ""
    failures: int = 0

    @property
    def back_off(self) -> BackOff | None:
        """The failure that the upstream has not answered since; `None` where all is well."""
        if self.backs_off_until is None:
            return None
        return BackOff(
            self.backs_off_until, self.backs_off_status, self.backs_off_reason, self.failures
        )

    @property
    def repository_visibility(self) -> Visibility:
        """The visibility of its repositories to people without a role in it."""
        is_public = self.visibility is MirrorVisibility.PUBLIC
        return Visibility.PUBLIC if is_public else Visibility.PRIVATE

    def canonical(self, name: RepositoryName) -> RepositoryName:
        """The repository that a client means: on Docker Hub, `nginx` is `library/nginx`."""
        _, _, rest = name.text.partition("/")
        if self.preset != "docker.io" or "/" in rest:
            return name
        return RepositoryName(f"{self.name}/{LIBRARY}/{rest}")

    def may_fetch(self, upstream_name: str) -> bool:
        """Say whether the patterns let this repository of the upstream be fetched."""
        if matches_any(self.exclude, upstream_name):
            return False
        return not self.include or matches_any(self.include, upstream_name)


@dataclass(frozen=True, slots=True)
class MirroredName:
    """A repository name in a mirror, in its canonical form."""

    mirror: Mirror
    name: RepositoryName

    @property
    def upstream_name(self) -> str:
        """The name that the upstream knows it by."""
        return self.name.text.partition("/")[2]


class CacheOutcome(StrEnum):
    """How a pull through a mirror was answered (`Entrepot-Cache`)."""

    HIT = "hit"
    REVALIDATED = "revalidated"
    STALE = "stale"
    MISS = "miss"
