"""Any text is a query, on every engine: it finds something or nothing, and never fails."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.hub.contents.queries import parse_query
from entrepot.hub.contents.search import Search
from entrepot.hub.people.actors import ANONYMOUS
from entrepot.hub.permissions import Permissions
from entrepot.metadata.contents import search
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.repositories import Visibility
from entrepot.model.search import SearchOrder
from tests.metadata.rows import add_repository

HOSTS = frozenset({"hub.example"})
SIGNS = r""" - -- -. -* -"" "" " ' : * ( ) & | ! <-> :* ^ ~ % _ \ ; { } [ ] + @ / # ? """
WORDS = """
    NEAR AND OR NOT -nginx nginx* "nginx kind: -kind: kind:* license:"" -license:"" package:
    purl:pkg: cve: digest: digest:sha256: tag: tag:* signed:true -signed:no sbom:yes arch: os: ns:
    hub.example/a:b a/b@sha256:0 \u00b2 \u2460 \u2167 \u00e9 \u4e2d\u6587 \U0001d518 \U0001f980
    \ufb01 package:* \u0130 \u00df \u200b \u202e \ufeff \ufffd \x00 \x01 \x7f
"""
PIECES = st.sampled_from(f"{SIGNS} {WORDS}".split())
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.lists(PIECES, max_size=8).map(" ".join),
    st.lists(PIECES, max_size=8).map("".join),
)


@pytest.fixture
async def finder(metadata: Metadata) -> Search:
    """A hub with one public repository."""
    repository = await add_repository(metadata, "alice/nginx", Visibility.PUBLIC)
    async with metadata.begin() as tx:
        await search.write_document(tx, repository.id, "alice/nginx", "web server", "")
    return Search(metadata.reader, Permissions(metadata.reader, is_open=False))


@given(text=TEXTS, order=st.sampled_from(SearchOrder))
@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_text_is_a_query(finder: Search, text: str, order: SearchOrder) -> None:
    results = await finder.find(ANONYMOUS, text, hosts=HOSTS, order=order)
    assert results.found.total in (0, 1)
    page = await finder.packages(ANONYMOUS, text)
    assert page.total == 0


@pytest.mark.parametrize("text", ["--", "-.", '-""', "-*", '-"--" -.'])
async def test_excluding_nothing_leaves_everything(finder: Search, text: str) -> None:
    assert parse_query(text).excluded == ()
    assert (await finder.find(ANONYMOUS, text)).found.total == 1
    assert (await finder.find(ANONYMOUS, f"nginx {text}")).found.total == 1
