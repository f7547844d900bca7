"""Who asks too often is told so in the words of each door, and when to come back."""

from types import SimpleNamespace

import pytest

from entrepot.model.repositories import Visibility
from tests.doors.conftest import INDEX, INDEX_DIGEST, Open, Town
from tests.doors.doors import Answer, Doors

WORDS = ("ratelimit-limit", "ratelimit-remaining", "docker-ratelimit-source")


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes for the limits, however slow the machine is."""
    monkeypatch.setattr("entrepot.app.time", SimpleNamespace(monotonic=lambda: 1000.0))


async def stocked(town: Town, doors: Doors) -> str:
    """The address of a public manifest behind these doors."""
    name = await town.build(Visibility.PUBLIC)
    return f"/v2/{name}/manifests/v1"


def said(answer: Answer) -> list[str | None]:
    """What the answer says of the limit."""
    return [answer.header(word) for word in WORDS]


async def test_pulls_are_counted_by_address_and_by_account(town: Town, open_doors: Open) -> None:
    doors = open_doors(pulls_per_minute=2, workers=1)
    path = await stocked(town, doors)
    head = await doors.ask("HEAD", path, client="192.0.2.7")
    assert (head.status, said(head)) == (200, ["2;w=60", "2;w=60", "192.0.2.7"])
    for left in ("1;w=60", "0;w=60"):
        answer = await doors.ask("GET", path, client="192.0.2.7")
        assert (answer.status, said(answer)[1]) == (200, left)
    refused = await doors.ask("GET", path, client="192.0.2.7")
    assert (refused.status, refused.codes) == (429, ["TOOMANYREQUESTS"])
    assert refused.header("retry-after") == "30"
    assert said(refused) == ["2;w=60", "0;w=60", "192.0.2.7"]
    assert (await doors.ask("HEAD", path, client="192.0.2.7")).status == 200
    assert (await doors.ask("GET", path, client="192.0.2.8")).status == 200
    mine = await doors.ask("GET", path, client="192.0.2.7", auth=town.auth["member"])
    assert (mine.status, said(mine)[2]) == (200, "member")
    name = path.split("/")[2] + "/" + path.split("/")[3]
    token = await doors.bearer(town.auth["member"], f"repository:{name}:pull")
    assert (await doors.ask("GET", path, auth=token)).status == 200
    assert (await doors.ask("GET", path, auth=token)).status == 429


async def test_a_not_modified_pull_is_counted_too(town: Town, open_doors: Open) -> None:
    doors = open_doors(pulls_per_minute=1, workers=1)
    path = await stocked(town, doors)
    answer = await doors.ask("GET", path, if_none_match=f'"{INDEX_DIGEST}"')
    assert (answer.status, said(answer)[1]) == (304, "0;w=60")


async def test_pushes_are_counted(town: Town, open_doors: Open) -> None:
    doors = open_doors(pushes_per_minute=1, workers=1)
    path = await stocked(town, doors)
    statuses = [
        (await doors.ask("PUT", path, INDEX, auth=town.auth["editor"])).status for _ in range(2)
    ]
    assert statuses == [201, 429]
    assert (await doors.ask("PUT", path, INDEX, auth=town.auth["owner"])).status == 201
    assert said(await doors.ask("GET", path)) == [None] * 3


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/v2/", "application/json"),
        ("/token", "application/json"),
        ("/v1/_ping", "application/json"),
        ("/api/v1/repositories", "application/problem+json"),
        ("/explore", "text/plain; charset=utf-8"),
    ],
)
async def test_every_door_refuses_in_its_own_words(
    open_doors: Open, path: str, media_type: str
) -> None:
    doors = open_doors(requests_per_minute=1, workers=1)
    assert (await doors.ask("GET", path)).status != 429
    for method in ("GET", "HEAD"):
        refused = await doors.ask(method, path)
        assert (refused.status, refused.header("retry-after")) == (429, "60")
        assert refused.header("content-type") == media_type
        assert bool(refused.body) is (method == "GET")
    assert (await doors.ask("GET", path, client="192.0.2.9")).status != 429
    assert (await doors.ask("GET", "/healthz")).status == 200
