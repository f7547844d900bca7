"""Versions of Packagist's packages, in the order of Composer; branches (`dev-main`) have none."""

import re
from typing import Final

from entrepot.versions.keys import Unordered, check_length, number

_VERSION: Final = re.compile(
    r"v?([0-9]+(?:\.[0-9]+){0,3})"
    r"(?:[._-]?(stable|alpha|a|beta|b|rc|patch|pl|p)((?:[.-]?[0-9]+)*))?"
    r"(?:[.-]?(dev))?(?:\+[^\s]*)?",
    re.ASCII,
)
_STABLE: Final = b"\x05"
_STAGES: Final = {
    "alpha": b"\x02",
    "a": b"\x02",
    "beta": b"\x03",
    "b": b"\x03",
    "rc": b"\x04",
    "stable": _STABLE,
    "patch": b"\x06",
    "pl": b"\x06",
    "p": b"\x06",
}
_END, _DEV, _NUMBER = b"\x02", b"\x01", b"\x03"


def key(text: str) -> bytes:
    """Return bytes in the order of Composer; raise `Unordered`."""
    check_length(text)
    found = _VERSION.fullmatch(text.strip().lower())
    if found is None:
        raise Unordered(f"not a version of Composer: {text[:80]!r}")
    core = b"".join(map(number, [*found[1].split("."), "", "", ""][:4]))
    if found[4]:
        # `1.0-dev` comes before every other `1.0`; `1.0-beta1-dev` before that beta.
        stage = _STAGES[found[2]] if found[2] else b"\x01"
        return core + stage + _numbers(found[3] or "") + _DEV
    return core + _STAGES[found[2] or "stable"] + _numbers(found[3] or "") + _END


def _numbers(text: str) -> bytes:
    return b"".join(_NUMBER + number(part) for part in re.findall(r"[0-9]+", text))
