"""A package has one name, whoever tells of it."""

import pytest

from entrepot.extract.security.packages import canonical_name, completed_purl, parse_purl

LOG4J = "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"
SAME = [
    ("log4j-core", LOG4J, "org.apache.logging.log4j", "org.apache.logging.log4j:log4j-core"),
    ("log4j-core", LOG4J, "", "org.apache.logging.log4j:log4j-core"),
    ("log4j-core", "", "org.apache.logging.log4j", "org.apache.logging.log4j:log4j-core"),
    ("org.apache.logging.log4j:log4j-core", LOG4J, "", "org.apache.logging.log4j:log4j-core"),
    ("org.apache.logging.log4j/log4j-core", LOG4J, "", "org.apache.logging.log4j:log4j-core"),
    ("org.apache.logging.log4j:log4j-core", "", "", "org.apache.logging.log4j:log4j-core"),
    ("core", "pkg:npm/%40angular/core@17.0.0", "@angular", "@angular/core"),
    ("@angular/core", "pkg:npm/%40angular/core@17.0.0", "", "@angular/core"),
    ("@angular/core", "pkg:npm/@angular/core@17.0.0", "", "@angular/core"),
    ("core", "", "@angular", "@angular/core"),
    ("left-pad", "pkg:npm/left-pad@1.3.0", "", "left-pad"),
    ("golang.org/x/net", "pkg:golang/golang.org/x/net@v0.1.0", "", "golang.org/x/net"),
    ("net", "pkg:golang/golang.org/x/net@v0.1.0#html", "golang.org/x", "golang.org/x/net"),
    ("net", "", "golang.org/x", "golang.org/x/net"),
    ("github.com/Azure/sdk", "pkg:golang/github.com/azure/sdk@v1", "", "github.com/Azure/sdk"),
    ("libssl3", "pkg:deb/debian/libssl3@3.0.2?arch=amd64&upstream=openssl", "", "libssl3"),
    ("musl", "pkg:apk/alpine/musl@1.2", "", "musl"),
    ("console", "pkg:composer/symfony/console@6.4", "symfony", "symfony/console"),
    ("PyYAML", "pkg:pypi/pyyaml@6.0", "", "pyyaml"),
    ("zope.interface", "pkg:pypi/zope.interface@6", "", "zope-interface"),
    ("Newtonsoft.Json", "pkg:nuget/Newtonsoft.Json@13", "", "Newtonsoft.Json"),
    ("one thing", "pkg:npm/another@1", "", "one thing"),
    ("plain", "rubbish", "", "plain"),
    ("", "pkg:npm/only-url@1", "", "only-url"),
    ("", "", "", ""),
]


@pytest.mark.parametrize(("name", "purl", "group", "expected"), SAME)
def test_a_package_has_one_name(name: str, purl: str, group: str, expected: str) -> None:
    assert canonical_name(name, purl, group) == expected


@pytest.mark.parametrize(
    "text", ["", "pkg:", "pkg:npm", "pkg:npm/", "npm/x", "pkg:///", "pkg:a/@1"]
)
def test_what_is_no_package_url_is_none(text: str) -> None:
    assert parse_purl(text) is None


@pytest.mark.parametrize(
    ("purl", "expected"),
    [
        ("pkg:deb/debian/a@1", "pkg:deb/debian/a@1?distro=debian-12&upstream=b%401%3A2%2Bc"),
        ("pkg:rpm/x/a@1?arch=x", "pkg:rpm/x/a@1?arch=x&distro=debian-12&upstream=b%401%3A2%2Bc"),
        ("pkg:apk/x/a@1?distro=y&upstream=z", "pkg:apk/x/a@1?distro=y&upstream=z"),
        ("pkg:npm/a@1", "pkg:npm/a@1"),
        ("", ""),
    ],
)
def test_a_package_url_is_completed_by_what_an_sbom_says_elsewhere(
    purl: str, expected: str
) -> None:
    assert completed_purl(purl, "debian-12", "b", "1:2+c").replace("+", "%2B") == expected
    assert completed_purl(purl) == purl
