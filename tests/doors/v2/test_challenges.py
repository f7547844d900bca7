"""A stranger is told where to get a token, by the address that they used."""

import re

import pytest

from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from tests.doors.conftest import Open, Town
from tests.doors.doors import Doors, basic

BLOB_DIGEST = Digest.of(b"0123456789")


async def challenge_of(doors: Doors, target: str = "/v2/", **asked: str) -> str:
    """The challenge that a stranger gets."""
    answer = await doors.ask("GET", target, **asked)  # type: ignore[arg-type]
    assert answer.status == 401
    return answer.header("www-authenticate") or ""


@pytest.mark.parametrize(
    ("host", "realm"),
    [
        ("hub.test", "http://hub.test/token"),
        ("hub.test:5000", "http://hub.test:5000/token"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000/token"),
        ("[::1]:5000", "http://[::1]:5000/token"),
        ("HUB", "http://HUB/token"),
        ('x",realm="evil', "http://localhost/token"),
        ("a b", "http://localhost/token"),
        ("x/y", "http://localhost/token"),
        ("", "http://localhost/token"),
        ("user@host", "http://localhost/token"),
        ("x\r\ny: z", "http://localhost/token"),
    ],
)
async def test_the_realm_is_where_the_client_believes_to_be(
    doors: Doors, host: str, realm: str
) -> None:
    challenge = await challenge_of(doors, host=host)
    service = realm.removeprefix("http://").removesuffix("/token")
    assert challenge == f'Bearer realm="{realm}",service="{service}"'


@pytest.mark.parametrize(
    ("client", "forwarded", "scheme"),
    [
        ("127.0.0.1", "https", "https"),
        ("127.9.9.9", "https", "https"),
        ("::1", "https", "https"),
        ("10.0.0.1", "https", "http"),
        ("192.0.2.7", "https", "http"),
        ("", "https", "http"),
        ("nonsense", "https", "http"),
        ("127.0.0.1", "http", "http"),
        ("127.0.0.1", "HTTPS", "https"),
        ("127.0.0.1", "javascript", "http"),
        ("127.0.0.1", "https,http", "https"),
        ("127.0.0.1", "", "http"),
    ],
)
async def test_only_a_trusted_proxy_says_which_scheme_the_client_used(
    doors: Doors, client: str, forwarded: str, scheme: str
) -> None:
    challenge = await challenge_of(doors, client=client, x_forwarded_proto=forwarded)
    assert challenge.startswith(f'Bearer realm="{scheme}://hub.test/token"')


async def test_other_networks_can_be_trusted(open_doors: Open) -> None:
    doors = open_doors(trusted_proxies=("10.0.0.0/8",))
    for client, scheme in (("10.1.2.3", "https"), ("127.0.0.1", "http"), ("::1", "http")):
        challenge = await challenge_of(doors, client=client, x_forwarded_proto="https")
        assert f'realm="{scheme}://hub.test/token"' in challenge


async def test_nobody_else_says_which_host_the_client_used(doors: Doors) -> None:
    for header in ("x_forwarded_host", "forwarded", "x_forwarded_for", "x_original_host"):
        said = "host=evil.example" if header == "forwarded" else "evil.example"
        challenge = await challenge_of(doors, client="192.0.2.1", **{header: said})
        assert "evil" not in challenge


async def test_the_public_url_is_where_the_realm_is(open_doors: Open) -> None:
    doors = open_doors(url="https://hub.test")
    assert 'realm="https://hub.test/token"' in await challenge_of(doors)
    assert 'realm="https://hub.test/token"' in await challenge_of(doors, host="inside")
    assert 'realm="https://hub.test/token"' in await challenge_of(doors, host="non sense")


async def test_a_connection_by_https_is_challenged_by_https(doors: Doors) -> None:
    challenge = await challenge_of(doors, scheme="https")
    assert 'realm="https://hub.test/token"' in challenge


@pytest.mark.parametrize(
    ("method", "target", "scope"),
    [
        ("GET", "/v2/", None),
        ("GET", "/v2/_catalog", "registry:catalog:*"),
        ("GET", "/v2/a/b/tags/list", "repository:a/b:pull"),
        ("HEAD", "/v2/a/b/manifests/v1", "repository:a/b:pull"),
        ("PUT", "/v2/a/b/manifests/v1", "repository:a/b:pull,push"),
        ("DELETE", "/v2/a/b/manifests/v1", "repository:a/b:delete"),
        ("POST", "/v2/a/b/blobs/uploads/", "repository:a/b:pull,push"),
        ("DELETE", "/v2/a/b/blobs/uploads/x", "repository:a/b:pull,push"),
        (
            "POST",
            f"/v2/a/b/blobs/uploads/?mount={BLOB_DIGEST}&from=c/d",
            "repository:a/b:pull,push repository:c/d:pull",
        ),
        (
            "POST",
            f"/v2/a/b/blobs/uploads/?mount={BLOB_DIGEST}&from=UP%22,x",
            "repository:a/b:pull,push",
        ),
    ],
)
async def test_a_challenge_names_the_scope_that_is_needed(
    doors: Doors, method: str, target: str, scope: str | None
) -> None:
    answer = await doors.ask(method, target)
    found = re.search(r'scope="([^"]*)"', answer.header("www-authenticate") or "")
    assert (found[1] if found else None) == scope


@pytest.mark.parametrize(
    "auth",
    [
        *("", "Bearer", "Bearer x", "bearer a.b.c", "Basic", "Basic !", "Basic YQ==", "Digest x"),
        *("Basic \0", f"Bearer {'x' * 20_000}", f"Basic {'x' * 20_000}"),
        *(basic("nobody", "x"), basic("a\0b", "c"), "Bearer  ", "Bearer\tx"),
        *(basic("nobody", ""), basic("", "x")),
    ],
)
async def test_wrong_credentials_open_nothing_not_even_what_is_public(
    town: Town, auth: str
) -> None:
    name = await town.build(Visibility.PUBLIC)
    for target in ("/v2/", f"/v2/{name}/tags/list", "/v2/_catalog"):
        answer = await town.doors.ask("GET", target, auth=auth)
        assert answer.status == 401, answer.body


async def test_empty_credentials_are_nobody(town: Town) -> None:
    """Docker's helpers send them where nobody logged in."""
    name = await town.build(Visibility.PUBLIC)
    answer = await town.doors.ask("GET", f"/v2/{name}/tags/list", auth=basic("", ""))
    assert answer.status == 200
