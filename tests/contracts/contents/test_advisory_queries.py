"""Advisories, what they match, and the findings of artifacts, on every engine."""

import random
from datetime import timedelta

from entrepot.extract.security.coordinates import coordinates_of
from entrepot.metadata.contents import artifact_findings, packages
from entrepot.metadata.engines import data_sets
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests
from entrepot.metadata.security import advisories, package_matches, vulnerabilities
from entrepot.metadata.visibility import VisibleTo
from entrepot.model.repositories import Visibility
from entrepot.model.security.advisories import (
    Advisory,
    AdvisoryNumbers,
    AffectedRange,
    ArtifactFinding,
    DataSet,
)
from entrepot.oci.names import Tag
from entrepot.versions import ecosystems
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest, add_repository

NAMES = ("lib", "lib", "other")
VERSIONS = ("1.0", "2.0", "1.0")


def lib(high: str, identifier: str = "GO-1", fixed: str = "1.5") -> Advisory:
    """An advisory about `lib` of Go, up to and without a version."""
    keys = b"", ecosystems.key("Go", high)
    ranges = (AffectedRange("Go", "lib", *keys, fixed),)
    aliases = ("CVE-2026-1", "GHSA-aaaa-bbbb-cccc")
    hash = high.encode()
    return Advisory(
        identifier, aliases, "m", "p", "a fault", "high", 7.5, "https://x", False, hash, ranges
    )


def finding(identifier: str, state: str = "affected", **changes: str) -> ArtifactFinding:
    """A finding in `lib`."""
    severity, package = changes.get("severity", "high"), changes.get("package", "lib")
    aliases = ("GHSA-aaaa-bbbb-cccc",)
    return ArtifactFinding(identifier, package, "1.0", aliases, "1.5", severity, state, "hub")


async def add_packages(metadata: Metadata, name: str = "a/b") -> tuple[int, list[int]]:
    """A manifest that lists three packages; its id, and theirs."""
    repository = await add_repository(metadata, name)
    manifest = await add_manifest(metadata, repository, name.encode())
    listed = [
        (name, version, f"pkg:golang/{name}@{version}", "")
        for name, version in zip(NAMES, VERSIONS, strict=True)
    ]
    async with metadata.begin() as tx:
        await packages.add_packages(tx, manifest, repository.id, listed)
    found = await package_matches.list_unplaced_of(metadata.reader, manifest, 10)
    assert {each[1:] for each in found} == {each[:3] for each in listed}
    return manifest, sorted(each[0] for each in found)


async def place_all(metadata: Metadata) -> set[int]:
    """Place all packages; return those that match."""
    found = await package_matches.list_unplaced(metadata.reader, 10)
    placed = {each[0]: coordinates_of(*each[1:]) for each in found}
    async with metadata.begin() as tx:
        await package_matches.place(tx, placed, 1)
        return await advisories.match_packages(tx, placed, START)


async def test_packages_and_advisories_match_whichever_comes_first(metadata: Metadata) -> None:
    reader = metadata.reader
    manifest, (one, two, other) = await add_packages(metadata)
    assert await place_all(metadata) == set()
    assert await package_matches.list_unplaced(reader, 10) == []
    async with metadata.begin() as tx:
        await advisories.write_advisories(tx, [lib("1.5")])
        assert await advisories.match_pending(tx, 10, START) == 1
        assert await advisories.match_pending(tx, 10, START) == 0
    assert await advisories.find_hashes(reader, ["GO-1", "GO-2"]) == {"GO-1": b"1.5"}
    (match,) = await package_matches.list_matches(reader, [manifest, 999])
    assert (match.manifest_id, match.identifier, match.version) == (manifest, "GO-1", "1.0")
    assert (match.aliases, match.score) == (("CVE-2026-1", "GHSA-aaaa-bbbb-cccc"), 7.5)
    assert (match.fixed, match.severity, match.purl) == ("1.5", "high", "pkg:golang/lib@1.0")
    assert await advisories.count_all(reader) == AdvisoryNumbers(1, 1, 3, 0, 0, 1)
    async with metadata.begin() as tx:
        await package_matches.forget_places(tx, 0, 10**9)
    assert len(await package_matches.list_unplaced(reader, 10)) == 3
    assert await place_all(metadata) == {one}
    assert two != other


async def test_a_changed_advisory_changes_its_matches(metadata: Metadata) -> None:
    reader = metadata.reader
    manifest, (one, two, _) = await add_packages(metadata)
    await place_all(metadata)
    seen: list[dict[int, int]] = []
    for high in ("1.5", "3.0", "0.5"):
        async with metadata.begin() as tx:
            await advisories.write_advisories(tx, [lib(high)])
            await advisories.match_pending(tx, 10, START)
        changes = await package_matches.list_changes(reader, 10)
        seen.append(changes)
        assert await package_matches.list_holders(reader, changes, 0, 10) == [manifest]
        assert await package_matches.list_holders(reader, changes, manifest, 10) == []
    assert [set(each) for each in seen] == [{one}, {one, two}, {one, two}]
    assert await package_matches.list_matches(reader, [manifest]) == []
    async with metadata.begin() as tx:
        await package_matches.drop_changes(tx, {one: 1, two: seen[-1][two]})
        await advisories.add_changes(tx, [one, one])
    # A change that nobody has seen yet stays.
    assert set(await package_matches.list_changes(reader, 10)) == {one}
    async with metadata.begin() as tx:
        assert await advisories.set_pending(tx, 0, 10**6) > 0
        assert await advisories.match_pending(tx, 10, START) == 1


