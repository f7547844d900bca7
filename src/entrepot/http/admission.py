"""Holds requests to their routes' policies: the one place that says what a policy means."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from entrepot.errors import (
    Denied,
    InvalidName,
    NamespaceUnknown,
    NotFound,
    RepositoryUnknown,
    Unauthenticated,
)
from entrepot.http.routing import Policy
from entrepot.hub.actors import Identity
from entrepot.hub.permissions import (
    Action,
    NamespaceRights,
    Permissions,
    Rights,
    check_administrator,
)
from entrepot.oci.names import RepositoryName

_NEEDED: Final = {Policy.PUSH: Action.PUSH, Policy.DELETE: Action.DELETE}


@dataclass(frozen=True, slots=True)
class Admitted:
    """What somebody may do with the repository or in the namespace that the address names."""

    rights: Rights | None = None
    namespace: NamespaceRights | None = None


async def admit(
    permissions: Permissions,
    identity: Identity,
    policy: Policy,
    values: Mapping[str, str],
    *,
    is_unsafe: bool,
) -> Admitted:
    """Let them in, or raise what to answer: whoever may not know of a thing is told of none."""
    if "repository" in values:
        rights = await _to_repository(permissions, identity, policy, values["repository"])
        if is_unsafe:
            _check_not_archived(policy, rights)
        return Admitted(rights=rights)
    if "namespace" in values:
        name = values["namespace"]
        return Admitted(namespace=await _to_namespace(permissions, identity, policy, name))
    if policy is not Policy.ANYBODY and not identity.is_somebody:
        raise Unauthenticated
    if policy is Policy.OPERATE:
        if not identity.may_everything:
            raise NotFound
        check_administrator(identity)
    return Admitted()


async def _to_repository(
    permissions: Permissions, identity: Identity, policy: Policy, text: str
) -> Rights:
    rights = await _rights(permissions, identity, text)
    if rights is None:
        raise RepositoryUnknown
    if not _may(identity, policy, rights):
        raise Denied if identity.is_somebody else Unauthenticated
    return rights


async def _rights(permissions: Permissions, identity: Identity, text: str) -> Rights | None:
    """What they may do with a repository that is there and that they may know of."""
    try:
        rights = await permissions.rights(identity, RepositoryName(text))
    except InvalidName:
        return None
    return rights if rights.repository and Action.PULL in rights.actions else None


def _may(identity: Identity, policy: Policy, rights: Rights) -> bool:
    if policy is Policy.SIGNED_IN:
        return identity.is_somebody
    if policy is Policy.ADMINISTER:
        return rights.may_administer
    return _NEEDED.get(policy, Action.PULL) in rights.actions


def _check_not_archived(policy: Policy, rights: Rights) -> None:
    repository = rights.repository
    if repository is not None and repository.is_archived and policy in _NEEDED:
        raise Denied(f"{repository.name} is archived: it can be pulled from, and nothing else")


async def _to_namespace(
    permissions: Permissions, identity: Identity, policy: Policy, name: str
) -> NamespaceRights:
    rights = await permissions.namespace_rights(identity, name)
    if rights.namespace is None:
        raise NamespaceUnknown(f"nobody is called {name}")
    if policy is Policy.ANYBODY:
        return rights
    if not identity.is_somebody:
        raise Unauthenticated
    if not rights.may_see_members:
        raise NamespaceUnknown(f"nobody is called {name}")
    if policy is Policy.OWN and not rights.may_administer:
        raise Denied
    return rights
