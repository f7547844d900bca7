"""Who is asking, and may they: the one way into every door."""

import base64
import binascii
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from entrepot.errors import (
    BadCredentials,
    BadToken,
    Denied,
    InsufficientScope,
    RepositoryUnknown,
    Unauthenticated,
)
from entrepot.http.messages import Request
from entrepot.hub.actors import Actor
from entrepot.hub.audit import witness_of
from entrepot.hub.identities import ANONYMOUS, Identities, Identity
from entrepot.hub.permissions import Action, Actions, Permissions, Rights
from entrepot.hub.registry_tokens import CATALOG
from entrepot.hub.secrets import looks_like_secret
from entrepot.metadata.blobs import Holder
from entrepot.metadata.engine import Clock, Metadata
from entrepot.metadata.repositories import Repository, Target, Witness
from entrepot.oci.names import RepositoryName

_REMEMBERED: Final = 4096
_MAX_HEADER: Final = 16384


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody, and what they may do with one repository name this way."""

    identity: Identity
    rights: Rights
    actions: Actions
    witness: Witness | None = None
    """Records what is done with this admission; none for what only reads."""

    @property
    def repository(self) -> Repository:
        """The repository; `RepositoryUnknown` where there is none yet."""
        if self.rights.repository is None:
            raise RepositoryUnknown
        return self.rights.repository

    @property
    def target(self) -> Target:
        """Where a push goes."""
        if self.rights.target is None:
            raise RepositoryUnknown
        return replace(self.rights.target, witness=self.witness)


class Gate:
    """Admits requests, by the database as it is at that moment.

    An admission is remembered for as long as nothing at all has been committed since, on this
    worker or another; so a revoked token or a closed repository is noticed by the next request.
    """

    def __init__(
        self, metadata: Metadata, identities: Identities, permissions: Permissions, now: Clock
    ) -> None:
        self._metadata = metadata
        self._identities = identities
        self._permissions = permissions
        self._now = now
        self._version: Hashable | None = None
        self._remembered: OrderedDict[tuple[str | None, str], Admission] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """Whether everybody may do everything."""
        return self._permissions.is_open

    async def identify(self, request: Request) -> Identity:
        """Whoever the request's `Authorization` says; nobody without one.

        Raises `BadCredentials` or `BadToken`.
        """
        return await self._identify(request.header("authorization"), _address_of(request))

    async def admit(self, request: Request, name: RepositoryName, action: Action) -> Admission:
        """Admit the request to do this to that repository, or raise what to challenge it with."""
        authorization = request.header("authorization")
        admission = await self._admission(authorization, name, _address_of(request))
        request.facts["account"] = _name_of(admission.identity)
        if action not in admission.actions:
            await self._permissions.check_namespace(admission.identity, name)
            raise Unauthenticated if authorization is None else InsufficientScope
        if action is Action.PULL:
            return admission
        return self._to_change(request, admission)

    async def admit_to_catalog(self, request: Request) -> list[int] | None:
        """The namespaces whose private repositories the request may list; `None` is every one."""
        identity = await self.identify(request)
        request.facts["account"] = _name_of(identity)
        granted = identity.grants is None or CATALOG in identity.grants
        if not self.is_open and (not granted or identity == ANONYMOUS):
            raise Unauthenticated if identity == ANONYMOUS else InsufficientScope
        return await self._permissions.visible_namespaces(identity)

    async def rights(self, identity: Identity, name: RepositoryName) -> Rights:
        """What somebody may do with a name the way they ask, their token's list included."""
        return await self._permissions.rights(identity, name)

    async def may_pull_from_holder(self, identity: Identity, holder: Holder) -> bool:
        """Say whether somebody may pull from a repository that holds a blob."""
        return await self._permissions.may_pull_from_holder(identity, holder)

    def _to_change(self, request: Request, admission: Admission) -> Admission:
        repository = admission.rights.repository
        if repository is not None and repository.is_archived:
            raise Denied(f"{repository.name} is archived: it can be pulled from, and nothing else")
        actor = Actor(admission.identity, _address_of(request), request.id)
        return replace(admission, witness=witness_of(actor, self._now))

    async def _admission(
        self, authorization: str | None, name: RepositoryName, address: str
    ) -> Admission:
        key = (authorization, name.text)
        version = await self._metadata.version()
        if version is None or version != self._version:
            self._remembered.clear()
            self._version = version
        found = self._remembered.get(key)
        if found is not None and not _is_over(found.identity.expires_at, self._now):
            return found
        admission = await self._make_admission(authorization, name, address)
        if version is not None:
            self._remembered[key] = admission
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return admission

    async def _make_admission(
        self, authorization: str | None, name: RepositoryName, address: str
    ) -> Admission:
        identity = await self._identify(authorization, address)
        rights = await self.rights(identity, name)
        return Admission(identity, rights, rights.actions)

    async def _identify(self, authorization: str | None, address: str) -> Identity:
        if authorization is None:
            return ANONYMOUS
        scheme, _, value = authorization.partition(" ")
        value = value.strip()
        if len(value) > _MAX_HEADER:
            raise BadToken
        if scheme.lower() == "bearer" and looks_like_secret(value):
            return await self._identities.by_access_token(value)
        if scheme.lower() == "bearer":
            return await self._identities.by_registry_token(value)
        if scheme.lower() == "basic":
            return await self.identify_basic(value, address)
        raise BadToken

    async def identify_basic(self, value: str, address: str) -> Identity:
        """Whoever Basic credentials (RFC 7617) from that address say; nobody where both are empty.

        Raises `BadCredentials`, and `TooMany` for whoever guesses.
        """
        name, secret = parse_basic(value)
        if not name and not secret:
            return ANONYMOUS
        return await self._identities.by_credentials(name, secret, address)


def parse_basic(value: str) -> tuple[str, str]:
    """The name and secret of Basic credentials; raise `BadCredentials` where they are malformed."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise BadCredentials from error
    name, colon, secret = text.partition(":")
    if not colon or "\0" in text:
        raise BadCredentials
    return name, secret


def _address_of(request: Request) -> str:
    return request.address or request.client


def _name_of(identity: Identity) -> str:
    return identity.name


def _is_over(expires_at: datetime | None, now: Clock) -> bool:
    return expires_at is not None and now() >= expires_at
