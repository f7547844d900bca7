"""Who may do what. One function decides, and every door and every rule asks it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from entrepot.errors import Denied, NamespaceUnknown, NoSuchNamespace, RepositoryUnknown
from entrepot.hub.names import find_namespace
from entrepot.hub.people.actors import (
    ACTIONS_OF_PERMISSION,
    ACTIONS_OF_ROLE,
    ACTIONS_OF_SCOPE,
    ALL_ACTIONS,
    NO_ACTIONS,
    PULL,
    WRITE,
    Action,
    Actions,
    Actor,
    Identity,
    mark_of,
    matches,
)
from entrepot.metadata.engines.engine import Reader
from entrepot.metadata.people.accounts import find_role, list_memberships
from entrepot.metadata.people.teams import list_rights_of
from entrepot.metadata.redirects import find_redirected
from entrepot.metadata.registry.mirrors import find_mirror
from entrepot.metadata.repositories import PushTarget, find_repository
from entrepot.model.blobs import Holder
from entrepot.model.mirrors import MirroredName, MirrorVisibility
from entrepot.model.people.accounts import Account, Namespace, NamespaceKind, Role
from entrepot.model.people.organizations import Permission
from entrepot.model.repositories import Repository, Visibility
from entrepot.oci.names import RepositoryName

__all__ = [
    "ACTIONS_OF_ROLE",
    "ACTIONS_OF_SCOPE",
    "ALL_ACTIONS",
    "NO_ACTIONS",
    "PULL",
    "WRITE",
    "Action",
    "Actions",
    "NamespaceRights",
    "Permissions",
    "Rights",
    "check_administrator",
    "check_own",
    "check_unlimited",
    "decide",
    "listed_actions",
]


@dataclass(frozen=True, slots=True)
class Rights:
    """An identity's rights to a name; `target` is `None` where no repository is or could be."""

    actions: Actions
    target: PushTarget | None
    may_administer: bool = False
    """Change its settings: describe, open or close, archive, rename, transfer, delete."""
    mirrored: MirroredName | None = None
    """The name in a mirror, where it is one: what is pulled comes from the mirror's upstream."""

    @property
    def repository(self) -> Repository | None:
        """The repository of that name, for those who may know of it."""
        return self.target.found if self.target and self.actions else None


@dataclass(frozen=True, slots=True)
class NamespaceRights:
    """An identity's rights in a namespace, which may not exist."""

    namespace: Namespace | None
    role: Role | None
    may_create: bool
    """Make repositories, by a push or on a page."""
    may_administer: bool
    """Change members, teams, tokens, keys and settings, and read the audit log."""

    @property
    def may_see_members(self) -> bool:
        """Whether they belong there, or may everything."""
        return self.role is not None or self.may_administer


def decide(
    identity: Identity,
    role: Role | None,
    visibility: Visibility | None,
    *,
    permissions: Iterable[Permission] = (),
    listed: Actions = ALL_ACTIONS,
    is_open: bool = False,
) -> Actions:
    """Return the rights to a repository (`None`: one to be created).

    `role` is theirs in the name's namespace, `OWNER` in their own; `permissions` are those of
    their teams there. `listed` is what their token lists for the name. What everybody may do is
    never refused: a client with a token has at least the rights of a stranger.
    """
    public = PULL if visibility is Visibility.PUBLIC else NO_ACTIONS
    if is_open or identity.is_superuser:
        allowed = ALL_ACTIONS
    else:
        allowed = public.union(
            ACTIONS_OF_ROLE[role] if role else NO_ACTIONS,
            *(ACTIONS_OF_PERMISSION[each] for each in permissions),
        )
    return allowed & identity.ceiling & (ALL_ACTIONS if is_open else listed | public)


