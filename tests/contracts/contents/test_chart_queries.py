"""Versions of charts, on every engine."""

from datetime import timedelta

from entrepot.metadata.contents import charts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests
from entrepot.model.charts import ChartScope, NewChart
from entrepot.model.repositories import Repository
from entrepot.oci.names import Tag
from entrepot.versions import semver
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest, add_repository


def chart(name: str, version: str) -> NewChart:
    """A version of a chart whose archive has a digest of its own."""
    entry = f'{{"name":"{name}","version":"{version}"}}'
    return NewChart(name, version, semver.key(version), entry, f"sha256:{version}", None)


async def add(metadata: Metadata, repository: Repository, version: str, name: str = "") -> int:
    """The id of a manifest that is tagged and listed as a version of a chart."""
    name = name or repository.name.text.rpartition("/")[2]
    made = await add_manifest(metadata, repository, f"{name} {version}".encode())
    async with metadata.begin() as tx:
        await manifests.move_tag(tx, repository.id, Tag(version), made, None, START)
        await charts.write_chart(tx, made, repository.id, chart(name, version), START)
    return made


async def versions(metadata: Metadata, *repositories: Repository) -> list[str]:
    """The versions that are listed."""
    among = [each.id for each in repositories]
    found = await charts.list_entries(metadata.reader, among)
    return sorted(each.version for each in found)


async def test_a_scope_is_a_name_and_what_is_below_it(metadata: Metadata) -> None:
    for name in ("a/b", "a/b/c", "a/bc", "a-b/c", "ab"):
        await add(metadata, await add_repository(metadata, name), "1.0.0")
    await add_repository(metadata, "a/empty")

    async def names(path: str) -> list[str]:
        found = await charts.list_repositories(metadata.reader, ChartScope(path))
        return [each.name.text for each in found]

    assert await names("") == ["a-b/c", "a/b", "a/b/c", "a/bc", "ab"]
    assert await names("a") == ["a/b", "a/b/c", "a/bc"]
    assert await names("a/b") == ["a/b", "a/b/c"]
    assert await names("a%") == []


async def test_entries_are_listed_at_once_or_by_pages(metadata: Metadata) -> None:
    one = await add_repository(metadata, "a/one")
    two = await add_repository(metadata, "a/two")
    for version in ("1.9.0", "1.10.0", "1.10.0-rc.1"):
        await add(metadata, one, version)
    await add(metadata, two, "0.1.0")
    assert await versions(metadata, one, two) == ["0.1.0", "1.10.0", "1.10.0-rc.1", "1.9.0"]
    assert await versions(metadata, two) == ["0.1.0"]
    assert await versions(metadata) == []
    pages, after = [], 0
    while found := await charts.list_entries_after(metadata.reader, one.id, after, 2):
        pages.append([each.version for each in found])
        after = found[-1].manifest_id
    assert pages == [["1.9.0", "1.10.0"], ["1.10.0-rc.1"]]


async def test_the_greatest_versions_are_those_of_each_repository(metadata: Metadata) -> None:
    one = await add_repository(metadata, "a/one")
    two = await add_repository(metadata, "a/two")
    for version in ("1.9.0", "1.10.0", "1.10.0-rc.1"):
        await add(metadata, one, version)
    await add(metadata, two, "0.1.0")
    found = await charts.list_greatest(metadata.reader, [one.id, two.id], 2)
    assert [each.version for each in found] == ["1.10.0", "1.10.0-rc.1", "0.1.0"]


async def test_the_state_changes_with_every_change_of_the_list(metadata: Metadata) -> None:
    made = await add_repository(metadata, "a/b")
    states = [await charts.list_states(metadata.reader, [made.id])]

    async def changed() -> bool:
        states.append(await charts.list_states(metadata.reader, [made.id]))
        return states[-1] not in states[:-1]

    first = await add(metadata, made, "1.0.0")
    assert await changed()
    await add(metadata, made, "2.0.0")
    assert await changed()
    async with metadata.begin() as tx:
        again = chart("b", "3.0.0")
        await charts.write_chart(tx, first, made.id, again, START + timedelta(seconds=1))
    assert await changed()
    assert await versions(metadata, made) == ["2.0.0", "3.0.0"]
    async with metadata.begin() as tx:
        await manifests.delete_tag(tx, made.id, Tag("2.0.0"))
    assert await changed()
    assert [(each.repository_id, each.count) for each in states[-1]] == [(made.id, 1)]
    async with metadata.begin() as tx:
        await charts.write_chart(tx, first, made.id, None, START)
    assert await charts.list_states(metadata.reader, [made.id]) == states[0] == []


async def test_a_file_is_found_by_its_name_where_it_is_tagged(metadata: Metadata) -> None:
    made, other = [await add_repository(metadata, name) for name in ("a/b", "a/c")]
    found_id = await add(metadata, made, "1.0.0")
    await add(metadata, other, "1.0.0", name="b")
    (found,) = await charts.list_files(metadata.reader, [made.id], "b-1.0.0")
    assert (found.manifest_id, found.repository, found.tag) == (found_id, "a/b", "1.0.0")
    assert (found.content, found.provenance) == ("sha256:1.0.0", None)
    both = await charts.list_files(metadata.reader, [made.id, other.id], "b-1.0.0")
    assert {each.repository for each in both} == {"a/b", "a/c"}
    async with metadata.begin() as tx:
        await manifests.delete_tag(tx, made.id, Tag("1.0.0"))
    assert await charts.list_files(metadata.reader, [made.id], "b-1.0.0") == []


async def test_a_version_goes_with_its_manifest(metadata: Metadata) -> None:
    made = await add_repository(metadata, "a/b")
    gone = await add(metadata, made, "1.0.0")
    async with metadata.begin() as tx:
        await manifests.delete_manifest(tx, gone)
    assert await charts.list_states(metadata.reader, [made.id]) == []
    assert await charts.list_repositories(metadata.reader, ChartScope()) == []


async def test_repositories_are_found_by_a_tag(metadata: Metadata) -> None:
    made, other, third = [await add_repository(metadata, f"a/{name}") for name in "bcd"]
    await add(metadata, made, "1.0.0")
    await add(metadata, other, "2.0.0")
    await add(metadata, third, "1.0.0")
    among = [made.id, other.id]
    assert await charts.list_with_tag(metadata.reader, among, "1.0.0") == [made.id]
