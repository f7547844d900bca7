"""A repository as a client sees it: paths to ask and the few steps that most tests begin with."""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.support.http import Answer, Body, Client
from tests.wire.content import EMPTY, IMAGE, digest_of


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository and the client that talks about it."""

    client: Client
    name: str

    @property
    def uploads(self) -> str:
        """Where uploads start."""
        return f"/v2/{self.name}/blobs/uploads/"

    def blob(self, digest: str) -> str:
        """Where a blob is."""
        return f"/v2/{self.name}/blobs/{digest}"

    def manifest(self, reference: str) -> str:
        """Where a manifest is, by tag or by digest."""
        return f"/v2/{self.name}/manifests/{reference}"

    def referrers(self, digest: str, query: str = "") -> str:
        """Where the referrers of a digest are listed."""
        return f"/v2/{self.name}/referrers/{digest}{query}"

    def tags(self, query: str = "") -> str:
        """Where the tags are listed."""
        return f"/v2/{self.name}/tags/list{query}"

    def start(self) -> str:
        """The location of a new upload."""
        return self.client.post(self.uploads).expect(202).headers["Location"]

    def push(self, data: bytes) -> str:
        """Push a blob and give its digest."""
        digest = digest_of(data)
        self.client.put(finishing(self.start(), digest), data).expect(201)
        return digest

    def put(self, reference: str, body: Body, media_type: str = IMAGE) -> Answer:
        """The answer to a manifest pushed to a tag or digest."""
        return self.client.put(self.manifest(reference), body, content_type=media_type)

    def tag(self, reference: str, body: bytes, media_type: str = IMAGE) -> str:
        """Push a manifest that must be accepted and give its digest."""
        return self.put(reference, body, media_type).expect(201).headers["Docker-Content-Digest"]

    def lay(self, *blobs: bytes) -> None:
        """Push the empty config and these blobs, so that manifests may name them."""
        for data in {EMPTY, *blobs}:
            self.push(data)

    def list_tags(self, query: str = "") -> list[str]:
        """The tags on one page."""
        return self.client.get(self.tags(query)).expect(200).texts("tags")


def finishing(location: str, digest: str) -> str:
    """The location that ends an upload: clients add the digest to whatever query is there."""
    return f"{location}{'&' if '?' in location else '?'}digest={digest}"


def pieces(data: bytes, size: int) -> Iterable[bytes]:
    """The data in pieces, which travel as chunks."""
    return (data[start : start + size] for start in range(0, len(data), size))
