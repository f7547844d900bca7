"""Issuers of ID tokens, registered by the hub's administrators."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from entrepot.errors import BadCredentials, Invalid, NameTaken, TrustUnknown, Unavailable
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.identity.issuer_keys import parse_keys
from entrepot.hub.names import check_name
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import check_administrator
from entrepot.hub.workloads.id_tokens import IdTokens
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.people import grants, issuers, trusts
from entrepot.model.people.workloads import Issuer, IssuerKind

PRESETS: Final = {
    "github": (IssuerKind.GITHUB, "https://token.actions.githubusercontent.com"),
    "gitlab": (IssuerKind.GITLAB, "https://gitlab.com"),
    "circleci": (IssuerKind.OTHER, "https://oidc.circleci.com/org/ORGANIZATION-ID"),
    "buildkite": (IssuerKind.OTHER, "https://agent.buildkite.com"),
    "google": (IssuerKind.OTHER, "https://accounts.google.com"),
}
"""Known issuers by name: the program, and the URL where there is one for everybody."""
MAX_KEYS: Final = 65_536
MAX_URL: Final = 500
_MAX_AUDIENCES: Final = 20
_AUDIENCE: Final = re.compile(r"[!-~]{1,500}")


class Issuers:
    """Every issuer; changed by the hub's administrators. By default it is the operator who acts."""

    def __init__(
        self, metadata: Metadata, id_tokens: IdTokens, now: Clock, *, has_audience: bool
    ) -> None:
        self._metadata = metadata
        self._id_tokens = id_tokens
        self._now = now
        self._has_audience = has_audience

    async def list_all(self) -> list[Issuer]:
        """Every issuer, by name."""
        return await issuers.list_issuers(self._metadata.reader)

    async def get(self, name: str) -> Issuer:
        """The issuer of that name; else `TrustUnknown`."""
        found = next((each for each in await self.list_all() if each.name == name), None)
        if found is None:
            raise TrustUnknown(f"no such issuer: {name}")
        return found

    async def add(
        self,
        name: str,
        url: str = "",
        kind: IssuerKind | None = None,
        *,
        audiences: Sequence[str] = (),
        keys: str = "",
        allows_private: bool = False,
        by: Actor = OPERATOR,
    ) -> Issuer:
        """Register an issuer; a known name needs no URL. It is not asked before the first token.

        Raises `Invalid`, and `NameTaken` where the name or the URL is registered.
        """
        check_administrator(by.identity)
        check_name(name)
        known_kind, known_url = PRESETS.get(name, (IssuerKind.OTHER, ""))
        issuer = Issuer(
            id=0,
            name=name,
            kind=kind or known_kind,
            url=url or known_url,
            audiences=tuple(dict.fromkeys(audiences)),
            keys=_checked_keys(keys),
            allows_private=allows_private,
            created_at=self._now(),
        )
        self._check(issuer)
        async with self._metadata.begin() as tx:
            if not await issuers.insert_issuer(tx, issuer):
                raise NameTaken(f"an issuer {name}, or one of {issuer.url}, is registered")
            details = {"url": issuer.url}
            await record(tx, Entry(None, by, Audited.ISSUER_CREATE, name, details), self._now())
        return await self.get(name)

    async def edit(
        self,
        name: str,
        *,
        audiences: Sequence[str] | None = None,
        keys: str | None = None,
        allows_private: bool | None = None,
        by: Actor = OPERATOR,
    ) -> Issuer:
        """Change what is given; empty `keys`: the issuer is asked for its own again."""
        check_administrator(by.identity)
        found = await self.get(name)
        changed = replace(
            found,
            audiences=found.audiences if audiences is None else tuple(dict.fromkeys(audiences)),
            keys=found.keys if keys is None else _checked_keys(keys),
            allows_private=found.allows_private if allows_private is None else allows_private,
        )
        self._check(changed)
        async with self._metadata.begin() as tx:
            await issuers.update_issuer(tx, changed)
            entry = Entry(None, by, Audited.ISSUER_EDIT, name, {"keys": bool(changed.keys)})
            await record(tx, entry, self._now())
        return changed

    async def remove(self, name: str, by: Actor = OPERATOR) -> None:
        """Forget an issuer with all trusts in it; the grants by these end now."""
        check_administrator(by.identity)
        found, now = await self.get(name), self._now()
        async with self._metadata.begin() as tx:
            for trust_id in await trusts.list_ids_of_issuer(tx, found.id):
                await grants.expire_grants(tx, trust_id, now)
            await trusts.delete_of_issuer(tx, found.id)
            await issuers.delete_issuer(tx, found.id)
            await record(tx, Entry(None, by, Audited.ISSUER_DELETE, name), now)

    async def test(self, name: str) -> int:
        """Ask the issuer for its keys and say how many there are; raise what is wrong."""
        found = await self.get(name)
        if found.keys:
            return len(parse_keys(json.loads(found.keys), name).keys)
        return len((await self._id_tokens.keys_for(found).find_keys(None)).keys)

    def _check(self, issuer: Issuer) -> None:
        parts = urlsplit(issuer.url)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and issuer.allows_private)
        if not is_safe or not parts.hostname or len(issuer.url) > MAX_URL:
            raise Invalid(f"invalid issuer URL {issuer.url!r}: it must begin with https://")
        if parts.query or parts.fragment or "@" in parts.netloc or not issuer.url.isprintable():
            raise Invalid(f"invalid issuer URL {issuer.url!r}: scheme, host and path only")
        if len(issuer.audiences) > _MAX_AUDIENCES or not all(
            _AUDIENCE.fullmatch(each) for each in issuer.audiences
        ):
            raise Invalid(f"an issuer has at most {_MAX_AUDIENCES} audiences without spaces")
        if not issuer.audiences and not self._has_audience:
            raise Invalid("name an audience, or set url: tokens must be made for this hub")


def _checked_keys(text: str) -> str:
    """A JSON Web Key Set of public keys, as it is stored; raises `Invalid`."""
    if not text.strip():
        return ""
    try:
        document = json.loads(text) if len(text) <= MAX_KEYS else None
        found = parse_keys(document, "the file").keys if isinstance(document, dict) else []
    except (ValueError, RecursionError, Unavailable, BadCredentials) as error:
        raise Invalid("not a JSON Web Key Set") from error
    if not found or any(key.is_private for key in found):
        raise Invalid("a JSON Web Key Set needs public keys, and no private ones")
    return json.dumps({"keys": [key.as_dict(private=False) for key in found]})
