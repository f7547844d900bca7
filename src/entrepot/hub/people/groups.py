"""Groups of sign-in providers: they give roles and teams in organizations, and take them away.

An organization's owners map a group to a role, and to a team. At each sign-in the provider says
which groups the person is in; memberships that come from groups follow, and those that somebody
gave by hand stay as they are.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from entrepot.errors import Conflict, Denied, Invalid, NamespaceUnknown, NotFound, TeamUnknown
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.people.actors import OPERATOR, Actor, Identity
from entrepot.hub.permissions import Permissions
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.people import accounts, groups, teams
from entrepot.model.people.accounts import Account, Namespace, NamespaceKind, Role
from entrepot.model.people.groups import GroupMapping, GroupSource, Membership
from entrepot.model.people.organizations import Team

MAX_GROUP: Final = 500
MOST_GROUPS: Final = 1000
"""Groups of one person; a provider that names more is refused, not cut short."""
MOST_MAPPINGS: Final = 200
"""Mappings of one organization."""

_AT_ONCE: Final = 200
_RANK: Final = {Role.MEMBER: 0, Role.EDITOR: 1, Role.OWNER: 2}
SOURCE_NAMES: Final = {GroupSource.OIDC: "single sign-on", GroupSource.LDAP: "LDAP"}
"""Who is named in the audit log as the author of what groups change."""


@dataclass(frozen=True, slots=True)
class HubGroups:
    """The groups of one source that concern the whole hub, by the operator's settings."""

    sign_in: frozenset[str] = frozenset()
    """Who is in none of them may not sign in; empty: everybody may."""
    admins: frozenset[str] = frozenset()
    """Who is in one of them is an administrator while that is so."""


@dataclass(slots=True)
class _Change:
    """One account whose groups are applied, by whom, in which transaction."""

    tx: Transaction
    account: Account
    by: Actor
    entries: list[Entry] = field(default_factory=list)

    def note(self, namespace_id: int | None, action: Audited, target: str, **details: str) -> None:
        """Keep an entry for the end: nothing may be waited for after the log is written."""
        self.entries.append(Entry(namespace_id, self.by, action, target, details))


