"""Tags and the catalog: their order, their pages, and numbers that are none."""

from urllib.parse import quote

import pytest

from tests.support.http import Answer, Client
from tests.wire.content import image
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire

TAGS = ["0", "1.0", "1.10", "1.9", "A", "Z", "_", "a", "a-b", "a.b", "a_b", "latest", "z"]
HUGE = [2**31, 2**63 - 1, 2**63, 2**64, 10**9, 10**30, 10**400]


@pytest.fixture
def tagged(repo: Repository) -> Repository:
    """A repository with all the tags, pushed in no order."""
    repo.lay()
    for tag in TAGS[::2] + TAGS[::-2] + TAGS:
        repo.tag(tag, image())
    return repo


def next_page(answer: Answer) -> str | None:
    """The path of the next page, when there is one."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    target, _, relation = link.partition(";")
    assert relation.strip() == 'rel="next"'
    assert target.startswith("</v2/"), link
    assert target.endswith(">"), link
    return target[1:-1]


def walk(client: Client, path: str | None, key: str) -> list[list[str]]:
    """All pages from this one on."""
    pages: list[list[str]] = []
    while path:
        assert len(pages) < 1000
        answer = client.get(path).expect(200)
        assert answer.headers["Content-Type"] == "application/json"
        pages.append(answer.texts(key))
        path = next_page(answer)
    return pages


def test_tags_come_in_byte_order(tagged: Repository) -> None:
    assert sorted(TAGS) == TAGS
    answer = tagged.client.get(tagged.tags()).expect(200)
    assert answer.json() == {"name": tagged.name, "tags": TAGS}
    assert "Link" not in answer.headers


@pytest.mark.parametrize("n", [1, 2, 5, 12, 13, 14, 1000])
def test_pages_of_tags_join_to_the_whole_list(tagged: Repository, n: int) -> None:
    pages = walk(tagged.client, tagged.tags(f"?n={n}"), "tags")
    assert [tag for page in pages for tag in page] == TAGS
    assert all(len(page) == n for page in pages[:-1])
    assert 1 <= len(pages[-1]) <= n


def test_the_link_keeps_the_size_of_the_page(tagged: Repository) -> None:
    path = next_page(tagged.client.get(tagged.tags("?n=5")))
    assert path is not None
    assert path.startswith(tagged.tags("?"))
    assert "n=5" in path
    assert "last=A" in path


@pytest.mark.parametrize("last", ["1.0", "1.5", "B", "", "zz", "a-", "\u00e9", "A\x00"])
def test_entries_come_strictly_after_the_last(tagged: Repository, last: str) -> None:
    wanted = [tag for tag in TAGS if tag.encode() > last.encode()]
    assert tagged.list_tags(f"?last={quote(last)}") == wanted
    assert tagged.list_tags(f"?n=3&last={quote(last)}") == wanted[:3]


def test_a_page_of_nothing_is_empty_and_has_no_link(tagged: Repository) -> None:
    answer = tagged.client.get(tagged.tags("?n=0")).expect(200)
    assert answer.json() == {"name": tagged.name, "tags": []}
    assert "Link" not in answer.headers


@pytest.mark.parametrize("n", HUGE)
def test_a_huge_page_is_clamped_or_refused(tagged: Repository, n: int) -> None:
    answer = tagged.client.get(tagged.tags(f"?n={n}")).expect(200, 400)
    if answer.status == 200:
        assert answer.texts("tags") == TAGS
    catalog = tagged.client.get(f"/v2/_catalog?n={n}").expect(200, 400)
    assert len(catalog.body) < 10_000_000


@pytest.mark.parametrize(
    "n", ["-1", "a", "1e5", "1.5", "NaN", "0x10", "%20", "1_000", "%D9%A1", "+1", "1%00", "--1"]
)
@pytest.mark.parametrize("path", ["tags", "catalog"])
def test_a_number_that_is_none_is_refused(tagged: Repository, path: str, n: str) -> None:
    target = tagged.tags(f"?n={n}") if path == "tags" else f"/v2/_catalog?n={n}"
    answer = tagged.client.get(target).expect(400)
    assert answer.codes


def test_the_tags_of_an_unknown_repository_are_not_found(repo: Repository) -> None:
    repo.client.get(repo.tags()).refused(404, "NAME_UNKNOWN")
    repo.client.head_of(repo.tags()).expect(404)


def test_the_tags_of_a_repository_without_tags_are_an_empty_list(repo: Repository) -> None:
    repo.lay()
    digest = repo.tag("gone", image())
    repo.client.delete(repo.manifest("gone")).expect(202)
    repo.client.head_of(repo.manifest(digest)).expect(200)
    assert repo.client.get(repo.tags()).expect(200).json() == {"name": repo.name, "tags": []}


def test_the_catalog_lists_repositories_in_order(repo: Repository) -> None:
    for end in ("-b", "", "/c", "a"):
        child = Repository(repo.client, repo.name + end)
        child.lay()
        child.tag("latest", image())
    whole = [name for page in walk(repo.client, "/v2/_catalog", "repositories") for name in page]
    assert whole == sorted(whole)
    assert {repo.name + end for end in ("-b", "", "/c", "a")} <= set(whole)
    paged = walk(repo.client, "/v2/_catalog?n=3", "repositories")
    assert [name for page in paged for name in page] == whole
    assert all(len(page) == 3 for page in paged[:-1])


def test_the_catalog_goes_on_after_the_last(repo: Repository) -> None:
    repo.lay()
    repo.tag("latest", image())
    before, after = repo.name[:-1], repo.name
    first = f"/v2/_catalog?n=1&last={quote(before, safe='')}"
    assert repo.client.get(first).expect(200).texts("repositories") > [before]
    after_it = repo.client.get(f"/v2/_catalog?last={quote(after, safe='')}").expect(200)
    assert repo.name not in after_it.texts("repositories")


def test_a_catalog_page_of_nothing_is_empty(client: Client) -> None:
    answer = client.get("/v2/_catalog?n=0").expect(200)
    assert answer.json() == {"repositories": []}
    assert "Link" not in answer.headers
