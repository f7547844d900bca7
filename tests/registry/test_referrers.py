"""Referrers: what names a digest as its subject, also by the fallback tag of older clients."""

import json

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.repositories import PushTarget
from entrepot.model.repositories import Repository
from entrepot.oci.digests import EMPTY_JSON, Digest, fallback_tag
from entrepot.oci.media_types import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from entrepot.oci.names import Tag
from entrepot.registry import referrers as referrers_module
from entrepot.registry.manifests import Manifests
from entrepot.registry.referrers import Referrers
from tests.metadata.rows import add_repository
from tests.registry.conftest import target_of
from tests.wire.content import descriptor, image, index

SUBJECT = b"the subject, which nobody pushed"
SIGNATURE = "application/vnd.example.signature"
SBOM = "application/vnd.example.sbom"
ALL: frozenset[str] = frozenset()


def referrer(note: str, artifact_type: str | None = SIGNATURE, **fields: object) -> bytes:
    """A manifest that names the subject."""
    empty = descriptor(EMPTY_JSON, OCI_EMPTY)
    named = {"artifactType": artifact_type} if artifact_type else {}
    return image(
        **{
            "config": empty,
            "layers": [empty],
            "subject": descriptor(SUBJECT, OCI_MANIFEST),
            "annotations": {"note": note},
            **named,
            **fields,
        }
    )


async def push(manifests: Manifests, target: PushTarget, content: bytes, *names: str) -> Digest:
    """Push a manifest and return its digest."""
    tags = [Tag(name) for name in names]
    return (await manifests.put(target, content, None, digest=None, tags=tags, by=None)).digest


async def listed(
    referrers: Referrers, repository: Repository, wanted: frozenset[str] = ALL
) -> list[dict[str, object]]:
    """Every descriptor, of all pages."""
    found: list[dict[str, object]] = []
    after: int | None = 0
    while after is not None:
        page = await referrers.list_page(repository, Digest.of(SUBJECT), wanted, after)
        found += [json.loads(text) for text in page.descriptors]
        after = page.next_after
    return found


def digests(found: list[dict[str, object]]) -> list[str]:
    """The digests of some descriptors."""
    return [str(each["digest"]) for each in found]


async def test_a_referrer_is_described_as_the_specification_says(
    manifests: Manifests, referrers: Referrers, target: PushTarget, repository: Repository
) -> None:
    content = referrer("first")
    await push(manifests, target, content)
    assert await listed(referrers, repository) == [
        {
            "mediaType": OCI_MANIFEST,
            "digest": str(Digest.of(content)),
            "size": len(content),
            "artifactType": SIGNATURE,
            "annotations": {"note": "first"},
        }
    ]


async def test_without_an_artifact_type_the_config_says_what_it_is(
    manifests: Manifests, referrers: Referrers, target: PushTarget, repository: Repository
) -> None:
    await push(manifests, target, referrer("untyped", None))
    (found,) = await listed(referrers, repository)
    assert found["artifactType"] == OCI_EMPTY


async def test_an_index_may_refer_too(
    manifests: Manifests, referrers: Referrers, target: PushTarget, repository: Repository
) -> None:
    subject = descriptor(SUBJECT, OCI_MANIFEST)
    await push(manifests, target, index(subject=subject, artifactType=SBOM))
    await push(manifests, target, index(subject=subject))
    typed, untyped = await listed(referrers, repository)
    assert (typed["mediaType"], typed["artifactType"]) == (OCI_INDEX, SBOM)
    assert "artifactType" not in untyped
    assert "annotations" not in untyped


async def test_referrers_are_listed_in_order_of_arrival(
    manifests: Manifests, referrers: Referrers, target: PushTarget, repository: Repository
) -> None:
    pushed = [str(await push(manifests, target, referrer(str(n)))) for n in range(7)]
    await push(manifests, target, referrer("3"))
    assert digests(await listed(referrers, repository)) == pushed


async def test_nothing_refers_to_what_nobody_named(
    referrers: Referrers, repository: Repository
) -> None:
    assert await listed(referrers, repository) == []


async def test_the_list_can_be_cut_to_artifact_types(
    manifests: Manifests, referrers: Referrers, target: PushTarget, repository: Repository
) -> None:
    signature = str(await push(manifests, target, referrer("a", SIGNATURE)))
    sbom = str(await push(manifests, target, referrer("b", SBOM)))
    for wanted, expected in (
        (frozenset({SIGNATURE}), [signature]),
        (frozenset({SBOM}), [sbom]),
        (frozenset({SBOM, SIGNATURE}), [signature, sbom]),
        (frozenset({"application/other"}), []),
    ):
        assert digests(await listed(referrers, repository, wanted)) == expected


