"""A provider of identities that means harm: it is read within bounds, and leads nowhere else."""

import gzip
import json
import resource
from collections.abc import Iterator
from contextlib import suppress

import pytest

from entrepot.errors import BadCredentials, Conflict, Denied, EntrepotError, Unavailable
from entrepot.hub.events.webhook_urls import WebhookUrls
from entrepot.hub.identity import provider_client
from entrepot.hub.identity.oidc import Provider, ProviderSettings
from entrepot.hub.identity.passwords import Passwords
from entrepot.hub.identity.registry_tokens import RegistryTokens
from entrepot.hub.identity.single_sign_on import Returned, SingleSignOn
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import ANONYMOUS, Actor
from entrepot.hub.people.groups import Groups
from entrepot.metadata.engines.engine import Metadata
from tests.metadata.clocks import START, MovableClock
from tests.support.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    IdentityProvider,
    Raw,
    serving,
)

BACK = "https://hub.example.org/sign-in/oidc/callback"
FROM = Actor(ANONYMOUS, "192.0.2.9", "r")
MEBIBYTE = 1024 * 1024
JSON = (("content-type", "application/json"),)
GZIP = (("content-encoding", "gzip"),)
ALL = ("/.well-known/openid-configuration", "/token", "/keys", "/userinfo")


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    """A provider that asks to be asked for its profile too."""
    with serving(START.timestamp()) as running:
        running.profile = {}
        running.discovery = {"userinfo_endpoint": f"{running.url}/userinfo"}
        running.userinfo = {"sub": "subject-1", "preferred_username": "carol"}
        yield running


@pytest.fixture
def bystander() -> Iterator[IdentityProvider]:
    """A server of the operator's network that is none of the provider's business."""
    with serving(START.timestamp()) as running:
        yield running


@pytest.fixture
def sso(
    provider: IdentityProvider,
    metadata: Metadata,
    accounts: Accounts,
    passwords: Passwords,
    registry_tokens: RegistryTokens,
    groups: Groups,
    clock: MovableClock,
) -> SingleSignOn:
    """Single sign-on with that provider."""
    settings = ProviderSettings(provider.url, CLIENT_ID, CLIENT_SECRET)
    oidc = Provider(settings, clock, WebhookUrls())
    return SingleSignOn(
        metadata,
        accounts,
        passwords,
        oidc,
        registry_tokens,
        groups,
        name="Ours",
        may_sign_up=True,
        now=clock,
    )


async def sign_in(sso: SingleSignOn, provider: IdentityProvider) -> str:
    """The name of whoever signs in."""
    url, kept = await sso.begin(BACK)
    returned = Returned(*provider.authorize(url))
    return (await sso.finish(await sso.read(kept, returned), returned, FROM)).name


async def test_the_provider_works_where_it_means_no_harm(
    sso: SingleSignOn, provider: IdentityProvider
) -> None:
    assert await sign_in(sso, provider) == "carol"
    assert set(provider.asked) == set(ALL)


HARM = {
    "endless": Raw(headers=JSON, body=b" " * 65536, times=10_000),
    "packed": Raw(headers=(*JSON, *GZIP), body=gzip.compress(b" " * 64 * MEBIBYTE)),
    "nested": Raw(headers=JSON, body=b"[" * 500_000),
    "nested in an object": Raw(headers=JSON, body=b'{"a":' * 100_000),
    "a number without end": Raw(headers=JSON, body=b'{"a":' + b"9" * 900_000 + b"}"),
    "no object": Raw(headers=JSON, body=b"[]"),
    "no JSON": Raw(headers=JSON, body=b"\xff\xfe"),
    "nothing": Raw(status=204),
    "no HTTP": Raw(headers=(("content-length", "x"),), body=b"{}"),
}


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize("harm", HARM)
async def test_a_harmful_answer_is_refused_and_costs_little(
    sso: SingleSignOn,
    provider: IdentityProvider,
    accounts: Accounts,
    path: str,
    harm: str,
) -> None:
    provider.raw = {path: HARM[harm]}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((Unavailable, BadCredentials)):
        await sign_in(sso, provider)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < 48 * MEBIBYTE
    assert await accounts.list_all() == []


