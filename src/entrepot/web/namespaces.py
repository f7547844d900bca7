"""`/u/NAME`: a person or an organisation, its repositories, people, teams, tokens, keys, audit."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import Invalid, TokenUnknown
from entrepot.http.messages import Response
from entrepot.http.routing import Policy
from entrepot.metadata.accounts import Namespace, NamespaceKind, Role
from entrepot.metadata.audit import AuditQuery, AuditRow
from entrepot.metadata.invitations import Invitation
from entrepot.metadata.search import Hit
from entrepot.metadata.search_terms import Order
from entrepot.metadata.teams import Permission, Team, TeamRight
from entrepot.metadata.tokens import Token
from entrepot.metadata.trusted_keys import TrustedKey
from entrepot.metadata.words import Visibility
from entrepot.oci.names import RepositoryName
from entrepot.web.account import check_owner, mine, token_form
from entrepot.web.pages import Page, Pager, redirect
from entrepot.web.visits import PageRoute, Visit

_SIZE: Final = 25


@dataclass(kw_only=True)
class NamespacePage(Page):
    """Whatever has to do with one namespace; `current` is the tab that is open."""

    namespace: Namespace
    is_organisation: bool
    may_administer: bool
    may_see_members: bool
    current: str


@dataclass(kw_only=True)
class ProfilePage(NamespacePage):
    """The repositories that the visitor may see."""

    template: ClassVar[str] = "profile.html"
    hits: list[Hit]
    pager: Pager
    starred: list[str]


@dataclass(kw_only=True)
class MembersPage(NamespacePage):
    """Who belongs to an organisation, and who is invited."""

    template: ClassVar[str] = "members.html"
    members: list[tuple[str, Role]]
    invitations: list[Invitation]
    link: str = ""


@dataclass(kw_only=True)
class TeamsPage(NamespacePage):
    """An organisation's teams."""

    template: ClassVar[str] = "teams.html"
    teams: list[Team]


@dataclass(kw_only=True)
class TeamPage(NamespacePage):
    """One team: its members, and what it may do where."""

    template: ClassVar[str] = "team.html"
    team: Team
    members: list[str]
    rights: list[TeamRight]


@dataclass(kw_only=True)
class NamespaceTokensPage(NamespacePage):
    """Tokens that act for the organisation."""

    template: ClassVar[str] = "namespace_tokens.html"
    tokens: list[Token]
    secret: str = ""


@dataclass(kw_only=True)
class KeysPage(NamespacePage):
    """Public keys whose signatures count here."""

    template: ClassVar[str] = "keys.html"
    keys: list[TrustedKey]


@dataclass(kw_only=True)
class AuditPage(NamespacePage):
    """Who did what, from where."""

    template: ClassVar[str] = "audit.html"
    rows: list[AuditRow]
    next_before: int | None
    actor: str
    action: str


@dataclass(kw_only=True)
class EditPage(NamespacePage):
    """Description, and what repositories begin as."""

    template: ClassVar[str] = "namespace_settings.html"


@dataclass(kw_only=True)
class NewPage(Page):
    """`/new` and `/new/organisation`."""

    template: ClassVar[str] = "new.html"
    is_organisation: bool
    owners: list[str]


async def frame(visit: Visit, current: str, title: str) -> dict[str, object]:
    """What every page of a namespace shows."""
    rights = await visit.desk.permissions.namespace_rights(visit.identity, visit.owned.name)
    return {
        "title": title,
        "namespace": visit.owned,
        "is_organisation": visit.owned.kind is NamespaceKind.ORGANISATION,
        "may_administer": rights.may_administer,
        "may_see_members": rights.may_see_members,
        "current": current,
    }


async def show_profile(visit: Visit) -> Page:
    """The namespace's repositories."""
    name = visit.owned.name
    number = visit.number("page", default=1, most=10_000)
    found = await visit.desk.search.find(
        visit.identity,
        f"namespace:{name}",
        order=Order.NEWEST,
        limit=_SIZE,
        offset=(number - 1) * _SIZE,
    )
    return ProfilePage(
        **await frame(visit, "repositories", name),  # type: ignore[arg-type]
        hits=list(found.found.hits),
        pager=Pager(number, _SIZE, found.found.total),
        starred=await _starred(visit),
    )


async def _starred(visit: Visit) -> list[str]:
    """What one likes oneself; what others like is theirs."""
    if visit.account is None or visit.account.id != visit.owned.id:
        return []
    liked = await visit.desk.stars.list_of(visit.account, visit.identity)
    return [each.name.text for each in liked]


async def show_members(visit: Visit) -> Page:
    """Members and invitations."""
    return await _members(visit, "")


async def _members(visit: Visit, link: str) -> Page:
    name = visit.owned.name
    shared = await frame(visit, "members", f"{name}: members")
    may = bool(shared["may_administer"])
    invitations = await visit.desk.invitations.list_of(visit.actor, name) if may else []
    return MembersPage(
        **shared,  # type: ignore[arg-type]
        members=await visit.desk.organisations.list_members(name, visit.actor),
        invitations=invitations,
        link=link,
    )


