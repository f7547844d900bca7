"""What goes wrong inside shows as a code and an id, and nothing else."""

import logging
from collections.abc import Callable
from itertools import product

import pytest

from entrepot.errors import OutOfSpace, TooMany, Unavailable
from entrepot.metadata.engines.engine import Row, SqlStatement, Value
from entrepot.metadata.engines.sqlite import SqliteReader
from entrepot.model.repositories import Visibility
from entrepot.oci.media_types import OCI_INDEX
from tests.doors.conftest import INDEX, LAYER, LAYER_DIGEST, Open, Town
from tests.doors.doors import Doors, basic
from tests.metadata.rows import add_organization

SECRET = "the innermost secret at /etc/shadow"
BROKEN = [
    ("GET", "/v2/a/b/manifests/v1", "entrepot.registry.manifests.Manifests.get"),
    ("HEAD", "/v2/a/b/manifests/v1", "entrepot.registry.manifests.Manifests.get_facts"),
    ("PUT", "/v2/a/b/manifests/v1", "entrepot.registry.manifests.Manifests.put"),
    ("GET", f"/v2/a/b/blobs/{LAYER_DIGEST}", "entrepot.registry.blobs.Blobs.get"),
    ("POST", "/v2/a/b/blobs/uploads/", "entrepot.registry.uploads.Uploads.begin"),
    (
        "POST",
        f"/v2/a/b/blobs/uploads/?digest={LAYER_DIGEST}",
        "entrepot.registry.uploads.Uploads.put",
    ),
    ("GET", "/v2/a/b/tags/list", "entrepot.registry.manifests.Manifests.list_tags"),
    ("GET", "/token", "entrepot.hub.identity.tokens.Tokens.issue"),
    ("GET", "/metrics", "entrepot.ops.metrics.Metrics.text"),
]


@pytest.fixture
async def stocked(open_doors: Open) -> Doors:
    """An open hub with a tag in `a/b`."""
    doors = open_doors(open=True)
    await doors.push("a/b", LAYER, str(LAYER_DIGEST), basic("", ""))
    answer = await doors.ask("PUT", "/v2/a/b/manifests/v1", INDEX, content_type=OCI_INDEX)
    assert answer.status == 201
    return doors


def failing(error: Exception) -> Callable[..., object]:
    """What raises whatever it is asked."""

    async def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(("method", "target", "place"), BROKEN)
async def test_a_bug_shows_as_a_code_and_an_id(
    stocked: Doors,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
    target: str,
    place: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(place, fail)
    monkeypatch.setattr(logging.getLogger("entrepot"), "propagate", True)
    answer = await stocked.ask(method, target, LAYER)
    assert answer.status == 500
    if method != "HEAD":
        assert answer.codes == ["UNKNOWN"]
        assert b'"detail":{"request":"0123456789"}' in answer.body
    assert SECRET.encode() not in answer.body
    assert SECRET not in str(answer.pairs)
    assert SECRET in caplog.text


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Unavailable(), 503, "UNAVAILABLE"),
        (OutOfSpace(), 507, "UNAVAILABLE"),
        (TooMany(), 429, "TOOMANYREQUESTS"),
    ],
)
async def test_what_may_pass_says_when_to_come_again(
    stocked: Doors, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    for method, target, place in BROKEN[:-1]:
        with monkeypatch.context() as patch:
            patch.setattr(place, failing(error))
            answer = await stocked.ask(method, target, LAYER)
        assert answer.status == status
        assert (answer.header("retry-after") is not None) is (status in (429, 503))
        if method != "HEAD":
            assert answer.codes == [code]


async def test_a_database_that_is_gone_admits_nobody(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await town.build(Visibility.PUBLIC)
    monkeypatch.setattr("entrepot.metadata.engines.sqlite.SqliteReader._query", _gone)
    for who, target in product(
        ("nobody", "owner", "admin"),
        ("/v2/_catalog", f"/v2/{name}/tags/list", f"/v2/{name}x/tags/list"),
    ):
        answer = await town.doors.ask("GET", target, auth=town.auth[who])
        assert answer.status in (401, 503)
        assert who == "nobody" or answer.status == 503


async def test_a_hub_without_its_database_is_alive_but_not_ready(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrepot.metadata.engines.sqlite.SqliteReader._query", _gone)
    answer = await doors.ask("GET", "/readyz")
    assert (answer.status, answer.header("retry-after")) == (503, "1")
    assert (await doors.ask("GET", "/healthz")).status == 200


async def test_whether_a_hub_is_ready_is_one_row_however_large_it_is(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        await add_organization(doors.app.metadata, f"team{number}")
    rows: list[int] = []
    read_all, read_one = SqliteReader.all, SqliteReader.one

    async def count_all(self: SqliteReader, statement: SqlStatement, **values: Value) -> list[Row]:
        found = await read_all(self, statement, **values)
        rows.append(len(found))
        return found

    async def count_one(self: SqliteReader, statement: SqlStatement, **values: Value) -> Row | None:
        rows.append(1)
        return await read_one(self, statement, **values)

    monkeypatch.setattr(SqliteReader, "all", count_all)
    monkeypatch.setattr(SqliteReader, "one", count_one)
    assert (await doors.ask("GET", "/readyz")).status == 200
    assert rows == [1]


def _gone(*_: object) -> None:
    raise Unavailable("the database failed: disk I/O error")
