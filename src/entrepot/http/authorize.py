"""Authorization: the access rule of a route, and the one place that says who passes it.

Container clients are challenged where pages and programs are told that there is nothing: an
absent repository and a private one look alike to both.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from entrepot.errors import (
    Denied,
    InsufficientScope,
    InvalidName,
    MethodUnsupported,
    NamespaceUnknown,
    NotFound,
    RepositoryUnknown,
    Unauthenticated,
)
from entrepot.http.authenticate import Authenticator
from entrepot.http.messages import Request
from entrepot.hub.identity.registry_tokens import CATALOG
from entrepot.hub.people.actors import ANONYMOUS, Identity
from entrepot.hub.permissions import (
    Action,
    NamespaceRights,
    Permissions,
    Rights,
    check_administrator,
)
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.oci.names import RepositoryName

_REMEMBERED: Final = 4096


class AccessRule(StrEnum):
    """Who may use a route. A repository that somebody may not see looks like one that is absent."""

    ANYONE = "anybody"
    SIGNED_IN = "signed in"
    PULL = "may pull from the repository"
    PUSH = "may push to the repository"
    DELETE = "may delete from the repository"
    REPOSITORY_ADMIN = "may administer the repository"
    NAMESPACE_MEMBER = "belongs to the namespace"
    NAMESPACE_OWNER = "owns the namespace"
    HUB_ADMIN = "administers the hub"
    CLIENT = "presents credentials or a token, which may be an anonymous one"
    CATALOG = "presents credentials, or a token that lists the catalog"


_WRITES: Final = {AccessRule.PUSH: Action.PUSH, AccessRule.DELETE: Action.DELETE}


@dataclass(frozen=True, slots=True)
class Authorized:
    """An identity, with its rights in the repository or the namespace that the address names."""

    identity: Identity = ANONYMOUS
    rights: Rights | None = None
    namespace_rights: NamespaceRights | None = None


UNDECIDED: Final = Authorized()
"""What holds of a request before its route was found."""


class Authorizer:
    """Decides about requests by the database as it is at that moment.

    Rights of container clients are remembered for as long as nothing has been committed since
    that changes rights, on this worker or another: a revoked token or a closed repository is
    noticed by the next request.
    """

    def __init__(
        self,
        metadata: Metadata,
        authenticator: Authenticator,
        permissions: Permissions,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._authenticator = authenticator
        self._permissions = permissions
        self._now = now
        self._revision: int | None = None
        self._remembered: OrderedDict[tuple[str | None, str], Authorized] = OrderedDict()

    async def authorize(
        self, identity: Identity, rule: AccessRule, values: Mapping[str, str], *, is_unsafe: bool
    ) -> Authorized:
        """Return the rights of a page's or program's caller; raise where the rule fails."""
        if "repository" in values:
            rights = await self._repository_rights(identity, rule, values["repository"])
            if is_unsafe:
                _check_not_archived(rule, rights)
            return Authorized(identity, rights=rights)
        if "namespace" in values:
            found = await self._namespace_rights(identity, rule, values["namespace"])
            return Authorized(identity, namespace_rights=found)
        if rule is not AccessRule.ANYONE and not identity.is_authenticated:
            raise Unauthenticated
        if rule is AccessRule.HUB_ADMIN:
            if not identity.is_superuser:
                raise NotFound
            check_administrator(identity)
        return Authorized(identity)

    async def authorize_client(
        self, request: Request, rule: AccessRule, name: RepositoryName | None
    ) -> Authorized:
        """Return a container client's rights to the repository, which may not exist yet.

        Raises what to challenge the client with where the rule fails.
        """
        if name is None:
            return await self._authorize_without_repository(request, rule)
        authorized = await self._find_authorized(request, name)
        identity, rights = authorized.identity, authorized.rights
        request.facts["account"] = identity.name
        if rule is not AccessRule.PULL and rights is not None and rights.mirrored is not None:
            # To everybody alike: a challenge would make clients ask for a password again.
            mirror = rights.mirrored.mirror
            message = f"{mirror.name} is a mirror of {mirror.url}: push elsewhere"
            raise MethodUnsupported(("GET", "HEAD"), message)
        if rights is None or not _may(rule, identity, rights):
            await self._permissions.check_namespace(identity, name)
            if request.header("authorization") is None:
                raise Unauthenticated
            raise InsufficientScope
        if rule is not AccessRule.PULL:
            _check_not_archived(rule, rights)
        return authorized

    async def _authorize_without_repository(self, request: Request, rule: AccessRule) -> Authorized:
        identity = await self._authenticator.identify(request)
        request.facts["account"] = identity.name
        if not self._permissions.is_open:
            if identity == ANONYMOUS:
                raise Unauthenticated
            grants = identity.grants
            if rule is AccessRule.CATALOG and grants is not None and CATALOG not in grants:
                raise InsufficientScope
        return Authorized(identity)

    async def _find_authorized(self, request: Request, name: RepositoryName) -> Authorized:
        key = (request.header("authorization"), name.text)
        revision = await self._metadata.rights_revision()
        if revision != self._revision:
            self._remembered.clear()
            self._revision = revision
        found = self._remembered.get(key)
        if found is not None and not self._is_expired(found.identity):
            if found.identity.grants is None:
                await self._authenticator.note_use(found.identity, request.sender)
            return found
        identity = await self._authenticator.identify(request)
        authorized = Authorized(identity, await self._permissions.rights(identity, name))
        # While it was read another request may have met a newer revision.
        if revision == self._revision:
            self._remembered[key] = authorized
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return authorized

    def _is_expired(self, identity: Identity) -> bool:
        ends = [each for each in (identity.expires_at, identity.checked_until) if each is not None]
        return bool(ends) and self._now() >= min(ends)

    async def _repository_rights(self, identity: Identity, rule: AccessRule, text: str) -> Rights:
        try:
            rights = await self._permissions.rights(identity, RepositoryName(text))
        except InvalidName as error:
            raise RepositoryUnknown from error
        if rights.repository is None or Action.PULL not in rights.actions:
            raise RepositoryUnknown(f"no such repository: {text}")
        if not _may(rule, identity, rights):
            raise Denied if identity.is_authenticated else Unauthenticated
        return rights

    async def _namespace_rights(
        self, identity: Identity, rule: AccessRule, name: str
    ) -> NamespaceRights:
        rights = await self._permissions.namespace_rights(identity, name)
        if rights.namespace is None:
            raise NamespaceUnknown(f"no such user or organization: {name}")
        if rule is AccessRule.ANYONE:
            return rights
        if not identity.is_authenticated:
            raise Unauthenticated
        if not rights.may_see_members:
            raise NamespaceUnknown(f"no such user or organization: {name}")
        if rule is AccessRule.NAMESPACE_OWNER and not rights.may_administer:
            raise Denied
        return rights


def _may(rule: AccessRule, identity: Identity, rights: Rights) -> bool:
    if rule is AccessRule.PULL:
        return Action.PULL in rights.actions
    if rule is AccessRule.SIGNED_IN:
        return identity.is_authenticated
    if rule is AccessRule.REPOSITORY_ADMIN:
        return rights.may_administer
    return _WRITES.get(rule, Action.PULL) in rights.actions


def _check_not_archived(rule: AccessRule, rights: Rights) -> None:
    repository = rights.repository
    if rule in _WRITES and repository is not None and repository.is_archived:
        raise Denied(f"{repository.name} is archived and read-only: only pulls are allowed")
