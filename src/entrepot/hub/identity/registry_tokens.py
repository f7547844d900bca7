"""The short-lived tokens that clients present on every request (JWT, RFC 7519; ES256, RFC 7518).

The library is imported where it is used: it takes a tenth of a second, and a start need not wait.
"""

import base64
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from entrepot.errors import BadToken, Unavailable
from entrepot.hub.identity.keyring import Keyring
from entrepot.hub.people.actors import Action, Actions, Grants, mark_of
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people.tokens import find_signing_key, insert_signing_key

if TYPE_CHECKING:
    from joserfc.jwk import ECKey

ALGORITHM: Final = "ES256"
LIFETIME: Final = timedelta(minutes=5)

_AUDIENCE: Final = "entrepot"
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256 (FIPS 186-5)."""
_MAX_LENGTH: Final = 16384
_REMEMBERED: Final = 4096
_LEEWAY: Final = timedelta(seconds=60)
_ENTRY_LENGTH: Final = 60
"""Bytes that an entry of `access` has beside the name."""
_MAX_LISTED: Final = 4096
"""Bytes of `access` past which repositories are listed by their marks.

Proxies and servers refuse header lines of more than 8 KiB, and a token is one line of base64.
"""
_MARK_DIGITS: Final = len(mark_of("")) - 1

CATALOG: Final = "*catalog*"
"""Not a repository's name: `*` cannot be part of one."""
HUB: Final = "*hub*"
"""As `CATALOG`: the token is one of Docker Hub's API, and good for no repository below `/v2/`."""
_OF_REGISTRY: Final = {CATALOG: "catalog", HUB: "hub"}


@dataclass(frozen=True, slots=True)
class RegistryTokenClaims:
    """The claims of a verified token.

    `token_id` is the personal or refresh token it was got with; without one, `password_mark` ties
    it to the password it was got with.
    """

    account_id: int | None
    token_id: int | None
    password_mark: str
    grants: Grants
    expires_at: datetime
    grant_id: int | None = None
    """The grant of a job that it was got with."""


