"""Blobs through a mirror: one download for all who wait, and nothing that is not what it says."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from entrepot.http.messages import FileBody, Response
from entrepot.metadata.events import jobs
from entrepot.metadata.registry import blobs
from entrepot.model.mirrors import MirroredName
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from entrepot.registry.mirroring.fetches import Fetch, Fetches, source_key
from entrepot.registry.mirroring.mirrored_blobs import MirroredBlobs
from tests.doors.conftest import LAYER_DIGEST
from tests.doors.doors import request_of
from tests.doors.mirror_doors import Mirrored, mirrored, upstream
from tests.support.upstream import digest_of

__all__ = ["mirrored", "upstream"]

LARGE = os.urandom(3 * 1024 * 1024)


@pytest.fixture
async def image(mirrored: Mirrored) -> str:
    """An image with one large layer, whose manifest is cached; the layer's digest."""
    mirrored.upstream.add_image("lib/app", "1", LARGE)
    assert (await mirrored.ask("GET", "lib/app/manifests/1")).status == 200
    return digest_of(LARGE)


async def test_a_blob_is_fetched_once_and_served_from_here(mirrored: Mirrored, image: str) -> None:
    first = await mirrored.ask("GET", f"lib/app/blobs/{image}")
    await _settle(mirrored)
    second = await mirrored.ask("GET", f"lib/app/blobs/{image}")
    assert first.body == second.body == LARGE
    assert [each.header("entrepot-cache") for each in (first, second)] == ["miss", "hit"]
    assert first.header("docker-content-digest") == image
    assert mirrored.upstream.count("GET", "/blobs/") == 1


async def test_all_who_wait_for_a_blob_share_one_download(mirrored: Mirrored, image: str) -> None:
    mirrored.upstream.pause = 0.01
    answers = await asyncio.gather(
        *(mirrored.ask("GET", f"lib/app/blobs/{image}") for _ in range(16))
    )
    assert all(each.body == LARGE for each in answers)
    assert mirrored.upstream.count("GET", "/blobs/") == 1
    assert mirrored.upstream.blob_bytes == len(LARGE)


async def test_bytes_leave_while_the_rest_still_comes(mirrored: Mirrored, image: str) -> None:
    mirrored.upstream.pause = 0.05
    first, second = await _begin(mirrored, image), await _begin(mirrored, image)
    head = await anext(first), await anext(second)
    assert all(LARGE.startswith(each) for each in head)
    assert mirrored.upstream.blob_bytes < len(LARGE)
    # The client that began it leaves; the other one gets everything.
    await first.aclose()
    assert head[1] + b"".join([run async for run in second]) == LARGE
    assert mirrored.upstream.count("GET", "/blobs/") == 1


async def test_a_download_goes_on_without_any_client(mirrored: Mirrored, image: str) -> None:
    mirrored.upstream.pause = 0.01
    body = await _begin(mirrored, image)
    await anext(body)
    await body.aclose()
    await _settle(mirrored)
    answer = await mirrored.ask("GET", f"lib/app/blobs/{image}")
    assert answer.header("entrepot-cache") == "hit"
    assert mirrored.upstream.count("GET", "/blobs/") == 1


@pytest.mark.parametrize("has_ranges", [True, False])
async def test_a_cut_download_goes_on_where_it_ended(
    mirrored: Mirrored, image: str, has_ranges: bool
) -> None:
    mirrored.upstream.cut_after = 2 * 1024 * 1024
    mirrored.upstream.has_ranges = has_ranges
    answer = await mirrored.ask("GET", f"lib/app/blobs/{image}")
    assert answer.body == LARGE
    asked = [each for each in mirrored.upstream.asked if "/blobs/" in each.path]
    assert len(asked) == 2
    assert asked[1].headers["range"].startswith("bytes=")
    if has_ranges:
        assert mirrored.upstream.blob_bytes < 1.6 * len(LARGE)


async def test_other_bytes_are_never_sent_whole_nor_kept(mirrored: Mirrored, image: str) -> None:
    other = LARGE[:-1] + b"?"
    mirrored.upstream.blobs[f"lib/app@{image}"] = other
    body = await _begin(mirrored, image)
    sent = b"".join([run async for run in body])
    assert len(sent) < len(LARGE)
    digest = Digest.parse(image)
    assert await blobs.find_blob_anywhere(mirrored.town.metadata.reader, digest) is None
    assert list(_directory(mirrored).iterdir()) == []
    mirrored.upstream.blobs[f"lib/app@{image}"] = LARGE
    assert (await mirrored.ask("GET", f"lib/app/blobs/{image}")).body == LARGE


