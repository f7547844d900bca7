"""Invitations: links that let a person sign up, or join an organization, once."""

import secrets
from datetime import timedelta
from typing import Final

from entrepot.errors import Conflict, Denied, InvitationUnknown, TeamUnknown
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.identity.secrets import hash_secret
from entrepot.hub.people.actors import Actor
from entrepot.hub.permissions import Permissions, check_administrator, check_unlimited
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.people import accounts, invitations, teams
from entrepot.metadata.registry.statistics import find_namespace_name
from entrepot.model.people.accounts import Account, Namespace, Role
from entrepot.model.people.organizations import Invitation

LIFETIME: Final = timedelta(days=7)
MAX_NOTE: Final = 200
MOST_OPEN: Final = 200
"""Invitations into one organization, or to the hub, that can still be accepted."""

_RANK: Final = {Role.MEMBER: 0, Role.EDITOR: 1, Role.OWNER: 2}


class Invitations:
    """Makes, lists, revokes and accepts invitations."""

    def __init__(self, metadata: Metadata, permissions: Permissions, now: Clock) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._now = now

    async def invite(
        self,
        by: Actor,
        organization: str | None = None,
        *,
        role: Role = Role.MEMBER,
        team: str | None = None,
        note: str = "",
    ) -> tuple[Invitation, str]:
        """Invite a person to the hub, for administrators, or into an organization, for owners.

        Returns the invitation and its secret, which is told here and never again. The operator
        invites in the name of an administrator. Raises `Conflict` where `MOST_OPEN` are open.
        """
        namespace = await self._namespace(by, organization)
        team_id = await self._team_id(namespace, team)
        now = self._now()
        made = Invitation(
            id=0,
            namespace_id=namespace.id if namespace else None,
            role=role,
            team_id=team_id,
            note=note.replace("\0", "")[:MAX_NOTE],
            invited_by=await self._inviter_id(by),
            created_at=now,
            expires_at=now + LIFETIME,
            accepted_at=None,
        )
        secret = secrets.token_urlsafe(24)
        async with self._metadata.begin() as tx:
            await invitations.delete_expired(tx, now - LIFETIME)
            if await invitations.count_open(tx, made.namespace_id, now) >= MOST_OPEN:
                raise Conflict(f"limit of {MOST_OPEN} open invitations reached: revoke one")
            made_id = await invitations.insert_invitation(tx, made, hash_secret(secret))
            target = organization or "hub"
            details = {"role": str(role), "team": team, "note": made.note}
            entry = Entry(made.namespace_id, by, Audited.INVITATION_CREATE, target, details)
            await record(tx, entry, now)
        return await self._get(made_id), secret

    async def list_of(self, by: Actor, organization: str) -> list[Invitation]:
        """List a namespace's open invitations, the newest first; for those who may invite."""
        namespace = await self._namespace(by, organization)
        reader = self._metadata.reader
        return await invitations.list_invitations(reader, namespace.id) if namespace else []

    async def list_of_hub(self, by: Actor, limit: int, offset: int) -> list[Invitation]:
        """At most `limit` invitations to the hub itself from `offset` on, for administrators."""
        await self._namespace(by, None)
        return await invitations.list_hub_invitations(self._metadata.reader, limit, offset)

    async def revoke_of_hub(self, by: Actor, invitation_id: int) -> None:
        """Make a link to the hub itself lead nowhere; `InvitationUnknown` for any other."""
        found = await self._get(invitation_id)
        if found.namespace_id is not None or found.accepted_at is not None:
            raise InvitationUnknown
        await self.revoke(by, invitation_id)

    async def revoke(self, by: Actor, invitation_id: int) -> None:
        """Revoke the link, for those who may invite there; else raise `InvitationUnknown`."""
        found = await self._get(invitation_id)
        try:
            await self._namespace(by, found.organization or None)
        except Denied as error:
            raise InvitationUnknown from error
        async with self._metadata.begin() as tx:
            if not await invitations.delete_invitation(tx, invitation_id):
                raise InvitationUnknown
            target = found.organization or "hub"
            entry = Entry(found.namespace_id, by, Audited.INVITATION_REVOKE, target)
            await record(tx, entry, self._now())

    async def get(self, secret: str) -> Invitation:
        """The invitation that a link leads to, while it is good; else `InvitationUnknown`.

        It is valid while its author may still invite: lost permissions are not granted to others.
        """
        found = await invitations.find_invitation(self._metadata.reader, hash_secret(secret))
        if found is None or not found.is_live(self._now()) or not await self._stands(found):
            raise InvitationUnknown
        return found

    async def find_namespace_name(self, invitation: Invitation) -> str | None:
        """Return the name of the organization, `None` for an invitation to the hub itself."""
        if invitation.namespace_id is None:
            return None
        return await find_namespace_name(self._metadata.reader, invitation.namespace_id)

    async def accept(self, secret: str, account: Account, by: Actor) -> Invitation:
        """Let the account join what the invitation is into; a role that is more stays."""
        check_unlimited(by.identity)
        found = await self.get(secret)
        if found.namespace_id is None:
            raise InvitationUnknown("this invitation is for people without an account")
        async with self._metadata.begin() as tx:
            await self.accept_in(tx, found, account, by)
        return found

    async def accept_in(
        self, tx: Transaction, invitation: Invitation, account: Account, by: Actor
    ) -> None:
        """As `accept`, in the transaction of another rule."""
        now = self._now()
        if not await invitations.accept_invitation(tx, invitation.id, account.id, now):
            raise InvitationUnknown
        namespace_id = invitation.namespace_id
        if namespace_id is not None:
            held = await accounts.find_role(tx, namespace_id, account.id)
            # The same role too: what groups gave is then given by hand, and stays.
            if held is None or _RANK[held] <= _RANK[invitation.role]:
                await accounts.set_role(tx, namespace_id, account.id, invitation.role)
            if invitation.team_id is not None:
                await teams.add_team_member(tx, invitation.team_id, account.id)
        target = f"{invitation.organization or 'hub'}/{account.name}"
        details = {"role": str(invitation.role), "inviter": invitation.inviter}
        entry = Entry(namespace_id, by, Audited.INVITATION_ACCEPT, target, details)
        await record(tx, entry, now)

    async def _namespace(self, by: Actor, organization: str | None) -> Namespace | None:
        """Where the actor may invite to; `None` is the hub."""
        if organization is None:
            check_administrator(by.identity)
            return None
        return await self._permissions.namespace_to_administer(by.identity, organization)

    async def _team_id(self, namespace: Namespace | None, team: str | None) -> int | None:
        if team is None:
            return None
        reader = self._metadata.reader
        found = await teams.find_team(reader, namespace.id, team) if namespace else None
        if found is None:
            raise TeamUnknown(f"no such team: {team}")
        return found.id

    async def _inviter_id(self, by: Actor) -> int:
        if by.account is not None:
            return by.account.id
        found = await accounts.find_administrator_id(self._metadata.reader)
        if found is not None:
            return found
        raise Denied("no administrator exists to send the invitation")

    async def _stands(self, invitation: Invitation) -> bool:
        reader = self._metadata.reader
        inviter = await accounts.find_account_by_id(reader, invitation.invited_by)
        if inviter is None or inviter.disabled_at is not None:
            return False
        if inviter.is_admin or invitation.namespace_id is None:
            return inviter.is_admin
        return await accounts.find_role(reader, invitation.namespace_id, inviter.id) is Role.OWNER

    async def _get(self, invitation_id: int) -> Invitation:
        found = await invitations.find_invitation_by_id(self._metadata.reader, invitation_id)
        if found is None:
            raise InvitationUnknown
        return found
