"""What one worker acknowledged, every worker knows at once."""

import pytest

from tests.wire.content import digest_of, image
from tests.wire.repositories import Repository, finishing, pieces
from tests.wire.waiting import at_once

pytestmark = pytest.mark.wire

MANY = 16


def statuses(repo: Repository, path: str) -> set[int]:
    """What many new connections, and so every worker, say to a HEAD."""
    return {repo.client.head_of(path).status for _ in range(MANY)}


def test_a_pushed_blob_is_there_for_every_worker(repo: Repository) -> None:
    path = repo.blob(digest_of(b"on every worker"))
    assert statuses(repo, path) == {404}
    repo.push(b"on every worker")
    assert statuses(repo, path) == {200}
    repo.client.delete(path).expect(202)
    assert statuses(repo, path) == {404}
    repo.push(b"on every worker")
    assert statuses(repo, path) == {200}


def test_a_deleted_blob_stays_deleted_when_another_repository_has_it(
    repo: Repository, other: Repository
) -> None:
    path = repo.blob(repo.push(b"in two places"))
    other.push(b"in two places")
    assert statuses(repo, path) == {200}
    repo.client.delete(path).expect(202)
    assert statuses(other, other.blob(digest_of(b"in two places"))) == {200}
    assert statuses(repo, path) == {404}


def test_a_moved_tag_has_moved_for_every_worker(stocked: Repository) -> None:
    for n in range(6):
        digest = stocked.tag("latest", image(annotations={"n": str(n)}))
        heads = [stocked.client.head_of(stocked.manifest("latest")) for _ in range(MANY)]
        assert {answer.headers["Docker-Content-Digest"] for answer in heads} == {digest}


def test_a_deleted_manifest_is_gone_for_every_worker(stocked: Repository) -> None:
    for _ in range(4):
        digest = stocked.tag("latest", image())
        assert statuses(stocked, stocked.manifest("latest")) == {200}
        stocked.client.delete(stocked.manifest(digest)).expect(202)
        assert statuses(stocked, stocked.manifest("latest")) == {404}
        assert statuses(stocked, stocked.manifest(digest)) == {404}
        lists = [stocked.client.get(stocked.tags()).object()["tags"] for _ in range(MANY)]
        assert lists == [[]] * MANY


def test_an_upload_wanders_over_the_workers(repo: Repository) -> None:
    data = b"wandering" * 5000
    location = repo.start()
    for piece in pieces(data, 1000):
        location = repo.client.patch(location, piece).expect(202).headers["Location"]
    repo.client.put(finishing(location, digest_of(data))).expect(201)
    assert repo.client.get(repo.blob(digest_of(data))).expect(200).body == data


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_uploads_at_once_wander_and_end_right(repo: Repository, algorithm: str) -> None:
    blobs = [bytes([n]) * 20_000 for n in range(8)]

    def push(n: int) -> str:
        location = repo.start()
        for piece in pieces(blobs[n], 3000):
            location = repo.client.patch(location, piece).expect(202).headers["Location"]
        return location

    locations = [push(n) for n in range(8)]
    digests = [digest_of(blob, algorithm) for blob in blobs]
    put = repo.client.put
    answers = at_once(8, lambda n: put(finishing(locations[n], digests[n])))
    assert [answer.status for answer in answers] == [201] * 8
    for blob, digest in zip(blobs, digests, strict=True):
        assert repo.client.get(repo.blob(digest)).expect(200).body == blob


def test_many_pushes_at_once_are_all_there(stocked: Repository) -> None:
    images = [image(annotations={"push": str(n)}) for n in range(40)]
    answers = at_once(16, lambda n: stocked.put(f"v{n}", images[n]))
    assert [answer.status for answer in answers] == [201] * 16
    for n in range(16):
        assert stocked.client.get(stocked.manifest(f"v{n}")).expect(200).body == images[n]
    assert stocked.list_tags() == sorted(f"v{n}" for n in range(16))
