"""What a push asks of the database and of threads: counted, for a count is the same every time."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_MANIFEST
from entrepot.storage.filesystem import FileStorage
from tests.doors.conftest import Town

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
NAME = "owner/app"


@dataclass(slots=True)
class Costs:
    """The statements of some requests, and how often they waited for a thread."""

    statements: list[str] = field(default_factory=list)
    hops: int = 0

    def __str__(self) -> str:
        """What a failure shows."""
        return "\n".join([f"{self.hops} hops", *self.statements])


@pytest.fixture
def storage(tmp_path: Path) -> FileStorage:
    """Bytes in files: in memory nothing waits for a thread."""
    storage = FileStorage(tmp_path / "bytes")
    storage.prepare()
    return storage


@contextmanager
def counted(metadata: SqliteMetadata, patch: pytest.MonkeyPatch) -> Iterator[Costs]:
    """Count what happens inside, by SQLite's own account."""
    costs, loop = Costs(), asyncio.get_running_loop()
    hop = loop.run_in_executor

    def note(statement: str) -> None:
        costs.statements.append(" ".join(statement.split())[:120])

    def run(*work: object) -> object:
        costs.hops += 1
        return hop(*work)  # type: ignore[arg-type]

    connections = (metadata._read_connection, metadata._write_connection)
    for connection in connections:
        connection.set_trace_callback(note)
    with patch.context() as patched:
        patched.setattr(loop, "run_in_executor", run)
        yield costs
    for connection in connections:
        connection.set_trace_callback(None)


async def push_image(town: Town, auth: str, number: int, layers: int = 1) -> None:
    """Push a config, layers and the manifest of a tag, as clients do."""
    contents = [f"{number} {part}".encode() for part in range(layers + 1)]
    described = [
        {"mediaType": LAYER_TYPE, "digest": str(Digest.of(each)), "size": len(each)}
        for each in contents
    ]
    for each in contents:
        digest = Digest.of(each)
        head = await town.doors.ask("HEAD", f"/v2/{NAME}/blobs/{digest}", auth=auth)
        assert head.status == 404
        begun = await town.doors.ask("POST", f"/v2/{NAME}/blobs/uploads/", auth=auth)
        target = f"{begun.header('location')}?digest={digest}"
        assert (await town.doors.ask("PUT", target, each, auth=auth)).status == 201
    config = {**described[0], "mediaType": CONFIG_TYPE}
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config}
    body = json.dumps({**manifest, "layers": described[1:]}).encode()
    target = f"/v2/{NAME}/manifests/v{number}"
    answer = await town.doors.ask("PUT", target, body, auth=auth, content_type=OCI_MANIFEST)
    assert answer.status == 201


@pytest.fixture
async def auth(town: Town) -> str:
    """A token as a client pushes with, after a first push has made the repository."""
    auth = await town.doors.bearer(town.auth["owner"], f"repository:{NAME}:pull,push")
    await push_image(town, auth, 0)
    return auth


async def test_an_image_of_three_objects_costs_so_many_statements(
    town: Town, auth: str, metadata: SqliteMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counted(metadata, monkeypatch) as costs:
        await push_image(town, auth, 1)
    assert len(costs.statements) <= 50, costs
    # One for the bytes of a blob, one for each commit: of an upload's beginning, its end, a tag.
    assert costs.hops <= 7, costs


async def test_each_layer_more_costs_so_many_statements(
    town: Town, auth: str, metadata: SqliteMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counted(metadata, monkeypatch) as few:
        await push_image(town, auth, 1, layers=1)
    with counted(metadata, monkeypatch) as many:
        await push_image(town, auth, 2, layers=11)
    assert len(many.statements) - len(few.statements) <= 10 * 17, many
    assert many.hops - few.hops == 10 * 3
