"""Single sign-on: over HTTP with a provider that behaves, and with one that does not."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from entrepot.errors import BadCredentials, Conflict, Denied, Unavailable
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.events.webhook_urls import WebhookUrls
from entrepot.hub.identity.oidc import Provider, ProviderSettings
from entrepot.hub.identity.passwords import Passwords
from entrepot.hub.identity.registry_tokens import RegistryTokens
from entrepot.hub.identity.single_sign_on import LIFETIME, Returned, SingleSignOn, name_from
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import ANONYMOUS, OPERATOR, Actor, actor_of
from entrepot.hub.people.groups import Groups
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.audit import AuditQuery
from entrepot.model.people.accounts import Account
from tests.metadata.clocks import START, MovableClock
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, serving

BACK = "https://hub.example.org/sign-in/oidc/callback"
FROM = Actor(ANONYMOUS, "192.0.2.9", "r")


@pytest.fixture(scope="module")
def server() -> Iterator[IdentityProvider]:
    """A provider whose clock stands where the tests' begins."""
    with serving(START.timestamp()) as running:
        yield running


@pytest.fixture
def provider(server: IdentityProvider) -> Iterator[IdentityProvider]:
    """The provider, which behaves until it is told otherwise; afterwards it does again."""
    kept = dict(vars(server))
    yield server
    vars(server).update(kept)


@pytest.fixture
def make(
    provider: IdentityProvider,
    metadata: Metadata,
    accounts: Accounts,
    passwords: Passwords,
    registry_tokens: RegistryTokens,
    groups: Groups,
    clock: MovableClock,
) -> "Make":
    """Makes single sign-on by different settings."""
    return Make(provider, metadata, accounts, passwords, registry_tokens, groups, clock)


class Make:
    """Single sign-on with the provider."""

    def __init__(
        self,
        provider: IdentityProvider,
        metadata: Metadata,
        accounts: Accounts,
        passwords: Passwords,
        registry_tokens: RegistryTokens,
        groups: Groups,
        clock: MovableClock,
    ) -> None:
        self._provider = provider
        self._parts = (metadata, accounts, passwords)
        self._keys = registry_tokens
        self._groups = groups
        self._clock = clock

    def __call__(
        self,
        *,
        may_sign_up: bool = True,
        issuer: str | None = None,
        targets: WebhookUrls | None = None,
    ) -> SingleSignOn:
        """Single sign-on that makes accounts or not."""
        settings = ProviderSettings(issuer or self._provider.url, CLIENT_ID, CLIENT_SECRET)
        return SingleSignOn(
            *self._parts,
            Provider(settings, self._clock, targets),
            self._keys,
            self._groups,
            name="Ours",
            may_sign_up=may_sign_up,
            now=self._clock,
        )


@pytest.fixture
def sso(make: Make) -> SingleSignOn:
    """Single sign-on that makes accounts."""
    return make()


async def sign_in(sso: SingleSignOn, provider: IdentityProvider) -> Account:
    """What becomes of a browser that is sent to the provider and comes back."""
    url, kept = await sso.begin(BACK)
    assert url.startswith(f"{provider.url}/authorize?tenant=1&")
    return await finish(sso, kept, Returned(*provider.authorize(url)))


async def finish(sso: SingleSignOn, kept: str, returned: Returned) -> Account:
    """What becomes of a browser that comes back with that."""
    return await sso.finish(await sso.read(kept, returned), returned, FROM)


async def test_somebody_new_gets_an_account_and_somebody_known_gets_theirs(
    sso: SingleSignOn, provider: IdentityProvider, accounts: Accounts
) -> None:
    made = await sign_in(sso, provider)
    assert (made.name, made.is_admin) == ("carol-c", False)
    assert (await accounts.get("carol-c")).full_name == "Carol C"
    provider.profile = {"preferred_username": "somebody-else"}
    assert (await sign_in(sso, provider)).id == made.id
    provider.subject = "subject-2"
    assert (await sign_in(sso, provider)).name == "somebody-else"


async def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(
    sso: SingleSignOn, provider: IdentityProvider
) -> None:
    provider.takes_basic = False
    assert (await sign_in(sso, provider)).name == "carol-c"


async def test_a_provider_that_tells_only_when_asked_is_asked(
    sso: SingleSignOn, provider: IdentityProvider
) -> None:
    provider.profile = {"email": "dora@example.org", "email_verified": True}
    provider.discovery = {"userinfo_endpoint": f"{provider.url}/userinfo"}
    provider.userinfo = {"sub": "another", "nickname": "dora"}
    with pytest.raises(BadCredentials, match="two different users"):
        await sign_in(sso, provider)
    provider.userinfo = {"sub": "subject-1", "nickname": "dora", "name": "Dora D"}
    made = await sign_in(sso, provider)
    assert (made.name, made.full_name, made.email) == ("dora", "Dora D", "dora@example.org")


async def test_nobody_gets_an_account_where_the_setting_says_so(
    make: Make, provider: IdentityProvider, accounts: Accounts
) -> None:
    with pytest.raises(Denied):
        await sign_in(make(may_sign_up=False), provider)
    assert await accounts.list_all() == []


