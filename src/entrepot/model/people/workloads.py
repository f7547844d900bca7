"""Workload identity: issuers of ID tokens, trusts in what they say, and grants to jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from entrepot.model.people.tokens import TokenScope


class IssuerKind(StrEnum):
    """The program whose claims an issuer's ID tokens have."""

    GITHUB = "github"
    GITLAB = "gitlab"
    KUBERNETES = "kubernetes"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer of ID tokens; `url` equals their claim `iss`."""

    id: int
    name: str
    kind: IssuerKind
    url: str
    audiences: tuple[str, ...]
    """Audiences that are taken beside the hub's own URL."""
    keys: str
    """A JSON Web Key Set that was uploaded; empty: the issuer is asked for its keys."""
    allows_private: bool
    """Whether its URL may lead to a private address."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Condition:
    """A claim of an ID token, and the values of which it must have one.

    `claim` is a name, or a JSON pointer such as `/kubernetes.io/namespace`. In a pattern `*` stands
    for any characters but `/` and `:`, `**` for any, and `?` for one that is neither.
    """

    claim: str
    values: tuple[str, ...]
    is_pattern: bool = False


@dataclass(frozen=True, slots=True)
class Trust:
    """A namespace's rule: which ID tokens of an issuer give which rights to its repositories."""

    id: int
    namespace_id: int
    namespace: str
    name: str
    issuer_id: int
    issuer: str
    conditions: tuple[Condition, ...]
    repositories: tuple[str, ...]
    """Names without the namespace's, `prefix/*`, or `*`."""
    tags: tuple[str, ...]
    """Patterns of the tags that may be written; empty: every one."""
    scope: TokenScope
    session: timedelta
    """How long a job's grant lives."""
    is_enabled: bool
    created_at: datetime
    created_by: str
    last_used_at: datetime | None = None
    uses: int = 0

    @property
    def full_name(self) -> str:
        """`NAMESPACE/NAME`, which also names it as a user name."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Grant:
    """The rights of one job, from its first sign-in until they expire or are ended."""

    id: int
    label: str
    issuer: str
    subject: str
    claims: Mapping[str, str]
    address: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    ended_at: datetime | None
    asked: str = ""
    """The user name that was given with the ID token: it may name a trust or a namespace."""

    def is_live(self, now: datetime) -> bool:
        """Say whether it is neither ended nor expired."""
        return self.ended_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class TrustRights:
    """The rights that one trust gives to a job that holds a grant."""

    trust_id: int
    namespace_id: int
    namespace: str
    repositories: tuple[str, ...]
    tags: tuple[str, ...]
    scope: TokenScope
