"""Everything that the API asks of the hub, handed to it as one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from entrepot.extract.confinement import Confinement
from entrepot.http.gate import Gate
from entrepot.http.origin import Origins
from entrepot.hub.accounts import Accounts
from entrepot.hub.artifacts import Artifacts
from entrepot.hub.attachments import Attachments
from entrepot.hub.audit import AuditLog
from entrepot.hub.closing import Closing
from entrepot.hub.evidence import Evidence
from entrepot.hub.invitations import Invitations
from entrepot.hub.organisations import Organisations
from entrepot.hub.permissions import Permissions
from entrepot.hub.policies import Policies
from entrepot.hub.repositories import Repositories
from entrepot.hub.search import Search
from entrepot.hub.second_factors import SecondFactors
from entrepot.hub.sessions import Sessions
from entrepot.hub.stars import Stars
from entrepot.hub.teams import Teams
from entrepot.hub.tokens import Tokens
from entrepot.hub.trusted_keys import TrustedKeys
from entrepot.hub.webhooks import Webhooks
from entrepot.hub.welcomes import Welcomes
from entrepot.metadata.engine import Clock, Metadata
from entrepot.registry.history import History
from entrepot.registry.manifests import Manifests
from entrepot.registry.removal import Removals
from entrepot.registry.retention import Retention


@dataclass(frozen=True, slots=True)
class Desk:
    """The rules of a hub as far as the API needs them."""

    metadata: Metadata
    confinement: Callable[[], Awaitable[Confinement]]
    now: Clock
    gate: Gate
    origins: Origins
    accounts: Accounts
    permissions: Permissions
    sessions: Sessions
    second_factors: SecondFactors
    welcomes: Welcomes
    invitations: Invitations
    organisations: Organisations
    closing: Closing
    teams: Teams
    trusted_keys: TrustedKeys
    webhooks: Webhooks
    audit: AuditLog
    tokens: Tokens
    policies: Policies
    repositories: Repositories
    artifacts: Artifacts
    attachments: Attachments
    evidence: Evidence
    search: Search
    stars: Stars
    manifests: Manifests
    history: History
    removals: Removals
    retention: Retention
    settings: tuple[tuple[str, str, str], ...]
    """Name, value and meaning of each setting in force; secrets are masked."""
    version: str
