"""Prefetches: whole artifacts are here before anybody pulls them."""

import json
import os
from typing import Any

import pytest

from entrepot.metadata.registry import blobs, manifests
from entrepot.metadata.repositories import find_repository
from entrepot.model.mirroring.prefetches import AttachmentChoice, FetchAction, Prefetched, Selection
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from tests.doors.mirror_doors import Mirrored, mirrored, upstream
from tests.doors.programs import Program
from tests.support.upstream import OCI_INDEX, OCI_MANIFEST, Upstream, digest_of

__all__ = ["mirrored", "upstream"]

NAME = RepositoryName("up/lib/app")
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
LARGE = os.urandom(3 * 1024 * 1024)


def describe(content: bytes, media_type: str, **fields: object) -> dict[str, object]:
    """A descriptor."""
    return {
        "mediaType": media_type,
        "digest": digest_of(content),
        "size": len(content),
        **fields,
    }


def add_index(upstream: Upstream, tag: str, *architectures: str) -> str:
    """Have an index of one image for each architecture, and what BuildKit says about each."""
    children: list[dict[str, object]] = []
    for each in architectures:
        digest = upstream.add_image("lib/app", "", f"{tag} {each}".encode() * 100)
        content, kind = upstream.manifests[f"lib/app:{digest}"]
        platform = {"os": "linux", "architecture": each}
        children.append(describe(content, kind, platform=platform))
        said = upstream.add_image("lib/app", "", f"{tag} about {each}".encode())
        statement, kind = upstream.manifests[f"lib/app:{said}"]
        unknown = {"os": "unknown", "architecture": "unknown"}
        notes = {"vnd.docker.reference.digest": digest}
        children.append(describe(statement, kind, platform=unknown, annotations=notes))
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
    return upstream.add_manifest("lib/app", tag, json.dumps(document).encode(), OCI_INDEX)


def attach(
    upstream: Upstream, subject: str, artifact_type: str, *, tag: str = "", listed: bool = True
) -> str:
    """Have a referrer of the subject, in the list or under a tag; return its digest."""
    content, kind = upstream.manifests[f"lib/app:{subject}"]
    layer = f"about {subject} {artifact_type}".encode()
    for each in (layer, b"{}"):
        upstream.blobs[f"lib/app@{digest_of(each)}"] = each
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": describe(b"{}", "application/vnd.oci.empty.v1+json"),
        "layers": [describe(layer, "text/plain")],
        "subject": describe(content, kind),
    }
    body = json.dumps(document).encode()
    digest = upstream.add_manifest("lib/app", tag, body, OCI_MANIFEST)
    if listed:
        described = describe(body, OCI_MANIFEST, artifactType=artifact_type)
        upstream.referrers.setdefault(subject, []).append(described)
    return digest


async def fetch(
    mirrored: Mirrored, pattern: str, selection: Selection | None = None, **options: Any
) -> list[Prefetched]:
    """Prefetch a tag, or those that match."""
    app = mirrored.town.doors.app
    asked = await app.mirrors.find_name(NAME)
    chosen = selection or Selection()
    return [each async for each in app.prefetches.run(asked, pattern, chosen, **options)]


async def held(mirrored: Mirrored) -> set[str]:
    """The digests of all manifests that are cached."""
    repository = await find_repository(mirrored.town.metadata.reader, NAME)
    if repository is None:
        return set()
    reader = mirrored.town.metadata.reader
    every = [Digest.parse(key.partition(":")[2]) for key in mirrored.upstream.manifests if _is(key)]
    return {str(each) for each in await manifests.find_sizes(reader, repository.id, every)}


def _is(key: str) -> bool:
    return key.partition(":")[2].startswith("sha256:")


async def lacking(mirrored: Mirrored) -> int:
    """How many of the upstream's blobs are not cached."""
    reader = mirrored.town.metadata.reader
    repository = await find_repository(reader, NAME)
    every = {Digest.parse(key.partition("@")[2]) for key in mirrored.upstream.blobs}
    if repository is None:
        return len(every)
    return len(every - set(await blobs.find_sizes(reader, repository.id, list(every))))


