"""The children of an index: which are platforms, and which speak of others."""

import json
from collections.abc import Mapping

from entrepot.kinds.recognition.manifest_view import Child, ManifestView
from entrepot.kinds.recognition.platforms import (
    PlatformRole,
    attestations_of,
    entries_of,
    platforms_of,
)
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import parse_manifest
from entrepot.oci.media_types import OCI_INDEX, OCI_MANIFEST
from entrepot.oci.platforms import Platform

IMAGE = Digest.of(b"the image")
LINUX = {"os": "linux", "architecture": "arm64", "variant": "v8"}
NOTHING = {"os": "unknown", "architecture": "unknown"}
REFERENCE = "vnd.docker.reference"


def _index(*children: Mapping[str, object], kinds: tuple[str | None, ...] = ()) -> ManifestView:
    manifests = [
        {"mediaType": OCI_MANIFEST, "digest": str(Digest.of(bytes([n]))), "size": 1, **each}
        for n, each in enumerate(children)
    ]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    manifest = parse_manifest(json.dumps(document).encode(), None)
    known = kinds or (None,) * len(children)
    found = zip(manifest.children, known, strict=True)
    return ManifestView(manifest, {}, tuple(Child(descriptor, kind) for descriptor, kind in found))


def _roles(view: ManifestView) -> list[PlatformRole]:
    return [each.role for each in entries_of(view)]


def test_a_child_with_a_platform_is_one() -> None:
    (entry,) = platforms_of(_index({"platform": LINUX}))
    assert str(entry.platform) == "linux/arm64/v8"
    assert entry.about is None


def test_a_child_that_says_no_platform_is_pulled_all_the_same() -> None:
    assert _roles(_index({}, {"platform": {}})) == [PlatformRole.PLATFORM, PlatformRole.PLATFORM]


def test_an_attestation_is_no_platform_and_says_of_which_image_it_speaks() -> None:
    said = {f"{REFERENCE}.type": "attestation-manifest", f"{REFERENCE}.digest": str(IMAGE)}
    view = _index({"platform": LINUX}, {"platform": NOTHING, "annotations": said})
    assert _roles(view) == [PlatformRole.PLATFORM, PlatformRole.ATTESTATION]
    assert [each.about for each in attestations_of(view)] == [IMAGE]


def test_an_attestation_of_something_unreadable_speaks_of_nothing() -> None:
    said = {f"{REFERENCE}.type": "attestation-manifest", f"{REFERENCE}.digest": "sha256:no"}
    (entry,) = attestations_of(_index({"annotations": said}))
    assert entry.about is None


def test_what_buildkit_reserved_and_what_is_for_no_platform_is_nothing() -> None:
    reserved = {"platform": LINUX, "annotations": {f"{REFERENCE}.type": "something-new"}}
    assert _roles(_index(reserved, {"platform": NOTHING})) == [
        PlatformRole.NOTHING,
        PlatformRole.NOTHING,
    ]


def test_twins_for_lazy_pulling_are_no_platforms() -> None:
    soci = {
        "artifactType": "application/vnd.amazon.soci.index.v2+json",
        "platform": LINUX,
        "annotations": {"com.amazon.soci.image-manifest-digest": str(IMAGE)},
    }
    nydus = {"platform": {**LINUX, "os.features": ["nydus.remoteimage.v1"]}}
    typed = {"artifactType": "application/vnd.nydus.image.manifest.v1+json", "platform": LINUX}
    view = _index({"platform": LINUX}, soci, nydus, typed)
    assert _roles(view) == [
        PlatformRole.PLATFORM,
        PlatformRole.TWIN,
        PlatformRole.TWIN,
        PlatformRole.TWIN,
    ]
    assert entries_of(view)[1].about == IMAGE


def test_a_twin_that_only_its_manifest_shows_is_known_by_its_kind() -> None:
    view = _index({"platform": LINUX}, {"platform": LINUX}, kinds=("image", "soci-index"))
    assert _roles(view) == [PlatformRole.PLATFORM, PlatformRole.TWIN]


def test_blobs_of_a_cache_are_nothing_to_pull() -> None:
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}
    assert _roles(_index(layer)) == [PlatformRole.NOTHING]


def test_a_system_s_version_is_part_of_the_whole_platform() -> None:
    said = {"os": "windows", "architecture": "amd64", "os.version": "10.0.17763.1"}
    platform = Platform.read(said)
    assert platform is not None
    assert (str(platform), platform.whole) == ("windows/amd64", "windows/amd64:10.0.17763.1")
    plain = Platform.read({"os": "linux", "architecture": "arm", "variant": "v7"})
    assert plain is not None
    assert plain.whole == "linux/arm/v7"
