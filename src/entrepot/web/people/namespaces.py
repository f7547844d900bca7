"""`/u/NAME`: a person or an organization, its repositories, people, tokens, keys, audit."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final, TypedDict

from entrepot.errors import Invalid, TokenUnknown
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.http.paging import Pager
from entrepot.model.people.accounts import Namespace, NamespaceKind, Role
from entrepot.model.people.groups import GroupMapping
from entrepot.model.people.organizations import Invitation
from entrepot.model.people.tokens import Token
from entrepot.model.repositories import Visibility
from entrepot.model.search import Hit, SearchOrder
from entrepot.model.security.trusted_keys import TrustedKey
from entrepot.oci.names import RepositoryName
from entrepot.web.operators.audit import AuditPart, audit_csv, audit_part, audit_query
from entrepot.web.pages import Page, redirect
from entrepot.web.people.account import check_owner, mine, token_form
from entrepot.web.requests import PageRequest, PageRoute

_SIZE: Final = 25


@dataclass(kw_only=True)
class NamespacePage(Page):
    """A page of one namespace; `current` is the open tab."""

    namespace: Namespace
    is_organization: bool
    may_administer: bool
    may_see_members: bool
    current: str


@dataclass(kw_only=True)
class ProfilePage(NamespacePage):
    """The repositories that the visitor may see."""

    template: ClassVar[str] = "namespaces/profile.html"
    hits: list[Hit]
    pager: Pager
    starred: list[str]


@dataclass(kw_only=True)
class MembersPage(NamespacePage):
    """Who belongs to an organization, and who is invited."""

    template: ClassVar[str] = "namespaces/members.html"
    members: list[tuple[str, Role]]
    invitations: list[Invitation]
    from_groups: set[str]
    """The members whose roles groups of a sign-in provider gave."""
    mappings: list[GroupMapping]
    sources: list[str]
    """Who says which groups people are in; empty: groups give nothing on this hub."""
    teams: list[str]
    link: str = ""


@dataclass(kw_only=True)
class NamespaceTokensPage(NamespacePage):
    """Tokens that act for the organization."""

    template: ClassVar[str] = "namespaces/tokens.html"
    tokens: list[Token]
    secret: str = ""


@dataclass(kw_only=True)
class KeysPage(NamespacePage):
    """Public keys whose signatures count here."""

    template: ClassVar[str] = "namespaces/trusted_keys.html"
    keys: list[TrustedKey]


@dataclass(kw_only=True)
class AuditPage(NamespacePage):
    """Who did what, from where."""

    template: ClassVar[str] = "audit.html"
    frame: ClassVar[str] = "namespaces/frame.html"
    part: AuditPart
    export: str


@dataclass(kw_only=True)
class EditPage(NamespacePage):
    """Description, and what repositories begin as."""

    template: ClassVar[str] = "namespaces/settings.html"


@dataclass(kw_only=True)
class NewPage(Page):
    """`/new` and `/new/organisation`."""

    template: ClassVar[str] = "namespaces/new.html"
    is_organization: bool
    owners: list[str]


class Frame(TypedDict):
    """The fields of a `NamespacePage`."""

    title: str
    namespace: Namespace
    is_organization: bool
    may_administer: bool
    may_see_members: bool
    current: str


def frame(request: PageRequest, current: str, title: str) -> Frame:
    """Return the values that every page of a namespace shows."""
    namespace, rights = request.namespace, request.namespace_rights
    return {
        "title": title,
        "namespace": namespace,
        "is_organization": namespace.kind is NamespaceKind.ORGANIZATION,
        "may_administer": rights.may_administer,
        "may_see_members": rights.may_see_members,
        "current": current,
    }


async def show_profile(request: PageRequest) -> Page:
    """The namespace's repositories."""
    name = request.namespace.name
    number = request.number("page", default=1, most=10_000)
    found = await request.app.search.find(
        request.identity,
        f"namespace:{name}",
        order=SearchOrder.NEWEST,
        limit=_SIZE,
        offset=(number - 1) * _SIZE,
    )
    return ProfilePage(
        **frame(request, "repositories", name),
        hits=await request.app.repository_lists.complete(found.found.hits),
        pager=Pager(number, _SIZE, found.found.total),
        starred=await _starred(request),
    )


