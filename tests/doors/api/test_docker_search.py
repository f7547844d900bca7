"""Docker's search API: what the engine asks for, and only what the caller may see."""

import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from entrepot.http.messages import PlainHeaders, Request, Response
from entrepot.metadata.contents import search
from entrepot.model.repositories import Visibility
from tests.doors.conftest import Town
from tests.doors.doors import basic
from tests.metadata.rows import add_repository


async def nothing() -> AsyncIterator[bytes]:
    """The body of a GET."""
    if False:
        yield b""


class Engine:
    """Asks as Docker's engine does."""

    def __init__(self, town: Town) -> None:
        self._hub = town.doors.hub

    async def ask(self, target: str, auth: str | None = None, method: str = "GET") -> Response:
        """The answer to a request."""
        parts = urlsplit(target)
        headers = PlainHeaders([("authorization", auth)] if auth else [])
        return await self._hub.answer(
            Request(method, parts.path, parts.query, headers, nothing(), "https", "::1", "0")
        )

    async def find(self, query: str, auth: str | None = None) -> list[str]:
        """The names that a search lists."""
        response = await self.ask(f"/v1/search?{query}", auth)
        assert response.status == 200, response.body
        assert isinstance(response.body, bytes)
        return [each["name"] for each in json.loads(response.body)["results"]]


@pytest.fixture
async def engine(town: Town) -> Engine:
    """An engine at a hub with a public repository and a private one of acme's."""
    for name, visibility in (
        ("acme/nginx", Visibility.PUBLIC),
        ("acme/nginx-secret", Visibility.PRIVATE),
    ):
        made = await add_repository(town.metadata, name, visibility, town.acme)
        async with town.metadata.begin() as tx:
            await search.write_document(tx, made.id, name, "A web server", "")
    return Engine(town)


async def test_a_ping_asks_the_engine_for_its_credentials(engine: Engine) -> None:
    response = await engine.ask("/v1/_ping")
    assert response.status == 200
    assert ("x-docker-registry-standalone", "1") in response.headers


async def test_a_search_says_what_the_engine_prints(engine: Engine) -> None:
    response = await engine.ask("/v1/search?q=nginx&n=25")
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == {
        "query": "nginx",
        "num_results": 1,
        "results": [
            {
                "name": "acme/nginx",
                "description": "",
                "star_count": 0,
                "is_official": False,
                "is_automated": False,
            }
        ],
    }


async def test_members_find_what_is_private(engine: Engine, town: Town) -> None:
    both = ["acme/nginx", "acme/nginx-secret"]
    for who in ("member", "owner", "admin", "member repo:read"):
        assert await engine.find("q=nginx", town.auth[who]) == both
    for who in ("nobody", "stranger"):
        assert await engine.find("q=nginx", town.auth[who]) == ["acme/nginx"]
        assert await engine.find("q=nginx-secret", town.auth[who]) == []


@pytest.mark.parametrize("limit", ["1", "0", "001"])
async def test_the_limit_is_kept(engine: Engine, town: Town, limit: str) -> None:
    assert await engine.find(f"q=nginx&n={limit}", town.auth["owner"]) == ["acme/nginx"]


@pytest.mark.parametrize("query", ["q=web&n=many", "q=web&n=99999999999", "q=web", "", "q="])
async def test_a_limit_or_term_that_is_none_is_no_failure(engine: Engine, query: str) -> None:
    assert await engine.find(query) == ["acme/nginx"]


async def test_wrong_credentials_are_refused(engine: Engine) -> None:
    for auth in (basic("owner", "wrong"), "Basic !", "Bearer nonsense"):
        response = await engine.ask("/v1/search?q=nginx", auth)
        assert response.status == 401
        assert ("www-authenticate", 'Basic realm="entrepot"') in response.headers


async def test_the_first_api_has_nothing_else(engine: Engine) -> None:
    assert (await engine.ask("/v1/repositories/acme/nginx/tags")).status == 404
    refused = await engine.ask("/v1/search", method="POST")
    assert refused.status == 405
    assert ("allow", "GET, HEAD") in refused.headers
    assert (await engine.ask("/v1/search?q=nginx", method="HEAD")).body == b""
