"""The order of versions, as text that sorts by bytes.

SemVer 2.0 section 11 where a tag is a SemVer, natural order where it is nearly one: `1.9` before
`1.10`, `1.0.0-rc.1` before `1.0.0`, `1.27` before `1.27-alpine`, `1.0` before `1.0.post1`, and
everything before `latest` is put below all versions.
"""

import re
from typing import Final

MAX_LENGTH: Final = 512
_CORE: Final = re.compile(r"[vV]?(\d+(?:\.\d+)*)(.*)", re.DOTALL)
_RUNS: Final = re.compile(r"\d+|\D+")
_WORD: Final = re.compile(r"[a-z]+")
_CHANNELS: Final = {
    **dict.fromkeys(("rc", "c", "cr", "candidate"), "candidate"),
    **dict.fromkeys(("b", "beta"), "beta"),
    **dict.fromkeys(("a", "alpha"), "alpha"),
}
_AFTER: Final = frozenset(["p", "patch", "pl", "post", "r", "rev", "sp"])
"""Words of what follows a release, as in `1.0.post1` (PEP 440) and `9.8p1`. SemVer has none: behind
its hyphen stands what comes before one."""
_PLACES: Final = 4
# What follows the numbers; in the order of these characters.
_PRE, _RELEASE, _VARIANT, _MORE = "!", ",", "-", "."
_VARIANTS: Final = frozenset(
    [
        "alpine",
        "apache",
        "bookworm",
        "bullseye",
        "buster",
        "centos",
        "cli",
        "debian",
        "distroless",
        "fedora",
        "focal",
        "fpm",
        "full",
        "glibc",
        "jammy",
        "jdk",
        "jre",
        "lite",
        "linux",
        "management",
        "musl",
        "nanoserver",
        "noble",
        "noroot",
        "nonroot",
        "openjdk",
        "otel",
        "perl",
        "rootless",
        "scratch",
        "slim",
        "stretch",
        "temurin",
        "trixie",
        "ubi",
        "ubuntu",
        "unprivileged",
        "windows",
        "windowsservercore",
        "amd64",
        "arm64",
        "armv6",
        "armv7",
        "arm",
        "i386",
        "ppc64le",
        "s390x",
        "riscv64",
        "x86",
    ]
)


def version_key(tag: str) -> str:
    """A text of at most 512 characters; newer versions have greater ones."""
    return _key(tag)[:MAX_LENGTH]


def channel_of(tag: str) -> str:
    """`stable`, `candidate`, `beta`, `alpha` or `pre-release` for a version; "" for other tags."""
    key = _key(tag)
    if not key.startswith("1"):
        return ""
    before_release = key.partition(_PRE)[2]
    if not before_release:
        return "stable"
    word = _WORD.search(before_release)
    return _CHANNELS.get(word[0], "pre-release") if word else "pre-release"


def _key(tag: str) -> str:
    found = _CORE.fullmatch(tag)
    if found is None or not _is_version(found[1], found[2]):
        return "0" + _natural(tag.lower())
    numbers = found[1].split(".")
    padded = numbers + ["0"] * (_PLACES - len(numbers))
    core = "".join(_number(each) for each in padded[:_PLACES])
    more = "".join(_MORE + _number(each) for each in padded[_PLACES:])
    return f"1{core}{more}{_rest(found[2].lower())}"


def _is_version(numbers: str, rest: str) -> bool:
    """`1-alpine` and `1.0rc1` are versions; `3f2a9c1` is the start of a commit's id."""
    return not rest or rest[0] in "-_+" or "." in numbers


def _rest(rest: str) -> str:
    # Clients write SemVer's `+` as `_`: a tag cannot hold it.
    text, _, build = rest.replace("+", "_").partition("_")
    is_pre_release = text.startswith("-")
    text = text.strip("-.")
    tail = f" {_natural(build)}" if build else ""
    if not text:
        return _RELEASE + tail
    identifiers = re.split(r"[.-]", text)
    word = identifiers[0].rstrip("0123456789")
    mark = _VARIANT if word in _VARIANTS else _PRE
    if word in _AFTER and not is_pre_release:
        mark = f"{_RELEASE} "
    return mark + " ".join(_identifier(each) for each in identifiers) + tail


def _identifier(text: str) -> str:
    """Numbers come before words, as SemVer has it."""
    return f"0{_number(text)}" if text.isdigit() else f"1{_natural(text)}"


def _natural(text: str) -> str:
    return "".join(
        _number(run) if run.isdigit() and run.isascii() else run for run in _RUNS.findall(text)
    )


def _number(digits: str) -> str:
    """Digits that sort by their value: their count comes first."""
    digits = digits.lstrip("0")[:99]
    return f"{len(digits):02}{digits}"