async def test_a_blob_larger_than_it_said_is_refused(mirrored: Mirrored, image: str) -> None:
    mirrored.upstream.blobs[f"lib/app@{image}"] = LARGE + b"more"
    body = await _begin(mirrored, image)
    assert len(b"".join([run async for run in body])) < len(LARGE) + 4
    digest = Digest.parse(image)
    assert await blobs.find_blob_anywhere(mirrored.town.metadata.reader, digest) is None


async def test_a_head_is_answered_by_the_manifest(mirrored: Mirrored, image: str) -> None:
    before = len(mirrored.upstream.asked)
    answer = await mirrored.ask("HEAD", f"lib/app/blobs/{image}")
    assert (answer.status, answer.header("content-length")) == (200, str(len(LARGE)))
    assert len(mirrored.upstream.asked) == before


async def test_a_part_of_a_blob_that_is_not_here(mirrored: Mirrored, image: str) -> None:
    answer = await mirrored.ask("GET", f"lib/app/blobs/{image}", range="bytes=1000-1999")
    assert (answer.status, answer.body) == (206, LARGE[1000:2000])
    assert answer.header("content-range") == f"bytes 1000-1999/{len(LARGE)}"
    rest = await mirrored.ask("GET", f"lib/app/blobs/{image}", range=f"bytes={len(LARGE) - 5}-")
    assert (rest.status, rest.body) == (206, LARGE[-5:])
    await _settle(mirrored)
    assert mirrored.upstream.count("GET", "/blobs/") <= 2


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [(404, 404, "BLOB_UNKNOWN"), (429, 429, "TOOMANYREQUESTS"), (500, 503, "UNAVAILABLE")],
)
async def test_a_failure_before_the_first_byte_is_told(
    mirrored: Mirrored, image: str, failure: int, status: int, code: str
) -> None:
    mirrored.upstream.fail = failure
    answer = await mirrored.ask("GET", f"lib/app/blobs/{image}")
    assert (answer.status, answer.codes) == (status, [code])
    assert "up " in answer.body.decode()


async def test_a_blob_of_somebody_elses_is_not_given_away(mirrored: Mirrored, image: str) -> None:
    """Bytes that the hub has are linked only where the upstream's repository has them too."""
    await mirrored.town.build(Visibility.PRIVATE)
    answer = await mirrored.ask("GET", f"lib/app/blobs/{LAYER_DIGEST}")
    assert (answer.status, answer.codes) == (404, ["BLOB_UNKNOWN"])
    mirrored.upstream.blobs[f"lib/app@{LAYER_DIGEST}"] = b"a layer"
    answer = await mirrored.ask("GET", f"lib/app/blobs/{LAYER_DIGEST}")
    assert (answer.status, answer.body) == (200, b"a layer")
    assert mirrored.upstream.count("GET", f"/blobs/{LAYER_DIGEST}") == 0


async def test_an_artifact_is_read_when_its_last_blob_has_come(
    mirrored: Mirrored, image: str
) -> None:
    app = mirrored.town.doors.app
    await mirrored.ask("GET", f"lib/app/blobs/{digest_of(b'{}')}")
    await mirrored.ask("GET", f"lib/app/blobs/{image}")
    await _settle(mirrored)
    assert await jobs.is_due(mirrored.town.metadata.reader, app.now())


