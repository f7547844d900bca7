"""The hub's own advisories: what they find in SBOMs, when either comes, and what silences it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from entrepot.errors import Invalid
from entrepot.extract.findings import Findings
from entrepot.metadata.contents import artifact_findings
from entrepot.metadata.security import advisories, package_matches
from entrepot.metadata.visibility import VisibleTo
from entrepot.model.security.advisories import AffectedArtifact
from entrepot.oci.digests import Digest
from tests.hub.security.test_vulnerability_counts import GRYPE, VEX, grype, vex
from tests.hub.shelves import Shelf, attestation_of
from tests.metadata.clocks import START
from tests.support.osv import document, fixed, since, write_zip
from tests.wire.content import descriptor, encode, image

CYCLONEDX = "application/vnd.cyclonedx+json"
REQUESTS = "pkg:pypi/Requests@2.30.0"
ZLIB = "pkg:deb/debian/zlib1g@1.2-3?arch=amd64&distro=debian-12.5&upstream=zlib"
HIGH = {"database_specific": {"severity": "HIGH"}}


def cyclonedx(*purls: str) -> bytes:
    """An SBOM that lists these packages."""
    components = [
        {
            "type": "library",
            "name": purl.partition("@")[0].rpartition("/")[2],
            "version": purl.partition("@")[2].partition("?")[0],
            "purl": purl,
        }
        for purl in purls
    ]
    return encode({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components})


def leak(identifier: str = "GHSA-aaaa-bbbb-cccc", until: str = "2.31.0", **more: Any) -> Any:
    """An advisory about requests, with the CVE that it is."""
    return document(
        identifier,
        "PyPI",
        "requests",
        since("2.3.0"),
        fixed(until),
        **{"aliases": ["CVE-2023-32681"], **HIGH, **more},
    )


async def load(shelf: Shelf, path: Path, *documents: dict[str, Any]) -> int:
    """Import advisories; return how many have changed."""
    found = await shelf.advisories.import_file(write_zip(path / "all.zip", *documents), "all.zip")
    await shelf.settle()
    return found.data_set.changed


async def affected(shelf: Shelf, identifier: str) -> list[AffectedArtifact]:
    """The artifacts that have that vulnerability."""
    reader = shelf.metadata.reader
    ids = await advisories.list_same(reader, identifier)
    return await artifact_findings.list_affected(reader, ids, VisibleTo(None), 100, 0)


async def found_in(shelf: Shelf, digest: Digest) -> list[tuple[str, str, str, list[str]]]:
    """Id, fixed version, status and sources of each finding that its page shows."""
    found = await shelf.findings.gather(shelf.repository.id, str(digest), Findings())
    return [(each.id, each.fixed_in, each.status, each.sources) for each in found.vulnerabilities]


@pytest.mark.parametrize("is_first", [True, False])
async def test_an_sbom_and_an_advisory_meet_whichever_comes_first(
    shelf: Shelf, tmp_path: Path, is_first: bool
) -> None:
    if is_first:
        await load(shelf, tmp_path, leak())
    pushed = await shelf.push_image(tag="1.0")
    await shelf.push_referrer(pushed, cyclonedx(REQUESTS, "pkg:pypi/other@1"), CYCLONEDX)
    await shelf.settle()
    if not is_first:
        assert (await shelf.marks(pushed)).vulnerabilities == {}
        await load(shelf, tmp_path, leak())
    assert (await shelf.marks(pushed)).vulnerabilities == {"high": 1}
    assert await found_in(shelf, pushed) == [("CVE-2023-32681", "2.31.0", "", ["Entrepot"])]
    (found,) = await affected(shelf, "CVE-2023-32681")
    assert found == (await affected(shelf, "ghsa-AAAA-bbbb-cccc"))[0]
    assert (found.repository, found.tag, found.digest) == ("shop/shelf", "1.0", str(pushed))
    assert (found.package, found.version, found.fixed) == ("requests", "2.30.0", "2.31.0")
    assert (found.severity, found.state, found.source) == ("high", "affected", "hub")


async def test_a_changed_advisory_is_matched_again_and_others_are_left_alone(
    shelf: Shelf, tmp_path: Path
) -> None:
    pushed = await shelf.push_image(tag="1.0")
    await shelf.push_referrer(pushed, cyclonedx(REQUESTS), CYCLONEDX)
    other = document("PYSEC-2024-1", "PyPI", "other", since())
    assert await load(shelf, tmp_path, leak(), other) == 2
    assert await load(shelf, tmp_path, leak(), other) == 0
    assert len(await affected(shelf, "CVE-2023-32681")) == 1
    assert await load(shelf, tmp_path, leak(until="2.30.0"), other) == 1
    assert await affected(shelf, "CVE-2023-32681") == []
    assert (await shelf.marks(pushed)).vulnerabilities == {}
    assert await load(shelf, tmp_path, leak(), other) == 1
    assert len(await affected(shelf, "CVE-2023-32681")) == 1
    withdrawn = leak(withdrawn="2026-11-02T00:00:00Z")
    assert await load(shelf, tmp_path, withdrawn, other) == 1
    assert await affected(shelf, "CVE-2023-32681") == []


async def test_what_a_report_finds_too_is_counted_once(shelf: Shelf, tmp_path: Path) -> None:
    zlib = document("DSA-1-1", "Debian:12", "zlib", since(), fixed("1.2-4"))
    zlib["upstream"] = ["CVE-2024-1111"]
    pushed = await shelf.push_image(tag="1.0")
    await shelf.push_referrer(pushed, cyclonedx(ZLIB), CYCLONEDX)
    report = grype("CVE-2024-1111", "CVE-2024-2222").replace(b"zlib", b"zlib1g")
    await shelf.push_referrer(pushed, report.replace(b'"1.2"', b'"1.2-3"'), GRYPE)
    await load(shelf, tmp_path, zlib)
    assert (await shelf.marks(pushed)).vulnerabilities == {"critical": 2}
    first, second = await found_in(shelf, pushed)
    assert first[:3] == ("CVE-2024-1111", "1.2-4", "")
    assert sorted(first[3]) == ["Entrepot", "Grype"]
    assert second[3] == ["Grype"]
    assert [each.source for each in await affected(shelf, "CVE-2024-1111")] == ["hub"]
    assert [each.source for each in await affected(shelf, "CVE-2024-2222")] == ["report"]


async def test_a_statement_silences_it_until_it_is_gone(shelf: Shelf, tmp_path: Path) -> None:
    await load(shelf, tmp_path, leak())
    pushed = await shelf.push_image(tag="1.0")
    await shelf.push_referrer(pushed, cyclonedx(REQUESTS), CYCLONEDX)
    await shelf.settle()
    (before,) = await affected(shelf, "CVE-2023-32681")
    statement = await shelf.push_referrer(pushed, vex("not_affected", "CVE-2023-32681"), VEX)
    await shelf.settle()
    assert (await shelf.marks(pushed)).vulnerabilities == {}
    (found,) = await affected(shelf, "CVE-2023-32681")
    assert (found.state, found.first_seen) == ("not_affected", before.first_seen)
    await shelf.manifests.delete(shelf.repository, statement, None)
    await shelf.settle()
    assert [each.state for each in await affected(shelf, "CVE-2023-32681")] == ["affected"]
    assert (await shelf.marks(pushed)).vulnerabilities == {"high": 1}


async def test_an_index_counts_what_its_platforms_have(shelf: Shelf, tmp_path: Path) -> None:
    await load(shelf, tmp_path, leak())
    platforms = [await shelf.push_image(each) for each in ("amd64", "arm64")]
    for each in platforms:
        await shelf.push_referrer(each, cyclonedx(REQUESTS), CYCLONEDX)
    whole = await shelf.push_index(*((each, {}) for each in platforms), tag="1.0")
    await shelf.settle()
    assert (await shelf.marks(whole)).vulnerabilities == {"high": 1}
    assert [each[0] for each in await found_in(shelf, whole)] == ["CVE-2023-32681"]
    found = await affected(shelf, "CVE-2023-32681")
    assert {(each.tag, each.digest) for each in found} == {("1.0", str(one)) for one in platforms}


async def test_first_seen_is_when_it_was_found(shelf: Shelf, tmp_path: Path) -> None:
    pushed = await shelf.push_image(tag="1.0")
    await shelf.push_referrer(pushed, cyclonedx(REQUESTS), CYCLONEDX)
    await shelf.settle()
    shelf.clock.advance(timedelta(days=30))
    await load(shelf, tmp_path, leak())
    reader = shelf.metadata.reader
    late, early = START + timedelta(days=30), START
    assert await artifact_findings.count_by_severity(reader, late) == {"high": (1, 1)}
    assert await artifact_findings.count_by_severity(reader, shelf.clock()) == {}
    (newest,) = await artifact_findings.list_newest(reader, early, 10)
    assert (newest.id, newest.tag) == ("CVE-2023-32681", None)
    assert late <= newest.first_seen < shelf.clock()


async def test_packages_from_before_are_matched_by_and_by(shelf: Shelf, tmp_path: Path) -> None:
    pushed = await shelf.push_image(tag="1.0")
    await shelf.push_referrer(pushed, cyclonedx(REQUESTS), CYCLONEDX)
    await shelf.settle()
    async with shelf.metadata.begin() as tx:
        await package_matches.forget_places(tx, 0, 1000)
    await load(shelf, tmp_path, leak())
    assert (await shelf.advisories.count()).waiting == 0
    assert (await shelf.marks(pushed)).vulnerabilities == {"high": 1}
    assert await shelf.matching.rematch() == 1
    await shelf.settle()
    assert (await shelf.marks(pushed)).vulnerabilities == {"high": 1}


async def test_an_unknown_distribution_is_said_and_not_guessed(
    shelf: Shelf, tmp_path: Path
) -> None:
    pushed = await shelf.push_image(tag="1.0")
    nowhere = ZLIB.replace("&distro=debian-12.5", "")
    await shelf.push_referrer(pushed, cyclonedx(nowhere, REQUESTS), CYCLONEDX)
    await load(shelf, tmp_path, document("DSA-1-1", "Debian:12", "zlib", since()))
    counts = await shelf.advisories.count()
    assert (counts.packages, counts.unplaced, counts.matches) == (2, 1, 0)


async def test_an_import_skips_what_it_cannot_read(shelf: Shelf, tmp_path: Path) -> None:
    bad = {"id": "GO-1", "affected": "everything"}
    path = write_zip(tmp_path / "all.zip", leak(), bad)
    told: list[tuple[int, int]] = []
    found = await shelf.advisories.import_file(path, "a", lambda *done: told.append(done))
    assert told == [(2, 2)]
    assert (found.data_set.documents, found.data_set.changed, found.data_set.skipped) == (2, 1, 1)
    assert found.reasons[0].startswith("GO-1.json: not an OSV document")
    assert await shelf.advisories.list_data_sets() == [found.data_set]
    (tmp_path / "one.json").write_bytes(encode(leak("GHSA-2222-2222-2222")))
    single = await shelf.advisories.import_file(tmp_path / "one.json", "one.json")
    assert (single.data_set.changed, single.matched) == (1, 1)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"PK\x03\x04 damaged", b"[1]", b'{"id": ""}', b"\xff" * 100]
)
async def test_a_file_that_is_no_data_set_is_refused(
    shelf: Shelf, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(Invalid):
        await shelf.advisories.import_file(tmp_path / "bad", "bad")


async def test_an_sbom_that_an_index_attaches_is_the_image_s(shelf: Shelf, tmp_path: Path) -> None:
    await load(shelf, tmp_path, leak())
    pushed = await shelf.push_image()
    content = cyclonedx(REQUESTS)
    manifest = image(config=descriptor(b"{}", CYCLONEDX), layers=[descriptor(content, CYCLONEDX)])
    attached = await shelf.push(manifest, b"{}", content)
    await shelf.push_index((pushed, {}), (attached, attestation_of(pushed)), tag="1.0")
    await shelf.settle()
    (found,) = await affected(shelf, "CVE-2023-32681")
    assert (found.tag, found.digest) == ("1.0", str(pushed))


async def test_trivy_says_in_its_own_way_what_a_package_was_built_from(
    shelf: Shelf, tmp_path: Path
) -> None:
    purl = "pkg:deb/debian/zlib1g@1.2-3?arch=amd64"
    sbom = json.loads(cyclonedx(purl))
    source = {"SrcName": "zlib", "SrcVersion": "1.2", "SrcRelease": "3", "SrcEpoch": "1"}
    sbom["components"][0]["properties"] = [
        {"name": f"aquasecurity:trivy:{name}", "value": value} for name, value in source.items()
    ]
    sbom["components"].append({"type": "operating-system", "name": "debian", "version": "12.5"})
    pushed = await shelf.push_image(tag="1.0")
    await shelf.push_referrer(pushed, encode(sbom), CYCLONEDX)
    mended = document("DSA-1-1", "Debian:12", "zlib", since(), fixed("1:1.2-3"))
    await load(shelf, tmp_path, mended, document("DSA-2-1", "Debian:12", "zlib", since()))
    assert [each[0] for each in await found_in(shelf, pushed)] == ["DSA-2-1"]


async def test_everything_is_counted_again_on_request(shelf: Shelf) -> None:
    pushed = await shelf.push_image(tag="1.0")
    await shelf.push_referrer(pushed, grype("CVE-2024-1111"), GRYPE)
    await shelf.settle()
    # As after an upgrade: older versions kept no findings one by one.
    artifact = await shelf.get(pushed)
    async with shelf.metadata.begin() as tx:
        await artifact_findings.drop_some_findings(tx, artifact.manifest_id, 100)
    assert await affected(shelf, "CVE-2024-1111") == []
    assert await shelf.matching.rematch() == 0
    await shelf.settle()
    assert [each.source for each in await affected(shelf, "CVE-2024-1111")] == ["report"]
