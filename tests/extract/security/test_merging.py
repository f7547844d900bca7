"""Each vulnerability of each package counts once, and not where a statement says so."""

import time
from collections import Counter
from typing import Any

import pytest

from entrepot.extract.findings import Assessment, Component, Vulnerability
from entrepot.extract.security.merging import merged, together

CVE, GHSA, GO = "CVE-2024-1111", "GHSA-aaaa-bbbb-cccc", "GO-2024-0001"
DIGEST = "sha256:" + "a" * 64
LOG4J = "org.apache.logging.log4j:log4j-core"


def found(id: str = CVE, package: str = "zlib", version: str = "1.2", **more: Any) -> Vulnerability:
    """A finding."""
    return Vulnerability(id, package=package, version=version, **more)


def says(status: str, *products: Component, **more: Any) -> Assessment:
    """A statement."""
    return Assessment(more.pop("id", CVE), status, products=list(products), **more)


def purl(text: str, *parts: Component) -> Component:
    """A product by its package URL, as the readers of statements make it."""
    version = text.partition("@")[2]
    return Component(text, version, [text], list(parts))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (found(), found()),
        (found(package="log4j-core"), found(package=LOG4J)),
        (found(package=LOG4J), found(package="log4j-core")),
        (found(version="v1.2"), found(version="1.2")),
        (found(version=""), found()),
        (found(package="", version=""), found()),
        (found(package="Foo_Bar"), found(package="foo-bar")),
        (found(GHSA, aliases=[CVE]), found()),
        (found(GHSA, aliases=[CVE]), found(GO, aliases=[CVE, GHSA])),
        (found(GO, aliases=[GHSA]), found(GHSA)),
        (found(aliases=["DSA-1-1"]), found("DSA-1-1")),
    ],
)
def test_what_two_reports_say_of_one_package_is_one_finding(
    one: Vulnerability, other: Vulnerability
) -> None:
    for pair in ([one, other], [other, one]):
        (whole,) = merged(pair)
        assert {whole.id, *whole.aliases} == {one.id, *one.aliases, other.id, *other.aliases}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (found(), found("CVE-2024-2222")),
        (found(), found(package="openssl")),
        (found(), found(version="1.3")),
        (found(package="a:log4j-core"), found(package="b:log4j-core")),
        # An advisory of a distribution is about several vulnerabilities.
        (found(aliases=["DSA-1-1"]), found("CVE-2024-2222", aliases=["DSA-1-1"])),
        (found("py/eval", "", "", location="a:1"), found("py/eval", "", "", location="a:2")),
    ],
)
def test_other_vulnerabilities_and_other_packages_are_other_findings(
    one: Vulnerability, other: Vulnerability
) -> None:
    assert len(merged([one, other])) == 2


def test_an_advisory_of_several_vulnerabilities_adds_none_to_those_that_are_known() -> None:
    advisory = found("DSA-1-1", aliases=[CVE, "CVE-2024-2222"], sources=["OSV-Scanner"])
    known = [found(sources=["Trivy"]), found("CVE-2024-2222", sources=["Trivy"])]
    whole = merged([advisory, *known])
    assert [each.id for each in whole] == [CVE, "CVE-2024-2222"]
    assert whole[0].sources == ["Trivy", "OSV-Scanner"]
    assert [each.id for each in merged([advisory])] == ["DSA-1-1"]


def test_one_finding_has_the_worst_severity_and_every_source() -> None:
    one = found(severity="low", score=3.1, sources=["Grype"])
    other = found(package="c:zlib", severity="high", fixed_in="1.3", sources=["Trivy"])
    (whole,) = merged([one, other])
    assert (whole.severity, whole.score, whole.fixed_in) == ("high", 3.1, "1.3")
    assert (whole.package, sorted(whole.sources)) == ("c:zlib", ["Grype", "Trivy"])