async def _starred(request: PageRequest) -> list[str]:
    """What one likes oneself; what others like is theirs."""
    if request.account is None or request.account.id != request.namespace.id:
        return []
    liked = await request.app.stars.list_of(request.account, request.identity)
    return [each.name.text for each in liked]


async def show_members(request: PageRequest, link: str = "") -> Page:
    """Members and invitations; `link` is that of an invitation just made."""
    name = request.namespace.name
    shared = frame(request, "members", f"{name}: members")
    app, actor, sources = request.app, request.actor, list(map(str, request.app.groups.sources))
    invitations, mappings, teams = [], list[GroupMapping](), list[str]()
    if shared["may_administer"]:
        invitations = await app.invitations.list_of(actor, name)
    if shared["may_administer"] and shared["is_organization"]:
        mappings = await app.groups.list_of(name, actor)
        teams = [each.name for each in await app.teams.list_of(name, actor)] if sources else []
    return MembersPage(
        **shared,
        members=await app.organizations.list_members(name, actor),
        invitations=invitations,
        from_groups=await app.groups.list_members(name, actor),
        mappings=mappings,
        sources=sources,
        teams=teams,
        link=link,
    )


async def set_member(request: PageRequest) -> Response:
    """Add a member, change a role, or (without one) remove the member."""
    role = request.form.get("role")
    try:
        wanted = Role(role) if role else None
    except ValueError as error:
        raise Invalid("no such role") from error
    name = request.namespace.name
    await request.app.organizations.set_member(
        name, request.form.get("member").strip(), wanted, request.actor
    )
    return redirect(f"/u/{name}/-/members", said="saved")


async def invite(request: PageRequest) -> Page:
    """Make an invitation; its link is shown once."""
    try:
        role = Role(request.form.get("role") or Role.MEMBER)
    except ValueError as error:
        raise Invalid("no such role") from error
    _, secret = await request.app.invitations.invite(
        request.actor, request.namespace.name, role=role, note=request.form.get("note")[:200]
    )
    return await show_members(request, f"{request.origin}/invitations/{secret}")


async def revoke_invitation(request: PageRequest) -> Response:
    """Take an invitation back."""
    await request.app.invitations.revoke(request.actor, request.whole_number("id"))
    return redirect(f"/u/{request.namespace.name}/-/members", said="revoked")


async def show_tokens(request: PageRequest, secret: str = "") -> Page:
    """Tokens that act for the organization; `secret` is that of a token just made."""
    name = request.namespace.name
    return NamespaceTokensPage(
        **frame(request, "tokens", f"{name}: tokens"),
        tokens=await request.app.tokens.list_of_organization(name, request.actor),
        secret=secret,
    )


async def add_token(request: PageRequest) -> Page:
    """Make a token; its secret is shown once."""
    asked = token_form(request)
    await check_owner(request)
    name, add = request.namespace.name, request.app.tokens.add_organization
    _, secret = await add(
        name, asked.label, asked.scope, asked.lifetime, asked.repositories, request.actor
    )
    return await show_tokens(request, secret)


async def revoke_token(request: PageRequest) -> Response:
    """Revoke one of the organization's tokens."""
    number, name = request.whole_number("id"), request.namespace.name
    found = await request.app.tokens.list_of_organization(name, request.actor)
    if number not in {each.id for each in found}:
        raise TokenUnknown
    await request.app.tokens.revoke(number, request.actor)
    return redirect(f"/u/{name}/-/tokens", said="revoked")


async def show_keys(request: PageRequest) -> Page:
    """The keys that this namespace trusts."""
    return KeysPage(
        **frame(request, "keys", f"{request.namespace.name}: trusted keys"),
        keys=await request.app.trusted_keys.list_of(request.namespace.id),
    )


async def change_keys(request: PageRequest) -> Response:
    """Trust a key, or trust one no more."""
    form, name = request.form, request.namespace.name
    if form.get("what") == "remove":
        await request.app.trusted_keys.remove(name, form.get("name"), request.actor)
    else:
        await request.app.trusted_keys.add(
            name, form.get("name").strip(), form.get("pem"), request.actor
        )
    return redirect(f"/u/{name}/-/keys", said="saved")


