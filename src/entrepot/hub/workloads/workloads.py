"""Signing in with an ID token: trusts that it meets, and the grant that its job holds."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from entrepot.errors import BadCredentials, OutOfSpace, TooMany, Unavailable
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.identity.login_throttle import Allowance, LoginThrottle, network_of
from entrepot.hub.identity.secrets import hash_secret, new_grant_secret
from entrepot.hub.names import fold_name
from entrepot.hub.people.actors import ACTIONS_OF_SCOPE, PULL, Actor, Identity, JobGrant, JobRights
from entrepot.hub.workloads.id_tokens import IdToken, IdTokens
from entrepot.hub.workloads.job_labels import kept_claims, label_of
from entrepot.hub.workloads.trust_conditions import hold
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.people import grants, trusts
from entrepot.model.people.workloads import Grant, Trust

MOST_OF_TOKEN: Final = 200
"""Grants that one ID token opens."""
_REFUSED: Final = Allowance("id-token:network", 100, timedelta(seconds=5))
_TOUCH_EVERY: Final = timedelta(minutes=1)
_REMEMBERED: Final = 10_000
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_MAX_NAME: Final = 200
_MOST_NAMED: Final = 3
"""Trusts that a grant's label names."""


class Workloads:
    """Jobs that sign in with an ID token, and what they hold while they run."""

    def __init__(
        self, metadata: Metadata, id_tokens: IdTokens, login_throttle: LoginThrottle, now: Clock
    ) -> None:
        self._metadata = metadata
        self._id_tokens = id_tokens
        self._login_throttle = login_throttle
        self._now = now
        self._touched: dict[int, datetime] = {}

    async def sign_in(
        self, name: str, text: str, address: str, session: timedelta | None = None
    ) -> Identity:
        """The identity of the job that presents an ID token; else `BadCredentials`.

        `name` is that of a trust (`acme/ci`) or a namespace where only these shall be used, or any
        other. The token opens a grant, and stands for it from then on: also past its own expiry,
        for as long as the grant lives.
        """
        name, token_hash = fold_name(name)[:_MAX_NAME], hash_secret(text)
        found = await self._find_opened(name, token_hash)
        if found is not None:
            return found
        network = network_of(address)
        await self._login_throttle.check(_REFUSED, network)
        try:
            token = await self._id_tokens.read(text)
            met = await self._find_trusts(name, token)
        except BadCredentials:
            await self._login_throttle.count(_REFUSED, network)
            raise
        await self._check_count(token_hash)
        grant = _grant_of(token, met, name, address, self._now(), session)
        return await self._get_identity(await self._open(grant, token_hash, met))

    async def find_by_secret(self, secret: str) -> Identity | None:
        """The identity of a grant's secret; `None` where it has ended."""
        grant = await grants.find_by_secret(self._metadata.reader, hash_secret(secret))
        return None if grant is None else await self._find_identity(grant)

    async def find_by_grant(self, grant_id: int) -> Identity | None:
        """The identity of a grant that a registry token names; `None` where it has ended."""
        grant = await grants.find_grant(self._metadata.reader, grant_id)
        return None if grant is None else await self._find_identity(grant)

    async def add_secret(self, grant_id: int) -> str:
        """A new secret for the job of that grant, which ends when the grant does.

        Raises `TooMany` where its ID token was used for too many.
        """
        secret, reader = new_grant_secret(), self._metadata.reader
        async with self._metadata.begin() as tx:
            if await grants.set_secret(tx, grant_id, hash_secret(secret)):
                return secret
            grant = await grants.find_grant(tx, grant_id)
            token_hash = await grants.find_token_hash(reader, grant_id)
            if grant is None:
                raise BadCredentials
            await self._check_count(token_hash)
            trust_ids = [each.trust_id for each in await grants.list_rights(tx, grant_id)]
            copied = await grants.insert_grant(tx, grant, token_hash, trust_ids)
            await grants.set_secret(tx, copied, hash_secret(secret))
        return secret

    async def touch(self, grant_id: int) -> None:
        """Record that a grant was used; at most once a minute."""
        now = self._now()
        if now - self._touched.get(grant_id, _NEVER) < _TOUCH_EVERY:
            return
        if len(self._touched) >= _REMEMBERED:
            self._touched.clear()
        self._touched[grant_id] = now
        # A pull does not fail for this note.
        with suppress(OutOfSpace, Unavailable):
            async with self._metadata.begin() as tx:
                await grants.touch_grant(tx, grant_id, now)

    async def _find_opened(self, name: str, token_hash: str) -> Identity | None:
        """The identity of the grant that the token opened before; `None` where it opened none.

        Raises `BadCredentials` where somebody ended it: the token, which may hold for longer, opens
        no other.
        """
        opened = await grants.list_by_token(self._metadata.reader, token_hash)
        if any(grant.ended_at is not None for grant in opened):
            raise BadCredentials("the grant of this job was ended")
        same = [grant for grant in opened if grant.asked == name]
        return await self._find_identity(same[0]) if same else None

    async def _find_trusts(self, name: str, token: IdToken) -> list[Trust]:
        """The trusts that the token meets: the one that is named, or those of the namespace."""
        kind = token.issuer.kind
        every = await trusts.list_enabled(self._metadata.reader, token.issuer.id)
        if "/" in name:
            every = [each for each in every if each.full_name == name]
        met = [each for each in every if hold(kind, each.conditions, token.claims)]
        if not met:
            where = f"the trust {name} does not match" if "/" in name else "no trust matches"
            raise BadCredentials(
                f"the ID token is signed by {token.issuer.url}, but {where}"
                f" {label_of(kind, token.issuer.name, token.claims)}"
            )
        return [each for each in met if each.namespace == name] or met

    async def _open(self, grant: Grant, token_hash: str, met: list[Trust]) -> Grant:
        now, actor = self._now(), Actor(Identity(label=grant.label), grant.address)
        async with self._metadata.begin() as tx:
            ids = [each.id for each in met]
            made = replace(grant, id=await grants.insert_grant(tx, grant, token_hash, ids))
            await trusts.count_use(tx, ids, now)
            for trust in met:
                details = {"issuer": grant.issuer, "subject": grant.subject}
                entry = Entry(
                    trust.namespace_id, actor, Audited.GRANT_OPEN, trust.full_name, details
                )
                await record(tx, entry, now)
        return made

    async def _check_count(self, token_hash: str) -> None:
        count = await grants.count_by_token(self._metadata.reader, token_hash)
        if count >= MOST_OF_TOKEN:
            raise TooMany(f"an ID token opens at most {MOST_OF_TOKEN} grants", wait=60)

    async def _get_identity(self, grant: Grant) -> Identity:
        identity = await self._find_identity(grant)
        if identity is None:
            raise BadCredentials
        return identity

    async def _find_identity(self, grant: Grant) -> Identity | None:
        if not grant.is_live(self._now()):
            return None
        given = await grants.list_rights(self._metadata.reader, grant.id)
        rights = tuple(
            JobRights(
                each.namespace_id,
                tuple(f"{each.namespace}/{pattern}" for pattern in each.repositories),
                each.tags,
                ACTIONS_OF_SCOPE[each.scope],
            )
            for each in given
        )
        if not rights:
            return None
        return Identity(
            ceiling=PULL.union(*(each.actions for each in rights)),
            expires_at=grant.expires_at,
            patterns=tuple(pattern for each in rights for pattern in each.repositories),
            label=grant.label,
            job=JobGrant(grant.id, rights),
        )


def _grant_of(
    token: IdToken,
    met: list[Trust],
    name: str,
    address: str,
    now: datetime,
    session: timedelta | None,
) -> Grant:
    """The grant of a job that met these trusts; it ends with the shortest session of them."""
    kind, longest = token.issuer.kind, min(each.session for each in met)
    names = ", ".join(each.full_name for each in met[:_MOST_NAMED])
    noun = "trust" if len(met) == 1 else "trusts"
    return Grant(
        id=0,
        label=f"{label_of(kind, token.issuer.name, token.claims)} ({noun} {names})",
        issuer=token.issuer.name,
        subject=token.subject,
        claims=kept_claims(kind, token.claims),
        address=address,
        created_at=now,
        expires_at=now + min(longest, session or longest),
        last_used_at=now,
        ended_at=None,
        asked=name,
    )
