"""Finding as a person does: references lead there, misspelt names are guessed, secrets stay so."""

import pytest

from entrepot.hub.contents.queries import parse_query
from entrepot.hub.contents.search import ResolvedReference, Search, closest, with_families
from entrepot.hub.people.actors import ANONYMOUS, Identity
from entrepot.hub.permissions import Permissions
from entrepot.metadata.contents import packages, search
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people.accounts import find_account
from entrepot.metadata.registry import manifests
from entrepot.metadata.repositories import find_repository
from entrepot.metadata.security import vulnerabilities
from entrepot.model.repositories import Visibility
from entrepot.model.search import FoundPackage, FoundVulnerability, OtherResults
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_blob, add_manifest, add_repository

HOSTS = frozenset({"localhost:5000"})
CONTENT = b'{"some": "manifest"}'


@pytest.fixture
async def finder(metadata: Metadata) -> Search:
    """A hub with a public repository of alice's, and a private one, each with a tag."""
    alice = await add_account(metadata, "alice")
    for name, visibility, content in (
        ("alice/nginx-proxy", Visibility.PUBLIC, CONTENT),
        ("alice/secret-nginx", Visibility.PRIVATE, b'{"other": 1}'),
    ):
        repository = await add_repository(metadata, name, visibility, alice.id)
        manifest_id = await add_manifest(metadata, repository, content)
        async with metadata.begin() as tx:
            await search.write_document(tx, repository.id, name, "", "")
            await manifests.move_tag(tx, repository.id, Tag("1.2"), manifest_id, None, START)
            found = [("zlib", "1.3", "pkg:generic/zlib@1.3", "Zlib")]
            await packages.add_packages(tx, manifest_id, repository.id, found)
    return Search(metadata.reader, Permissions(metadata.reader, is_open=False))


async def identity(metadata: Metadata) -> Identity:
    """Alice, signed in."""
    return Identity(await find_account(metadata.reader, "alice"))


PROXY = RepositoryName("alice/nginx-proxy")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("alice/nginx-proxy", ResolvedReference(PROXY)),
        ("alice/nginx-proxy:1.2", ResolvedReference(PROXY, Tag("1.2"))),
        ("docker pull localhost:5000/alice/nginx-proxy:1.2", ResolvedReference(PROXY, Tag("1.2"))),
        (str(Digest.of(CONTENT)), ResolvedReference(PROXY, Digest.of(CONTENT))),
        ("alice/nginx-proxy:9", None),
        ("alice/secret-nginx", None),
        ("alice/secret-nginx:1.2", None),
        (str(Digest.of(b'{"other": 1}')), None),
        ("alice/nothing", None),
        ("nginx", None),
    ],
)
async def test_a_reference_leads_to_what_is_there_and_may_be_seen(
    finder: Search, text: str, place: ResolvedReference | None
) -> None:
    assert (await finder.find(ANONYMOUS, text, hosts=HOSTS)).place == place


async def test_the_owner_finds_the_private_too(finder: Search, metadata: Metadata) -> None:
    alice = await identity(metadata)
    text = "alice/secret-nginx"
    assert (await finder.find(alice, text)).place == ResolvedReference(RepositoryName(text))
    assert (await finder.find(alice, "nginx")).found.total == 2
    assert (await finder.find(ANONYMOUS, "nginx")).found.total == 1


async def test_a_layer_is_found_but_is_no_place(finder: Search, metadata: Metadata) -> None:
    repository = await add_repository(metadata, "bob/layers", Visibility.PUBLIC)
    digest = await add_blob(metadata, repository, b"layer")
    results = await finder.find(ANONYMOUS, str(digest))
    assert [hit.name for hit in results.found.hits] == ["bob/layers"]
    assert results.place is None


async def test_a_short_name_with_a_tag_finds_repositories_called_so(finder: Search) -> None:
    results = await finder.find(ANONYMOUS, "nginx-proxy:1.2")
    assert [hit.name for hit in results.found.hits] == ["alice/nginx-proxy"]
    assert results.place == ResolvedReference(PROXY, Tag("1.2"))
    assert (await finder.find(ANONYMOUS, "nginx-proxy:7")).found.total == 0
    assert (await finder.find(ANONYMOUS, "secret-nginx:1.2")).place is None


async def test_a_short_name_of_several_repositories_is_no_place(
    finder: Search, metadata: Metadata
) -> None:
    other = await add_repository(metadata, "bob/nginx-proxy", Visibility.PUBLIC)
    manifest_id = await add_manifest(metadata, other, b'{"third": 1}')
    async with metadata.begin() as tx:
        await search.write_document(tx, other.id, "bob/nginx-proxy", "", "")
        await manifests.move_tag(tx, other.id, Tag("1.2"), manifest_id, None, START)
    results = await finder.find(ANONYMOUS, "nginx-proxy:1.2")
    assert len(results.found.hits) == 2
    assert results.place is None


