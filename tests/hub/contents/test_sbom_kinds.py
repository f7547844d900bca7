"""SBOMs are known by every media type that their formats have."""

import pytest

from entrepot.extract.findings import Blob, ExtractionState, Task
from entrepot.extract.read import read_task
from entrepot.oci.names import Tag
from tests.hub.shelves import Shelf, spdx
from tests.wire.content import descriptor, encode, image

EMPTY = "application/vnd.oci.empty.v1+json"

TYPES = {
    "application/spdx+json": ("spdx", encode(spdx("bash")), ExtractionState.DONE),
    "application/spdx+yaml": (
        "spdx",
        b"spdxVersion: SPDX-2.3\npackages: []\n",
        ExtractionState.DONE,
    ),
    "application/spdx+xml": (
        "spdx",
        b"<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>",
        ExtractionState.UNSUPPORTED,
    ),
    "text/spdx+xml": ("spdx", b"<bom><components/></bom>", ExtractionState.DONE),
    "text/spdx": ("spdx", b"SPDXVersion: SPDX-2.3\nPackageName: bash\n", ExtractionState.DONE),
    "application/vnd.cyclonedx+xml": ("cyclonedx", b"<bom/>", ExtractionState.DONE),
    "application/vnd.cyclonedx+json;version=1.5": (
        "cyclonedx",
        b'{"bomFormat": "CycloneDX"}',
        ExtractionState.DONE,
    ),
    "application/x.vnd.cyclonedx+protobuf": (
        "cyclonedx",
        b"\n\x031.5",
        ExtractionState.UNSUPPORTED,
    ),
    "application/vnd.cyclonedx+json": (
        "cyclonedx",
        b'{"hello": "world"}',
        ExtractionState.UNSUPPORTED,
    ),
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
    assert bool(found.reason) == (state is ExtractionState.UNSUPPORTED)


async def test_what_is_all_annotations_has_nothing_to_be_read(shelf: Shelf) -> None:
    kind = "application/vnd.microsoft.artifact.lifecycle"
    said = {"vnd.microsoft.artifact.lifecycle.end-of-life.date": "2030-01-01"}
    manifest = image(
        artifactType=kind,
        config=descriptor(b"{}", EMPTY),
        layers=[descriptor(b"{}", EMPTY)],
        annotations=said,
    )
    await shelf.push(manifest, b"{}", tag="v1")
    await shelf.settle()
    found = await shelf.get(Tag("v1"))
    assert (found.kind, found.state, found.reason) == ("lifecycle", ExtractionState.DONE, "")


def test_an_sbom_whose_bytes_are_not_here_is_none_that_was_read() -> None:
    layer = Blob(0, "application/spdx+json", 7, "", "sbom.json")
    found = read_task(Task("documents", "spdx", [layer]))
    assert (found.state, "not here" in found.reason) == (ExtractionState.FAILED, True)
