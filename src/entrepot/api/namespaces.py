"""Namespaces: people and organisations, members, invitations, keys, the audit log."""

from datetime import datetime
from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert, json

from entrepot.api.calls import Call, route, shown
from entrepot.api.fields import Asked, Label, Line, Moment, MomentText, NameText, Text
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.errors import Denied, Invalid, InvitationUnknown
from entrepot.http.routing import Policy
from entrepot.metadata.accounts import NamespaceKind, Role
from entrepot.metadata.audit import AuditQuery, AuditRow
from entrepot.metadata.invitations import Invitation as StoredInvitation
from entrepot.metadata.words import Visibility

_PROSE = Annotated[str, Meta(max_length=1000, pattern=r"^[^\x00]*$")]


class Namespace(Struct, frozen=True):
    """A person or an organisation; what repositories begin as is told to those who belong there."""

    name: str
    kind: NamespaceKind
    description: str
    created_at: Moment
    default_visibility: Visibility | None
    may_create: bool
    may_administer: bool


class NewOrganisation(Asked, frozen=True, kw_only=True):
    """An organisation to be made."""

    name: NameText


class NamespaceChange(Asked, frozen=True, kw_only=True):
    """What changes; what is left out stays."""

    description: _PROSE | UnsetType = UNSET
    default_visibility: Visibility | UnsetType = UNSET


class Member(Struct, frozen=True):
    """Somebody who belongs to an organisation."""

    name: str
    role: Role


class NewRole(Asked, frozen=True, kw_only=True):
    """What somebody is to be."""

    role: Role


class Invitation(Struct, frozen=True):
    """An invitation that nobody has accepted yet."""

    id: int
    role: Role
    team: str
    note: str
    inviter: str
    created_at: Moment
    expires_at: Moment


class MadeInvitation(Struct, frozen=True):
    """A new invitation; its link is never told again."""

    invitation: Invitation
    url: str


class NewInvitation(Asked, frozen=True, kw_only=True):
    """What somebody is to be, and in which team."""

    role: Role = Role.MEMBER
    team: NameText | None = None
    note: Line = ""


class Key(Struct, frozen=True):
    """A public key in PEM whose signatures count."""

    name: str
    pem: str
    created_at: Moment


class NewKey(Asked, frozen=True, kw_only=True):
    """A public key to be trusted."""

    name: Label
    pem: Annotated[str, Meta(min_length=1, max_length=8192)]


class AuditEntry(Struct, frozen=True):
    """Something that was done; `details` is JSON, `hash` covers this row and all before."""

    id: int
    at: Moment
    actor: str
    action: str
    target: str
    details: dict[str, str | int | bool | None]
    address: str
    request: str
    hash: str


class LogQuery(PageQuery, frozen=True, kw_only=True):
    """Which entries."""

    actor: Annotated[Text, Meta(description="Who did it.")] = ""
    action: Annotated[Text, Meta(description="What, or how it begins: `repo.tag`.")] = ""
    since: MomentText | None = None
    until: MomentText | None = None

    @property
    def rows(self) -> AuditQuery:
        """The query as the log understands it."""
        return AuditQuery(
            actor=self.actor,
            action=self.action,
            since=_moment(self.since),
            until=_moment(self.until),
            before_id=self.before,
        )


async def create_organisation(call: Call, body: NewOrganisation) -> Namespace:
    """Make an organisation, owned by the caller."""
    await call.desk.organisations.add(body.name, call.account.name, call.actor)
    call.created(f"/namespaces/{body.name}")
    return await _namespace(call, body.name)


async def get_namespace(call: Call) -> Namespace:
    """A person or an organisation."""
    return await _namespace(call, call.namespace.name)


async def change_namespace(call: Call, body: NamespaceChange) -> Namespace:
    """Describe a namespace, and say what repositories pushed there begin as."""
    found, as_it_is = call.namespace, call.namespace.default_visibility
    description = found.description if body.description is UNSET else body.description
    visibility = as_it_is if body.default_visibility is UNSET else body.default_visibility
    await call.desk.organisations.edit(found.name, description, visibility, call.actor)
    return await _namespace(call, found.name)


async def delete_namespace(call: Call) -> None:
    """Delete an organisation with its repositories, for good.

    An account is deleted by an administrator (`DELETE /admin/users/{account}`): 403 here.
    """
    found = call.namespace
    if found.kind is not NamespaceKind.ORGANISATION:
        raise Denied(f"{found.name} is an account: an administrator deletes it")
    await call.desk.closing.delete(found.name, NamespaceKind.ORGANISATION, call.actor)


async def list_members(call: Call, query: PageQuery) -> Page[Member]:
    """Who belongs to the organisation."""
    found = await call.desk.organisations.list_members(call.namespace.name, call.actor)
    return cut(found, query, lambda each: Member(*each))