async def test_a_mirror_that_is_too_large_loses_what_was_pulled_longest_ago(
    mirrored: Mirrored, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = mirrored.town.doors.app
    await mirrored.ask("GET", f"lib/app/blobs/{image}")
    other = mirrored.upstream.add_image("lib/new", "1", b"new")
    await mirrored.ask("GET", "lib/new/manifests/1")
    await mirrored.ask("GET", f"lib/new/blobs/{digest_of(b'new')}")
    await _settle(mirrored)
    await mirrored.change(size_limit=1024 * 1024)
    assert await app.evictions.run() == 0, "all of it is young"
    monkeypatch.setattr("entrepot.registry.mirroring.evictions.YOUNG", timedelta(0))
    assert await app.evictions.run() == 1
    mirror = await app.mirrors.get("up")
    assert await app.mirrors.measure(mirror) <= 1024 * 1024
    kept = await mirrored.ask("GET", f"lib/new/manifests/{other}")
    assert kept.header("entrepot-cache") == "hit"
    again = await mirrored.ask("GET", "lib/app/manifests/1")
    assert (again.status, again.header("entrepot-cache")) == (200, "miss")


class _OtherProcess:
    """Another worker of the node, with its own view of what arrives."""

    def __init__(self, mirrored: Mirrored) -> None:
        app = mirrored.town.doors.app
        self.fetches = Fetches(app.storage, _directory(mirrored))
        self.blobs = MirroredBlobs(app.metadata, app.uploads, app.upstreams, self.fetches, app.now)

    async def read(self, mirrored: Mirrored, digest: str) -> bytes:
        """The blob as a client of this worker gets it."""
        mirror = await mirrored.town.doors.app.mirrors.get("up")
        asked = MirroredName(mirror, RepositoryName("up/lib/app"))
        parsed = Digest.parse(digest)
        fetch = await self.blobs.open(asked, None, parsed)
        assert isinstance(fetch, Fetch)
        size = await self.blobs.wait_for_size(asked, fetch)
        runs = self.blobs.read(asked, fetch, parsed, 0, size)
        assert runs is not None
        return b"".join([run async for run in runs])


@pytest.fixture
async def other(mirrored: Mirrored) -> AsyncIterator[_OtherProcess]:
    """Another worker."""
    found = _OtherProcess(mirrored)
    yield found
    await found.fetches.close()


async def test_workers_share_a_download(
    mirrored: Mirrored, image: str, other: _OtherProcess
) -> None:
    mirrored.upstream.pause = 0.02
    ours = asyncio.create_task(mirrored.ask("GET", f"lib/app/blobs/{image}"))
    await asyncio.sleep(0.05)
    assert await other.read(mirrored, image) == LARGE
    assert (await ours).body == LARGE
    assert mirrored.upstream.count("GET", "/blobs/") == 1


async def test_a_worker_goes_on_where_another_died(
    mirrored: Mirrored, image: str, other: _OtherProcess
) -> None:
    mirrored.upstream.pause = 0.02
    body = await _begin(mirrored, image)
    await anext(body)
    theirs = asyncio.create_task(other.read(mirrored, image))
    await asyncio.sleep(0.1)
    # As when a process is killed: its lock is dropped, and what it wrote stays.
    await mirrored.town.doors.app.fetches.close()
    await body.aclose()
    assert await theirs == LARGE
    assert mirrored.upstream.count("GET", "/blobs/") == 2
    assert mirrored.upstream.blob_bytes < 1.6 * len(LARGE)


async def test_what_was_left_is_used_and_else_deleted(mirrored: Mirrored, image: str) -> None:
    directory = _directory(mirrored)
    directory.mkdir(exist_ok=True)
    path = directory / source_key("up/lib/app", Digest.parse(image))
    path.write_bytes(LARGE[: 1024 * 1024])
    fetches = mirrored.town.doors.app.fetches
    assert await fetches.expire(timedelta(hours=1)) == 0
    assert (await mirrored.ask("GET", f"lib/app/blobs/{image}")).body == LARGE
    assert mirrored.upstream.blob_bytes == len(LARGE) - 1024 * 1024
    await _settle(mirrored)
    (directory / "left").write_bytes(b"x")
    os.utime(directory / "left", (0, 0))
    assert await fetches.expire(timedelta(hours=1)) == 1
    assert list(directory.iterdir()) == []


async def _begin(mirrored: Mirrored, digest: str) -> "_Body":
    """The body of an answer, of which nothing has been read."""
    auth = mirrored.town.auth["stranger"] or ""
    request = request_of("GET", f"/v2/up/lib/app/blobs/{digest}", authorization=auth)
    response: Response = await mirrored.town.doors.hub.answer(request)
    assert response.status == 200
    assert not isinstance(response.body, bytes | FileBody)
    return _Body(response.body)


class _Body:
    """A body that can be left."""

    def __init__(self, runs: AsyncIterator[bytes]) -> None:
        self._runs = runs

    def __aiter__(self) -> "_Body":
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._runs)

    async def aclose(self) -> None:
        """Read no more."""
        del self._runs


async def _settle(mirrored: Mirrored) -> None:
    """Wait until nothing arrives any more."""
    await mirrored.town.doors.app.fetches.settle()


def _directory(mirrored: Mirrored) -> Path:
    return mirrored.town.doors.app.fetches.directory
