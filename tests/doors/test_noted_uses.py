"""When a token was used last is told whichever door it was shown at."""

import pytest

from entrepot.hub.people.actors import OPERATOR
from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from tests.doors.conftest import Town
from tests.doors.doors import basic

BODIES = {
    "GET": b"",
    "PUT": b'{"description": "# App"}',
    "POST": b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
}
ASKED = [
    ("GET", "/v2/"),
    ("GET", "/v2/acme/repo000000/tags/list"),
    ("GET", "/token"),
    ("GET", "/api/v1/me"),
    ("PUT", "/api/v2.0/projects/acme/repositories/repo000000"),
    ("GET", "/r/acme/repo000000"),
    ("GET", "/v1/search?q=repo"),
    ("GET", "/helm/acme/index.yaml"),
    ("GET", "/hf/api/models/acme/repo000000"),
    ("GET", "/hub/v2/repositories/acme/repo000000"),
    ("POST", "/mcp"),
]


@pytest.mark.parametrize(("method", "path"), ASKED)
async def test_a_use_is_noted_at_every_door(town: Town, method: str, path: str) -> None:
    await town.build(Visibility.PRIVATE)
    tokens = town.doors.app.tokens
    _, secret = await tokens.add_organization("acme", "deploy", TokenScope.ADMIN)
    auth = f"Bearer {secret}"
    if path == "/token":
        auth = basic("acme", secret)
    json = "application/json"
    answer = await town.doors.ask(
        method, path, BODIES[method], auth=auth, content_type=json, accept=json
    )
    assert answer.status != 401, answer.body
    (token,) = await tokens.list_of_organization("acme", OPERATOR)
    assert token.last_used_from == "127.0.0.1"