async def set_member(call: Call, body: NewRole) -> Member:
    """Let somebody belong to the organisation, or give them another role."""
    name, member = call.namespace.name, call.values["member"]
    await call.desk.organisations.set_member(name, member, body.role, call.actor)
    return Member(member, body.role)


async def remove_member(call: Call) -> None:
    """Let somebody belong to the organisation no more; every member may leave."""
    name, member = call.namespace.name, call.values["member"]
    await call.desk.organisations.set_member(name, member, None, call.actor)


async def list_invitations(call: Call, query: PageQuery) -> Page[Invitation]:
    """Invitations that nobody has accepted yet, the newest first."""
    found = await call.desk.invitations.list_of(call.actor, call.namespace.name)
    return cut(found, query, lambda each: shown(Invitation, each))


async def create_invitation(call: Call, body: NewInvitation) -> MadeInvitation:
    """Invite somebody into the organisation."""
    made, secret = await call.desk.invitations.invite(
        call.actor, call.namespace.name, role=body.role, team=body.team, note=body.note
    )
    return made_invitation(call, made, secret)


async def revoke_invitation(call: Call) -> None:
    """Make an invitation's link lead nowhere."""
    found = await call.desk.invitations.list_of(call.actor, call.namespace.name)
    await revoke_among(call, found)


async def revoke_among(call: Call, found: list[StoredInvitation]) -> None:
    """Revoke the invitation in the address, which must be one of these."""
    if call.number not in {each.id for each in found}:
        raise InvitationUnknown
    await call.desk.invitations.revoke(call.actor, call.number)


def made_invitation(call: Call, made: StoredInvitation, secret: str) -> MadeInvitation:
    """A new invitation with its link."""
    return MadeInvitation(shown(Invitation, made), f"{call.origin}/invitations/{secret}")


async def list_keys(call: Call, query: PageQuery) -> Page[Key]:
    """Public keys that the namespace trusts."""
    found = await call.desk.trusted_keys.list_of(call.namespace.id)
    return cut(found, query, lambda each: shown(Key, each))


async def trust_key(call: Call, body: NewKey) -> None:
    """Trust a public key from now on."""
    await call.desk.trusted_keys.add(call.namespace.name, body.name, body.pem, call.actor)


async def distrust_key(call: Call) -> None:
    """Trust a public key no longer."""
    await call.desk.trusted_keys.remove(call.namespace.name, call.values["key"], call.actor)


async def list_audit(call: Call, query: LogQuery) -> Page[AuditEntry]:
    """What was done in the namespace, the newest first."""
    name = call.namespace.name
    found = await call.desk.audit.list_of(call.actor, name, query.rows, query.limit)
    return audit_page(found.rows, found.next_before)


def audit_page(rows: list[AuditRow], next_before: int | None) -> Page[AuditEntry]:
    """A page of the log."""
    items = [_entry(each) for each in rows]
    return Page(items=items, next=None if next_before is None else f"{next_before:x}")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return convert(text, Moment, strict=True)
    except ValidationError as error:
        raise Invalid(f"{text[:40]} is no moment with its time zone") from error


def _entry(row: AuditRow) -> AuditEntry:
    details = json.decode(row.details, type=dict[str, str | int | bool | None])
    return AuditEntry(
        row.id,
        row.at,
        row.actor,
        row.action,
        row.target,
        details,
        row.address,
        row.request,
        row.hash,
    )


async def _namespace(call: Call, name: str) -> Namespace:
    rights = await call.desk.permissions.namespace_rights(call.identity, name)
    found = rights.namespace or call.namespace
    return Namespace(
        found.name,
        found.kind,
        found.description,
        found.created_at,
        found.default_visibility if rights.may_see_members else None,
        rights.may_create,
        rights.may_administer,
    )


_N: Final = "/namespaces/{namespace}"

ROUTES: Final = (
    route("POST", "/organisations", Policy.SIGNED_IN, create_organisation, status=201),
    route("GET", _N, Policy.ANYBODY, get_namespace),
    route("PATCH", _N, Policy.OWN, change_namespace),
    route("DELETE", _N, Policy.OWN, delete_namespace),
    route("GET", f"{_N}/members", Policy.MEMBER, list_members),
    route("PUT", f"{_N}/members/{{member}}", Policy.OWN, set_member),
    route("DELETE", f"{_N}/members/{{member}}", Policy.MEMBER, remove_member),
    route("GET", f"{_N}/invitations", Policy.OWN, list_invitations),
    route("POST", f"{_N}/invitations", Policy.OWN, create_invitation, status=201),
    route("DELETE", f"{_N}/invitations/{{id}}", Policy.OWN, revoke_invitation),
    route("GET", f"{_N}/keys", Policy.OWN, list_keys),
    route("POST", f"{_N}/keys", Policy.OWN, trust_key),
    route("DELETE", f"{_N}/keys/{{key}}", Policy.OWN, distrust_key),
    route("GET", f"{_N}/audit", Policy.OWN, list_audit),
)
