"""Finding repositories, on each engine: words, filters, counts, and never what may not be seen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest

from entrepot.hub.contents.queries import parse_query
from entrepot.metadata.contents import packages, search
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests
from entrepot.metadata.security import vulnerabilities
from entrepot.metadata.visibility import VisibleTo
from entrepot.model.repositories import Visibility
from entrepot.model.search import Facet, Query, SearchOrder, SearchResult
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from tests.metadata.clocks import START
from tests.metadata.rows import add_blob, add_manifest, add_organization, add_repository

ALL = VisibleTo(namespaces=None)
STRANGER = VisibleTo()


async def add(
    metadata: Metadata,
    name: str,
    title: str = "",
    body: str = "",
    *,
    facets: Sequence[tuple[Facet, str]] = (),
    is_public: bool = True,
    namespace_id: int | None = None,
) -> int:
    """The id of a repository that is found by these."""
    visibility = Visibility.PUBLIC if is_public else Visibility.PRIVATE
    repository = await add_repository(metadata, name, visibility, namespace_id)
    async with metadata.begin() as tx:
        await search.write_document(tx, repository.id, name, title, body)
        await search.set_facets(tx, repository.id, facets)
    return repository.id


async def find(
    metadata: Metadata,
    text: str,
    visible_to: VisibleTo = ALL,
    order: SearchOrder = SearchOrder.RELEVANCE,
) -> SearchResult:
    """What is found."""
    return await search.search(metadata.reader, parse_query(text), visible_to, order=order)


async def names(metadata: Metadata, text: str, visible_to: VisibleTo = ALL) -> list[str]:
    """The names of what is found, in order."""
    return [hit.name for hit in (await find(metadata, text, visible_to)).hits]


@pytest.mark.parametrize(
    "text",
    [
        "my-app_v2",
        "app",
        "v2",
        "team/my-app_v2",
        "my app",
        "MY-APP",
        '"my app"',
        "team/my",
        "my-ap",
        "serve",
        "café",
        "CAFE",
        "fast -slow",
        "münchen",
        "app*",
    ],
)
async def test_a_name_is_found_whole_and_by_its_parts(metadata: Metadata, text: str) -> None:
    await add(metadata, "team/my-app_v2", "A fast server", "Brewed in a Café in Munchen")
    await add(metadata, "team/other", "unlike", "nothing")
    assert await names(metadata, text) == ["team/my-app_v2"]


@pytest.mark.parametrize(
    "text", ["app-my", '"app my"', "ap2", "myapp", "fast -server", "!!!", "fast slow", "'); --"]
)
async def test_what_does_not_match_is_not_found(metadata: Metadata, text: str) -> None:
    await add(metadata, "team/my-app_v2", "A fast server")
    assert await names(metadata, text) == []


async def test_only_exclusions_leave_the_rest(metadata: Metadata) -> None:
    await add(metadata, "team/one", "slow")
    await add(metadata, "team/two", "fast")
    assert await names(metadata, "-slow") == ["team/two"]
    assert await names(metadata, '-slow -"fast"') == []


async def test_what_is_called_so_comes_before_what_speaks_of_it(metadata: Metadata) -> None:
    await add(metadata, "a/readme", "", "redis redis redis redis redis")
    await add(metadata, "a/title", "A cache like redis")
    await add(metadata, "a/redis-exporter")
    await add(metadata, "z/redis")
    await add(metadata, "a/mention", "", "one word of " + "many " * 50 + "about redis")
    assert await names(metadata, "redis") == [
        "z/redis",
        "a/redis-exporter",
        "a/title",
        "a/readme",
        "a/mention",
    ]


async def test_a_phrase_does_not_reach_from_one_text_into_the_next(metadata: Metadata) -> None:
    await add(metadata, "team/blue", "sky high", "clouds")
    assert await names(metadata, '"blue sky"') == []
    assert await names(metadata, '"high clouds"') == []
    assert await names(metadata, '"sky high"') == ["team/blue"]


async def test_writing_a_document_again_replaces_it(metadata: Metadata) -> None:
    repository_id = await add(metadata, "team/app", "old words")
    async with metadata.begin() as tx:
        await search.write_document(tx, repository_id, "team/app", "new words", "")
    assert await names(metadata, "old") == []
    assert await names(metadata, "new") == ["team/app"]
    async with metadata.begin() as tx:
        await search.delete_document(tx, repository_id)
        await search.delete_document(tx, repository_id)
    assert await names(metadata, "new") == []
    assert await names(metadata, "") == ["team/app"]


async def test_a_huge_text_is_cut_and_still_found(metadata: Metadata) -> None:
    many = " ".join(f"wörd{number:x}" for number in range(100_000))
    await add(metadata, "team/app", "title", many)
    assert await names(metadata, "wörd1") == ["team/app"]


async def test_a_stranger_finds_only_what_is_public(metadata: Metadata) -> None:
    mine = await add_organization(metadata, "mine")
    kind = [(Facet.KIND, "chart")]
    await add(metadata, "mine/secret", facets=kind, is_public=False, namespace_id=mine)
    await add(metadata, "mine/open", facets=kind, namespace_id=mine)
    granted = await add(metadata, "other/granted", facets=kind, is_public=False)
    for text in ("", "secret", "kind:chart", "namespace:mine", "-word"):
        found = await find(metadata, text, STRANGER)
        assert "mine/secret" not in [hit.name for hit in found.hits]
        assert sum(count for _, count in found.facets.get(Facet.KIND, [])) == found.total
    assert (await find(metadata, "", STRANGER)).total == 1
    assert (await find(metadata, "", VisibleTo((mine,)))).total == 2
    assert (await find(metadata, "", VisibleTo((), (granted,)))).total == 2
    assert (await find(metadata, "", VisibleTo((mine,), (granted,)))).total == 3
    assert (await find(metadata, "", ALL)).total == 3


async def test_filters_on_one_facet_are_alternatives(metadata: Metadata) -> None:
    await add(metadata, "a/one", facets=[(Facet.KIND, "chart"), (Facet.LICENSE, "Apache-2.0")])
    await add(metadata, "a/two", facets=[(Facet.KIND, "image"), (Facet.ARCH, "arm64")])
    await add(metadata, "a/three", facets=[(Facet.KIND, "image"), (Facet.SIGNED, "true")])
    assert await names(metadata, "kind:chart kind:image") == ["a/one", "a/three", "a/two"]
    assert await names(metadata, "kind:image arch:aarch64") == ["a/two"]
    assert await names(metadata, "kind:image -arch:arm64") == ["a/three"]
    assert await names(metadata, "license:apache-2.0") == ["a/one"]
    assert await names(metadata, "signed:true") == ["a/three"]
    assert await names(metadata, "signed:no") == ["a/one", "a/two"]
    assert await names(metadata, "kind:nonsense") == []


async def test_a_facet_is_counted_without_its_own_filter(metadata: Metadata) -> None:
    for number in range(3):
        await add(
            metadata, f"a/image{number}", facets=[(Facet.KIND, "image"), (Facet.ARCH, "amd64")]
        )
    await add(metadata, "a/chart", facets=[(Facet.KIND, "chart"), (Facet.ARCH, "arm64")])
    found = await find(metadata, "kind:image arch:amd64")
    assert found.total == 3
    assert found.facets[Facet.KIND] == [("image", 3)]
    assert found.facets[Facet.ARCH] == [("amd64", 3)]
    found = await find(metadata, "kind:image")
    assert found.facets[Facet.KIND] == [("image", 3), ("chart", 1)]
    assert found.facets[Facet.ARCH] == [("amd64", 3)]
    assert found.facets[Facet.OS] == []
    assert (await find(metadata, "")).facets[Facet.ARCH] == [("amd64", 3), ("arm64", 1)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "word",
        "kind:a",
        "kind:a kind:b arch:x",
        "word kind:c arch:y os:p",
        "kind:b -arch:x os:q",
        "-word os:p arch:nothing",
    ],
)
@pytest.mark.parametrize("namespaces", [None, (), (1,)])
async def test_counts_are_what_counting_by_hand_gives(
    metadata: Metadata, text: str, namespaces: tuple[int, ...] | None
) -> None:
    random = Random(7)
    owner = await add_organization(metadata, "owner")
    made = [_Made.of(random, number) for number in range(40)]
    for each in made:
        word = "word" if each.has_word else "other"
        namespace_id = None if each.is_public else owner
        facets = list(each.facets.items())
        await add(
            metadata,
            each.name,
            word,
            facets=facets,
            is_public=each.is_public,
            namespace_id=namespace_id,
        )
    visible_to = VisibleTo(tuple(owner for _ in namespaces) if namespaces is not None else None)
    seen = [each for each in made if each.is_public or namespaces != ()]
    query = parse_query(text)
    found = await search.search(metadata.reader, query, visible_to, limit=100)
    wanted = [each for each in seen if each.passes(query, None)]
    assert sorted(hit.name for hit in found.hits) == sorted(each.name for each in wanted)
    for facet in (Facet.KIND, Facet.ARCH, Facet.OS):
        counted = Counter(each.facets[facet] for each in seen if each.passes(query, facet))
        assert dict(found.facets[facet]) == counted


@dataclass(frozen=True, slots=True)
class _Made:
    """A repository of which everything is known."""

    name: str
    has_word: bool
    is_public: bool
    facets: dict[Facet, str]

    @classmethod
    def of(cls, random: Random, number: int) -> "_Made":
        """One of the many that there could be."""
        facets = {
            Facet.KIND: random.choice("abc"),
            Facet.ARCH: random.choice("xy"),
            Facet.OS: random.choice("pq"),
        }
        return cls(f"owner/r{number}", random.random() < 0.5, random.random() < 0.5, facets)

    def passes(self, query: Query, but_for: Facet | None) -> bool:
        """Whether the query finds it, its filters on one facet aside."""
        if (query.terms and not self.has_word) or (query.excluded and self.has_word):
            return False
        for facet, value in self.facets.items():
            mine = [each for each in query.filters if each.name is facet]
            if value in [each.value for each in mine if each.is_excluded]:
                return False
            allowed = [each.value for each in mine if not each.is_excluded]
            if allowed and value not in allowed and facet is not but_for:
                return False
        return True


async def test_a_chosen_value_is_counted_however_rare(metadata: Metadata) -> None:
    for number in range(search.MOST_VALUES + 5):
        facets = [(Facet.LICENSE, f"L-{number:02}"), (Facet.LICENSE, "MIT")]
        await add(metadata, f"a/r{number}", facets=facets)
    counted = (await find(metadata, "license:l-24")).facets[Facet.LICENSE]
    assert counted[0] == ("MIT", search.MOST_VALUES + 5)
    assert counted[-1] == ("L-24", 1)
    assert len(counted) == search.MOST_VALUES + 1


async def test_setting_facets_replaces_them(metadata: Metadata) -> None:
    repository_id = await add(metadata, "a/one", facets=[(Facet.KIND, "chart")])
    async with metadata.begin() as tx:
        await search.set_facets(tx, repository_id, [(Facet.KIND, "image"), (Facet.KIND, "image")])
    assert (await find(metadata, "")).facets[Facet.KIND] == [("image", 1)]


async def add_contents(metadata: Metadata) -> Digest:
    """One repository with packages, a vulnerability, a tag, and a blob; and one with none."""
    repository = await add_repository(metadata, "a/full", Visibility.PUBLIC)
    await add(metadata, "a/empty")
    manifest_id = await add_manifest(metadata, repository)
    async with metadata.begin() as tx:
        await packages.add_packages(
            tx,
            manifest_id,
            repository.id,
            [
                ("openssl", "3.0.11", "pkg:deb/debian/openssl@3.0.11?arch=amd64", "Apache-2.0"),
                ("openssl-dev", "3.1", "pkg:apk/alpine/openssl-dev@3.1", ""),
                ("@babel/core", "7.2.0", "pkg:npm/%40babel/core@7.2.0", "MIT"),
                ("org.apache.logging.log4j:log4j-core", "2.14.1", "", ""),
                ("github.com/gorilla/mux/v2", "2.0.0", "", ""),
                ("zope-interface", "6.0", "pkg:pypi/zope.interface@6.0", ""),
            ],
        )
        await vulnerabilities.add_vulnerabilities(
            tx, manifest_id, repository.id, {"cve-2024-0001": "high", "GHSA-AAAA-bbbb": "low"}
        )
        await manifests.move_tag(tx, repository.id, Tag("1.2.3"), manifest_id, None, START)
    return await add_blob(metadata, repository, b"layer")


@pytest.mark.parametrize(
    "text",
    [
        "package:openssl",
        "package:openssl*",
        "package:open*",
        "package:openssl@3.0.11",
        "package:openssl@3.0.*",
        "package:@babel/core",
        "package:@babel/core@7.*",
        "package:openssl*@3.1",
        "package:core",
        "package:log4j-core",
        "package:log4j-*@2.*",
        "package:org.apache.logging.log4j:log4j-core",
        "package:org.apache.logging.log4j/log4j-core",
        "package:org.apache.logging.log4j:log4j-core@2.14.1",
        "package:org.apache.logging.*",
        "package:mux",
        "package:github.com/gorilla/mux/v2",
        "package:Zope.Interface",
        "purl:pkg:deb/debian/openssl",
        "pkg:deb/debian/openssl",
        "pkg:deb/debian/openssl@3.0.11",
        "purl:pkg:deb/*",
        "cve:cve-2024-0001",
        "cve:CVE-2024-*",
        "cve:GHSA-AAAA-bbbb",
        "tag:1.2.3",
        "tag:1.2.*",
        f"digest:{Digest.of(b'{}')}",
        f"digest:{Digest.of(b'{}').hex[:12]}",
        f"digest:{Digest.of(b'layer')}",
        "package:openssl cve:CVE-2024-0001 -package:curl",
    ],
)
async def test_a_repository_is_found_by_what_is_in_it(metadata: Metadata, text: str) -> None:
    await add_contents(metadata)
    assert await names(metadata, text) == ["a/full"]


@pytest.mark.parametrize(
    "text",
    [
        "package:opens",
        "package:openssl@3.0",
        "package:openssl@4.*",
        "package:openssl*@4",
        "package:log4j",
        "package:v2",
        "package:mux@1.*",
        "package:apache:log4j-core",
        "pkg:deb/debian/open",
        "pkg:deb/debian/openssl@3.0",
        "cve:CVE-2024-000",
        "tag:1.2",
        "digest:sha256:00",
        f"digest:{Digest.of(b'{}').hex[:5]}",
        "package:openssl -tag:1.2.3",
    ],
)
async def test_contents_are_matched_exactly_unless_a_star_says_otherwise(
    metadata: Metadata, text: str
) -> None:
    await add_contents(metadata)
    assert await names(metadata, text) == []


@pytest.mark.parametrize("order", SearchOrder)
async def test_pages_follow_one_another_in_every_order(
    metadata: Metadata, order: SearchOrder
) -> None:
    for number in range(7):
        await add(metadata, f"a/r{number}", "word")
    seen: list[str] = []
    for offset in (0, 3, 6, 9):
        found = await search.search(
            metadata.reader, parse_query("word"), ALL, order=order, limit=3, offset=offset
        )
        assert found.total == 7
        seen += [hit.name for hit in found.hits]
    assert seen == [f"a/r{number}" for number in range(7)]


async def test_a_broad_search_counts_what_a_narrow_one_does(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        await add(metadata, f"a/r{number}", facets=[(Facet.KIND, f"k{number % 2}")])
    few = await find(metadata, "")
    monkeypatch.setattr(search, "_FEW", 2)
    assert await find(metadata, "") == few