@pytest.mark.parametrize("name", ["carol-c", "Carol.C", "CAROL C"])
async def test_an_account_is_not_taken_over_by_its_name_or_address(
    sso: SingleSignOn, provider: IdentityProvider, accounts: Accounts, name: str
) -> None:
    carol = await accounts.add("carol-c", "the password")
    await accounts.set_profile(carol, "", "carol@example.org", OPERATOR)
    provider.profile = {"preferred_username": name, "email": "carol@example.org"}
    with pytest.raises(Conflict):
        await sign_in(sso, provider)


async def test_whoever_owns_an_account_links_it_once(
    make: Make, provider: IdentityProvider, accounts: Accounts, audit_log: AuditLog
) -> None:
    sso = make(may_sign_up=False)
    alice, bob = await accounts.add("alice", "password"), await accounts.add("bob", "password")

    async def link(account: Account, by: Actor) -> None:
        url, kept = await sso.begin_link(account, "password", BACK, "session", by)
        returned = Returned(*provider.authorize(url))
        await sso.link(account, await sso.read(kept, returned), returned, "session", by)

    with pytest.raises(Denied):
        await link(alice, actor_of(bob))
    await link(alice, actor_of(alice))
    assert await sso.is_linked(alice)
    assert (await sign_in(sso, provider)).id == alice.id
    with pytest.raises(Conflict):
        await link(bob, actor_of(bob))
    await accounts.disable("alice")
    with pytest.raises(BadCredentials):
        await sign_in(sso, provider)
    await accounts.enable("alice")
    with pytest.raises(BadCredentials):
        await sso.unlink(alice, "a guess", actor_of(alice))
    await sso.unlink(alice, "password", actor_of(alice))
    with pytest.raises(Denied):
        await sign_in(sso, provider)
    rows = (await audit_log.list_all(OPERATOR, AuditQuery(action="account.link"))).rows
    assert [row.actor for row in rows] == ["alice", "alice"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nonce": "another"}, "wrong nonce"),
        ({"nonce": None}, "wrong nonce"),
        ({"iss": "https://evil.example.org"}, "another provider"),
        ({"iss": None}, "another provider"),
        ({"aud": "another-client"}, "another client"),
        ({"aud": None}, "another client"),
        ({"aud": []}, "another client"),
        ({"aud": [CLIENT_ID, "other"]}, "no audience"),
        ({"aud": [CLIENT_ID, "other"], "azp": "other"}, "another client"),
        ({"exp": START.timestamp() - 60}, "expired"),
        ({"exp": None}, "no validity period"),
        ({"exp": "tomorrow"}, "no validity period"),
        ({"exp": 1e300}, "no validity period"),
        ({"iat": START.timestamp() + 120}, "expired"),
        ({"iat": None}, "no validity period"),
        ({"sub": ""}, "no subject"),
        ({"sub": None}, "no subject"),
        ({"sub": "x" * 256}, "no subject"),
        ({"sub": "a\0b"}, "no subject"),
    ],
)
async def test_claims_that_are_not_as_they_should_be_are_not_believed(
    sso: SingleSignOn,
    provider: IdentityProvider,
    accounts: Accounts,
    changes: dict[str, object],
    reason: str,
) -> None:
    provider.changes = changes
    with pytest.raises(BadCredentials, match=reason):
        await sign_in(sso, provider)
    assert await accounts.list_all() == []


async def test_several_audiences_are_good_where_we_are_the_party(
    sso: SingleSignOn, provider: IdentityProvider
) -> None:
    provider.changes = {"aud": ["other", CLIENT_ID], "azp": CLIENT_ID}
    assert (await sign_in(sso, provider)).name == "carol-c"


async def test_only_the_providers_own_keys_sign(
    sso: SingleSignOn, provider: IdentityProvider
) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "rsa"})
    attempts: list[tuple[RSAKey | OctKey, dict[str, object]]] = [
        (stranger, {"alg": "RS256", "kid": "rsa"}),
        (stranger, {"alg": "RS256", "kid": "unknown"}),
        (stranger, {"alg": "RS256", "kid": "rsa", "jwk": stranger.as_dict(private=False)}),
        (OctKey.generate_key(256), {"alg": "HS256", "kid": "rsa"}),
    ]
    for key, header in attempts:
        provider.signing_key, provider.header = key, header
        with pytest.raises(BadCredentials, match="not signed"):
            await sign_in(sso, provider)


