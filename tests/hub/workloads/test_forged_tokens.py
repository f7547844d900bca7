"""Forged ID tokens: none is believed, none is a failure of ours, and no address in one is asked."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from entrepot.errors import BadCredentials
from entrepot.hub.workloads.id_tokens import IdTokens, looks_like_id_token
from entrepot.hub.workloads.issuers import Issuers
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.people.workloads import IssuerKind
from tests.metadata.clocks import START, MovableClock
from tests.support.identity_provider import IdentityProvider, serving
from tests.support.job_tokens import AUDIENCE, GITHUB, claims_of, encode, job_token, sign

NOW = START.timestamp()
OWN = RSAKey.generate_key(2048, {"kid": "rsa"})
"""A key of the forger's, which calls itself as the issuer's does."""
EVIL = "http://127.0.0.1:9/evil"


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub that trusts one issuer, which counts what it is asked."""

    provider: IdentityProvider
    id_tokens: IdTokens
    issuers: Issuers


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    """An issuer whose clock stands still."""
    with serving(NOW) as running:
        yield running


@pytest.fixture
async def hub(metadata: Metadata, clock: MovableClock, provider: IdentityProvider) -> Hub:
    """A hub where the issuer is registered."""
    provider.asked.clear()
    id_tokens = IdTokens(metadata.reader, clock, (AUDIENCE,))
    issuers = Issuers(metadata, id_tokens, clock, has_audience=True)
    await issuers.add("ci", provider.url, IssuerKind.GITHUB, allows_private=True)
    return Hub(provider, id_tokens, issuers)


def changed(**changes: object) -> Callable[[IdentityProvider], str]:
    """A token that the issuer signs, with other claims."""
    return lambda provider: job_token(provider, NOW, GITHUB, **changes)


def headed(key: RSAKey | ECKey | OctKey | None = None, **header: object) -> Callable[..., str]:
    """A token with another head, by the issuer's key or another."""
    return lambda provider: sign(claims_of(provider, NOW), key or provider.signing_key, **header)


def raw(payload: bytes) -> Callable[[IdentityProvider], str]:
    """A token that the issuer signs, of these bytes."""
    return lambda provider: sign(payload, provider.signing_key)


def unsigned(algorithm: str, signature: bytes = b"") -> Callable[[IdentityProvider], str]:
    """A token with the algorithm `none`, however it is written."""

    def forge(provider: IdentityProvider) -> str:
        head = encode({"alg": algorithm, "kid": "rsa", "typ": "JWT"})
        return f"{head}.{encode(claims_of(provider, NOW))}.{encode(signature)}"

    return forge


def by_public_key(form: str) -> Callable[[IdentityProvider], str]:
    """A token by HS256, whose secret is the issuer's public key."""

    def forge(provider: IdentityProvider) -> str:
        key = provider.keys[0]
        secret = (
            key.as_pem(private=False)
            if form == "pem"
            else json.dumps(key.as_dict(private=False)).encode()
        )
        text = f"{encode({'alg': 'HS256', 'kid': 'rsa'})}.{encode(claims_of(provider, NOW))}"
        mark = hmac.new(secret, text.encode(), hashlib.sha256).digest()
        return f"{text}.{encode(mark)}"

    return forge


def twice(name: str, first: object) -> Callable[[IdentityProvider], str]:
    """A token whose payload has a claim twice: readers differ about which one counts."""

    def forge(provider: IdentityProvider) -> str:
        text = json.dumps(claims_of(provider, NOW))
        return sign(f'{{"{name}": {json.dumps(first)}, {text[1:]}'.encode(), provider.signing_key)

    return forge


def cut(part: int) -> Callable[[IdentityProvider], str]:
    """A good token with one part of another."""

    def forge(provider: IdentityProvider) -> str:
        parts = job_token(provider, NOW).split(".")
        parts[part] = job_token(provider, NOW, repository_id="666").split(".")[part]
        return ".".join(parts)

    return forge


