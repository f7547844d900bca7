"""The search box's language: whatever is typed means something, and never fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.hub.contents.queries import Jump, as_named, find_jump, parse_query
from entrepot.model.search import Facet, Filter, Query, Term, Within, tokens_of
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag

HOSTS = frozenset({"localhost:5000", "hub.example.org"})
DIGEST = Digest.of(b"something")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("   ", ()),
        ("nginx", (Term("nginx", True),)),
        ("nginx web", (Term("nginx"), Term("web", True))),
        ('"two words"', (Term("two words"),)),
        ('"two words" more', (Term("two words"), Term("more", True))),
        ('more "two words', (Term("more"), Term("two words"))),
        ("post* web", (Term("post*", True), Term("web", True))),
        ("nginx -", (Term("nginx"), Term("-", True))[:1]),
        ("foo:bar", (Term("foo:bar", True),)),
        ('foo:"bar baz"', (Term("foo:bar baz"),)),
        ("kind:", (Term("kind:", True),)),
        ("package:*", (Term("package:*", True),)),
        ("signed:perhaps", (Term("signed:perhaps", True),)),
        ("!!!", (Term("!!!", True),)),
        ("one one", (Term("one"), Term("one", True))),
    ],
)
def test_words_and_phrases_are_kept_as_typed(text: str, terms: tuple[Term, ...]) -> None:
    assert parse_query(text) == Query(terms)


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("kind:Chart", [Filter(Facet.KIND, "chart")]),
        ("type:chart", [Filter(Facet.KIND, "chart")]),
        ("KIND:chart", [Filter(Facet.KIND, "chart")]),
        ("arch:aarch64", [Filter(Facet.ARCH, "arm64")]),
        ("os:linux os:windows", [Filter(Facet.OS, "linux"), Filter(Facet.OS, "windows")]),
        ('license:"GPL-2.0 WITH x"', [Filter(Facet.LICENSE, "GPL-2.0 WITH x")]),
        ("signed:true", [Filter(Facet.SIGNED, "true")]),
        ("signed:Verified", [Filter(Facet.SIGNED, "verified")]),
        ("-signed:invalid", [Filter(Facet.SIGNED, "invalid", True)]),
        ("signed:no", [Filter(Facet.SIGNED, "true", True)]),
        ("-signed:no", [Filter(Facet.SIGNED, "true")]),
        ("-sbom:yes", [Filter(Facet.SBOM, "true", True)]),
        ("namespace:team", [Filter(Facet.NAMESPACE, "team")]),
        ("package:openssl@3.0.*", [Filter(Within.PACKAGE, "openssl@3.0.*")]),
        ("purl:pkg:npm/a", [Filter(Within.PURL, "pkg:npm/a")]),
        ("pkg:npm/a", [Filter(Within.PURL, "pkg:npm/a")]),
        ("cve:CVE-2024-1", [Filter(Within.CVE, "CVE-2024-1")]),
        (f"digest:{DIGEST}", [Filter(Within.DIGEST, str(DIGEST))]),
        ("tag:1.2", [Filter(Within.TAG, "1.2")]),
        ("-kind:image -kind:image", [Filter(Facet.KIND, "image", True)]),
    ],
)
def test_filters_are_recognised(text: str, filters: list[Filter]) -> None:
    assert parse_query(text) == Query(filters=tuple(filters))


def test_everything_goes_together() -> None:
    assert parse_query('web -"old one" -slow kind:chart server') == Query(
        (Term("web"), Term("server", True)),
        (Term("old one"), Term("slow")),
        (Filter(Facet.KIND, "chart"),),
    )


@given(st.text())
def test_no_text_is_refused(text: str) -> None:
    query = parse_query(text)
    assert query == parse_query(text)
    find_jump(text, HOSTS)


@given(st.text(alphabet='-:"*@/ abkind.sha256', max_size=60))
def test_no_punctuation_is_refused(text: str) -> None:
    assert all(term.text for term in parse_query(text).terms if term.tokens)
    jump = find_jump(text, HOSTS)
    assert jump is None or jump.repository is not None or isinstance(jump.reference, Digest)


def test_a_long_query_is_cut() -> None:
    query = parse_query("word " * 10_000 + "kind:chart")
    assert len(query.terms) <= 24
    assert query.filters == ()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("My-App_v2/Foo.Bar", ["my", "app", "v2", "foo", "bar"]),
        ("Café MÜNCHEN straße", ["cafe", "munchen", "strasse"]),
        ("日本語", ["日本語"]),
        ("'); DROP", ["drop"]),
        ("--", []),
    ],
)
def test_words_are_the_same_for_every_engine(text: str, tokens: list[str]) -> None:
    assert tokens_of(text) == tokens


NAME = RepositoryName("ns/name")


@pytest.mark.parametrize(
    ("text", "jump"),
    [
        ("ns/name", Jump(NAME)),
        ("  ns/name ", Jump(NAME)),
        ("ns/name:1.2", Jump(NAME, Tag("1.2"))),
        (f"ns/name@{DIGEST}", Jump(NAME, DIGEST)),
        (f"ns/name:1.2@{DIGEST}", Jump(NAME, DIGEST)),
        (str(DIGEST), Jump(None, DIGEST)),
        (str(DIGEST).upper(), Jump(None, DIGEST)),
        ("php:7.2.1-apache", Jump(RepositoryName("php"), Tag("7.2.1-apache"))),
        ("oci://localhost:5000/ns/name", Jump(NAME)),
        ("oci://localhost:5000/ns/name:1", Jump(NAME, Tag("1"))),
        ("localhost:5000/ns/name:1", Jump(NAME, Tag("1"))),
        ("LOCALHOST:5000/ns/name:1", Jump(NAME, Tag("1"))),
        ("hub.example.org/ns/name", Jump(NAME)),
        ("docker://hub.example.org/ns/name:1", Jump(NAME, Tag("1"))),
        ("docker pull localhost:5000/ns/name:1", Jump(NAME, Tag("1"))),
        ("$ docker pull --quiet localhost:5000/ns/name:1", Jump(NAME, Tag("1"))),
        ("FROM localhost:5000/ns/name:1 AS build", Jump(NAME, Tag("1"))),
        ("helm pull oci://localhost:5000/ns/name --version 1", Jump(NAME)),
        ("http://localhost:5000/r/ns/name", Jump(NAME)),
        ("http://localhost:5000/r/ns/name:1/files?path=a", Jump(NAME, Tag("1"))),
        ("http://localhost:5000/r/ns/name/-/tags", Jump(NAME)),
        (f"http://localhost:5000/r/ns/name@{DIGEST}/raw", Jump(NAME, DIGEST)),
        (f"https://hub.example.org/r/ns/name%40{DIGEST}", Jump(NAME, DIGEST)),
        ("`ns/name:1`", Jump(NAME, Tag("1"))),
    ],
)
def test_a_reference_is_recognised_as_people_paste_it(text: str, jump: Jump) -> None:
    assert find_jump(text, HOSTS) == jump


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nginx",
        "kind:chart",
        "two words",
        "fast a/b server",
        "Upper/Case",
        "oci://elsewhere.example/ns/name",
        "elsewhere:5000/ns/name",
        "https://elsewhere.example/r/ns/name",
        "http://localhost:5000/",
        "http://[",
        "docker pull",
        "docker run --rm thing",
        "ns/name:",
        "ns/name@sha256:short",
        "/",
        "a//b",
    ],
)
def test_what_names_nothing_is_no_reference(text: str) -> None:
    assert find_jump(text, HOSTS) is None


def test_a_short_name_with_a_tag_means_whatever_is_called_so() -> None:
    query = parse_query("php:7.2")
    assert as_named(query, find_jump("php:7.2", HOSTS)) == Query(
        (Term("php"),), (), (Filter(Within.TAG, "7.2"),)
    )
    assert as_named(query, None) is None
    assert as_named(query, Jump(NAME)) is None
