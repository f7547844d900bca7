"""Groups that a provider sends with a sign-in, over HTTP with the tests' provider."""

from collections.abc import Callable, Iterator

import pytest

from entrepot.errors import BadCredentials, Denied
from entrepot.hub.events.webhook_urls import WebhookUrls
from entrepot.hub.identity.oidc import Provider, ProviderSettings
from entrepot.hub.identity.passwords import Passwords
from entrepot.hub.identity.registry_tokens import RegistryTokens
from entrepot.hub.identity.single_sign_on import Returned, SingleSignOn
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import ANONYMOUS, OPERATOR, Actor, actor_of
from entrepot.hub.people.groups import Groups, HubGroups
from entrepot.hub.people.organizations import Organizations
from entrepot.hub.permissions import Permissions
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.people.accounts import Account, Role
from entrepot.model.people.groups import GroupSource
from tests.hub.town import Town
from tests.metadata.clocks import START, MovableClock
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, serving

BACK = "https://hub.example.org/sign-in/oidc/callback"
FROM = Actor(ANONYMOUS, "192.0.2.9", "r")

Make = Callable[..., SingleSignOn]


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    """A provider whose clock stands where the test's begins."""
    with serving(START.timestamp()) as running:
        yield running


@pytest.fixture
def make(
    provider: IdentityProvider,
    metadata: Metadata,
    permissions: Permissions,
    accounts: Accounts,
    passwords: Passwords,
    registry_tokens: RegistryTokens,
    clock: MovableClock,
) -> Make:
    """Makes single sign-on that reads groups from a claim."""

    def made(claim: str | None = "groups", sign_in: tuple[str, ...] = ()) -> SingleSignOn:
        settings = ProviderSettings(
            provider.url, CLIENT_ID, CLIENT_SECRET, scopes=("groups",), groups_claim=claim
        )
        of_hub = HubGroups(frozenset(sign_in), frozenset({"hub-admins"}))
        return SingleSignOn(
            metadata,
            accounts,
            passwords,
            Provider(settings, clock, WebhookUrls()),
            registry_tokens,
            Groups(metadata, permissions, clock, {GroupSource.OIDC: of_hub}),
            name="Ours",
            may_sign_up=True,
            now=clock,
        )

    return made


async def sign_in(sso: SingleSignOn, provider: IdentityProvider) -> Account:
    """The account of the person who goes to the provider and comes back."""
    url, kept = await sso.begin(BACK)
    assert "scope=openid+profile+email+groups&" in url
    returned = Returned(*provider.authorize(url))
    return await sso.finish(await sso.read(kept, returned), returned, FROM)


async def role_of(organizations: Organizations, name: str = "carol-c") -> str:
    """The account's role in acme; empty without one."""
    return dict(await organizations.list_members("acme", OPERATOR)).get(name, "")


@pytest.mark.parametrize(
    ("claim", "shape"),
    [
        ("groups", lambda names: {"groups": names}),
        ("/realm_access/roles", lambda names: {"realm_access": {"roles": names}}),
        ("https://x.example/groups", lambda names: {"https://x.example/groups": names}),
    ],
)
async def test_each_sign_in_follows_the_groups_of_the_id_token(
    make: Make,
    provider: IdentityProvider,
    groups: Groups,
    organizations: Organizations,
    town: Town,
    claim: str,
    shape: Callable[[list[str]], dict[str, object]],
) -> None:
    assert town.acme
    sso = make(claim)
    await groups.add("acme", GroupSource.OIDC, "devs", Role.EDITOR)
    provider.changes = shape(["devs", "hub-admins"])
    assert (await sign_in(sso, provider)).is_admin
    assert await role_of(organizations) == "editor"
    provider.changes = shape(["others"])
    assert not (await sign_in(sso, provider)).is_admin
    assert await role_of(organizations) == ""


async def test_groups_that_only_userinfo_has_are_asked_for_there(
    make: Make,
    provider: IdentityProvider,
    groups: Groups,
    organizations: Organizations,
    town: Town,
) -> None:
    assert town.acme
    await groups.add("acme", GroupSource.OIDC, "devs", Role.EDITOR)
    provider.discovery = {"userinfo_endpoint": f"{provider.url}/userinfo"}
    provider.userinfo = {"sub": "another", "groups": ["devs"]}
    with pytest.raises(BadCredentials, match="two different users"):
        await sign_in(make(), provider)
    provider.userinfo = {"sub": "subject-1", "groups": ["devs"]}
    made = await sign_in(make(), provider)
    assert (made.name, made.full_name) == ("carol-c", "Carol C")
    assert await role_of(organizations) == "editor"
    # Without the setting nobody asks, and nothing that groups gave is touched.
    provider.asked = []
    await sign_in(make(None), provider)
    assert "/userinfo" not in provider.asked
    assert await role_of(organizations) == "editor"


@pytest.mark.parametrize("value", [None, "", 7, {"devs": True}, [7, None, "", "x" * 501, "a\0b"]])
async def test_claims_that_are_no_groups_give_nothing(
    make: Make, provider: IdentityProvider, groups: Groups, town: Town, value: object
) -> None:
    mapping = await groups.add("acme", GroupSource.OIDC, "devs", Role.EDITOR)
    provider.changes = {"groups": value}
    await sign_in(make(), provider)
    assert (await groups.list_of("acme", town.actors["owner"]))[0].holders == 0
    assert mapping.holders == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://x"}}},
        {"groups": [f"g{number}" for number in range(1001)]},
    ],
)
async def test_groups_that_were_left_out_are_an_error_and_take_nothing_away(
    make: Make,
    provider: IdentityProvider,
    groups: Groups,
    organizations: Organizations,
    town: Town,
    changes: dict[str, object],
) -> None:
    assert town.acme
    await groups.add("acme", GroupSource.OIDC, "devs", Role.EDITOR)
    provider.changes = {"groups": "devs"}
    await sign_in(make(), provider)
    provider.changes = changes
    with pytest.raises(Denied, match="more groups than the provider sends"):
        await sign_in(make(), provider)
    assert await role_of(organizations) == "editor"


async def test_nobody_gets_an_account_who_is_in_no_group_that_may_sign_in(
    make: Make, provider: IdentityProvider, accounts: Accounts
) -> None:
    sso = make(sign_in=("staff",))
    provider.changes = {"groups": ["devs", "hub-admins"]}
    with pytest.raises(Denied, match="none of your groups"):
        await sign_in(sso, provider)
    assert await accounts.list_all() == []
    provider.changes = {"groups": ["staff", "hub-admins"]}
    assert (await sign_in(sso, provider)).is_admin
    provider.changes = {"groups": ["hub-admins"]}
    with pytest.raises(Denied, match="none of your groups"):
        await sign_in(sso, provider)
    assert not (await accounts.get("carol-c")).is_admin


async def test_a_link_brings_the_groups_and_its_end_takes_them(
    make: Make,
    provider: IdentityProvider,
    accounts: Accounts,
    groups: Groups,
    organizations: Organizations,
    town: Town,
) -> None:
    assert town.acme
    sso, alice = make(), await accounts.add("alice", "password")
    await groups.add("acme", GroupSource.OIDC, "devs", Role.EDITOR)
    provider.changes = {"groups": ["devs"]}
    url, kept = await sso.begin_link(alice, "password", BACK, "session", actor_of(alice))
    returned = Returned(*provider.authorize(url))
    await sso.link(alice, await sso.read(kept, returned), returned, "session", actor_of(alice))
    assert await role_of(organizations, "alice") == "editor"
    await sso.unlink(alice, "password", actor_of(alice))
    assert await role_of(organizations, "alice") == ""