async def set_member(visit: Visit) -> Response:
    """Add a member, change a role, or (without one) remove the member."""
    role = visit.form.get("role")
    try:
        wanted = Role(role) if role else None
    except ValueError as error:
        raise Invalid("there is no such role") from error
    name = visit.owned.name
    await visit.desk.organisations.set_member(
        name, visit.form.get("member").strip(), wanted, visit.actor
    )
    return redirect(f"/u/{name}/-/members", said="saved")


async def invite(visit: Visit) -> Page:
    """Make an invitation; its link is shown once."""
    try:
        role = Role(visit.form.get("role") or Role.MEMBER)
    except ValueError as error:
        raise Invalid("there is no such role") from error
    _, secret = await visit.desk.invitations.invite(
        visit.actor, visit.owned.name, role=role, note=visit.form.get("note")[:200]
    )
    return await _members(visit, f"{visit.origin}/invitations/{secret}")


async def revoke_invitation(visit: Visit) -> Response:
    """Take an invitation back."""
    await visit.desk.invitations.revoke(visit.actor, visit.whole_number("id"))
    return redirect(f"/u/{visit.owned.name}/-/members", said="revoked")


async def show_teams(visit: Visit) -> Page:
    """The teams."""
    return TeamsPage(
        **await frame(visit, "teams", f"{visit.owned.name}: teams"),  # type: ignore[arg-type]
        teams=await visit.desk.teams.list_of(visit.owned.name, visit.actor),
    )


async def add_team(visit: Visit) -> Response:
    """Make a team."""
    name, team = visit.owned.name, visit.form.get("name").strip()
    await visit.desk.teams.add(name, team, visit.form.get("description"), visit.actor)
    return redirect(f"/u/{name}/-/teams/{team}", said="saved")


async def show_team(visit: Visit) -> Page:
    """One team."""
    name, team = visit.owned.name, visit.values["team"]
    teams = visit.desk.teams
    return TeamPage(
        **await frame(visit, "teams", f"{name}: {team}"),  # type: ignore[arg-type]
        team=await teams.get(name, team, visit.actor),
        members=await teams.list_members(name, team, visit.actor),
        rights=await teams.list_rights(name, team, visit.actor),
    )


async def change_team(visit: Visit) -> Response:
    """Add or remove a member or a right, or delete the team: the button says which."""
    name, team, form = visit.owned.name, visit.values["team"], visit.form
    teams, what, actor = visit.desk.teams, form.get("what"), visit.actor
    if what == "add-member":
        await teams.add_member(name, team, form.get("member").strip(), actor)
    elif what == "remove-member":
        await teams.remove_member(name, team, form.get("member"), actor)
    elif what == "set-right":
        await teams.set_right(name, team, form.get("pattern").strip(), _permission(visit), actor)
    elif what == "remove-right":
        await teams.set_right(name, team, form.get("pattern"), None, actor)
    elif what == "delete":
        await teams.delete(name, team, actor)
        return redirect(f"/u/{name}/-/teams", said="saved")
    return redirect(f"/u/{name}/-/teams/{team}", said="saved")


def _permission(visit: Visit) -> Permission:
    try:
        return Permission(visit.form.get("permission"))
    except ValueError as error:
        raise Invalid("there is no such permission") from error


async def show_tokens(visit: Visit) -> Page:
    """Tokens that act for the organisation."""
    return await _tokens(visit, "")


async def _tokens(visit: Visit, secret: str) -> Page:
    name = visit.owned.name
    return NamespaceTokensPage(
        **await frame(visit, "tokens", f"{name}: tokens"),  # type: ignore[arg-type]
        tokens=await visit.desk.tokens.list_of_organisation(name, visit.actor),
        secret=secret,
    )


async def add_token(visit: Visit) -> Page:
    """Make a token; its secret is shown once."""
    asked = token_form(visit)
    await check_owner(visit)
    _, secret = await visit.desk.tokens.add_organisation(
        visit.owned.name, asked.label, asked.scope, asked.lifetime, asked.repositories, visit.actor
    )
    return await _tokens(visit, secret)


async def revoke_token(visit: Visit) -> Response:
    """Revoke one of the organisation's tokens."""
    number, name = visit.whole_number("id"), visit.owned.name
    found = await visit.desk.tokens.list_of_organisation(name, visit.actor)
    if number not in {each.id for each in found}:
        raise TokenUnknown
    await visit.desk.tokens.revoke(number, visit.actor)
    return redirect(f"/u/{name}/-/tokens", said="revoked")


async def show_keys(visit: Visit) -> Page:
    """The keys that this namespace trusts."""
    return KeysPage(
        **await frame(visit, "keys", f"{visit.owned.name}: trusted keys"),  # type: ignore[arg-type]
        keys=await visit.desk.trusted_keys.list_of(visit.owned.id),
    )


