"""Where advisories look for a package: its ecosystem, its name there, and its version's key.

Debian's and Ubuntu's advisories name source packages. Those of other distributions name sources or
binaries, so their packages are looked for by both.
"""

import re
from typing import Final
from urllib.parse import unquote

from entrepot.extract.security.packages import parse_purl
from entrepot.model.security.advisories import Coordinates
from entrepot.versions import ecosystems

_ECOSYSTEMS: Final = {
    "golang": "Go",
    "npm": "npm",
    "cargo": "crates.io",
    "pypi": "PyPI",
    "maven": "Maven",
    "gem": "RubyGems",
    "nuget": "NuGet",
    "composer": "Packagist",
    "hex": "Hex",
    "pub": "Pub",
    "swift": "SwiftURL",
    "githubactions": "GitHub Actions",
    "bitnami": "Bitnami",
    "hackage": "Hackage",
    "cran": "CRAN",
}
_IN_LOWER_CASE: Final = frozenset({"Go", "NuGet", "Packagist", "GitHub Actions", "SwiftURL"})
_RUNS: Final = re.compile(r"[-_.]+")
_RED_HAT: Final = re.compile(r"Red Hat:.*\benterprise_linux:([0-9]+)")
_RELEASE: Final = re.compile(r"[a-z-]*?-?([0-9]+(?:\.[0-9]+)*)", re.ASCII)
_CODENAMES: Final = {
    "buster": "10",
    "bullseye": "11",
    "bookworm": "12",
    "trixie": "13",
    "forky": "14",
    "focal": "20.04",
    "jammy": "22.04",
    "noble": "24.04",
}
# How much of a release is part of the ecosystem's name: `12` of `debian-12.5`, `v3.19` of `3.19.1`.
_DISTRIBUTIONS: Final = {
    "debian": ("Debian", 1),
    "ubuntu": ("Ubuntu", 2),
    "alpine": ("Alpine:v", 2),
    "wolfi": ("Wolfi", 0),
    "chainguard": ("Chainguard", 0),
    "redhat": ("Red Hat", 1),
    "rhel": ("Red Hat", 1),
    "rocky": ("Rocky Linux", 1),
    "almalinux": ("AlmaLinux", 1),
    "alma": ("AlmaLinux", 1),
    "opensuse": ("openSUSE:Leap ", 2),
    "opensuse-leap": ("openSUSE:Leap ", 2),
    "opensuse-tumbleweed": ("openSUSE:Tumbleweed", 0),
    "mageia": ("Mageia", 1),
    "azurelinux": ("Azure Linux", 1),
    "photon": ("Photon OS", 2),
}
MOST_BYTES: Final = 500
"""Bytes of a name: longer ones are no package's, and have no room in PostgreSQL's indexes."""


def canonical_ecosystem(text: str) -> str:
    """Return the ecosystem as packages of SBOMs know it: `Ubuntu:22.04` for `Ubuntu:22.04:LTS`."""
    found = _RED_HAT.match(text)
    if found is not None:
        return f"Red Hat:{found[1]}"
    return text.removesuffix(":LTS") if text.startswith("Ubuntu:") else text


def canonical_package(ecosystem: str, name: str) -> str:
    """Return a package's name in the one spelling in which names of the ecosystem are compared."""
    name = name.strip()
    if ecosystem == "PyPI":
        return _RUNS.sub("-", name).lower()
    if ecosystem == "SwiftURL":
        name = name.removeprefix("https://").removesuffix(".git")
    return name.lower() if ecosystem in _IN_LOWER_CASE else name


def coordinates_of(name: str, version: str, purl: str) -> list[Coordinates]:
    """Return where advisories look for the package; nowhere without a known package URL."""
    found = parse_purl(purl)
    version = version or (found.version if found else "")
    if found is None or not version:
        return []
    if found.type in ("deb", "rpm", "apk"):
        return _of_distribution(found.type, found.namespace, found.name, version, _values(purl))
    ecosystem = _ECOSYSTEMS.get(found.type)
    if ecosystem is None:
        return []
    between = ":" if found.type == "maven" else "/"
    name = f"{found.namespace}{between}{found.name}" if found.namespace else found.name
    return _bounded([(ecosystem, canonical_package(ecosystem, name), version)])


def _values(purl: str) -> dict[str, str]:
    """The qualifiers of a package URL."""
    query = purl.partition("#")[0].partition("?")[2]
    pairs = (part.partition("=") for part in query.split("&"))
    return {name.lower(): unquote(value) for name, _, value in pairs}


def _of_distribution(
    kind: str, namespace: str, name: str, version: str, values: dict[str, str]
) -> list[Coordinates]:
    ecosystem = _release(namespace.lower(), values.get("distro", "").lower())
    if not ecosystem:
        return []
    epoch = values.get("epoch", "")
    if epoch.strip("0") and ":" not in version:
        version = f"{epoch}:{version}"
    source, source_version = _source(kind, values.get("upstream", ""), version)
    places = [(ecosystem, source or name, source_version)]
    if kind != "deb" and source not in ("", name):
        places.append((ecosystem, name, version))
    return _bounded(places)


def _source(kind: str, upstream: str, version: str) -> tuple[str, str]:
    """The source package and its version: `glibc@2.36`, `bash-5.1-1.el9.src.rpm`, `openssl`."""
    if kind == "rpm" and upstream.endswith(".rpm"):
        name, *rest = upstream.removesuffix(".rpm").removesuffix(".src").rsplit("-", 2)
        epoch = f"{version.partition(':')[0]}:" if ":" in version else ""
        return name, epoch + "-".join(rest) if len(rest) == 2 else version
    name, at, own = upstream.partition("@")
    return name, own if at and own else version


def _release(namespace: str, distro: str) -> str:
    """The ecosystem of a distribution's release; empty where it is not known."""
    plain = distro.rstrip("0123456789.").rstrip("-")
    known = _DISTRIBUTIONS.get(plain) or _DISTRIBUTIONS.get(namespace)
    if known is None:
        return ""
    name, parts = known
    if not parts:
        return name
    word = distro.removeprefix(f"{namespace}-")
    found = _RELEASE.fullmatch(_CODENAMES.get(word, distro))
    if found is None:
        return ""
    release = ".".join(found[1].split(".")[:parts])
    return f"{name}{release}" if name[-1] in "v " else f"{name}:{release}"


def _bounded(places: list[tuple[str, str, str]]) -> list[Coordinates]:
    return [
        Coordinates(ecosystem, name, ecosystems.key(ecosystem, version))
        for ecosystem, name, version in places
        if 0 < len(name.encode("utf-8", "replace")) <= MOST_BYTES
    ]