async def show_audit(request: PageRequest) -> Page:
    """The audit log of the namespace."""
    name = request.namespace.name
    found = await request.app.audit.list_of(request.actor, name, audit_query(request))
    return AuditPage(
        **frame(request, "audit", f"{name}: audit log"),
        part=audit_part(request, found),
        export=f"/u/{name}/-/audit.csv",
    )


async def export_audit(request: PageRequest) -> Response:
    """The audit log of the namespace as CSV."""
    name = request.namespace.name
    return await audit_csv(request, partial(request.app.audit.list_of, request.actor, name), name)


async def show_edit(request: PageRequest) -> Page:
    """Settings of an organization."""
    name = request.namespace.name
    return EditPage(**frame(request, "settings", f"{name}: settings"))


async def edit(request: PageRequest) -> Response:
    """Change description and default visibility."""
    name = request.namespace.name
    visibility = Visibility.PUBLIC if request.form.get("public") else Visibility.PRIVATE
    await request.app.organizations.edit(
        name, request.form.get("description"), visibility, request.actor
    )
    return redirect(f"/u/{name}/-/settings", said="saved")


async def show_new(request: PageRequest) -> Page:
    """Make a repository."""
    account = mine(request)
    found = await request.app.organizations.list_of(account)
    owners = [each.name for each, role in found if role is not Role.MEMBER]
    return NewPage(title="New repository", is_organization=False, owners=[account.name, *owners])


async def make(request: PageRequest) -> Response:
    """Make an empty repository."""
    form = request.form
    name = RepositoryName(f"{form.get('owner')}/{form.get('name').strip()}")
    visibility = Visibility.PUBLIC if form.get("visibility") == "public" else Visibility.PRIVATE
    await request.app.repositories.create(name, visibility, form.get("description"), request.actor)
    return redirect(f"/r/{name}")


async def show_new_organization(request: PageRequest) -> Page:
    """Make an organization."""
    return NewPage(title="New organization", is_organization=True, owners=[mine(request).name])


async def make_organization(request: PageRequest) -> Response:
    """Make an organization, owned by whoever asks."""
    name = request.form.get("name").strip()
    await request.app.organizations.add(name, mine(request).name, request.actor)
    return redirect(f"/u/{name}")


ROUTES: Final = (
    PageRoute("GET", "/new", AccessRule.SIGNED_IN, show_new),
    PageRoute("POST", "/new", AccessRule.SIGNED_IN, make),
    PageRoute("GET", "/new/organisation", AccessRule.SIGNED_IN, show_new_organization),
    PageRoute("POST", "/new/organisation", AccessRule.SIGNED_IN, make_organization),
    PageRoute("GET", "/u/{namespace}", AccessRule.ANYONE, show_profile),
    PageRoute("GET", "/u/{namespace}/-/members", AccessRule.NAMESPACE_MEMBER, show_members),
    PageRoute("POST", "/u/{namespace}/-/members", AccessRule.NAMESPACE_OWNER, set_member),
    PageRoute("POST", "/u/{namespace}/-/invitations", AccessRule.NAMESPACE_OWNER, invite),
    PageRoute(
        "POST", "/u/{namespace}/-/invitations/revoke", AccessRule.NAMESPACE_OWNER, revoke_invitation
    ),
    PageRoute("GET", "/u/{namespace}/-/tokens", AccessRule.NAMESPACE_OWNER, show_tokens),
    PageRoute("POST", "/u/{namespace}/-/tokens", AccessRule.NAMESPACE_OWNER, add_token),
    PageRoute("POST", "/u/{namespace}/-/tokens/revoke", AccessRule.NAMESPACE_OWNER, revoke_token),
    PageRoute("GET", "/u/{namespace}/-/keys", AccessRule.NAMESPACE_OWNER, show_keys),
    PageRoute("POST", "/u/{namespace}/-/keys", AccessRule.NAMESPACE_OWNER, change_keys),
    PageRoute("GET", "/u/{namespace}/-/audit", AccessRule.NAMESPACE_OWNER, show_audit),
    PageRoute("GET", "/u/{namespace}/-/audit.csv", AccessRule.NAMESPACE_OWNER, export_audit),
    PageRoute("GET", "/u/{namespace}/-/settings", AccessRule.NAMESPACE_OWNER, show_edit),
    PageRoute("POST", "/u/{namespace}/-/settings", AccessRule.NAMESPACE_OWNER, edit),
)
