"""Registry tokens: ours alone are read, and only while they last."""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

from entrepot.errors import BadToken
from entrepot.hub.identity.registry_tokens import (
    CATALOG,
    LIFETIME,
    RegistryTokenClaims,
    RegistryTokens,
)
from entrepot.hub.permissions import ALL_ACTIONS, PULL
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people.tokens import find_signing_key
from tests.metadata.clocks import START, MovableClock


@pytest.fixture
def claims() -> RegistryTokenClaims:
    """What a token of account 7 says."""
    grants = {"a/b": ALL_ACTIONS, "c": PULL, CATALOG: PULL}
    return RegistryTokenClaims(7, 9, "mark", grants, START.replace(microsecond=0) + LIFETIME)


@pytest.fixture
async def text(registry_tokens: RegistryTokens, claims: RegistryTokenClaims) -> str:
    """A good token."""
    return await registry_tokens.issue(claims, START)


def part(value: object) -> str:
    """One part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def opened(text: str) -> tuple[dict[str, object], dict[str, object]]:
    """A token's header and claims."""
    parts = [base64.urlsafe_b64decode(each + "==") for each in text.split(".")[:2]]
    return json.loads(parts[0]), json.loads(parts[1])


async def our_key(metadata: Metadata) -> ECKey:
    """The key that the hub signs with, private part included."""
    found = await find_signing_key(metadata.reader)
    assert found is not None
    return ECKey.import_key(json.loads(found[1]))


def signed(header: Mapping[str, object], claims: Mapping[str, object], key: ECKey) -> str:
    """A token of our making, signed with some key."""
    return jwt.encode({**header}, {**claims}, key, algorithms=["ES256"])


async def refused(registry_tokens: RegistryTokens, text: str) -> bool:
    """Say whether the token is not taken; any other failure fails the test."""
    try:
        await registry_tokens.read(text, START)
    except BadToken:
        return True
    return False


async def test_a_token_says_what_was_put_into_it(
    registry_tokens: RegistryTokens, claims: RegistryTokenClaims, text: str
) -> None:
    assert await registry_tokens.read(text, START) == claims
    assert await registry_tokens.read(text, START) == claims


async def test_a_token_of_nobody_names_nobody(
    registry_tokens: RegistryTokens, claims: RegistryTokenClaims
) -> None:
    nobody = RegistryTokenClaims(None, None, "", {}, claims.expires_at)
    text = await registry_tokens.issue(nobody, START)
    assert await registry_tokens.read(text, START) == nobody


async def test_every_worker_reads_what_one_issued(
    metadata: Metadata, claims: RegistryTokenClaims, text: str
) -> None:
    assert await RegistryTokens(metadata).read(text, START) == claims


async def test_workers_that_start_together_sign_with_one_key(
    metadata: Metadata, claims: RegistryTokenClaims
) -> None:
    workers = [RegistryTokens(metadata) for _ in range(4)]
    texts = [await worker.issue(claims, START) for worker in workers]
    for worker in workers:
        for text in texts:
            assert await worker.read(text, START) == claims


async def test_two_tokens_for_the_same_are_not_the_same(
    registry_tokens: RegistryTokens, claims: RegistryTokenClaims, text: str
) -> None:
    assert await registry_tokens.issue(claims, START) != text


async def test_a_token_ends_to_the_second(
    registry_tokens: RegistryTokens, claims: RegistryTokenClaims, text: str, metadata: Metadata
) -> None:
    """Also one that was read before, and one that no worker has seen."""
    await registry_tokens.read(text, claims.expires_at - timedelta(microseconds=1))
    for worker in (registry_tokens, RegistryTokens(metadata)):
        for late in (timedelta(0), timedelta(days=1)):
            with pytest.raises(BadToken):
                await worker.read(text, claims.expires_at + late)


async def test_no_part_of_a_token_can_be_changed(
    registry_tokens: RegistryTokens, text: str
) -> None:
    header, body, signature = text.split(".")
    claims = opened(text)[1]
    changed = [
        f"{header}.{part(claims | {'sub': '1'})}.{signature}",
        f"{header}.{part(claims | {'exp': 9999999999})}.{signature}",
        f"{header}.{body}.{signature[:-4]}AAAA",
        f"{header}.{body}.",
        f"{header}.{body}",
        f"{header}..{signature}",
        f".{body}.{signature}",
        f"{header}.{body}.{signature}.{signature}",
    ]
    for each in changed:
        assert await refused(registry_tokens, each)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
