"""Holds requests to their routes' policies: the one place that says what a rule means."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from entrepot.errors import (
    Denied,
    InvalidName,
    NamespaceUnknown,
    NotFound,
    RepositoryUnknown,
    Unauthenticated,
)
from entrepot.hub.actors import Identity
from entrepot.hub.permissions import (
    Action,
    NamespaceRights,
    Permissions,
    Rights,
    check_administrator,
)
from entrepot.oci.names import RepositoryName


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


_NEEDED: Final = {AccessRule.PUSH: Action.PUSH, AccessRule.DELETE: Action.DELETE}


@dataclass(frozen=True, slots=True)
class Authorized:
    """What somebody may do with the repository or in the namespace that the address names."""

    rights: Rights | None = None
    namespace: NamespaceRights | None = None


async def admit(
    permissions: Permissions,
    identity: Identity,
    rule: AccessRule,
    values: Mapping[str, str],
    *,
    is_unsafe: bool,
) -> Authorized:
    """Let them in, or raise what to answer: whoever may not know of a thing is told of none."""
    if "repository" in values:
        rights = await _to_repository(permissions, identity, rule, values["repository"])
        if is_unsafe:
            _check_not_archived(rule, rights)
        return Authorized(rights=rights)
    if "namespace" in values:
        name = values["namespace"]
        return Authorized(namespace=await _to_namespace(permissions, identity, rule, name))
    if rule is not AccessRule.ANYONE and not identity.is_somebody:
        raise Unauthenticated
    if rule is AccessRule.HUB_ADMIN:
        if not identity.may_everything:
            raise NotFound
        check_administrator(identity)
    return Authorized()


async def _to_repository(
    permissions: Permissions, identity: Identity, rule: AccessRule, text: str
) -> Rights:
    rights = await _rights(permissions, identity, text)
    if rights is None:
        raise RepositoryUnknown
    if not _may(identity, rule, rights):
        raise Denied if identity.is_somebody else Unauthenticated
    return rights


async def _rights(permissions: Permissions, identity: Identity, text: str) -> Rights | None:
    """What they may do with a repository that is there and that they may know of."""
    try:
        rights = await permissions.rights(identity, RepositoryName(text))
    except InvalidName:
        return None
    return rights if rights.repository and Action.PULL in rights.actions else None


def _may(identity: Identity, rule: AccessRule, rights: Rights) -> bool:
    if rule is AccessRule.SIGNED_IN:
        return identity.is_somebody
    if rule is AccessRule.REPOSITORY_ADMIN:
        return rights.may_administer
    return _NEEDED.get(rule, Action.PULL) in rights.actions


def _check_not_archived(rule: AccessRule, rights: Rights) -> None:
    repository = rights.repository
    if repository is not None and repository.is_archived and rule in _NEEDED:
        raise Denied(f"{repository.name} is archived: it can be pulled from, and nothing else")


async def _to_namespace(
    permissions: Permissions, identity: Identity, rule: AccessRule, name: str
) -> NamespaceRights:
    rights = await permissions.namespace_rights(identity, name)
    if rights.namespace is None:
        raise NamespaceUnknown(f"nobody is called {name}")
    if rule is AccessRule.ANYONE:
        return rights
    if not identity.is_somebody:
        raise Unauthenticated
    if not rights.may_see_members:
        raise NamespaceUnknown(f"nobody is called {name}")
    if rule is AccessRule.NAMESPACE_OWNER and not rights.may_administer:
        raise Denied
    return rights
