"""ID tokens that jobs present in place of a password (OpenID Connect Core 1.0, RFC 7519, RFC 8725).

Nothing in a token is believed, and no address in it is asked, before the signature is found to be
one of an issuer that an administrator registered.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from entrepot.errors import BadCredentials, InvalidManifest
from entrepot.hub.events.webhook_urls import WebhookUrls
from entrepot.hub.identity.issuer_keys import ALGORITHMS, IssuerKeys, parse_keys
from entrepot.hub.identity.provider_client import ProviderClient
from entrepot.hub.workloads.trust_conditions import Claims
from entrepot.metadata.engines.engine import Clock, Reader
from entrepot.metadata.people import issuers
from entrepot.model.people.workloads import Issuer
from entrepot.oci.strict_json import parse_object, refuse_hostile

if TYPE_CHECKING:
    from joserfc.jwk import Key, KeySet

MAX_LENGTH: Final = 16384
MAX_SUBJECT: Final = 1024
_SHAPE: Final = re.compile(r"ey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
_MAX_VALUES: Final = 1000
_MAX_HEADER: Final = 2048
_LEEWAY: Final = 60
_OLDEST: Final = 24 * 3600
"""Seconds since a token was issued; a job is given a new one long before."""
_STALE: Final = timedelta(hours=24)
_MOST_WITHOUT_KID: Final = 4
"""Keys that are tried for a token that names none."""
_NOT_TRUSTED: Final = "this ID token is not signed by an issuer that this hub trusts"
"""Whatever is wrong with the signature: strangers do not learn which issuers there are."""
_TYPES: Final = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "ES384": "EC", "EdDSA": "OKP"}


@dataclass(frozen=True, slots=True)
class IdToken:
    """An ID token that was signed by that issuer, for this hub, and holds now."""

    issuer: Issuer
    claims: Claims
    subject: str
    expires_at: int
    """Seconds since 1970."""


def looks_like_id_token(text: str) -> bool:
    """Say whether a password is a token of three parts whose head names an algorithm."""
    if not _SHAPE.fullmatch(text):
        return False
    head = text.partition(".")[0][:_MAX_HEADER]
    try:
        return b'"alg"' in _decode(head)
    except BadCredentials:
        return False


class IdTokens:
    """Reads ID tokens of the issuers that are registered."""

    def __init__(self, reader: Reader, now: Clock, audiences: Sequence[str]) -> None:
        self._reader = reader
        self._now = now
        self._audiences = frozenset(audiences)
        self._keys: dict[int, tuple[Issuer, IssuerKeys]] = {}

    async def read(self, text: str) -> IdToken:
        """The token, once every check has passed; else `BadCredentials`.

        Raises `Unavailable` where its issuer does not answer and its keys are not known.
        """
        if len(text) > MAX_LENGTH:
            raise BadCredentials(f"an ID token has at most {MAX_LENGTH} characters")
        head, body = (_parse(part) for part in text.split(".")[:2])
        issuer = await self._find_issuer(body.get("iss"))
        algorithm, kid = head.get("alg"), head.get("kid")
        if algorithm not in ALGORITHMS or "crit" in head or not isinstance(kid, str | None):
            raise BadCredentials(_NOT_TRUSTED)
        keys = await self._keys_of(issuer, kid)
        if not _is_signed(text, str(algorithm), _candidates(keys, str(algorithm), kid)):
            raise BadCredentials(_NOT_TRUSTED)
        return self._checked(issuer, body)

    async def _find_issuer(self, url: object) -> Issuer:
        found = await issuers.find_by_url(self._reader, url) if isinstance(url, str) else None
        if found is None:
            raise BadCredentials(_NOT_TRUSTED)
        return found

    async def _keys_of(self, issuer: Issuer, kid: str | None) -> "KeySet":
        if issuer.keys:
            return parse_keys(json.loads(issuer.keys), issuer.url)
        held = self._keys.get(issuer.id)
        # An issuer that was changed, or another one with its id, begins anew.
        if held is None or held[0] != issuer:
            held = self._keys[issuer.id] = (issuer, self.keys_for(issuer))
        return await held[1].find_keys(kid)

    def keys_for(self, issuer: Issuer) -> IssuerKeys:
        """The keys of an issuer as they are published, none of them asked for yet."""
        client = ProviderClient(
            issuer.url,
            WebhookUrls(),
            who=f"the issuer {issuer.url}",
            may_be_private=issuer.allows_private,
        )
        return IssuerKeys(issuer.url, client, self._now, _STALE)

    def _checked(self, issuer: Issuer, claims: Claims) -> IdToken:
        """RFC 7519 section 4.1; the token's holder is told what is wrong with it."""
        now = self._now().timestamp()
        expires = _seconds(claims, "exp")
        if expires is None:
            raise BadCredentials("the ID token has no valid expiry (exp)")
        if now >= expires + _LEEWAY:
            raise BadCredentials(f"the ID token expired at {_moment(expires)}")
        begins, issued = _seconds(claims, "nbf"), _seconds(claims, "iat")
        if ("nbf" in claims and begins is None) or ("iat" in claims and issued is None):
            raise BadCredentials("the ID token has an invalid time (nbf, iat)")
        if max(begins or 0, issued or 0) > now + _LEEWAY:
            raise BadCredentials("the ID token is not valid yet (nbf, iat)")
        if issued is not None and issued < now - _OLDEST:
            raise BadCredentials("the ID token was issued more than 24 hours ago (iat)")
        self._check_audience(issuer, claims)
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
            raise BadCredentials("the ID token has no subject (sub)")
        return IdToken(issuer, claims, subject, int(expires))

    def _check_audience(self, issuer: Issuer, claims: Claims) -> None:
        allowed = self._audiences | set(issuer.audiences)
        audience = claims.get("aud")
        listed = audience if isinstance(audience, list) else [audience]
        if not all(isinstance(each, str) for each in listed) or not allowed & set(listed):
            wanted = " or ".join(sorted(allowed)) or "none: set url, or name one for the issuer"
            raise BadCredentials(f"the ID token is for another audience (aud); here it is {wanted}")


def read_claims(text: str) -> Claims:
    """The claims of a token, to be shown and not believed; `BadCredentials` for what is none."""
    if len(text) > MAX_LENGTH or not looks_like_id_token(text):
        raise BadCredentials("this is not an ID token: three parts with a dot between them")
    return _parse(text.split(".")[1])


def _parse(part: str) -> dict[str, object]:
    content = _decode(part)
    try:
        document = parse_object(content, _MAX_VALUES)
        refuse_hostile(content, document)
    except InvalidManifest as error:
        raise BadCredentials("the ID token is not valid JSON") from error
    return document


def _decode(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise BadCredentials("the ID token is not base64url") from error


def _candidates(keys: "KeySet", algorithm: str, kid: str | None) -> "list[Key]":
    """The keys that may have signed it: their type decides, not what the token says of a key."""
    found = [
        key
        for key in keys.keys
        if key.key_type == _TYPES[algorithm]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.kid == kid)
    ]
    return found[:_MOST_WITHOUT_KID]


def _is_signed(text: str, algorithm: str, keys: "Sequence[Key]") -> bool:
    from joserfc import jws
    from joserfc.errors import JoseError

    # What else the head says (jwk, jku, x5u …) is not looked at.
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    for key in keys:
        try:
            jws.deserialize_compact(text, key, registry=registry)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        return True
    return False


def _seconds(claims: Mapping[str, object], name: str) -> float | None:
    found = claims.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return None
    # The year 9999: a later moment is no datetime.
    return float(found) if 0 <= found < 253_402_300_800 else None


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S UTC}"
