"""Requests to a registry: where credentials go, which redirects are followed, what is refused."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from entrepot.errors import UpstreamFailed, UpstreamUnreachable
from entrepot.upstream.challenges import Challenge
from entrepot.upstream.client import UpstreamClient
from entrepot.upstream.transport import Timeouts
from entrepot.upstream.transport import Upstream as Described
from tests.support.upstream import Upstream, digest_of

BLOB = b"blob" * 100
DIGEST = digest_of(BLOB)


@pytest.fixture
async def registry() -> AsyncIterator[Upstream]:
    """A registry with one blob."""
    found = await Upstream(blobs={f"lib/app@{DIGEST}": BLOB}).start()
    yield found
    await found.close()


@pytest.fixture
async def other() -> AsyncIterator[Upstream]:
    """Another one, on another port."""
    found = await Upstream(blobs={f"lib/app@{DIGEST}": BLOB}).start()
    yield found
    await found.close()


@asynccontextmanager
async def opened(registry: Upstream, **changes: object) -> AsyncIterator[UpstreamClient]:
    """A client of the registry, which may have a private address."""
    settings: dict[str, object] = {"allows_private": True, "timeouts": Timeouts(2.0, 5.0, 5.0)}
    client = UpstreamClient(
        Described("up", registry.url, **(settings | changes)),  # type: ignore[arg-type]
        "0",
    )
    try:
        yield client
    finally:
        await client.close()


async def fetch(client: UpstreamClient) -> bytes:
    """The blob."""
    async with client.ask("GET", "lib/app", f"blobs/{DIGEST}") as answer:
        assert answer.status == 200
        return await answer.read(10_000)


async def test_a_token_is_asked_for_once(registry: Upstream) -> None:
    registry.needs_token = True
    registry.credentials = ("robot", "secret")
    async with opened(registry, username="robot", secret="secret") as client:
        assert [await fetch(client) for _ in range(3)] == [BLOB] * 3
    assert registry.count("GET", "/token") == 1
    token = next(each for each in registry.asked if each.path == "/token")
    assert "scope=repository%3Alib%2Fapp%3Apull" in token.query
    assert "secret" not in repr(client.upstream)


async def test_wrong_credentials_are_told(registry: Upstream) -> None:
    registry.needs_token = True
    registry.credentials = ("robot", "secret")
    async with opened(registry, username="robot", secret="wrong") as client:
        with pytest.raises(UpstreamFailed, match="up refused the credentials with status 401"):
            await fetch(client)


async def test_an_anonymous_token_is_asked_for_without_credentials(registry: Upstream) -> None:
    registry.needs_token = True
    async with opened(registry) as client:
        assert await fetch(client) == BLOB
    token = next(each for each in registry.asked if each.path == "/token")
    assert "authorization" not in token.headers


async def test_credentials_are_not_sent_to_another_host(
    registry: Upstream, other: Upstream
) -> None:
    registry.needs_token = True
    registry.realm = f"http://localhost:{other.port}/token"
    async with opened(registry, username="robot", secret="secret") as client:
        with pytest.raises(UpstreamFailed, match="asks for its credentials at localhost"):
            await fetch(client)
    assert other.asked == []
    async with opened(
        registry, username="robot", secret="secret", token_hosts=("localhost",)
    ) as client:
        assert await fetch(client) == BLOB
    assert other.count("GET", "/token") == 1


async def test_a_token_stays_with_the_origin_that_it_is_for(
    registry: Upstream, other: Upstream
) -> None:
    registry.needs_token = True
    registry.redirect_to = other.url
    async with opened(registry) as client:
        assert await fetch(client) == BLOB
    assert len(other.asked) == 1
    assert "authorization" not in other.asked[0].headers


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "[::1]", "169.254.169.254", "10.0.0.1"])
async def test_a_redirect_to_a_private_address_is_refused(registry: Upstream, host: str) -> None:
    """Nothing listens there, and nothing is asked: the address is refused before a connection."""
    registry.redirect_to = f"http://{host}:{registry.port}"
    async with opened(registry) as client:
        with pytest.raises(UpstreamFailed, match=r"up leads to .* private address") as raised:
            await fetch(client)
    assert not isinstance(raised.value, UpstreamUnreachable)
    assert len(registry.asked) == 1


async def test_a_listed_network_may_be_redirected_to(registry: Upstream, other: Upstream) -> None:
    registry.redirect_to = f"http://localhost:{other.port}"
    networks = ("127.0.0.0/8", "::1/128")
    async with opened(registry, networks=networks) as client:
        assert await fetch(client) == BLOB


async def test_a_private_upstream_is_refused_unless_that_is_allowed(registry: Upstream) -> None:
    async with opened(registry, allows_private=False) as client:
        with pytest.raises(UpstreamFailed, match="--allow-private-network"):
            await fetch(client)
    assert registry.asked == []


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("ftp://files.test", "an address that is not safe"),
        ("http://user:word@127.0.0.1", "an address that is not safe"),
        ("file:///etc/passwd?", "an address that is not safe"),
    ],
)
async def test_a_strange_redirect_is_refused(registry: Upstream, location: str, says: str) -> None:
    registry.redirect_to = location
    async with opened(registry) as client:
        with pytest.raises(UpstreamFailed, match=says):
            await fetch(client)


async def test_a_loop_of_redirects_is_left_after_the_fifth(registry: Upstream) -> None:
    registry.redirect_to = registry.url
    async with opened(registry) as client:
        with pytest.raises(UpstreamFailed, match="redirects more than 5 times"):
            await fetch(client)
    assert len(registry.asked) == 6


def test_a_private_connection_is_never_given_up() -> None:
    client = UpstreamClient(Described("up", "https://up.test"), "0")
    with pytest.raises(UpstreamFailed, match="not safe"):
        client._next("https://up.test/v2/", "http://up.test/v2/")
    assert client._next("https://up.test/v2/a", "/b") == "https://up.test/b"


@pytest.mark.parametrize("realm", ["http://up.test/token", "ftp://up.test", "https://a:b@up.test"])
async def test_a_token_service_is_asked_by_a_private_connection_only(realm: str) -> None:
    client = UpstreamClient(Described("up", "https://up.test"), "0")
    with pytest.raises(UpstreamFailed, match="not safe"):
        await client._tokens.authorization(Challenge("bearer", realm))


async def test_a_body_that_is_too_long_is_not_read(registry: Upstream) -> None:
    async with opened(registry) as client:
        with pytest.raises(UpstreamFailed, match=re.escape("up sent more than 10 bytes")):
            async with client.ask("GET", "lib/app", f"blobs/{DIGEST}") as answer:
                await answer.read(10)


async def test_what_cannot_be_reached_says_why(registry: Upstream) -> None:
    await registry.close()
    async with opened(registry) as client:
        with pytest.raises(UpstreamUnreachable, match="up cannot be reached: Connect"):
            await fetch(client)


async def test_a_url_with_a_path_is_where_its_repositories_are(registry: Upstream) -> None:
    registry.blobs = {f"proxy/lib/app@{DIGEST}": BLOB}
    async with opened(registry) as client:
        inner = UpstreamClient(Described("up", f"{registry.url}/proxy", allows_private=True), "0")
        assert await fetch(inner) == BLOB
        await inner.close()
        async with client.ping() as answer:
            assert answer.status == 200
