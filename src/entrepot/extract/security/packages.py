"""Canonical names of packages, independent of format and scanner.

The names are those of the ecosystems, as OSV writes them: `org.example:lib` of Maven,
`@scope/name` of npm, `golang.org/x/net` of Go, `vendor/name` of Packagist; what a distribution
ships is called by its name alone.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

_COLON: Final = frozenset({"maven", "clojars"})
_SLASH: Final = frozenset(
    {
        "npm",
        "golang",
        "composer",
        "github",
        "gitlab",
        "bitbucket",
        "swift",
        "hex",
        "huggingface",
        "julia",
        "bazel",
        "vscode-extension",
    }
)
_PLAIN: Final = frozenset(
    {
        "alpm",
        "apk",
        "bitnami",
        "brew",
        "cargo",
        "conan",
        "conda",
        "cpan",
        "cran",
        "deb",
        "gem",
        "hackage",
        "luarocks",
        "nuget",
        "opam",
        "pub",
        "pypi",
        "qpkg",
        "rpm",
    }
)
_OF_DISTRIBUTIONS: Final = ("pkg:deb/", "pkg:apk/", "pkg:rpm/")
_HOSTS: Final = frozenset({"com", "dev", "in", "io", "net", "org", "sh"})
_RUNS: Final = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True)
class PackageUrl:
    """The parts of a package URL that say what it is called."""

    type: str
    namespace: str
    name: str
    version: str = ""


def parse_purl(text: str) -> PackageUrl | None:
    """The parts of `pkg:type/namespace/name@version?qualifiers#subpath`; `None` for other texts."""
    scheme, colon, rest = text.strip().partition(":")
    if scheme.lower() != "pkg" or not colon:
        return None
    path = rest.partition("#")[0].partition("?")[0].strip("/")
    kind, _, path = path.partition("/")
    head, slash, last = path.rpartition("/")
    name, _, version = (unquote(each) for each in last.partition("@"))
    namespace = unquote(head) if slash else ""
    if not kind or not name:
        return None
    return PackageUrl(kind.lower(), namespace, name, version)


def completed_purl(purl: str, distro: str = "", source: str = "", version: str = "") -> str:
    """Return a package URL of a distribution that names the distribution and the source package.

    What it says already stays; URLs of other types stay as they are.
    """
    if not purl.startswith(_OF_DISTRIBUTIONS) or "#" in purl:
        return purl
    asked = purl.partition("?")[2]
    added = [f"distro={quote(distro, safe='.')}"] if distro and "distro=" not in asked else []
    if source and "upstream=" not in asked:
        of = f"{source}@{version}" if version else source
        added.append(f"upstream={quote(of, safe='.+~')}")
    if not added:
        return purl
    return f"{purl}{'&' if asked else '?'}{'&'.join(added)}"


def canonical_name(name: str, purl: str = "", group: str = "") -> str:
    """Return the package's name in its ecosystem; unknown ecosystems keep the name.

    A package URL that is of something else than the name says does not replace it.
    """
    name, group = name.strip(), group.strip()
    found = parse_purl(purl)
    if found is not None and _is_of(found, name):
        if found.type in _COLON:
            return _joined(found.namespace, ":", found.name)
        if found.type in _SLASH:
            joined = _joined(found.namespace, "/", found.name)
            # Some write Go's paths in lower case into the URL, as it once said.
            return name if name.lower() == joined.lower() else joined
        if found.type == "pypi":
            return _RUNS.sub("-", found.name).lower()
        if found.type in _PLAIN:
            return found.name
    return _grouped(name, group)


def _is_of(found: PackageUrl, name: str) -> bool:
    """Whether name and package URL mean the same; without a name the URL is all there is."""
    if not name:
        return True
    last = re.split(r"[/:]", name)[-1]
    wanted, names = _normal(found.name), {_normal(name), _normal(last)}
    whole = _normal(f"{found.namespace}/{found.name}")
    return wanted in names or _normal(name).replace(":", "/") == whole


def _normal(text: str) -> str:
    return _RUNS.sub("-", text).lower()


def _grouped(name: str, group: str) -> str:
    """A group before the name: Java's groups are host names that are turned round."""
    if not group or name.startswith((f"{group}/", f"{group}:")):
        return name
    is_java = "." in group and "/" not in group and not group.startswith("@")
    is_host = group.rpartition(".")[2].lower() in _HOSTS
    return _joined(group, ":" if is_java and not is_host else "/", name)


def _joined(namespace: str, by: str, name: str) -> str:
    return f"{namespace}{by}{name}" if namespace else name
