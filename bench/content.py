"""What is pushed to both registries before they are measured."""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.http import Connection, upload_path
from bench.peers import NAMESPACE, Peer

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
REPOSITORY = f"{NAMESPACE}/app"
TAGS = 1000
_EMPTY = b"{}"


@dataclass(frozen=True, slots=True)
class Files:
    """Content made once and pushed to both, with the digests that name it."""

    small: bytes
    large: Path
    huge: Path

    @property
    def small_digest(self) -> str:
        """The digest of the 1 KB blob."""
        return digest_of(self.small)


def make_files(directory: Path) -> Files:
    """1 KB, 256 MiB and 1 GiB of random bytes."""
    return Files(
        small=os.urandom(1024),
        large=_random_file(directory / "large", 256),
        huge=_random_file(directory / "huge", 1024),
    )


def digest_of(content: bytes) -> str:
    """The SHA-256 digest of some bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digest_of_file(path: Path) -> str:
    """The SHA-256 digest of a file."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def manifest_of(*layers: bytes, subject: str | None = None, note: str = "") -> bytes:
    """A manifest of the empty config and some layers."""
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _descriptor("application/vnd.oci.empty.v1+json", _EMPTY),
        "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", each) for each in layers],
        "annotations": {"org.opencontainers.image.title": note or "bench"},
    }
    if subject is not None:
        document["subject"] = {"mediaType": MANIFEST_TYPE, "digest": subject, "size": 2}
    return json.dumps(document).encode()


def push_blob(connection: Connection, repository: str, content: bytes) -> str:
    """Push a blob with POST and PUT."""
    digest = digest_of(content)
    begun = connection.request("POST", f"/v2/{repository}/blobs/uploads/").expect(202)
    path = upload_path(begun.headers["location"], digest)
    connection.request("PUT", path, content).expect(201)
    return digest


def push_manifest(connection: Connection, repository: str, reference: str, body: bytes) -> None:
    """Push a manifest under a tag."""
    path = f"/v2/{repository}/manifests/{reference}"
    connection.request("PUT", path, body, {"Content-Type": MANIFEST_TYPE}).expect(201)


def fill(peer: Peer, files: Files) -> str:
    """Push what the cases read; return the digest of the manifest `latest`."""
    connection = Connection(peer.port, peer.authorization(REPOSITORY))
    push_blob(connection, REPOSITORY, _EMPTY)
    push_blob(connection, REPOSITORY, files.small)
    begun = connection.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/").expect(202)
    path = upload_path(begun.headers["location"], digest_of_file(files.large))
    connection.request("PUT", path, files.large).expect(201)
    body = manifest_of(files.small, note="x" * 400)
    for tag in ["latest", *(f"v{number:06}" for number in range(TAGS - 1))]:
        push_manifest(connection, REPOSITORY, tag, body)
    connection.close()
    return digest_of(body)


def push_tags(peer: Peer, repository: str, numbers: Sequence[int], clients: int = 8) -> None:
    """Push the same manifest under many tags, with several clients."""
    _in_parallel(peer, clients, [(repository, f"v{number:06}") for number in numbers])


def push_repositories(peer: Peer, names: Sequence[str], clients: int = 8) -> None:
    """Push one manifest to each of many repositories, with several clients."""
    _in_parallel(peer, clients, [(name, "latest") for name in names])


def push_referrers(peer: Peer, repository: str, subject: str, count: int) -> None:
    """Push manifests that refer to a digest."""
    connection = Connection(peer.port, peer.authorization(repository))
    push_blob(connection, repository, _EMPTY)
    for number in range(count):
        body = manifest_of(subject=subject, note=f"referrer {number}")
        push_manifest(connection, repository, digest_of(body), body)
    connection.close()


def _in_parallel(peer: Peer, clients: int, work: list[tuple[str, str]]) -> None:
    shares = [work[number::clients] for number in range(clients)]
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(lambda share: _push_share(peer, share), shares))


def _push_share(peer: Peer, share: list[tuple[str, str]]) -> None:
    body = manifest_of()
    connection, held = None, ""
    for position, (repository, tag) in enumerate(share):
        # A token lasts five minutes, and lists its repositories.
        if connection is None or repository != held or position % 2000 == 0:
            if connection is not None:
                connection.close()
            connection, held = Connection(peer.port, peer.authorization(repository)), repository
        push_manifest(connection, repository, tag, body)
    if connection is not None:
        connection.close()


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _random_file(path: Path, mebibytes: int) -> Path:
    with path.open("wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(1 << 20))
    return path