class Groups:
    """Every mapping; read and changed by owners, applied at sign-ins."""

    def __init__(
        self,
        metadata: Metadata,
        permissions: Permissions,
        now: Clock,
        hub_groups: Mapping[GroupSource, HubGroups] | None = None,
    ) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._now = now
        self._hub_groups = hub_groups or {}
        self.sources = tuple(self._hub_groups)
        """Those who say which groups people are in, by the operator's settings."""

    async def list_of(self, organization: str, by: Actor) -> list[GroupMapping]:
        """The organization's mappings, by source and group; for its owners."""
        namespace = await self._owned(organization, by)
        return await groups.list_mappings(self._metadata.reader, namespace.id)

    async def list_members(self, organization: str, by: Actor) -> set[str]:
        """The names of the organization's members whose roles come from groups."""
        rights = await self._permissions.namespace_rights(by.identity, organization)
        if rights.namespace is None or not rights.may_see_members:
            raise NamespaceUnknown(f"no such organization: {organization}")
        return await groups.list_names_from_groups(self._metadata.reader, rights.namespace.id)

    async def list_team_members(self, team: Team) -> set[str]:
        """The names of members whom groups put into a team that the caller may see."""
        return await groups.list_team_names_from_groups(self._metadata.reader, team.id)

    async def add(
        self,
        organization: str,
        source: GroupSource,
        group: str,
        role: Role,
        team: str = "",
        by: Actor = OPERATOR,
    ) -> GroupMapping:
        """Map a group to a role, and to a team; it counts from each member's next sign-in on.

        Raises `Invalid`, `TeamUnknown`, and `Conflict` where there is such a mapping already,
        where there are `MOST_MAPPINGS`, and where the source sends no groups to this hub.
        """
        namespace = await self._owned(organization, by)
        if source not in self.sources:
            raise Conflict(f"{SOURCE_NAMES[source]} sends no groups here: ask an administrator")
        group = normalize_group(source, group)
        found = await teams.find_team(self._metadata.reader, namespace.id, team) if team else None
        if team and found is None:
            raise TeamUnknown(f"no such team in {namespace.name}: {team}")
        now, team_id = self._now(), found.id if found else None
        mapping = GroupMapping(
            *(0, namespace.id, namespace.name, source, group, role, team_id, team, now, by.name)
        )
        async with self._metadata.begin() as tx:
            known = await groups.list_mappings(tx, namespace.id)
            if any(
                (each.source, each.group, each.team_id) == (source, group, team_id)
                for each in known
            ):
                raise Conflict(f"{group} is mapped already: remove that mapping first")
            if len(known) >= MOST_MAPPINGS:
                raise Conflict(f"{namespace.name} has reached the limit of {MOST_MAPPINGS} groups")
            mapping = replace(mapping, id=await groups.insert_mapping(tx, mapping))
            await self._record(tx, by, Audited.GROUP_MAP, mapping)
        return mapping

    async def remove(self, organization: str, mapping_id: int, by: Actor = OPERATOR) -> None:
        """Remove a mapping, and now what came from it alone; the last owner stays one."""
        namespace = await self._owned(organization, by)
        mapping = await groups.find_mapping(self._metadata.reader, namespace.id, mapping_id)
        if mapping is None:
            raise NotFound("no such group mapping")
        # In steps: a group may have thousands of members, and others want to write too.
        while not await self._remove_some(mapping, by):
            pass

    async def apply(
        self, account: Account, source: GroupSource, said: Collection[str], address: str = ""
    ) -> Account:
        """Give the account what its groups give now, take what they gave before, and return it.

        Raises `Denied`, after taking, where none of the groups may sign in to the hub.
        """
        changed = await self._apply(account, source, said, address)
        self.check_sign_in(source, said)
        return changed

    async def end(self, account: Account, source: GroupSource, address: str = "") -> None:
        """Take what groups of that source gave: they say nothing of the account any more."""
        await self._apply(account, source, (), address)

    async def _apply(
        self, account: Account, source: GroupSource, said: Collection[str], address: str
    ) -> Account:
        by = Actor(Identity(label=SOURCE_NAMES[source]), address)
        admins = self._of_hub(source).admins
        counting = frozenset(said) if self._may_sign_in(source, said) else frozenset[str]()
        async with self._metadata.begin() as tx:
            change = _Change(tx, account, by)
            await self._follow(change, source, counting)
            is_admin = await self._settle_admin(change, source, admins, counting)
            for entry in change.entries:
                await record(tx, entry, self._now())
        return replace(account, is_admin=is_admin)

    def check_sign_in(self, source: GroupSource, said: Collection[str]) -> None:
        """Raise `Denied` where the operator's settings let none of the groups sign in."""
        if not self._may_sign_in(source, said):
            raise Denied("none of your groups may sign in here: ask an administrator")

    def _may_sign_in(self, source: GroupSource, said: Collection[str]) -> bool:
        allowed = self._of_hub(source).sign_in
        return not allowed or not allowed.isdisjoint(said)

    def _of_hub(self, source: GroupSource) -> HubGroups:
        return self._hub_groups.get(source, HubGroups())

    async def _follow(self, change: _Change, source: GroupSource, said: frozenset[str]) -> None:
        tx, account_id = change.tx, change.account.id
        held = await groups.list_held(tx, account_id)
        wanted = await groups.list_of_groups(tx, source, said)
        now_held = {each.id: each for each in held if each.source is not source}
        now_held |= {each.id: each for each in wanted}
        before = {each.id for each in held}
        for mapping_id in before - now_held.keys():
            await groups.remove_holder(tx, mapping_id, account_id)
        for mapping_id in now_held.keys() - before:
            await groups.add_holder(tx, mapping_id, account_id)
        # Every one of them, not only what has changed: an owner may have changed it meanwhile.
        for namespace_id, name in sorted(
            {(each.namespace_id, each.organization) for each in (*held, *wanted)}
        ):
            mappings = [each for each in now_held.values() if each.namespace_id == namespace_id]
            await _settle(change, namespace_id, name, mappings)

    async def _settle_admin(
        self, change: _Change, source: GroupSource, admins: frozenset[str], said: frozenset[str]
    ) -> bool:
        account, is_in = change.account, not admins.isdisjoint(said)
        given_by = await groups.find_admin_source(change.tx, account.id)
        if is_in == account.is_admin or (not is_in and given_by is not source):
            return account.is_admin
        await groups.set_admin(change.tx, account.id, is_in, source if is_in else None)
        change.entries.append(
            Entry(account.id, change.by, Audited.ACCOUNT_EDIT, account.name, {"admin": is_in})
        )
        return is_in

    async def _remove_some(self, mapping: GroupMapping, by: Actor) -> bool:
        """Take what the mapping gave from some of its holders; say whether that were the last."""
        async with self._metadata.begin() as tx:
            entries = []
            for account_id in await groups.list_holders(tx, mapping.id, _AT_ONCE):
                await groups.remove_holder(tx, mapping.id, account_id)
                account = await accounts.find_account_by_id(tx, account_id)
                if account is None:
                    continue
                change = _Change(tx, account, by)
                held = await groups.list_held(tx, account_id)
                left = [each for each in held if each.namespace_id == mapping.namespace_id]
                await _settle(change, mapping.namespace_id, mapping.organization, left)
                entries += change.entries
            is_last = not await groups.list_holders(tx, mapping.id, 1)
            if is_last:
                await groups.delete_mapping(tx, mapping.id)
                await self._record(tx, by, Audited.GROUP_UNMAP, mapping)
            for entry in entries:
                await record(tx, entry, self._now())
        return is_last

    async def _owned(self, organization: str, by: Actor) -> Namespace:
        found = await self._permissions.namespace_to_administer(by.identity, organization)
        if found.kind is not NamespaceKind.ORGANIZATION:
            raise NamespaceUnknown(f"no such organization: {organization}")
        return found

    async def _record(
        self, tx: Transaction, by: Actor, action: Audited, mapping: GroupMapping
    ) -> None:
        details = {
            "group": mapping.group,
            "source": mapping.source.value,
            "role": mapping.role.value,
        }
        if mapping.team:
            details["team"] = mapping.team
        entry = Entry(mapping.namespace_id, by, action, mapping.organization, details)
        await record(tx, entry, self._now())


