"""Everything that pages ask of the hub, handed to them as one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from entrepot.http.gate import Gate
from entrepot.http.origin import Origins
from entrepot.hub.accounts import Accounts
from entrepot.hub.artifacts import Artifacts
from entrepot.hub.attachments import Attachments
from entrepot.hub.evidence import Evidence
from entrepot.hub.repositories import Repositories
from entrepot.hub.search import Search
from entrepot.hub.sessions import Sessions
from entrepot.hub.stars import Stars
from entrepot.hub.tokens import Tokens
from entrepot.metadata.engine import Clock, Metadata
from entrepot.registry.blobs import Blobs
from entrepot.registry.history import History
from entrepot.registry.manifests import Manifests
from entrepot.registry.removal import Removals
from entrepot.registry.uploads import Uploads

Pulled = Callable[[int, int], None]
Markdown = Callable[[str], Awaitable[str]]
"""Makes safe HTML of what somebody wrote."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The rules of a hub as far as pages need them."""

    metadata: Metadata
    now: Clock
    gate: Gate
    origins: Origins
    accounts: Accounts
    sessions: Sessions
    tokens: Tokens
    repositories: Repositories
    artifacts: Artifacts
    attachments: Attachments
    evidence: Evidence
    search: Search
    stars: Stars
    blobs: Blobs
    uploads: Uploads
    manifests: Manifests
    history: History
    removals: Removals
    markdown: Markdown
    count_pull: Pulled