FORGED: dict[str, Callable[[IdentityProvider], str]] = {
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg nOnE": unsigned("nOnE"),
    "alg none with a signature": unsigned("none", b"x" * 256),
    "no alg": unsigned(""),
    "HS256 with the public key in PEM": by_public_key("pem"),
    "HS256 with the public key as a JWK": by_public_key("jwk"),
    "HS256 with a secret": headed(OctKey.import_key("secret" * 8), alg="HS256"),
    "HS512 with a secret": headed(OctKey.import_key("secret" * 16), alg="HS512"),
    "another RSA key": headed(OWN),
    "another RSA key with jwk": headed(OWN, jwk=OWN.as_dict(private=False)),
    "another RSA key with jku": headed(OWN, jku=EVIL),
    "another RSA key with x5u": headed(OWN, x5u=EVIL),
    "another RSA key with x5c": headed(OWN, x5c=["AAAA"]),
    "another RSA key without kid": headed(OWN, kid=None),
    "another RSA key, jwk without kid": headed(OWN, kid=None, jwk=OWN.as_dict(private=False)),
    "an EC key of one's own": headed(ECKey.generate_key("P-256"), alg="ES256"),
    "an EC key called as the RSA key": headed(ECKey.generate_key("P-256"), alg="ES256", kid="rsa"),
    "kid of a path": headed(OWN, kid="../../../../dev/null"),
    "kid of a URL": headed(OWN, kid=EVIL),
    "kid of SQL": headed(OWN, kid="rsa' OR '1'='1"),
    "kid of NUL": headed(OWN, kid="rsa\0"),
    "crit": headed(crit=["exp"], exp=1),
    "crit b64": headed(crit=["b64"], b64=True),
    "RS384": headed(alg="RS384"),
    "RS512": headed(alg="RS512"),
    "the payload of another": cut(1),
    "the signature of another": cut(2),
    "no signature": lambda provider: job_token(provider, NOW).rpartition(".")[0] + ".",
    "aud of another": changed(aud="sts.amazonaws.com"),
    "aud list of others": changed(aud=["sts.amazonaws.com", "http://hub.test.evil"]),
    "aud with another host behind": changed(aud="http://hub.test@evil.example"),
    "aud in capitals": changed(aud="HTTP://HUB.TEST"),
    "aud of a number": changed(aud=7),
    "aud of an object": changed(aud={"http://hub.test": True}),
    "aud list with a number": changed(aud=["http://hub.test", 7]),
    "aud empty": changed(aud=[]),
    "aud missing": changed(aud=None),
    "iss with a slash behind": lambda provider: job_token(provider, NOW, iss=provider.url + "/"),
    "iss in capitals": lambda provider: job_token(provider, NOW, iss=provider.url.upper()),
    "iss of another": changed(iss="https://token.actions.githubusercontent.com"),
    "iss of a list": lambda provider: job_token(provider, NOW, iss=[provider.url]),
    "iss missing": changed(iss=None),
    "exp missing": changed(exp=None),
    "exp over": changed(exp=NOW - 61),
    "exp a text": changed(exp="9999999999"),
    "exp true": changed(exp=True),
    "exp negative": changed(exp=-1),
    "exp past every calendar": changed(exp=10**18),
    "exp past 64 bits": changed(exp=2**70),
    "exp infinite": lambda provider: sign(
        json.dumps(claims_of(provider, NOW, exp=0)).replace('"exp": 0', '"exp": 1e999').encode(),
        provider.signing_key,
    ),
    "nbf in the future": changed(nbf=NOW + 3600),
    "nbf a text": changed(nbf="soon"),
    "iat in the future": changed(iat=NOW + 3600),
    "iat two days ago": changed(iat=NOW - 48 * 3600),
    "sub missing": changed(sub=None),
    "sub empty": changed(sub=""),
    "sub a list": changed(sub=["repo:octo/app"]),
    "sub too long": changed(sub="x" * 1025),
    "sub of half a surrogate pair": changed(sub="\ud800"),
    "aud twice": twice("aud", "sts.amazonaws.com"),
    "repository_id twice": twice("repository_id", "666"),
    "nested a thousand levels": raw(b'{"a":' * 1000 + b"1" + b"}" * 1000),
    "a list": raw(b"[1, 2]"),
    "a text": raw(b'"ey"'),
    "not UTF-8": raw(b'{"iss": "\xff"}'),
    "NaN": raw(b'{"exp": NaN}'),
    "thousands of claims": raw(json.dumps({f"c{n}": n for n in range(1100)}).encode()),
    "a megabyte": raw(b'{"a": "' + b"x" * 1_000_000 + b'"}'),
    "seventeen kilobytes": changed(padding="x" * 17_000),
}


def test_there_are_at_least_fifty_forgeries() -> None:
    assert len(FORGED) >= 50


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_token_is_refused_and_leads_nowhere(hub: Hub, name: str) -> None:
    forged = FORGED[name](hub.provider)
    with pytest.raises(BadCredentials) as refused:
        await hub.id_tokens.read(forged)
    assert refused.value.message
    # The issuer is asked for what it publishes at most once, and nobody else for anything.
    assert len(hub.provider.asked) <= 2
    assert set(hub.provider.asked) <= {"/.well-known/openid-configuration", "/keys"}