async def test_everything_is_here_afterwards_and_is_served_without_the_upstream(
    mirrored: Mirrored,
) -> None:
    upstream = mirrored.upstream
    root = add_index(upstream, "1", "amd64", "arm64")
    sbom = attach(upstream, root, "application/spdx+json")
    attach(upstream, sbom, SIGNATURE)
    attach(upstream, root, "cosign", tag=f"{root.replace(':', '-')}.sig", listed=False)
    (found,) = await fetch(mirrored, "1")
    assert (found.action, found.reason, found.digest) == (FetchAction.COPY, "", root)
    assert await lacking(mirrored) == 0
    assert len(await held(mirrored)) == 8
    assert found.size > 0
    await mirrored.change(is_offline=True)
    assert (await mirrored.ask("GET", "lib/app/manifests/1")).status == 200
    listed = await mirrored.ask("GET", f"lib/app/referrers/{root}")
    digests = [each["digest"] for each in json.loads(listed.body)["manifests"]]
    assert digests.count(sbom) == 1


async def test_a_second_run_fetches_nothing(mirrored: Mirrored) -> None:
    add_index(mirrored.upstream, "1", "amd64")
    await fetch(mirrored, "1")
    mirrored.upstream.asked.clear()
    (found,) = await fetch(mirrored, "1")
    assert (found.action, found.size, found.blobs) == (FetchAction.SKIP, 0, 0)
    assert mirrored.upstream.count("GET", "/blobs/") == 0
    assert mirrored.upstream.count("GET", "/manifests/1") == 0


async def test_a_late_signature_follows_although_the_tag_did_not_move(mirrored: Mirrored) -> None:
    root = add_index(mirrored.upstream, "1", "amd64")
    await fetch(mirrored, "1")
    late = attach(mirrored.upstream, root, SIGNATURE)
    tagged = attach(mirrored.upstream, root, "x", tag=f"{root.replace(':', '-')}.sig", listed=False)
    (found,) = await fetch(mirrored, "1")
    assert found.action is FetchAction.COPY
    assert {late, tagged} <= found.manifests
    assert await lacking(mirrored) == 0


async def test_an_upstream_without_referrers_is_asked_for_the_tag(mirrored: Mirrored) -> None:
    upstream = mirrored.upstream
    upstream.has_referrers = False
    root = add_index(upstream, "1", "amd64")
    signature = attach(upstream, root, SIGNATURE, listed=False)
    content, kind = upstream.manifests[f"lib/app:{signature}"]
    listed = [describe(content, kind, artifactType=SIGNATURE)]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
    tag = root.replace(":", "-")
    upstream.add_manifest("lib/app", tag, json.dumps(document).encode(), OCI_INDEX)
    (found,) = await fetch(mirrored, "1", Selection(attachments=AttachmentChoice.SIGNATURES))
    assert signature in found.manifests
    assert await lacking(mirrored) == 0


async def test_one_platform_is_fetched_and_the_index_stays_whole(mirrored: Mirrored) -> None:
    root = add_index(mirrored.upstream, "1", "amd64", "arm64")
    (found,) = await fetch(mirrored, "1", Selection(("linux/arm64",)))
    # The index, the image, and what BuildKit says of it.
    assert len(found.manifests) == 3
    assert await lacking(mirrored) == 2
    answer = await mirrored.ask("GET", f"lib/app/manifests/{root}")
    assert digest_of(answer.body) == root
    (found,) = await fetch(mirrored, "1", Selection(("linux/riscv64",)))
    assert (found.action, found.reason) == (FetchAction.FAIL, "no image for linux/riscv64")


@pytest.mark.parametrize(
    ("choice", "count"),
    [(AttachmentChoice.ALL, 3), (AttachmentChoice.SIGNATURES, 2), (AttachmentChoice.NONE, 1)],
)
async def test_attachments_are_chosen(
    mirrored: Mirrored, choice: AttachmentChoice, count: int
) -> None:
    root = mirrored.upstream.add_image("lib/app", "1", b"layer")
    attach(mirrored.upstream, root, SIGNATURE)
    attach(mirrored.upstream, root, "application/spdx+json")
    (found,) = await fetch(mirrored, "1", Selection(attachments=choice))
    assert len(found.manifests) == count


