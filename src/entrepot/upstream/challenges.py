"""`WWW-Authenticate` of registries: which scheme is asked for, and where tokens are given out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_SCHEME: Final = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9._-]*)(?=\s|$|,)(?!\s*=)")
_PARAMETER: Final = re.compile(
    r"\s*,?\s*([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]+))"
)
MAX_CHALLENGE: Final = 8192


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge; `scheme` is in lower case, `realm`, `service` and `scope` may be empty."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """The challenges of some header lines, each of which may hold several; nonsense gives none."""
    found: list[Challenge] = []
    for text in values:
        at = 0
        while at < min(len(text), MAX_CHALLENGE):
            scheme = _SCHEME.match(text, at)
            if scheme is None:
                break
            at, parameters = scheme.end(), {}
            while (pair := _PARAMETER.match(text, at)) is not None:
                value = pair[3] if pair[2] is None else re.sub(r"\\(.)", r"\1", pair[2])
                parameters[pair[1].lower()] = value
                at = pair.end()
            kept = {key: parameters.get(key, "") for key in ("realm", "service", "scope")}
            found.append(Challenge(scheme[1].lower(), **kept))
    return found


def choose_challenge(values: Iterable[str]) -> Challenge | None:
    """The challenge to answer: Bearer before Basic; `None` where neither is offered."""
    by_scheme = {each.scheme: each for each in reversed(parse_challenges(values))}
    return by_scheme.get("bearer") or by_scheme.get("basic")