@pytest.mark.parametrize("wanted", [ALL, frozenset({SIGNATURE})])
async def test_a_long_list_comes_in_pages_that_lose_and_repeat_nothing(
    manifests: Manifests,
    referrers: Referrers,
    target: PushTarget,
    repository: Repository,
    wanted: frozenset[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(referrers_module, "PAGE_BYTES", 900)
    monkeypatch.setattr(referrers_module, "_ROWS", 3)
    pushed = []
    for number in range(20):
        kind = SIGNATURE if number % 2 else SBOM
        digest = await push(manifests, target, referrer(str(number), kind))
        pushed += [str(digest)] if not wanted or kind in wanted else []
    page = await referrers.list_page(repository, Digest.of(SUBJECT), wanted, 0)
    assert page.next_after is not None
    assert sum(map(len, page.descriptors)) <= 900
    assert digests(await listed(referrers, repository, wanted)) == pushed


async def test_one_descriptor_larger_than_a_page_is_listed_all_the_same(
    manifests: Manifests,
    referrers: Referrers,
    target: PushTarget,
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(referrers_module, "PAGE_BYTES", 100)
    pushed = [str(await push(manifests, target, referrer("x" * 500 + str(n)))) for n in range(3)]
    assert digests(await listed(referrers, repository)) == pushed


async def test_a_deleted_referrer_is_not_listed(
    manifests: Manifests, referrers: Referrers, target: PushTarget, repository: Repository
) -> None:
    gone = await push(manifests, target, referrer("gone"), "v1")
    stays = await push(manifests, target, referrer("stays"))
    await manifests.delete(repository, gone, None)
    assert digests(await listed(referrers, repository)) == [str(stays)]


async def test_an_untagged_referrer_stays_listed(
    manifests: Manifests, referrers: Referrers, target: PushTarget, repository: Repository
) -> None:
    digest = await push(manifests, target, referrer("tagged"), "v1")
    await manifests.untag(repository, Tag("v1"), None)
    assert digests(await listed(referrers, repository)) == [str(digest)]


async def test_referrers_of_another_repository_are_not_listed(
    manifests: Manifests,
    referrers: Referrers,
    target: PushTarget,
    repository: Repository,
    metadata: Metadata,
) -> None:
    other = target_of(await add_repository(metadata, "a/other"))
    await push(manifests, other, referrer("theirs"))
    mine = await push(manifests, target, referrer("mine"))
    assert digests(await listed(referrers, repository)) == [str(mine)]


async def push_fallback(
    manifests: Manifests, target: PushTarget, *children: dict[str, object]
) -> None:
    """Push what a client that does not know the API keeps under the fallback tag."""
    await push(manifests, target, index(*children), fallback_tag(Digest.of(SUBJECT)))


async def test_the_fallback_index_is_folded_in_without_repeating(
    manifests: Manifests, referrers: Referrers, target: PushTarget, repository: Repository
) -> None:
    """Its entries without a subject of their own are only known from it."""
    known = referrer("known")
    old = image(config=descriptor(EMPTY_JSON, OCI_EMPTY), annotations={"note": "old"})
    await push(manifests, target, known)
    await push(manifests, target, old)
    described = descriptor(old, OCI_MANIFEST, artifactType=SBOM, annotations={"by": "old"})
    await push_fallback(manifests, target, descriptor(known, OCI_MANIFEST), described)
    found = await listed(referrers, repository)
    assert digests(found) == [str(Digest.of(known)), str(Digest.of(old))]
    assert found[1] == described
    assert digests(await listed(referrers, repository, frozenset({SBOM}))) == digests(found[1:])


async def test_the_fallback_index_lists_only_what_is_there(
    manifests: Manifests, referrers: Referrers, target: PushTarget, repository: Repository
) -> None:
    await push_fallback(manifests, target, descriptor(b"absent", OCI_MANIFEST))
    assert await listed(referrers, repository) == []


async def test_a_fallback_tag_on_something_else_is_left_alone(
    manifests: Manifests, referrers: Referrers, target: PushTarget, repository: Repository
) -> None:
    other = image(config=descriptor(EMPTY_JSON, OCI_EMPTY))
    await push(manifests, target, other, fallback_tag(Digest.of(SUBJECT)))
    assert await listed(referrers, repository) == []


async def test_the_fallback_index_comes_once_at_the_end(
    manifests: Manifests,
    referrers: Referrers,
    target: PushTarget,
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(referrers_module, "PAGE_BYTES", 600)
    old = image(config=descriptor(EMPTY_JSON, OCI_EMPTY))
    await push(manifests, target, old)
    await push_fallback(manifests, target, descriptor(old, OCI_MANIFEST))
    pushed = [str(await push(manifests, target, referrer(str(n)))) for n in range(6)]
    assert digests(await listed(referrers, repository)) == [*pushed, str(Digest.of(old))]
