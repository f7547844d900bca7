"""SBOMs are known by every media type that their formats have."""

import pytest

from entrepot.extract.findings import State
from tests.hub.shelves import Shelf, spdx
from tests.wire.content import encode

TYPES = {
    "application/spdx+json": ("spdx", encode(spdx("bash")), State.DONE),
    "application/spdx+yaml": ("spdx", b"spdxVersion: SPDX-2.3\npackages: []\n", State.DONE),
    "application/spdx+xml": (
        "spdx",
        b"<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>",
        State.UNSUPPORTED,
    ),
    "text/spdx+xml": ("spdx", b"<bom><components/></bom>", State.DONE),
    "text/spdx": ("spdx", b"SPDXVersion: SPDX-2.3\nPackageName: bash\n", State.DONE),
    "application/vnd.cyclonedx+xml": ("cyclonedx", b"<bom/>", State.DONE),
    "application/vnd.cyclonedx+json;version=1.5": (
        "cyclonedx",
        b'{"bomFormat": "CycloneDX"}',
        State.DONE,
    ),
    "application/x.vnd.cyclonedx+protobuf": ("cyclonedx", b"\n\x031.5", State.UNSUPPORTED),
    "application/vnd.cyclonedx+json": ("cyclonedx", b'{"hello": "world"}', State.UNSUPPORTED),
}


@pytest.mark.parametrize("media_type", TYPES)
async def test_an_sbom_is_known_by_its_type_and_says_whether_it_is_read(
    shelf: Shelf, media_type: str
) -> None:
    kind, content, state = TYPES[media_type]
    sbom = await shelf.push_referrer(None, content, media_type, tag="v1")
    await shelf.settle()
    found = await shelf.get(sbom)
    assert (found.kind, found.state) == (kind, state)
    assert bool(found.reason) == (state is State.UNSUPPORTED)