@pytest.mark.parametrize("path", ALL)
async def test_an_answer_that_never_ends_is_given_up(
    sso: SingleSignOn, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(provider_client, "TIMEOUT", 0.5)
    provider.raw = {path: Raw(headers=JSON, body=b" ", times=100, pause=0.05)}
    with pytest.raises((Unavailable, BadCredentials)):
        await sign_in(sso, provider)


@pytest.mark.parametrize("path", ALL)
async def test_a_redirect_to_somewhere_else_is_not_followed(
    sso: SingleSignOn, provider: IdentityProvider, bystander: IdentityProvider, path: str
) -> None:
    for status in (301, 302, 307, 308):
        provider.raw = {path: Raw(status=status, headers=(("location", bystander.url + path),))}
        with pytest.raises((Unavailable, BadCredentials)):
            await sign_in(sso, provider)
    assert bystander.asked == []


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"])  # noqa: S104
async def test_an_endpoint_at_a_private_address_is_not_asked(
    sso: SingleSignOn,
    provider: IdentityProvider,
    bystander: IdentityProvider,
    name: str,
    host: str,
) -> None:
    path = {"token_endpoint": "/token", "jwks_uri": "/keys", "userinfo_endpoint": "/userinfo"}[name]
    port = bystander.url.rpartition(":")[2]
    provider.discovery = {**provider.discovery, name: f"http://{host}:{port}{path}"}
    with pytest.raises((Unavailable, BadCredentials)):
        await sign_in(sso, provider)
    assert bystander.asked == []


@pytest.mark.parametrize("url", ["http://169.254.169.254/x", "file:///etc/passwd", "http://[", "x"])
async def test_an_endpoint_that_is_no_address_of_the_internet_is_refused(
    sso: SingleSignOn, provider: IdentityProvider, url: str
) -> None:
    provider.discovery = {**provider.discovery, "jwks_uri": url}
    with pytest.raises((Unavailable, BadCredentials)):
        await sign_in(sso, provider)


@pytest.mark.parametrize(
    "token",
    [
        "eyJhbGciOiJub25lIn0.e30.",
        "eyJhbGciOiJOb25lIn0.e30.AAAA",
        "." + "W" * 60_000 + ".",
        json.dumps([[]] * 10),
        "\ud800",
    ],
)
async def test_a_token_that_proves_nothing_is_refused(
    sso: SingleSignOn, provider: IdentityProvider, token: str
) -> None:
    body = json.dumps({"id_token": token, "access_token": "access"}).encode()
    provider.raw = {"/token": Raw(headers=JSON, body=body)}
    with pytest.raises(BadCredentials):
        await sign_in(sso, provider)


async def test_keys_without_number_are_refused(
    sso: SingleSignOn, provider: IdentityProvider
) -> None:
    keys = [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": str(number)} for number in range(5000)]
    provider.raw = {"/keys": Raw(headers=JSON, body=json.dumps({"keys": keys}).encode())}
    with pytest.raises(EntrepotError):
        await sign_in(sso, provider)


async def test_a_public_key_is_no_shared_secret(
    sso: SingleSignOn, provider: IdentityProvider
) -> None:
    from joserfc.jwk import OctKey

    public = json.dumps(provider.keys[0].as_dict(private=False)).encode()
    provider.signing_key = OctKey.import_key(public)
    for kid in ("rsa", None):
        provider.header = {"alg": "HS256"} if kid is None else {"alg": "HS256", "kid": kid}
        with pytest.raises(BadCredentials, match="not signed"):
            await sign_in(sso, provider)


async def test_a_provider_that_is_away_is_not_asked_by_everybody(
    sso: SingleSignOn, provider: IdentityProvider
) -> None:
    provider.raw = {ALL[0]: Raw(status=500, headers=JSON, body=b"{}")}
    for _ in range(20):
        with pytest.raises(Unavailable):
            await sso.begin(BACK)
    assert len(provider.asked) == 1


@pytest.mark.parametrize("verified", [False, None, "false", "yes", 1])
async def test_an_address_that_is_not_verified_is_not_kept_and_makes_no_name(
    sso: SingleSignOn, provider: IdentityProvider, accounts: Accounts, verified: object
) -> None:
    provider.discovery = {}
    provider.profile = {"email": "carol@example.org", "email_verified": verified}
    with pytest.raises(Denied):
        await sign_in(sso, provider)
    provider.profile = {**provider.profile, "preferred_username": "carol"}
    assert await sign_in(sso, provider) == "carol"
    assert (await accounts.get("carol")).email == ""


async def test_somebody_else_at_the_provider_is_somebody_else_here(
    sso: SingleSignOn, provider: IdentityProvider
) -> None:
    await sign_in(sso, provider)
    provider.subject = provider.userinfo["sub"] = "subject-2"
    with pytest.raises(Conflict):
        await sign_in(sso, provider)


@pytest.mark.parametrize("claim", ["sub", "nonce", "preferred_username", "email"])
async def test_text_that_is_no_text_is_refused_and_breaks_nothing(
    sso: SingleSignOn, provider: IdentityProvider, claim: str
) -> None:
    provider.changes = {claim: "carol\ud800"}
    with suppress(BadCredentials, Denied):
        await sign_in(sso, provider)


@pytest.mark.parametrize(
    ("said", "promised", "is_good"),
    [
        (None, False, True),
        (None, True, False),
        ("https://evil.example.org", False, False),
        ("", False, False),
        ("own", False, True),
        ("own", True, True),
    ],
)
async def test_an_answer_says_of_which_provider_it_is(
    sso: SingleSignOn,
    provider: IdentityProvider,
    *,
    said: str | None,
    promised: bool,
    is_good: bool,
) -> None:
    provider.discovery = {
        **provider.discovery,
        "authorization_response_iss_parameter_supported": promised,
    }
    provider.asked = []
    url, kept = await sso.begin(BACK)
    code, state = provider.authorize(url)
    returned = Returned(code, state, provider.url if said == "own" else said)
    if is_good:
        await sso.finish(await sso.read(kept, returned), returned, FROM)
        return
    with pytest.raises(BadCredentials, match="another provider"):
        await sso.finish(await sso.read(kept, returned), returned, FROM)
    assert "/token" not in provider.asked