class Permissions:
    """Answers what an identity may do, from the database as it is now."""

    def __init__(
        self, reader: Reader, *, is_open: bool, hub_visibility: Visibility = Visibility.PRIVATE
    ) -> None:
        self._reader = reader
        self._hub_visibility = hub_visibility
        self.is_open = is_open

    async def rights(self, identity: Identity, name: RepositoryName) -> Rights:
        """Return the identity's rights to the name, or to the repository that moved from there."""
        found = await find_repository(self._reader, name)
        if found is not None:
            # Whether it is a mirror's is in its row: others pay nothing for there being mirrors.
            rights = await self._mirror_rights(identity, name, found) if found.is_mirrored else None
            return rights or await self._rights_in(identity, found)
        moved = await find_redirected(self._reader, name)
        if moved is not None:
            # A token for the old name lists that one; it was given for what has moved from there.
            rights = await self._rights_in(identity, moved, asked=name)
            if rights.actions:
                return rights
        return await self.rights_to_create(identity, name)

    async def check_namespace(self, identity: Identity, name: RepositoryName) -> None:
        """Raise `NoSuchNamespace` where the namespace is missing; for signed-in identities.

        Namespaces are no secret (each has a page), repositories are: of those nothing is said.
        """
        if not identity.is_authenticated:
            return
        if name.namespace is None:
            own = identity.account.name if identity.account else "NAMESPACE"
            message = f'"{name}" has no namespace'
            raise NoSuchNamespace(message, f"push it as {own}/{name}")
        if await find_namespace(self._reader, name.namespace) is None:
            message = f'namespace "{name.namespace}" does not exist'
            raise NoSuchNamespace(message, "create it at {origin}/new/organisation")

    async def may_pull_from_holder(self, identity: Identity, holder: Holder) -> bool:
        """Say whether the identity may pull from a repository that holds a blob."""
        name, visibility = RepositoryName(holder.name), Visibility(holder.visibility)
        return Action.PULL in await self._actions(identity, holder.namespace_id, name, visibility)

    async def keep_pullable(
        self, identity: Identity, found: Iterable[Repository]
    ) -> list[Repository]:
        """Return those of the repositories that the identity may pull from, in their order."""
        kept, roles = [], dict[int | None, Role | None]()
        for repository in found:
            if repository.is_mirrored:
                rights = await self._mirror_rights(identity, repository.name, repository)
                if rights is not None and Action.PULL in rights.actions:
                    kept.append(repository)
                continue
            namespace_id = repository.namespace_id
            if namespace_id not in roles:
                roles[namespace_id] = await self._role(identity, namespace_id)
            # Teams add nothing: the least of the roles may pull.
            actions = decide(
                identity,
                roles[namespace_id],
                repository.visibility,
                listed=listed_actions(identity, repository.name),
                is_open=self.is_open,
            )
            if Action.PULL in actions:
                kept.append(repository)
        return kept

    async def visible_namespaces(self, identity: Identity) -> list[int] | None:
        """The namespaces whose private repositories the identity sees; `None` is every one."""
        if self.is_open:
            return None
        if identity.patterns is not None or Action.PULL not in identity.ceiling:
            return []
        if identity.is_superuser:
            return None
        if identity.namespace_id is not None:
            return [identity.namespace_id]
        if identity.account is None:
            return []
        return [identity.account.id, *await list_memberships(self._reader, identity.account.id)]

    async def namespace_rights(self, identity: Identity, name: str) -> NamespaceRights:
        """Return the identity's rights in the namespace of that name."""
        namespace = await find_namespace(self._reader, name)
        if namespace is None:
            return NamespaceRights(None, None, False, False)
        return await self.rights_in_namespace(identity, namespace)

    async def rights_in_namespace(
        self, identity: Identity, namespace: Namespace
    ) -> NamespaceRights:
        """Return the identity's rights in a namespace; none for a token of some repositories."""
        if identity.patterns is not None:
            return NamespaceRights(namespace, None, False, False)
        role = await self._role(identity, namespace.id)
        may_push = Action.PUSH in decide(identity, role, None, is_open=self.is_open)
        may_create = may_push and namespace.kind is not NamespaceKind.MIRROR
        may_administer = identity.is_unlimited and (role is Role.OWNER or identity.is_superuser)
        return NamespaceRights(namespace, role, may_create, may_administer)

    async def repository_to_administer(
        self, identity: Identity, name: RepositoryName
    ) -> Repository:
        """The repository, for an identity that may change its settings.

        Raises `RepositoryUnknown` to those who may not know of it, and `Denied` to the others.
        """
        rights = await self.rights(identity, name)
        if rights.repository is None:
            raise RepositoryUnknown(f"no such repository: {name}")
        if not rights.may_administer:
            raise Denied(f"only administrators of {name} may do this")
        return rights.repository

    async def repository_to_see(self, identity: Identity, name: RepositoryName) -> Repository:
        """Return the repository if the identity may read it; else raise `RepositoryUnknown`."""
        rights = await self.rights(identity, name)
        if rights.repository is None or Action.PULL not in rights.actions:
            raise RepositoryUnknown(f"no such repository: {name}")
        return rights.repository

    async def may_push(self, identity: Identity, repository: Repository) -> bool:
        """Say whether the identity could push there, whatever a registry token lists."""
        rights = await self.rights(replace(identity, grants=None), repository.name)
        return Action.PUSH in rights.actions

    async def namespace_to_administer(self, identity: Identity, name: str) -> Namespace:
        """The namespace, for its owner; `NamespaceUnknown` to strangers, `Denied` to members."""
        rights = await self.namespace_rights(identity, name)
        if rights.namespace is None or not rights.may_see_members:
            raise NamespaceUnknown(f"no such organization: {name}")
        if not rights.may_administer:
            raise Denied(f"only owners of {name} may do this")
        return rights.namespace

    async def _rights_in(
        self, identity: Identity, repository: Repository, asked: RepositoryName | None = None
    ) -> Rights:
        name = repository.name
        actions = await self._actions(
            identity, repository.namespace_id, name, repository.visibility, asked
        )
        target = PushTarget(name, repository.namespace_id, repository.visibility, repository)
        may_administer = Action.DELETE in actions and identity.is_authenticated
        return Rights(actions, target, may_administer)

    async def rights_to_create(self, identity: Identity, name: RepositoryName) -> Rights:
        """Return the identity's rights to a name that no repository has."""
        namespace = None
        if name.namespace is not None:
            namespace = await find_namespace(self._reader, name.namespace)
        if namespace is not None and namespace.kind is NamespaceKind.MIRROR:
            rights = await self._mirror_rights(identity, name, None, namespace.id)
            if rights is not None:
                return rights
        namespace_id = namespace.id if namespace else None
        actions = await self._actions(identity, namespace_id, name, None)
        # An open hub and administrators may use any name; without a namespace it is the hub's.
        visibility = namespace.default_visibility if namespace else self._hub_visibility
        return Rights(actions, PushTarget(name, namespace_id, visibility, None))

    async def _mirror_rights(
        self,
        identity: Identity,
        asked: RepositoryName,
        found: Repository | None,
        namespace_id: int | None = None,
    ) -> Rights | None:
        """Return the rights to a name in a mirror, which is only pulled from; else `None`."""
        of = namespace_id if found is None else found.namespace_id
        mirror = None if of is None else await find_mirror(self._reader, of)
        if mirror is None:
            return None
        name = mirror.canonical(asked)
        if found is None or found.name != name:
            found = await find_repository(self._reader, name)
        visibility = mirror.repository_visibility
        role = await self._role(identity, mirror.id)
        if mirror.visibility is MirrorVisibility.SIGNED_IN and identity.is_authenticated:
            role = role or Role.MEMBER
        listed = listed_actions(identity, asked) | listed_actions(identity, name)
        actions = decide(identity, role, visibility, listed=listed, is_open=self.is_open) & PULL
        target = PushTarget(name, mirror.id, visibility, found, is_mirrored=True)
        may_administer = identity.is_superuser and identity.is_unlimited and bool(actions)
        return Rights(actions, target, may_administer, MirroredName(mirror, name))

    async def _actions(
        self,
        identity: Identity,
        namespace_id: int | None,
        name: RepositoryName,
        visibility: Visibility | None,
        asked: RepositoryName | None = None,
    ) -> Actions:
        """The actions allowed on that name in that namespace; `None`: the name is free.

        `asked` is a former name that was used in its place.
        """
        role, teams = await self._standing(identity, namespace_id, name)
        listed = listed_actions(identity, name)
        if asked is not None and identity.grants is not None:
            listed |= listed_actions(identity, asked)
        return decide(
            identity,
            role,
            visibility,
            permissions=teams,
            listed=listed,
            is_open=self.is_open,
        )

    async def _standing(
        self, identity: Identity, namespace_id: int | None, name: RepositoryName
    ) -> tuple[Role | None, list[Permission]]:
        """The role, and for those whose role is the least, what their teams may do."""
        role = await self._role(identity, namespace_id)
        if role is not Role.MEMBER or identity.account is None or namespace_id is None:
            return role, []
        given = await list_rights_of(self._reader, namespace_id, identity.account.id)
        rest = name.text.partition("/")[2]
        return role, [each.permission for each in given if matches(each.pattern, rest)]

    async def _role(self, identity: Identity, namespace_id: int | None) -> Role | None:
        if namespace_id is None:
            return None
        if identity.namespace_id is not None:
            return Role.EDITOR if identity.namespace_id == namespace_id else None
        if identity.job is not None:
            return Role.EDITOR if identity.job.covers_namespace(namespace_id) else None
        if identity.account is None:
            return None
        if identity.account.id == namespace_id:
            return Role.OWNER
        return await find_role(self._reader, namespace_id, identity.account.id)