async def test_tags_are_chosen_by_a_pattern(mirrored: Mirrored) -> None:
    for tag in ("1.0", "1.1", "2.0"):
        mirrored.upstream.add_image("lib/app", tag, tag.encode())
    found = await fetch(mirrored, "1.*")
    assert [each.reference for each in found] == [f"{NAME}:1.0", f"{NAME}:1.1"]
    (none,) = await fetch(mirrored, "3.*")
    assert (none.action, none.reason) == (FetchAction.FAIL, f"no tag of {NAME} matches 3.*")
    (many,) = await fetch(mirrored, "*", most=2)
    assert many.reason == "3 tags match, and at most 2 are fetched at once"


async def test_one_failure_ends_none_of_the_others(mirrored: Mirrored) -> None:
    mirrored.upstream.add_image("lib/app", "1", b"one")
    mirrored.upstream.add_image("lib/app", "2", b"two")
    del mirrored.upstream.blobs[f"lib/app@{digest_of(b'one')}"]
    first, second = await fetch(mirrored, "*")
    assert (first.action, second.action) == (FetchAction.FAIL, FetchAction.COPY)
    assert digest_of(b"one") in first.reason


async def test_a_dry_run_keeps_nothing(mirrored: Mirrored) -> None:
    root = add_index(mirrored.upstream, "1", "amd64")
    attach(mirrored.upstream, root, SIGNATURE)
    (found,) = await fetch(mirrored, "1", dry_run=True)
    assert found.action is FetchAction.COPY
    assert await held(mirrored) == set()
    assert mirrored.upstream.count("GET", "/blobs/") == 0
    (fetched,) = await fetch(mirrored, "1")
    assert (fetched.size, fetched.blobs) == (found.size, found.blobs)
    (found,) = await fetch(mirrored, "1", dry_run=True)
    assert (found.action, found.size) == (FetchAction.SKIP, 0)


async def test_a_fetch_that_was_cut_goes_on_where_it_ended(mirrored: Mirrored) -> None:
    mirrored.upstream.add_image("lib/app", "1", LARGE)
    mirrored.upstream.cut_after = 2 * 1024 * 1024
    seen: list[int] = []
    (found,) = await fetch(mirrored, "1", watch=seen.append)
    assert found.action is FetchAction.COPY
    assert sum(seen) == len(LARGE) + len(b"{}")
    assert mirrored.upstream.blob_bytes < 1.2 * len(LARGE)


async def test_an_upstream_that_cannot_be_asked_is_named(mirrored: Mirrored) -> None:
    add_index(mirrored.upstream, "1", "amd64")
    await fetch(mirrored, "1")
    await mirrored.change(is_offline=True)
    (offline,) = await fetch(mirrored, "1")
    assert offline.reason == "up is offline here, and this is not cached"
    await mirrored.change(is_offline=False)
    await mirrored.upstream.close()
    (gone,) = await fetch(mirrored, "1")
    assert gone.action is FetchAction.FAIL
    assert gone.reason


async def test_administrators_prefetch_by_the_api(mirrored: Mirrored) -> None:
    mirrored.upstream.add_image("lib/app", "1", b"layer")
    town = mirrored.town
    admin = Program(town.doors, town.auth["admin"])
    order = {"references": ["lib/app:*"], "dry_run": True}
    expected = {"action": "copy", "blobs": 2, "note": "", "reference": f"{NAME}:1"}
    for order["dry_run"] in (True, False):
        answer = await admin.do("POST", "/mirrors/up/prefetch", order)
        (row,) = answer["artifacts"]
        assert row.pop("digest").startswith("sha256:")
        assert row.pop("bytes") > 0
        assert row == expected
    assert await lacking(mirrored) == 0
    await admin.do("POST", "/mirrors/up/prefetch", {"references": ["lib/app"]}, status=400)
    await admin.do("POST", "/mirrors/no/prefetch", order, status=404)
    wrong = {"references": ["a:1"], "platforms": ["x"]}
    await admin.do("POST", "/mirrors/up/prefetch", wrong, status=400)
