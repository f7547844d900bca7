"""Advisories in the format of OSV, and where packages of SBOMs are looked for."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Invalid
from entrepot.extract.security.coordinates import coordinates_of
from entrepot.extract.security.osv import parse_advisory
from entrepot.model.security.advisories import Advisory
from entrepot.versions import ecosystems
from tests.support.osv import Event, document, fixed, since


def parse(found: dict[str, Any]) -> Advisory:
    """The advisory of a document."""
    return parse_advisory(json.dumps(found).encode())


def affects(advisory: Advisory, ecosystem: str, name: str, version: str) -> bool:
    """Whether the advisory is about that version, as the database decides it."""
    key = ecosystems.key(ecosystem, version)
    return any(
        (each.ecosystem, each.name) == (ecosystem, name) and each.low <= key < each.high
        for each in advisory.ranges
    )


def last(version: str) -> Event:
    """That version is the last one affected."""
    return {"last_affected": version}


@pytest.mark.parametrize(
    ("events", "versions", "affected", "mended"),
    [
        ([since(), fixed("1.2")], [], ["0.1", "1.1.9"], ["1.2", "2"]),
        ([since("1.0"), fixed("1.2")], [], ["1.0", "1.1"], ["0.9", "1.2", "1.0rc1"]),
        ([since("1.0"), last("1.2")], [], ["1.0", "1.2"], ["0.9", "1.2.1", "1.2.post1"]),
        ([since()], [], ["0", "99", "no version"], []),
        ([since("2")], [], ["2", "99"], ["1", "no version"]),
        # As they come: events are sorted, and several pairs are several ranges.
        ([fixed("3.1"), since("3.0"), fixed("2.5"), since()], [], ["2", "3.0"], ["2.5", "3.1"]),
        ([since(), since("1"), fixed("2")], [], ["0.5", "1.5"], ["2"]),
        ([since(), fixed("0")], [], [], ["0", "1"]),
        ([since(), {"limit": "2"}], [], ["1"], ["2"]),
        ([since(), {"limit": "*"}], [], ["1", "99"], []),
        # What is listed is affected beside the ranges.
        ([since(), fixed("1")], ["0.5", "2.0", "dev"], ["0.5", "2.0.0", "dev"], ["1", "2.0.1"]),
        ([since(), fixed("strange")], ["1.0"], ["1.0"], ["0.9"]),
        ([], ["1.0"], ["1.0"], ["1.0.1"]),
    ],
)
def test_ranges_are_read_by_the_order_of_the_ecosystem(
    events: list[Event], versions: list[str], affected: list[str], mended: list[str]
) -> None:
    advisory = parse(document("PYSEC-2024-1", "PyPI", "A.b_c", *events, versions=versions))
    for version in affected:
        assert affects(advisory, "PyPI", "a-b-c", version), version
    for version in mended:
        assert not affects(advisory, "PyPI", "a-b-c", version), version


def test_listed_versions_within_a_range_take_no_room() -> None:
    versions = [f"1.{number}" for number in range(100)]
    advisory = parse(document("A-1", "PyPI", "a", since(), fixed("1.50"), versions=versions))
    assert len(advisory.ranges) == 1 + 50
    assert {each.fixed for each in advisory.ranges} == {"1.50", ""}


@pytest.mark.parametrize(
    ("more", "severity", "score"),
    [
        ({}, "unknown", 0.0),
        ({"database_specific": {"severity": "MODERATE"}}, "medium", 0.0),
        (
            {
                "severity": [
                    {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}
                ]
            },
            "critical",
            9.8,
        ),
        (
            {
                "severity": [
                    {
                        "type": "CVSS_V4",
                        "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
                    },
                    {"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"},
                ]
            },
            "critical",
            9.3,
        ),
        ({"severity": [{"type": "Ubuntu", "score": "low"}]}, "low", 0.0),
        ({"severity": [{"type": "CVSS_V3", "score": "nonsense"}]}, "unknown", 0.0),
    ],
)
def test_the_severity_is_the_source_s_word_or_the_score_s(
    more: dict[str, Any], severity: str, score: float
) -> None:
    advisory = parse(document("A-1", "PyPI", "a", since(), **more))
    assert (advisory.severity, advisory.score) == (severity, score)


def test_a_distribution_s_own_severity_is_of_the_package() -> None:
    found = document("DEBIAN-CVE-2024-1", "Debian:12", "zlib", since(), upstream=["CVE-2024-1"])
    found["affected"][0]["ecosystem_specific"] = {"urgency": "unimportant"}
    advisory = parse(found)
    assert (advisory.severity, advisory.aliases) == ("negligible", ("CVE-2024-1",))


def test_an_advisory_that_is_withdrawn_affects_nothing() -> None:
    advisory = parse(document("A-1", "PyPI", "a", since(), withdrawn="2026-01-01T00:00:00Z"))
    assert (advisory.is_withdrawn, advisory.ranges) == (True, ())


def test_commits_are_no_versions() -> None:
    found = document("A-1", "PyPI", "a")
    found["affected"][0]["ranges"] = [{"type": "GIT", "events": [since()]}]
    assert parse(found).ranges == ()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"id": 1}', b'{"id": " "}', b'{"id":"A","affected":[1]}']
)
def test_what_is_no_advisory_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        parse_advisory(content)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["id", "affected", "package", "ranges", "events", "severity"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=10,
    )
)
def test_any_document_is_an_advisory_or_refused(value: object) -> None:
    for content in (value, {"id": "A", "affected": [value]}, {"id": "A", "severity": value}):
        try:
            parse_advisory(json.dumps(content).encode())
        except Invalid:
            continue


@pytest.mark.parametrize(
    ("purl", "expected"),
    [
        ("pkg:pypi/Foo_Bar@1.0", [("PyPI", "foo-bar", "1.0")]),
        ("pkg:npm/%40scope/name@1.2.3", [("npm", "@scope/name", "1.2.3")]),
        ("pkg:golang/github.com/A/b/v2@v2.0.0", [("Go", "github.com/a/b/v2", "v2.0.0")]),
        ("pkg:golang/stdlib@go1.22.1", [("Go", "stdlib", "1.22.1")]),
        ("pkg:maven/org.x/lib@1.0", [("Maven", "org.x:lib", "1.0")]),
        ("pkg:cargo/serde@1.0.0", [("crates.io", "serde", "1.0.0")]),
        ("pkg:nuget/Newtonsoft.Json@13.0.1", [("NuGet", "newtonsoft.json", "13.0.1")]),
        ("pkg:composer/Vendor/Name@1.0", [("Packagist", "vendor/name", "1.0")]),
        (
            "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12.5&upstream=glibc",
            [("Debian:12", "glibc", "2.36-9")],
        ),
        ("pkg:deb/debian/bash@5.2-1?distro=bookworm", [("Debian:12", "bash", "5.2-1")]),
        (
            "pkg:deb/debian/a@1-1%2Bb1?distro=debian-12&upstream=b%402-1",
            [("Debian:12", "b", "2-1")],
        ),
        ("pkg:deb/debian/a@2-1?epoch=1&distro=debian-12", [("Debian:12", "a", "1:2-1")]),
        ("pkg:deb/ubuntu/zlib1g@1?distro=ubuntu-22.04", [("Ubuntu:22.04", "zlib1g", "1")]),
        (
            "pkg:apk/alpine/libssl3@3.1.0-r0?distro=alpine-3.19.1&upstream=openssl",
            [("Alpine:v3.19", "openssl", "3.1.0-r0"), ("Alpine:v3.19", "libssl3", "3.1.0-r0")],
        ),
        ("pkg:apk/wolfi/bash@5-r0?distro=wolfi-20230201", [("Wolfi", "bash", "5-r0")]),
        (
            "pkg:rpm/rocky/bash-doc@5.1-1.el9?epoch=1&distro=rocky-9.3&upstream=bash-5.1-1.el9.src.rpm",
            [
                ("Rocky Linux:9", "bash", "1:5.1-1.el9"),
                ("Rocky Linux:9", "bash-doc", "1:5.1-1.el9"),
            ],
        ),
        ("pkg:rpm/redhat/bash@5.1-1?distro=rhel-9.4", [("Red Hat:9", "bash", "5.1-1")]),
        ("pkg:rpm/opensuse/a@1-1?distro=opensuse-leap-15.5", [("openSUSE:Leap 15.5", "a", "1-1")]),
        # Nothing is guessed: without a distribution, a version or a known type it is nowhere.
        ("pkg:deb/debian/bash@5.2", []),
        ("pkg:deb/debian/bash@5.2?distro=sid", []),
        ("pkg:rpm/nobody/bash@5.2?distro=nobody-1", []),
        ("pkg:generic/thing@1", []),
        ("pkg:pypi/foo", []),
        ("foo", []),
        ("", []),
    ],
)
def test_a_package_is_looked_for_where_its_ecosystem_has_it(
    purl: str, expected: list[tuple[str, str, str]]
) -> None:
    found = [(each.ecosystem, each.name, each.key) for each in coordinates_of("x", "", purl)]
    assert found == [(one, name, ecosystems.key(one, version)) for one, name, version in expected]


@pytest.mark.parametrize(
    ("ecosystem", "expected"),
    [
        ("Ubuntu:22.04:LTS", "Ubuntu:22.04"),
        ("Ubuntu:Pro:22.04:LTS", "Ubuntu:Pro:22.04"),
        ("Red Hat:enterprise_linux:9::baseos", "Red Hat:9"),
        ("Red Hat:openshift:4.12::el9", "Red Hat:openshift:4.12::el9"),
        ("Debian:12", "Debian:12"),
    ],
)
def test_an_ecosystem_is_called_as_packages_know_it(ecosystem: str, expected: str) -> None:
    (found,) = parse(document("A-1", ecosystem, "a", since())).ranges
    assert found.ecosystem == expected


@given(st.text(alphabet="pkg:deb/rpm@1?=&distroupstream%4-."))
def test_any_package_url_has_places_or_none(text: str) -> None:
    assert isinstance(coordinates_of("x", "1", text), list)
    assert isinstance(coordinates_of("x", "1", f"pkg:deb/debian/{text}"), list)
