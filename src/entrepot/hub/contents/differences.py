"""Differences of two lists or mappings. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from entrepot.extract.findings import SEVERITIES, File, Package, Vulnerability
from entrepot.model.comparisons import (
    Difference,
    FileDifference,
    FoundVulnerability,
    PackageChange,
    PackageDifference,
    VulnerabilitiesDifference,
)
from entrepot.versions import deb, pep440, semver
from entrepot.versions.keys import Unordered

_ORDERS: Final[dict[str, Callable[[str], bytes]]] = {"deb": deb.key, "pypi": pep440.key}
"""By the type of a package URL; all others are tried as SemVer."""


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[Difference]:
    """Names whose values differ, in the order of both mappings."""
    names = dict.fromkeys([*before, *after])
    return [
        Difference(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]


def package_differences(
    before: Iterable[Package], after: Iterable[Package]
) -> list[PackageDifference]:
    """Packages whose versions differ, by name.

    A package with one version on both sides is up- or downgraded; of several versions of it each
    is added or removed by itself.
    """
    one, other = _by_identity(before), _by_identity(after)
    found = []
    for identity in {**one, **other}:
        before_all, after_all = one.get(identity, {}), other.get(identity, {})
        if before_all.keys() == after_all.keys():
            continue
        gone = before_all.keys() - after_all.keys()
        new = after_all.keys() - before_all.keys()
        name = next(iter((before_all or after_all).values()))
        if len(gone) == len(new) == 1:
            old, newer = gone.pop(), new.pop()
            found.append(PackageDifference(name, _direction(identity, old, newer), old, newer))
            continue
        found += [PackageDifference(name, PackageChange.REMOVED, each, "") for each in sorted(gone)]
        found += [PackageDifference(name, PackageChange.ADDED, "", each) for each in sorted(new)]
    return sorted(found, key=lambda each: (each.name, each.before, each.after))


def _by_identity(packages: Iterable[Package]) -> dict[str, dict[str, str]]:
    """Versions of each package, with its name; by package URL without version and qualifiers."""
    found: dict[str, dict[str, str]] = {}
    for package in packages:
        identity = package.purl.partition("?")[0].rpartition("@")[0] or package.name
        found.setdefault(identity, {})[package.version] = package.name
    return found


def _direction(identity: str, before: str, after: str) -> PackageChange:
    kind = identity.removeprefix("pkg:").partition("/")[0]
    order = _ORDERS.get(kind, semver.key)
    try:
        keys = order(before), order(after)
    except Unordered:
        return PackageChange.CHANGED
    if keys[0] == keys[1]:
        return PackageChange.CHANGED
    return PackageChange.UPGRADED if keys[0] < keys[1] else PackageChange.DOWNGRADED


def vulnerability_differences(
    before: Iterable[Vulnerability], after: Iterable[Vulnerability]
) -> VulnerabilitiesDifference:
    """Vulnerabilities that count, told apart by id and package; the most severe first."""
    one = {(each.id, each.package): each for each in before if each.counts}
    other = {(each.id, each.package): each for each in after if each.counts}
    return VulnerabilitiesDifference(
        new=_listed(other[key] for key in other.keys() - one.keys()),
        fixed=_listed(one[key] for key in one.keys() - other.keys()),
        still=_listed(other[key] for key in other.keys() & one.keys()),
    )


def _listed(found: Iterable[Vulnerability]) -> list[FoundVulnerability]:
    ranks = {name: rank for rank, name in enumerate(SEVERITIES)}
    ordered = sorted(found, key=lambda each: (ranks.get(each.severity, 99), each.id, each.package))
    return [
        FoundVulnerability(each.id, each.severity, each.package, each.version, each.fixed_in)
        for each in ordered
    ]


def file_differences(before: Iterable[File], after: Iterable[File]) -> list[FileDifference]:
    """Files that differ in size or that are on one side only, by path."""
    one = {each.path: each.size for each in before if each.type != "directory"}
    other = {each.path: each.size for each in after if each.type != "directory"}
    return [
        FileDifference(path, one.get(path), other.get(path))
        for path in sorted({*one, *other})
        if one.get(path) != other.get(path)
    ]


def common_start(before: Sequence[str], after: Sequence[str]) -> int:
    """How many entries both lists begin with."""
    for number, (one, other) in enumerate(zip(before, after, strict=False)):
        if one != other:
            return number
    return min(len(before), len(after))