@pytest.mark.parametrize(
    ("product", "applies"),
    [
        (None, True),
        (purl("pkg:oci/app"), True),
        (purl(f"pkg:oci/app@{DIGEST.replace(':', '%3A')}"), True),
        (purl(f"pkg:oci/app@sha256%3A{'b' * 64}"), False),
        (Component("https://example.org/app", ids=["https://example.org/app"]), True),
        (purl("pkg:generic/zlib@1.2"), True),
        (purl("pkg:generic/zlib"), True),
        (purl("pkg:generic/zlib@1.3"), False),
        (purl("pkg:generic/openssl"), False),
        (purl("pkg:oci/app", purl("pkg:generic/zlib@1.2")), True),
        (purl("pkg:oci/app", purl("pkg:generic/openssl")), False),
        (purl(f"pkg:oci/app@sha256:{'b' * 64}", purl("pkg:generic/zlib")), False),
        (Component("app", ids=[f"sha256:{'b' * 64}"]), False),
        (Component("app", ids=[DIGEST]), True),
        (Component("zlib", "1.2", ["zlib 1.2"]), True),
        (Component("zlib", "1.3", ["zlib 1.3"]), False),
    ],
)
def test_a_statement_speaks_of_its_products_and_of_their_parts(
    product: Component | None, applies: bool
) -> None:
    said = says("not_affected", *([product] if product else []), justification="not reachable")
    (whole,) = merged([found()], [said], [DIGEST])
    assert whole.counts is not applies
    assert (whole.justification == "not reachable") is applies


def test_a_package_of_another_ecosystem_is_another_package() -> None:
    one = found(purl="pkg:npm/zlib@1.2")
    assert merged([one], [says("fixed", purl("pkg:pypi/zlib@1.2"))])[0].counts
    assert not merged([one], [says("fixed", purl("pkg:npm/zlib@1.2"))])[0].counts


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("not_affected", False),
        ("fixed", False),
        ("affected", True),
        ("under_investigation", True),
        ("recommended", True),
    ],
)
def test_a_finding_is_shown_with_what_is_said_and_counts_unless_it_is_none(
    status: str, counts: bool
) -> None:
    (whole,) = merged([found(severity="high")], [says(status, source="Acme")])
    assert whole.counts is counts
    assert whole.status == ("" if status == "recommended" else status)
    assert whole.severity == "high"


def test_statements_find_nothing_by_themselves_and_speak_of_aliases_too() -> None:
    assert merged([], [says("not_affected")]) == []
    said = says("not_affected", id=GHSA, aliases=[CVE])
    assert not merged([found()], [said])[0].counts
    assert not merged([found(GHSA, aliases=[CVE])], [says("fixed")])[0].counts
    assert merged([found("CVE-2024-2222")], [said])[0].counts


def test_the_last_statement_counts() -> None:
    first = says("not_affected", said_at="2024-01-01T00:00:00Z")
    last = says("affected", said_at="2024-02-01T00:00:00.123456789+02:00")
    for order in ([first, last], [last, first]):
        assert merged([found()], order)[0].status == "affected"
    assert merged([found()], [says("affected"), says("fixed")])[0].status == "fixed"


def test_what_counts_on_one_platform_counts() -> None:
    silenced = merged([found()], [says("not_affected")])
    assert [each.counts for each in together([silenced, merged([found()])])] == [True]
    assert [each.counts for each in together([silenced, silenced])] == [False]


@pytest.mark.parametrize("same", ["id", "id and package", "id, package and version"])
def test_many_findings_take_time_in_proportion(same: str) -> None:
    def one(number: int) -> Vulnerability:
        group = f"group{number}:" if same == "id, package and version" else ""
        package = "zlib" if "package" in same else f"p{number}"
        version = "1" if "version" in same else str(number)
        return found(package=group + package, version=version, severity="low")

    started = time.process_time()
    whole = merged([one(number) for number in range(20_000)] * 2, [says("affected")])
    assert time.process_time() - started < 15
    assert Counter(each.severity for each in whole) == {"low": 20_000}