class RegistryTokens:
    """Issues tokens and reads them back, on any worker that shares the database."""

    def __init__(self, metadata: Metadata, keyring: Keyring | None = None) -> None:
        self._metadata = metadata
        self._keyring = keyring or Keyring()
        self._key: ECKey | None = None
        self._read: OrderedDict[str, RegistryTokenClaims] = OrderedDict()

    async def issue(
        self,
        claims: RegistryTokenClaims,
        now: datetime,
        more: Mapping[str, object] = MappingProxyType({}),
    ) -> str:
        """The text of a token that says `claims`, and `more` that only its client reads."""
        from joserfc import jwt

        key = await self._signing_key(now)
        header = {"typ": "JWT", "alg": ALGORITHM, "kid": key.thumbprint()}
        return jwt.encode(header, {**more, **_to_json(claims, now)}, key, algorithms=[ALGORITHM])

    async def read(self, text: str, now: datetime) -> RegistryTokenClaims:
        """Return the token's claims; raise `BadToken` where it is invalid or expired."""
        claims = self._read.get(text)
        if claims is None:
            claims = await self._verify(text, now)
            self._read[text] = claims
            if len(self._read) > _REMEMBERED:
                self._read.popitem(last=False)
        if now >= claims.expires_at:
            raise BadToken("the token has expired")
        return claims

    async def derived_key(self, purpose: str, now: datetime) -> bytes:
        """A key for one purpose that every worker of the hub can derive, and no one else."""
        private = (await self._signing_key(now)).as_dict(private=True)["d"]
        return hmac.digest(str(private).encode(), f"entrepot:{purpose}".encode(), "sha256")

    async def _verify(self, text: str, now: datetime) -> RegistryTokenClaims:
        from joserfc import jwt
        from joserfc.errors import JoseError

        if len(text) > _MAX_LENGTH:
            raise BadToken
        key = await self._signing_key(now)
        try:
            # The algorithm and the key are ours: those of the header are not used.
            token = jwt.decode(text, key, algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise BadToken from error
        if token.header.get("kid") != key.thumbprint() or token.claims.get("aud") != _AUDIENCE:
            raise BadToken
        return _from_json(token.claims)

    async def _signing_key(self, now: datetime) -> "ECKey":
        if self._key is None:
            self._key = self._derive_key() or await self._find_key() or await self._make_key(now)
        return self._key

    def _derive_key(self) -> "ECKey | None":
        """The key that follows from the hub's secret key: then the database holds none."""
        seed = self._keyring.derive("registry tokens", 48)
        if seed is None:
            return None
        from cryptography.hazmat.primitives.asymmetric import ec
        from joserfc.jwk import ECKey

        # 384 bits, so that the remainder favours no key (FIPS 186-5, appendix A.2.1).
        private = ec.derive_private_key(int.from_bytes(seed) % (_ORDER - 1) + 1, ec.SECP256R1())
        return ECKey.import_key(private)

    async def _find_key(self) -> "ECKey | None":
        from joserfc.jwk import ECKey

        found = await find_signing_key(self._metadata.reader)
        return None if found is None else ECKey.import_key(json.loads(found[1]))

    async def _make_key(self, now: datetime) -> "ECKey":
        from joserfc.jwk import ECKey

        key = ECKey.generate_key("P-256")
        async with self._metadata.begin() as tx:
            # Another worker may have been quicker: everybody signs with the one that is there.
            if await find_signing_key(tx) is None:
                private = json.dumps(key.as_dict(private=True))
                await insert_signing_key(tx, key.thumbprint(), private, now)
        found = await self._find_key()
        if found is None:
            raise Unavailable("the signing key is missing")
        return found


def _to_json(claims: RegistryTokenClaims, now: datetime) -> dict[str, object]:
    return {
        "iss": _AUDIENCE,
        "aud": _AUDIENCE,
        "sub": "" if claims.account_id is None else str(claims.account_id),
        "exp": int(claims.expires_at.timestamp()),
        "nbf": int((now - _LEEWAY).timestamp()),
        "iat": int(now.timestamp()),
        "jti": secrets.token_urlsafe(12),
        "tid": claims.token_id,
        "gid": claims.grant_id,
        "pwm": claims.password_mark,
        **_listed(claims.grants),
    }


def _listed(grants: Grants) -> dict[str, object]:
    """Names, as other registries list them; where those are too long, marks of fixed length."""
    is_short = sum(len(name) + _ENTRY_LENGTH for name in grants) <= _MAX_LISTED
    named = {name: actions for name, actions in grants.items() if is_short or name in _OF_REGISTRY}
    access = [
        {"type": "repository", "name": name, "actions": sorted(actions)}
        if name not in _OF_REGISTRY
        else {"type": "registry", "name": _OF_REGISTRY[name], "actions": ["*"]}
        for name, actions in named.items()
    ]
    marks: dict[str, bytes] = {}
    for name, actions in grants.items():
        if name not in named:
            words = ",".join(sorted(actions))
            marks[words] = marks.get(words, b"") + bytes.fromhex(mark_of(name)[1:])
    if not marks:
        return {"access": access}
    texts = {words: base64.b64encode(packed).decode() for words, packed in marks.items()}
    return {"access": access, "marks": texts}


def _marked(value: object) -> dict[str, Actions]:
    """The marks that a token lists, each with what it may do with that repository."""
    grants: dict[str, Actions] = {}
    for words, text in value.items() if isinstance(value, dict) else ():
        actions = frozenset(Action(word) for word in words.split(","))
        packed = base64.b64decode(str(text)).hex()
        for start in range(0, len(packed), _MARK_DIGITS):
            grants["#" + packed[start : start + _MARK_DIGITS]] = actions
    return grants


def _from_json(claims: Mapping[str, object]) -> RegistryTokenClaims:
    subject, token_id, expires = claims.get("sub"), claims.get("tid"), claims.get("exp")
    access, grant_id = claims.get("access"), claims.get("gid")
    if not isinstance(expires, int) or not isinstance(access, list):
        raise BadToken
    return RegistryTokenClaims(
        account_id=int(subject) if isinstance(subject, str) and subject else None,
        token_id=token_id if isinstance(token_id, int) else None,
        password_mark=str(claims.get("pwm")),
        grants={**_marked(claims.get("marks")), **dict(_grant(entry) for entry in access)},
        expires_at=datetime.fromtimestamp(expires, UTC),
        grant_id=grant_id if isinstance(grant_id, int) else None,
    )


def _grant(entry: dict[str, object]) -> tuple[str, Actions]:
    if entry["type"] == "registry":
        return HUB if entry["name"] == "hub" else CATALOG, frozenset({Action.PULL})
    actions = entry["actions"]
    if not isinstance(actions, list):
        raise BadToken
    return str(entry["name"]), frozenset(Action(action) for action in actions)