async def test_an_advisory_is_known_by_all_its_names(metadata: Metadata) -> None:
    async with metadata.begin() as tx:
        await advisories.write_advisories(tx, [lib("1.5"), lib("1.5", "GO-2")])
        await advisories.write_advisories(tx, [lib("1.6")])
    same = {"GO-1", "GO-2", "CVE-2026-1", "GHSA-aaaa-bbbb-cccc"}
    for name in ("cve-2026-1", "GHSA-AAAA-bbbb-cccc"):
        assert await advisories.list_same(metadata.reader, name) == same
    assert await advisories.list_same(metadata.reader, "CVE-1") == {"CVE-1"}


async def test_findings_keep_the_moment_that_they_were_first_seen(metadata: Metadata) -> None:
    reader, later = metadata.reader, START + timedelta(days=1)
    repository = await add_repository(metadata, "a/b")
    manifest = await add_manifest(metadata, repository, b"one")
    first, second = finding("CVE-2026-1"), finding("CVE-2026-2", severity="low")
    async with metadata.begin() as tx:
        await artifact_findings.write_findings(tx, manifest, repository.id, [first, second], START)
        changed = finding("CVE-2026-1", "not_affected")
        await artifact_findings.write_findings(tx, manifest, repository.id, [changed], later)
    assert await artifact_findings.list_findings(reader, manifest) == [changed, second]
    assert await artifact_findings.count_by_severity(reader, START) == {"low": (1, 1)}
    assert await artifact_findings.count_by_severity(reader, later) == {}
    (newest,) = await artifact_findings.list_newest(reader, START, 10)
    assert (newest.repository, newest.id, newest.first_seen) == ("a/b", "CVE-2026-2", START)
    async with metadata.begin() as tx:
        await artifact_findings.drop_findings(tx, manifest, [second])
    assert await artifact_findings.list_findings(reader, manifest) == [changed]
    async with metadata.begin() as tx:
        assert await artifact_findings.drop_some_findings(tx, manifest, 10) == 1
        assert await artifact_findings.drop_some_findings(tx, manifest, 10) == 0


async def test_who_has_a_vulnerability_is_listed_by_tag(metadata: Metadata) -> None:
    reader = metadata.reader
    ids: list[int] = []
    for name in ("a/b", "c/d"):
        visibility = Visibility.PUBLIC if name == "c/d" else Visibility.PRIVATE
        repository = await add_repository(metadata, name, visibility)
        ids.append(repository.id)
        manifest = await add_manifest(metadata, repository, name.encode())
        async with metadata.begin() as tx:
            for tag in ("1.0", "latest") if name == "c/d" else ():
                await manifests.move_tag(tx, repository.id, Tag(tag), manifest, None, START)
            found = [finding("CVE-2026-1"), finding("CVE-2026-2")]
            await artifact_findings.write_findings(tx, manifest, repository.id, found, START)
            known = {"CVE-2026-1": "high", "GHSA-aaaa-bbbb-cccc": "high"}
            await vulnerabilities.add_vulnerabilities(tx, manifest, repository.id, known)
    same = await artifact_findings.list_same(reader, "ghsa-aaaa-bbbb-cccc")
    assert set(same) == {"CVE-2026-1", "CVE-2026-2"}
    assert await artifact_findings.list_same(reader, "GHSA-aaaa-bbbb-____") == []
    everybody, stranger = VisibleTo(None), VisibleTo()
    rows = await artifact_findings.list_affected(reader, ["CVE-2026-1"], everybody, 10, 0)
    assert {(each.repository, each.tag) for each in rows} == {
        ("a/b", None),
        ("c/d", "1.0"),
        ("c/d", "latest"),
    }
    assert await artifact_findings.count_affected(reader, ["CVE-2026-1"], everybody) == 3
    public = await artifact_findings.list_affected(reader, ["CVE-2026-1"], stranger, 1, 1)
    assert [(each.repository, each.tag) for each in public] == [("c/d", "latest")]
    assert await artifact_findings.count_affected(reader, same, stranger) == 4
    granted = VisibleTo((), (ids[0],))
    assert await artifact_findings.count_affected(reader, same, granted) == 6


async def test_imports_are_noted_as_they_go(metadata: Metadata) -> None:
    begun = DataSet("go.zip", 10, 2, 1, "2026-11-01", START, None)
    done = DataSet("go.zip", 20, 3, 1, "2026-11-02", START, START + timedelta(minutes=1))
    for each in (begun, done):
        async with metadata.begin() as tx:
            await data_sets.write_data_set(tx, each)
        assert await data_sets.list_data_sets(metadata.reader) == [each]


async def test_names_of_any_length_and_kind_have_room(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "a/b")
    manifest = await add_manifest(metadata, repository)
    # Random, so that no index can make them shorter.
    chance = random.Random(7)
    long = "".join(chr(chance.randint(0x4E00, 0x9FFF)) for _ in range(3000))
    names = [long, f"a%00{long[:100]}", "\ud800", long[:160]]
    listed = [(name, f"1{long}", f"pkg:npm/{name}@1{long}", "") for name in names[1:]]
    found = [finding(long, package=name) for name in names]
    async with metadata.begin() as tx:
        short = [(name[:50], "1" + long[:200], purl[:400], "") for name, _, purl, _ in listed]
        await packages.add_packages(tx, manifest, repository.id, short)
        rows = [artifact_findings.stored(each) for each in found]
        await artifact_findings.write_findings(tx, manifest, repository.id, rows, START)
    await place_all(metadata)
    assert len(await artifact_findings.list_findings(metadata.reader, manifest)) == len(found)
    assert (await advisories.count_all(metadata.reader)).waiting == 0
