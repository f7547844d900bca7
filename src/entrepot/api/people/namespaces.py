"""Namespaces: people and organizations, members, invitations, keys, the audit log."""

from datetime import datetime
from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert, json

from entrepot.api.fields import Asked, Label, Line, Moment, MomentText, NameText, Text
from entrepot.api.paging import Page, PageQuery, cut, page_of
from entrepot.api.requests import ApiRequest, route, shown
from entrepot.errors import Denied, Invalid, InvitationUnknown
from entrepot.http.authorize import AccessRule
from entrepot.hub.people.organizations import Members
from entrepot.model.audit import AuditQuery, AuditRow
from entrepot.model.people.accounts import Namespace as StoredNamespace
from entrepot.model.people.accounts import NamespaceKind, Role
from entrepot.model.people.organizations import Invitation as StoredInvitation
from entrepot.model.repositories import Visibility

_PROSE = Annotated[str, Meta(max_length=1000, pattern=r"^[^\x00]*$")]


class Namespace(Struct, frozen=True):
    """A namespace; `default_visibility` is shown to its members only."""

    name: str
    kind: NamespaceKind
    description: str
    created_at: Moment
    default_visibility: Visibility | None
    may_create: bool
    may_administer: bool


class NewOrganisation(Asked, frozen=True, kw_only=True):
    """The organization to create; administrators may name another owner than themselves."""

    name: NameText
    owner: NameText | None = None


class Organisation(Struct, frozen=True):
    """An organization, and the roles of its members by name."""

    name: str
    description: str
    created_at: Moment
    members: dict[str, Role]


class Belongings(Struct, frozen=True):
    """The belongings that are deleted with an organization."""

    name: str
    repositories: list[str]
    members: int


class NamespaceChange(Asked, frozen=True, kw_only=True):
    """The fields to change; omitted fields stay as they are."""

    description: _PROSE | UnsetType = UNSET
    default_visibility: Visibility | UnsetType = UNSET


class Member(Struct, frozen=True):
    """A member of an organization."""

    name: str
    role: Role
    is_from_groups: bool = False
    """Whether groups of a sign-in provider gave the role, and take it away again."""


class NewRole(Asked, frozen=True, kw_only=True):
    """The role to set."""

    role: Role


class Invitation(Struct, frozen=True):
    """An open invitation."""

    id: int
    role: Role
    team: str
    note: str
    inviter: str
    created_at: Moment
    expires_at: Moment


class MadeInvitation(Struct, frozen=True):
    """A new invitation; its link is shown only once."""

    invitation: Invitation
    url: str


class NewInvitation(Asked, frozen=True, kw_only=True):
    """The role and team of the invited person."""

    role: Role = Role.MEMBER
    team: NameText | None = None
    note: Line = ""


class Key(Struct, frozen=True):
    """A trusted public key in PEM."""

    name: str
    pem: str
    created_at: Moment


class NewKey(Asked, frozen=True, kw_only=True):
    """The public key to trust."""

    name: Label
    pem: Annotated[str, Meta(min_length=1, max_length=8192)]


class AuditEntry(Struct, frozen=True):
    """An audit log entry; `details` is JSON, `hash` covers this entry and all before it."""

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
    """Filters for the audit log."""

    actor: Annotated[Text, Meta(description="The account that acted.")] = ""
    action: Annotated[Text, Meta(description="An action or its prefix, such as `repo.tag`.")] = ""
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


async def create_organisation(request: ApiRequest, body: NewOrganisation) -> Namespace:
    """Create an organization owned by the caller."""
    owner = body.owner or request.account.name
    await request.app.organizations.add(body.name, owner, request.actor)
    request.created(f"/namespaces/{body.name}")
    return await _namespace(request, body.name)


async def list_organisations(request: ApiRequest, query: PageQuery) -> Page[Organisation]:
    """List the organizations that the caller belongs to; administrators get all."""
    rules = request.app.organizations
    found = await rules.list_for(request.actor)
    page = found[query.offset : query.offset + query.limit + 1]
    members = {each.name: await rules.list_members(each.name, request.actor) for each in page}
    return page_of(page, query, lambda each: _organisation(each, members[each.name]))


async def get_namespace(request: ApiRequest) -> Namespace:
    """Return a namespace."""
    return await _namespace(request, request.namespace.name)


async def change_namespace(request: ApiRequest, body: NamespaceChange) -> Namespace:
    """Change a namespace's description and the visibility of new repositories."""
    found, as_it_is = request.namespace, request.namespace.default_visibility
    description = found.description if body.description is UNSET else body.description
    visibility = as_it_is if body.default_visibility is UNSET else body.default_visibility
    await request.app.organizations.edit(found.name, description, visibility, request.actor)
    return await _namespace(request, found.name)


async def preview_deletion(request: ApiRequest) -> Belongings:
    """Preview the deletion of an organization; changes nothing."""
    found = await request.app.closing.preview(request.namespace.name, NamespaceKind.ORGANIZATION)
    return shown(Belongings, found)


async def delete_namespace(request: ApiRequest) -> None:
    """Delete an organization and its repositories permanently.

    Only an administrator can delete an account (`DELETE /admin/users/{account}`): 403 here.
    """
    found = request.namespace
    if found.kind is not NamespaceKind.ORGANIZATION:
        raise Denied(f"{found.name} is an account: only an administrator can delete it")
    await request.app.closing.delete(found.name, NamespaceKind.ORGANIZATION, request.actor)