@pytest.mark.parametrize("text", ["CVE-2024-3094", "cve-2024-3094", "CVE-2024-30*"])
async def test_a_vulnerability_needs_no_filter(
    finder: Search, metadata: Metadata, text: str
) -> None:
    for name in ("alice/nginx-proxy", "alice/secret-nginx"):
        repository = await find_repository(metadata.reader, RepositoryName(name))
        assert repository is not None
        facts = await manifests.find_facts(metadata.reader, repository.id, Tag("1.2"))
        assert facts is not None
        async with metadata.begin() as tx:
            found = {"CVE-2024-3094": "critical"}
            await vulnerabilities.add_vulnerabilities(tx, facts.id, repository.id, found)
    results = await finder.find(ANONYMOUS, text)
    assert [hit.name for hit in results.found.hits] == ["alice/nginx-proxy"]
    others = await finder.find_others(ANONYMOUS, "cve-2024-3")
    assert others.vulnerabilities == (FoundVulnerability("CVE-2024-3094", 1),)


async def test_a_word_finds_packages_tags_and_people_that_may_be_seen(
    finder: Search, metadata: Metadata
) -> None:
    alice = await identity(metadata)
    for who, count in ((ANONYMOUS, 1), (alice, 2)):
        assert (await finder.find_others(who, "zli")).packages == (FoundPackage("zlib", count),)
        assert len((await finder.find_others(who, "1.2")).tags) == count
        assert [each.name for each in (await finder.find_others(who, "AL")).namespaces] == ["alice"]
    for text in ("", "a", "zlib curl", "kind:image zlib", "-zlib", "x" * 200):
        assert await finder.find_others(alice, text) == OtherResults()


async def test_suggestions_are_what_may_be_seen(finder: Search, metadata: Metadata) -> None:
    assert [hit.name for hit in await finder.suggest(ANONYMOUS, "ngi", 5)] == ["alice/nginx-proxy"]
    alice = await identity(metadata)
    assert len(await finder.suggest(alice, "ngi", 5)) == 2
    assert len(await finder.suggest(alice, "ngi", 1)) == 1
    assert await finder.suggest(alice, "", 5) == []


async def test_a_misspelt_name_is_guessed_from_what_is_seen(
    finder: Search, metadata: Metadata
) -> None:
    assert (await finder.find(ANONYMOUS, "ngnix-proxi")).suggestions == ("alice/nginx-proxy",)
    alice = await identity(metadata)
    assert "alice/secret-nginx" in (await finder.find(alice, "secret-nginxx")).suggestions
    assert "alice/secret-nginx" not in (await finder.find(ANONYMOUS, "secretnginx")).suggestions
    assert (await finder.find(ANONYMOUS, "kind:none")).suggestions == ()
    assert (await finder.find(ANONYMOUS, "nginx")).suggestions == ()


async def test_packages_are_listed_where_they_may_be_seen(
    finder: Search, metadata: Metadata
) -> None:
    page = await finder.packages(ANONYMOUS, "zlib")
    assert [(each.repository, each.tags) for each in page.entries] == [
        ("alice/nginx-proxy", ("1.2",))
    ]
    assert (await finder.packages(await identity(metadata), "zli*")).total == 2
    assert (await finder.packages(ANONYMOUS, "*")).total == 0
    assert (await finder.packages(ANONYMOUS, " \0")).total == 0


def test_the_closest_names_come_first() -> None:
    names = ["library/postgres", "library/postgrest", "team/progress", "team/redis"]
    assert closest("postgers", names)[0] == "library/postgres"
    assert closest("POSTGRES", names)[0] == "library/postgres"
    assert closest("xyzzy", names) == []
    assert closest("redis", names * 10)[:2] == ["team/redis", "team/redis"]
    assert len(closest("redis", names * 10)) == 5


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("kind:image", {"image"}),
        ("kind:helm-chart", {"helm-chart"}),
        ("kind:chart", {"helm-chart"}),
        ("type:helm", {"helm-chart", "helm-plugin", "helm-provenance"}),
        ("kind:sbom", {"spdx", "cyclonedx", "syft"}),
        ("-kind:wasm-module", {"wasm-module"}),
        ("kind:nonsense", {"nonsense"}),
    ],
)
def test_a_family_stands_for_its_kinds(text: str, kinds: set[str]) -> None:
    query = with_families(parse_query(text))
    assert {each.value for each in query.filters} == kinds
    assert {each.is_excluded for each in query.filters} == {text.startswith("-")}


def test_other_filters_stay_as_they_are() -> None:
    query = parse_query("word -other os:linux tag:chart")
    assert with_families(query) == query