async def change_keys(visit: Visit) -> Response:
    """Trust a key, or trust one no more."""
    form, name = visit.form, visit.owned.name
    if form.get("what") == "remove":
        await visit.desk.trusted_keys.remove(name, form.get("name"), visit.actor)
    else:
        await visit.desk.trusted_keys.add(
            name, form.get("name").strip(), form.get("pem"), visit.actor
        )
    return redirect(f"/u/{name}/-/keys", said="saved")


async def show_audit(visit: Visit) -> Page:
    """The audit log of the namespace."""
    before = visit.number("before", default=0, most=2**62)
    query = AuditQuery(
        actor=visit.query("actor"), action=visit.query("action"), before_id=before or None
    )
    found = await visit.desk.audit.list_of(visit.actor, visit.owned.name, query)
    return AuditPage(
        **await frame(visit, "audit", f"{visit.owned.name}: audit log"),  # type: ignore[arg-type]
        rows=found.rows,
        next_before=found.next_before,
        actor=visit.query("actor"),
        action=visit.query("action"),
    )


async def show_edit(visit: Visit) -> Page:
    """Settings of an organisation."""
    return EditPage(**await frame(visit, "settings", f"{visit.owned.name}: settings"))  # type: ignore[arg-type]


async def edit(visit: Visit) -> Response:
    """Change description and default visibility."""
    name = visit.owned.name
    visibility = Visibility.PUBLIC if visit.form.get("public") else Visibility.PRIVATE
    await visit.desk.organisations.edit(
        name, visit.form.get("description"), visibility, visit.actor
    )
    return redirect(f"/u/{name}/-/settings", said="saved")


async def show_new(visit: Visit) -> Page:
    """Make a repository."""
    account = mine(visit)
    found = await visit.desk.organisations.list_of(account)
    owners = [each.name for each, role in found if role is not Role.MEMBER]
    return NewPage(title="New repository", is_organisation=False, owners=[account.name, *owners])


async def make(visit: Visit) -> Response:
    """Make an empty repository."""
    form = visit.form
    name = RepositoryName(f"{form.get('owner')}/{form.get('name').strip()}")
    visibility = Visibility.PUBLIC if form.get("visibility") == "public" else Visibility.PRIVATE
    await visit.desk.repositories.create(name, visibility, form.get("description"), visit.actor)
    return redirect(f"/r/{name}")


async def show_new_organisation(visit: Visit) -> Page:
    """Make an organisation."""
    return NewPage(title="New organisation", is_organisation=True, owners=[mine(visit).name])


async def make_organisation(visit: Visit) -> Response:
    """Make an organisation, owned by whoever asks."""
    name = visit.form.get("name").strip()
    await visit.desk.organisations.add(name, mine(visit).name, visit.actor)
    return redirect(f"/u/{name}")


ROUTES: Final = (
    PageRoute("GET", "/new", Policy.SIGNED_IN, show_new),
    PageRoute("POST", "/new", Policy.SIGNED_IN, make),
    PageRoute("GET", "/new/organisation", Policy.SIGNED_IN, show_new_organisation),
    PageRoute("POST", "/new/organisation", Policy.SIGNED_IN, make_organisation),
    PageRoute("GET", "/u/{namespace}", Policy.ANYBODY, show_profile),
    PageRoute("GET", "/u/{namespace}/-/members", Policy.MEMBER, show_members),
    PageRoute("POST", "/u/{namespace}/-/members", Policy.OWN, set_member),
    PageRoute("POST", "/u/{namespace}/-/invitations", Policy.OWN, invite),
    PageRoute("POST", "/u/{namespace}/-/invitations/revoke", Policy.OWN, revoke_invitation),
    PageRoute("GET", "/u/{namespace}/-/teams", Policy.MEMBER, show_teams),
    PageRoute("POST", "/u/{namespace}/-/teams", Policy.OWN, add_team),
    PageRoute("GET", "/u/{namespace}/-/teams/{team}", Policy.MEMBER, show_team),
    PageRoute("POST", "/u/{namespace}/-/teams/{team}", Policy.OWN, change_team),
    PageRoute("GET", "/u/{namespace}/-/tokens", Policy.OWN, show_tokens),
    PageRoute("POST", "/u/{namespace}/-/tokens", Policy.OWN, add_token),
    PageRoute("POST", "/u/{namespace}/-/tokens/revoke", Policy.OWN, revoke_token),
    PageRoute("GET", "/u/{namespace}/-/keys", Policy.OWN, show_keys),
    PageRoute("POST", "/u/{namespace}/-/keys", Policy.OWN, change_keys),
    PageRoute("GET", "/u/{namespace}/-/audit", Policy.OWN, show_audit),
    PageRoute("GET", "/u/{namespace}/-/settings", Policy.OWN, show_edit),
    PageRoute("POST", "/u/{namespace}/-/settings", Policy.OWN, edit),
)