async def list_members(request: ApiRequest, query: PageQuery) -> Page[Member]:
    """List the organization's members."""
    found = await request.app.organizations.list_members(request.namespace.name, request.actor)
    from_groups = await request.app.groups.list_members(request.namespace.name, request.actor)
    return cut(found, query, lambda each: Member(*each, is_from_groups=each[0] in from_groups))


async def set_member(request: ApiRequest, body: NewRole) -> Member:
    """Add a member to the organization, or change its role."""
    name, member = request.namespace.name, request.values["member"]
    await request.app.organizations.set_member(name, member, body.role, request.actor)
    return Member(member, body.role)


async def remove_member(request: ApiRequest) -> None:
    """Remove a member from the organization; members can remove themselves."""
    name, member = request.namespace.name, request.values["member"]
    await request.app.organizations.set_member(name, member, None, request.actor)


async def list_invitations(request: ApiRequest, query: PageQuery) -> Page[Invitation]:
    """List the open invitations, the newest first."""
    found = await request.app.invitations.list_of(request.actor, request.namespace.name)
    return cut(found, query, lambda each: shown(Invitation, each))


async def create_invitation(request: ApiRequest, body: NewInvitation) -> MadeInvitation:
    """Create an invitation to the organization."""
    made, secret = await request.app.invitations.invite(
        request.actor, request.namespace.name, role=body.role, team=body.team, note=body.note
    )
    return made_invitation(request, made, secret)


async def revoke_invitation(request: ApiRequest) -> None:
    """Revoke an invitation."""
    found = await request.app.invitations.list_of(request.actor, request.namespace.name)
    await revoke_among(request, found)


async def revoke_among(request: ApiRequest, found: list[StoredInvitation]) -> None:
    """Revoke the invitation in the address, which must be one of these."""
    if request.number not in {each.id for each in found}:
        raise InvitationUnknown
    await request.app.invitations.revoke(request.actor, request.number)


def made_invitation(request: ApiRequest, made: StoredInvitation, secret: str) -> MadeInvitation:
    """A new invitation with its link."""
    return MadeInvitation(shown(Invitation, made), f"{request.origin}/invitations/{secret}")


async def list_keys(request: ApiRequest, query: PageQuery) -> Page[Key]:
    """List the trusted public keys of the namespace."""
    found = await request.app.trusted_keys.list_of(request.namespace.id)
    return cut(found, query, lambda each: shown(Key, each))


async def trust_key(request: ApiRequest, body: NewKey) -> None:
    """Add a trusted public key."""
    await request.app.trusted_keys.add(request.namespace.name, body.name, body.pem, request.actor)


async def distrust_key(request: ApiRequest) -> None:
    """Remove a trusted public key."""
    await request.app.trusted_keys.remove(
        request.namespace.name, request.values["key"], request.actor
    )


async def list_audit(request: ApiRequest, query: LogQuery) -> Page[AuditEntry]:
    """List the namespace's audit log, the newest entry first."""
    name = request.namespace.name
    found = await request.app.audit.list_of(request.actor, name, query.rows, query.limit)
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
        raise Invalid(f"invalid time {text[:40]}: use RFC 3339 with a time zone") from error


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


def _organisation(found: StoredNamespace, members: Members) -> Organisation:
    return Organisation(found.name, found.description, found.created_at, dict(members))


async def _namespace(request: ApiRequest, name: str) -> Namespace:
    rights = await request.app.permissions.namespace_rights(request.identity, name)
    found = rights.namespace or request.namespace
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
    route("POST", "/organisations", AccessRule.SIGNED_IN, create_organisation, status=201),
    route("GET", "/organisations", AccessRule.SIGNED_IN, list_organisations),
    route("GET", _N, AccessRule.ANYONE, get_namespace),
    route("PATCH", _N, AccessRule.NAMESPACE_OWNER, change_namespace),
    route("DELETE", _N, AccessRule.NAMESPACE_OWNER, delete_namespace),
    route("GET", f"{_N}/delete", AccessRule.NAMESPACE_OWNER, preview_deletion),
    route("GET", f"{_N}/members", AccessRule.NAMESPACE_MEMBER, list_members),
    route("PUT", f"{_N}/members/{{member}}", AccessRule.NAMESPACE_OWNER, set_member),
    route("DELETE", f"{_N}/members/{{member}}", AccessRule.NAMESPACE_MEMBER, remove_member),
    route("GET", f"{_N}/invitations", AccessRule.NAMESPACE_OWNER, list_invitations),
    route("POST", f"{_N}/invitations", AccessRule.NAMESPACE_OWNER, create_invitation, status=201),
    route("DELETE", f"{_N}/invitations/{{id}}", AccessRule.NAMESPACE_OWNER, revoke_invitation),
    route("GET", f"{_N}/keys", AccessRule.NAMESPACE_OWNER, list_keys),
    route("POST", f"{_N}/keys", AccessRule.NAMESPACE_OWNER, trust_key),
    route("DELETE", f"{_N}/keys/{{key}}", AccessRule.NAMESPACE_OWNER, distrust_key),
    route("GET", f"{_N}/audit", AccessRule.NAMESPACE_OWNER, list_audit),
)