async def test_a_token_that_nobody_signed_is_refused(
    sso: SingleSignOn, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for token in ("eyJhbGciOiJub25lIn0.e30.", "x", "", "a.b.c", 7, "x" * 70_000):
        monkeypatch.setattr(provider, "_id_token", lambda _, text=token: text)
        with pytest.raises(BadCredentials):
            await sign_in(sso, provider)


async def test_a_key_that_the_provider_made_since_is_asked_for(
    sso: SingleSignOn, provider: IdentityProvider, clock: MovableClock
) -> None:
    await sign_in(sso, provider)
    provider.asked = []
    await sign_in(sso, provider)
    assert provider.asked == ["/token"]
    new = ECKey.generate_key("P-256", {"kid": "new"})
    provider.keys, provider.signing_key = [*provider.keys, new], new
    provider.header = {"alg": "ES256", "kid": "new"}
    with pytest.raises(BadCredentials):
        await sign_in(sso, provider)
    clock.advance(timedelta(minutes=1))
    await sign_in(sso, provider)
    assert provider.asked.count("/keys") == 1


async def test_an_answer_to_another_attempt_is_refused(
    sso: SingleSignOn, provider: IdentityProvider, clock: MovableClock
) -> None:
    url, kept = await sso.begin(BACK)
    code, state = provider.authorize(url)
    _, other = await sso.begin(BACK)
    text, _, mark = kept.partition(".")
    plain = base64.urlsafe_b64encode(json.dumps([state, "n", "v", BACK, "/", 9**18]).encode())
    forged = (f"{plain.decode()}.{mark}", plain.decode(), f"{text}.", f"{text}.\ud800")
    for wrong_kept in (other, "", ".", "{}", "[]", json.dumps({"state": state}), *forged):
        with pytest.raises(BadCredentials):
            await finish(sso, wrong_kept, Returned(code, state))
    for wrong in ("", state + "x", "\N{SNOWMAN}", "\ud800"):
        with pytest.raises(BadCredentials):
            await finish(sso, kept, Returned(code, wrong))
    await finish(sso, kept, Returned(code, state))
    url, kept = await sso.begin(BACK)
    returned = Returned(*provider.authorize(url))
    clock.advance(LIFETIME)
    with pytest.raises(BadCredentials, match="too long"):
        await finish(sso, kept, returned)


async def test_an_answer_is_taken_once_whatever_the_provider_thinks_of_its_codes(
    sso: SingleSignOn, provider: IdentityProvider
) -> None:
    provider.codes_are_used_up = False
    url, kept = await sso.begin(BACK)
    returned = Returned(*provider.authorize(url))
    await finish(sso, kept, returned)
    with pytest.raises(BadCredentials, match="already used"):
        await finish(sso, kept, returned)


async def test_a_stolen_code_is_worth_nothing_without_the_verifier(
    sso: SingleSignOn, provider: IdentityProvider
) -> None:
    victim, _ = await sso.begin(BACK)
    stolen, _ = provider.authorize(victim)
    url, kept = await sso.begin(BACK)
    _, state = provider.authorize(url)
    with pytest.raises(BadCredentials, match="did not accept"):
        await finish(sso, kept, Returned(stolen, state))


async def test_what_began_for_one_purpose_ends_in_no_other(
    sso: SingleSignOn, provider: IdentityProvider, accounts: Accounts
) -> None:
    alice, bob = await accounts.add("alice", "password"), await accounts.add("bob", "password")
    with pytest.raises(BadCredentials):
        await sso.begin_link(alice, "a guess", BACK, "session", actor_of(alice))
    url, kept = await sso.begin(BACK)
    returned = Returned(*provider.authorize(url))
    with pytest.raises(BadCredentials, match="another account"):
        await sso.link(alice, await sso.read(kept, returned), returned, "session", actor_of(alice))
    url, kept = await sso.begin_link(alice, "password", BACK, "session", actor_of(alice))
    returned = Returned(*provider.authorize(url))
    attempt = await sso.read(kept, returned)
    with pytest.raises(BadCredentials, match="another sign-in attempt"):
        await sso.finish(attempt, returned, FROM)
    for account, session in ((alice, "another session"), (bob, "session")):
        with pytest.raises(BadCredentials, match="another account or browser"):
            await sso.link(account, attempt, returned, session, actor_of(account))
    await sso.link(alice, attempt, returned, "session", actor_of(alice))


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://another.example.org"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_a_provider_that_is_not_what_it_should_be_is_not_used(
    sso: SingleSignOn, provider: IdentityProvider, discovery: dict[str, object]
) -> None:
    provider.discovery = discovery
    with pytest.raises(Unavailable):
        await sso.begin(BACK)


async def test_a_provider_that_does_not_answer_is_said_to_be_away(make: Make) -> None:
    for issuer in ("http://127.0.0.1:1", "http://[", "http://nowhere.invalid"):
        with pytest.raises(Unavailable):
            await make(issuer=issuer).begin(BACK)


@pytest.mark.parametrize(
    ("text", "name"),
    [("Carol.C", "carol-c"), ("a  b", "a-b"), ("x" * 80, "x" * 64), ("-a-", "a"), ("a@b", "a-b")],
)
def test_a_name_is_made_of_what_the_provider_says(text: str, name: str) -> None:
    assert name_from(text) == name


@pytest.mark.parametrize("text", ["", "...", "admin", "Explore", "\N{SNOWMAN}"])
def test_what_cannot_be_a_name_makes_no_account(text: str) -> None:
    with pytest.raises(Denied):
        name_from(text)