async def test_the_token_that_forgeries_are_made_of_is_good(hub: Hub) -> None:
    token = await hub.id_tokens.read(job_token(hub.provider, NOW))
    assert (token.issuer.name, token.subject) == ("ci", token.claims["sub"])
    for audience in (AUDIENCE, [AUDIENCE], ["sts.amazonaws.com", AUDIENCE]):
        await hub.id_tokens.read(job_token(hub.provider, NOW, aud=audience))
    # A minute of difference between clocks is none.
    await hub.id_tokens.read(job_token(hub.provider, NOW, exp=NOW - 59, nbf=NOW + 59, iat=NOW + 59))


async def test_every_algorithm_of_an_issuer_is_read_without_a_kid_too(hub: Hub) -> None:
    key = ECKey.generate_key("P-384", {"kid": "ec"})
    hub.provider.keys = [hub.provider.keys[0], key]
    try:
        await hub.id_tokens.read(sign(claims_of(hub.provider, NOW), key, alg="ES384", kid="ec"))
        await hub.id_tokens.read(sign(claims_of(hub.provider, NOW), key, alg="ES384", kid=None))
    finally:
        hub.provider.keys = hub.provider.keys[:1]


async def test_strangers_do_not_learn_which_issuers_there_are(hub: Hub) -> None:
    told = set()
    for name in ("another RSA key", "iss of another", "alg none", "kid of a path"):
        with pytest.raises(BadCredentials) as refused:
            await hub.id_tokens.read(FORGED[name](hub.provider))
        told.add(refused.value.message)
    assert told == {"this ID token is not signed by an issuer that this hub trusts"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("aud of another", "another audience"),
        ("exp over", "expired at"),
        ("exp missing", "no valid expiry"),
        ("nbf in the future", "not valid yet"),
        ("iat two days ago", "24 hours ago"),
        ("sub missing", "no subject"),
        ("aud twice", "not valid JSON"),
        ("a megabyte", "at most 16384 characters"),
    ],
)
async def test_the_holder_of_a_signed_token_is_told_what_is_wrong(
    hub: Hub, name: str, reason: str
) -> None:
    with pytest.raises(BadCredentials, match=reason):
        await hub.id_tokens.read(FORGED[name](hub.provider))


def test_passwords_are_no_tokens() -> None:
    head = base64.urlsafe_b64encode(b'{"kid": "x"}').decode().rstrip("=")
    for text in ("", "secret", "a.b.c", "ey.ey.ey", f"{head}.e30.x", "ey" + "A" * 100_000):
        assert not looks_like_id_token(text)


async def test_ten_thousand_unknown_keys_ask_the_issuer_twice_a_minute_at_most(
    hub: Hub, clock: MovableClock
) -> None:
    await hub.id_tokens.read(job_token(hub.provider, NOW))
    payload = encode(claims_of(hub.provider, NOW))
    for minute in range(2):
        hub.provider.asked.clear()
        for number in range(5000):
            head = encode({"alg": "RS256", "kid": f"{minute}-{number}"})
            with pytest.raises(BadCredentials):
                await hub.id_tokens.read(f"{head}.{payload}.AAAA")
        assert hub.provider.asked.count("/keys") <= 2
        clock.advance(timedelta(minutes=1))


async def test_an_issuer_that_is_down_is_stood_in_for_by_its_known_keys(
    hub: Hub, clock: MovableClock
) -> None:
    await hub.id_tokens.read(job_token(hub.provider, NOW))
    hub.provider.discovery = {"issuer": "https://elsewhere.example"}
    try:
        clock.advance(timedelta(hours=2))
        await hub.id_tokens.read(job_token(hub.provider, NOW + 7200))
        with pytest.raises(BadCredentials):
            await hub.id_tokens.read(sign(claims_of(hub.provider, NOW + 7200), OWN, kid="new"))
    finally:
        hub.provider.discovery = {}


async def test_a_replaced_key_is_found_and_the_old_one_is_not_believed(
    hub: Hub, clock: MovableClock
) -> None:
    old, new = hub.provider.keys, RSAKey.generate_key(2048, {"kid": "next"})
    await hub.id_tokens.read(job_token(hub.provider, NOW))
    hub.provider.keys = [new]
    try:
        clock.advance(timedelta(minutes=2))
        now = NOW + 120
        await hub.id_tokens.read(sign(claims_of(hub.provider, now), new, kid="next"))
        with pytest.raises(BadCredentials):
            await hub.id_tokens.read(job_token(hub.provider, now))
    finally:
        hub.provider.keys = old


async def test_uploaded_keys_need_no_issuer_that_answers(hub: Hub) -> None:
    keys = json.dumps({"keys": [key.as_dict(private=False) for key in hub.provider.keys]})
    await hub.issuers.edit("ci", keys=keys)
    await hub.id_tokens.read(job_token(hub.provider, NOW))
    assert hub.provider.asked == []
    assert await hub.issuers.test("ci") == len(hub.provider.keys)
