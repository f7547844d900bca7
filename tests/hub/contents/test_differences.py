"""Differences of lists: packages by their ecosystem's order, vulnerabilities, files."""

import pytest

from entrepot.extract.findings import File, Package, Vulnerability
from entrepot.hub.contents.differences import (
    common_start,
    differences,
    file_differences,
    package_differences,
    vulnerability_differences,
)
from entrepot.model.comparisons import Difference, FileDifference, PackageDifference


def _package(kind: str, version: str) -> Package:
    return Package("some", version, f"pkg:{kind}/some@{version}?arch=amd64" if kind else "")


@pytest.mark.parametrize(
    ("kind", "before", "after", "change"),
    [
        ("deb/debian", "1.0-1", "1.0-1+deb12u1", "upgraded"),
        ("deb/debian", "1.0", "1.0~rc1", "downgraded"),
        ("pypi", "1.9", "1.10", "upgraded"),
        ("pypi", "1.0", "1.0rc1", "downgraded"),
        ("npm", "1.9.0", "1.10.0", "upgraded"),
        ("golang", "v1.10.0", "v1.9.0", "downgraded"),
        ("", "2.0.0", "2.0.1", "upgraded"),
        ("", "2024a", "2024b", "changed"),
        ("npm", "1.0.0", "1.0.0+build", "changed"),
    ],
)
def test_a_package_goes_up_or_down_by_the_order_of_its_ecosystem(
    kind: str, before: str, after: str, change: str
) -> None:
    found = package_differences([_package(kind, before)], [_package(kind, after)])
    assert [(each.change.value, each.before, each.after) for each in found] == [
        (change, before, after)
    ]


def test_packages_with_several_versions_are_added_and_removed() -> None:
    one = [Package("a", "1"), Package("b", "1"), Package("b", "2"), Package("same", "1")]
    other = [Package("b", "2"), Package("b", "3"), Package("b", "4"), Package("same", "1")]
    assert [
        (each.name, each.change.value, each.before, each.after)
        for each in package_differences(one, other)
    ] == [
        ("a", "removed", "1", ""),
        ("b", "added", "", "3"),
        ("b", "added", "", "4"),
        ("b", "removed", "1", ""),
    ]


def test_packages_of_one_name_in_two_ecosystems_are_two() -> None:
    one = [_package("npm", "1.0.0"), _package("pypi", "1.0.0")]
    other = [_package("npm", "1.0.0"), _package("pypi", "2.0.0")]
    assert [each.after for each in package_differences(one, other)] == ["2.0.0"]


def test_a_hundred_thousand_packages_are_compared_at_once() -> None:
    one = [Package(f"p{number}", "1.0.0", f"pkg:npm/p{number}@1.0.0") for number in range(100_000)]
    found: list[PackageDifference] = package_differences(one, one[:-1])
    assert [each.name for each in found] == ["p99999"]


def test_vulnerabilities_that_do_not_count_are_fixed() -> None:
    one = [
        Vulnerability("CVE-1", "low", "a"),
        Vulnerability("CVE-2", "high", "a"),
        Vulnerability("CVE-2", "critical", "b"),
        Vulnerability("CVE-3", "high", "a"),
    ]
    other = [
        Vulnerability("CVE-1", "low", "a", status="not_affected"),
        Vulnerability("CVE-3", "high", "a"),
        Vulnerability("CVE-4", "high", "a"),
    ]
    found = vulnerability_differences(one, other)
    assert [(each.id, each.package) for each in found.fixed] == [
        ("CVE-2", "b"),
        ("CVE-2", "a"),
        ("CVE-1", "a"),
    ]
    assert [each.id for each in found.new] == ["CVE-4"]
    assert [each.id for each in found.still] == ["CVE-3"]


def test_files_differ_by_size() -> None:
    one = [File("a", 1), File("b", 1), File("d", type="directory")]
    other = [File("b", 2), File("c", 3)]
    assert file_differences(one, other) == [
        FileDifference("a", 1, None),
        FileDifference("b", 1, 2),
        FileDifference("c", None, 3),
    ]


def test_values_differ_by_name_and_lists_have_a_common_start() -> None:
    assert differences({"a": "1", "b": "2"}, {"b": "3", "a": "1", "c": ""}) == [
        Difference("b", "2", "3"),
        Difference("c", None, ""),
    ]
    assert common_start(["a", "b"], ["a", "c", "b"]) == 1
    assert common_start(["a"], ["a", "b"]) == 1
    assert common_start([], ["a"]) == 0