async def _settle(
    change: _Change, namespace_id: int, organization: str, mappings: Iterable[GroupMapping]
) -> None:
    """Make the account's membership in one organization what these mappings give together."""
    mappings = list(mappings)
    role = max((each.role for each in mappings), key=_RANK.__getitem__, default=None)
    tx, account = change.tx, change.account
    held = await groups.find_membership(tx, namespace_id, account.id)
    if held is None or held.is_from_groups:
        if await _is_last_owner(tx, namespace_id, account.id, held) and role is not Role.OWNER:
            role = Role.OWNER
        await _set_role(change, namespace_id, organization, held.role if held else None, role)
    await _settle_teams(change, namespace_id, organization, mappings)


async def _is_last_owner(
    tx: Transaction, namespace_id: int, account_id: int, held: Membership | None
) -> bool:
    if held is None or held.role is not Role.OWNER:
        return False
    return await accounts.list_owner_ids(tx, namespace_id) == [account_id]


async def _set_role(
    change: _Change, namespace_id: int, organization: str, before: Role | None, role: Role | None
) -> None:
    if role is before:
        return
    tx, account = change.tx, change.account
    whose = f"{organization}/{account.name}"
    if role is None:
        await accounts.remove_member(tx, namespace_id, account.id)
        await teams.leave_teams(tx, namespace_id, account.id)
        change.note(namespace_id, Audited.MEMBER_REMOVE, whose, because="groups")
        return
    await groups.set_role(tx, namespace_id, account.id, role)
    action = Audited.MEMBER_ADD if before is None else Audited.MEMBER_ROLE
    change.note(namespace_id, action, whose, role=role.value, because="groups")


async def _settle_teams(
    change: _Change, namespace_id: int, organization: str, mappings: list[GroupMapping]
) -> None:
    tx, account = change.tx, change.account
    wanted = {each.team_id: each.team for each in mappings if each.team_id is not None}
    held = dict(await groups.list_teams(tx, namespace_id, account.id))
    details = {"member": account.name, "because": "groups"}
    for team_id, team in held.items():
        if team_id not in wanted:
            await teams.remove_team_member(tx, team_id, account.id)
            whose = f"{organization}/{team}"
            change.note(namespace_id, Audited.TEAM_MEMBER_REMOVE, whose, **details)
    for team_id, team in wanted.items():
        if team_id not in held and await groups.join_team(tx, team_id, account.id):
            whose = f"{organization}/{team}"
            change.note(namespace_id, Audited.TEAM_MEMBER_ADD, whose, **details)


def normalize_group(source: GroupSource, group: str) -> str:
    """The group as it is compared; raise `Invalid` where it cannot be one.

    A provider's groups are compared letter by letter. A directory's are distinguished names, which
    are the same in any case and with any blanks behind commas, or ids.
    """
    group = group.strip()
    if not 0 < len(group) <= MAX_GROUP or not group.isprintable():
        raise Invalid(f"invalid group: 1 to {MAX_GROUP} characters on one line")
    return fold_directory_group(group) if source is GroupSource.LDAP else group


def fold_directory_group(text: str) -> str:
    """A distinguished name or an id in the form in which both are compared."""
    return ",".join(part.strip() for part in text.split(",")).lower()