def check_administrator(identity: Identity) -> None:
    """Raise `Denied` unless they may change the hub itself."""
    check_unlimited(identity)
    if not identity.is_superuser:
        raise Denied("only administrators of the hub may do this")


def check_unlimited(identity: Identity) -> None:
    """Raise `Denied` for anonymous clients and for limited tokens."""
    if not identity.is_authenticated or not identity.is_unlimited:
        raise Denied(
            "this requires an account, or an account's token that is not limited to repositories"
        )


def check_own(account: Account, by: Actor) -> None:
    """Raise `Denied` unless this is the account itself, signed in or with an unlimited token."""
    check_unlimited(by.identity)
    if by.account is None or by.account.id != account.id:
        raise Denied("only the account's owner may do this")


def listed_actions(identity: Identity, name: RepositoryName) -> Actions:
    """Return the actions that the presented token lists for the name; all for credentials."""
    patterns = identity.patterns
    if patterns is not None and not any(matches(pattern, name.text) for pattern in patterns):
        return NO_ACTIONS
    most = ALL_ACTIONS if identity.job is None else identity.job.actions_on(name.text)
    if identity.grants is None:
        return most
    listed = identity.grants.get(name.text) or identity.grants.get(mark_of(name.text), NO_ACTIONS)
    return most & listed