async def test_a_token_without_a_signature_is_refused(
    registry_tokens: RegistryTokens, text: str, algorithm: str
) -> None:
    header, claims = opened(text)
    body = f"{part(header | {'alg': algorithm})}.{part(claims)}"
    for signature in ("", text.split(".")[2]):
        assert await refused(registry_tokens, f"{body}.{signature}")


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_the_public_key_is_no_secret_to_sign_with(
    registry_tokens: RegistryTokens, text: str, metadata: Metadata, algorithm: str
) -> None:
    header, claims = opened(text)
    key = await our_key(metadata)
    body = f"{part(header | {'alg': algorithm})}.{part(claims)}"
    public_jwk = json.dumps(key.as_dict(private=False)).encode()
    for secret in (key.as_pem(private=False), key.as_der(private=False), public_jwk):
        mac = hmac.digest(secret, body.encode(), algorithm.replace("HS", "sha"))
        signature = base64.urlsafe_b64encode(mac).decode().rstrip("=")
        assert await refused(registry_tokens, f"{body}.{signature}")


async def test_a_key_inside_the_token_is_not_used(
    registry_tokens: RegistryTokens, text: str
) -> None:
    header, claims = opened(text)
    theirs = ECKey.generate_key("P-256")
    public = theirs.as_dict(private=False)
    for extra in (
        {},
        {"jwk": public},
        {"jwk": public, "kid": theirs.thumbprint()},
        {"kid": theirs.thumbprint()},
        {"jku": "https://example.org/keys"},
        {"x5u": "https://example.org/cert"},
        {"x5c": ["AAAA"]},
    ):
        forged = signed({**header, **extra}, claims, theirs)
        assert await refused(registry_tokens, forged)


async def test_a_key_of_ours_is_used_under_its_own_name_only(
    registry_tokens: RegistryTokens, text: str, metadata: Metadata
) -> None:
    header, claims = opened(text)
    key = await our_key(metadata)
    assert not await refused(registry_tokens, signed(header, claims, key))
    nameless = {name: value for name, value in header.items() if name != "kid"}
    for wrong in (nameless, {**header, "kid": "other"}, {**header, "kid": ""}):
        assert await refused(registry_tokens, signed(wrong, claims, key))


@pytest.mark.parametrize("audience", ["", "other", "Entrepot", None])
async def test_a_token_for_somebody_else_is_refused(
    registry_tokens: RegistryTokens, text: str, metadata: Metadata, audience: str | None
) -> None:
    header, claims = opened(text)
    other = signed(header, {**claims, "aud": audience}, await our_key(metadata))
    assert await refused(registry_tokens, other)


@pytest.mark.parametrize("missing", ["exp", "access", "aud"])
async def test_a_token_that_lacks_something_is_refused(
    registry_tokens: RegistryTokens, text: str, metadata: Metadata, missing: str
) -> None:
    header, claims = opened(text)
    del claims[missing]
    assert await refused(registry_tokens, signed(header, claims, await our_key(metadata)))


async def test_a_token_too_long_to_be_ours_is_not_looked_at(
    registry_tokens: RegistryTokens, text: str
) -> None:
    header, claims = opened(text)
    bulky = f"{part(header)}.{part(claims | {'x': 'x' * 20_000})}.{text.split('.')[2]}"
    for long in (bulky, "x" * 16_385, "." * 1_000_000):
        assert await refused(registry_tokens, long)


_NOT_CLAIMS: tuple[object, ...] = (None, 1, [], "x", {})


async def test_garbage_is_refused(registry_tokens: RegistryTokens, text: str) -> None:
    header, _, signature = text.split(".")
    deep = base64.urlsafe_b64encode(b"[" * 9000).decode()
    garbage = ["", ".", "..", "...", "....", "a.b.c", "é.é.é", "\ud800.a.b", "null", "\0", text[1:]]
    others = [part(value) for value in _NOT_CLAIMS]
    garbage += [f"{other}.{part({})}.{signature}" for other in others]
    garbage += [f"{header}.{other}.{signature}" for other in others]
    garbage += [f"{deep}.{part({})}.{signature}", f"{header}.{deep}.{signature}"]
    garbage += [f"{text}\n", f" {text}", f"{text}=", f"{header}.A.A.A.{signature}"]
    for each in garbage:
        assert await refused(registry_tokens, each), each


async def test_encrypted_tokens_are_refused_by_their_algorithm(
    registry_tokens: RegistryTokens,
) -> None:
    """Deriving a key a thousand million times would be the end of a worker."""
    header = {"alg": "PBES2-HS256+A128KW", "enc": "A128CBC-HS256", "p2c": 10**9, "p2s": "AAAA"}
    assert await refused(registry_tokens, f"{part(header)}.AAAA.AAAA.AAAA.AAAA")
    direct = {"alg": "dir", "enc": "A128GCM", "zip": "DEF"}
    assert await refused(registry_tokens, f"{part(direct)}..AAAA.AAAA.AAAA")


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(garbage=st.text(max_size=60))
async def test_no_text_does_more_than_be_refused(
    registry_tokens: RegistryTokens, clock: MovableClock, garbage: str
) -> None:
    with pytest.raises(BadToken):
        await registry_tokens.read(garbage, clock())
