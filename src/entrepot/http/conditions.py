"""Conditions of requests (RFC 9110 section 13)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from entrepot.errors import PreconditionFailed
from entrepot.http.messages import Request

_TAG: Final = re.compile(r'(W/)?"([^"]*)"|([^\s",]+)')

Condition = Callable[[str | None], None]
"""Given the digest of what is there (`None`: nothing), raises `PreconditionFailed`, or does not."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Preconditions of a change (`If-Match`, `If-None-Match`); `None` where absent."""

    match: str | None
    none_match: str | None

    def check(self, digest: str | None) -> None:
        """Raise `PreconditionFailed` unless the conditions hold of what is there.

        `If-Match` compares strongly, so weak tags never match there; `If-None-Match` weakly.
        """
        if self.match is not None and not _names(self.match, digest, is_weak=False):
            raise PreconditionFailed(
                "If-Match does not match the current version", {"digest": digest}
            )
        if self.none_match is not None and _names(self.none_match, digest, is_weak=True):
            raise PreconditionFailed(
                "If-None-Match matches the current version", {"digest": digest}
            )


def conditions_of(request: Request) -> Condition | None:
    """The check that the request asks for, `None` where it asks for none."""
    match, none_match = _field(request, "if-match"), _field(request, "if-none-match")
    if match is None and none_match is None:
        return None
    return Conditions(match, none_match).check


def matches_etag(request: Request, digest: str) -> bool:
    """Say whether a line of `If-None-Match` names the digest, quoted or not, weak or strong."""
    if request.header("if-none-match") is None:
        return False
    header = ",".join(request.headers.get_all("if-none-match"))
    candidates = (part.strip().removeprefix("W/").strip('"') for part in header.split(","))
    return any(candidate in (digest, "*") for candidate in candidates)


def _field(request: Request, name: str) -> str | None:
    return ",".join(request.headers.get_all(name)) if name in request.headers else None


def _names(field: str, digest: str | None, *, is_weak: bool) -> bool:
    """Whether a list of tags names the digest; `*` names whatever is there."""
    if digest is None:
        return False
    if field.strip() == "*":
        return True
    for weak, quoted, bare in _TAG.findall(field):
        # Some clients leave the quotes out.
        if (quoted or bare) == digest and (is_weak or not weak):
            return True
    return False
