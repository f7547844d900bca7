"""The registries that tags are pushed to: one client for each rule while its settings stay."""

from typing import Final, Protocol

from entrepot.errors import UpstreamFailed
from entrepot.model.replication import ReplicationRule
from entrepot.upstream.client import UpstreamClient
from entrepot.upstream.failures import failure_of
from entrepot.upstream.pushing import Pushes
from entrepot.upstream.transport import Timeouts, Upstream

PURPOSE: Final = "replication"
"""The purpose that the keyring wraps the rules' passwords for."""
TIMEOUTS: Final = Timeouts(connect=5.0, first_byte=60.0, silence=60.0)
"""A registry answers a large blob's last request when it has compared all of it."""


class UnwrapsSecrets(Protocol):
    """Gives back secrets that were encrypted for the database."""

    def unwrap(self, purpose: str, stored: str) -> str:
        """The secret; `Unavailable` without the right key."""


class Destinations:
    """The destinations of all rules."""

    def __init__(self, keyring: UnwrapsSecrets, version: str) -> None:
        self._keyring = keyring
        self._version = version
        self._clients: dict[int, tuple[UpstreamClient, Pushes]] = {}
        self._retired: list[UpstreamClient] = []
        self.timeouts = TIMEOUTS

    async def close(self) -> None:
        """Close every connection."""
        for client in (*(client for client, _ in self._clients.values()), *self._retired):
            await client.close()
        self._clients.clear()

    async def test(self, rule: ReplicationRule) -> str:
        """Ask `/v2/` and return what the registry said; raise what is wrong."""
        async with self._open(rule)[0].ping() as answer:
            if answer.status == 200:
                return f"{rule.url} answers"
            if answer.status in (401, 403):
                raise UpstreamFailed(
                    f"{rule.name} refused the credentials with status {answer.status}",
                    status=answer.status,
                )
            raise failure_of(rule.name, answer)

    def pushes(self, rule: ReplicationRule) -> Pushes:
        """Return the pushes to the rule's destination, signed in by its credentials."""
        return self._open(rule)[1]

    def _open(self, rule: ReplicationRule) -> tuple[UpstreamClient, Pushes]:
        upstream = Upstream(
            name=rule.name,
            url=rule.url,
            username=rule.username,
            secret=self._keyring.unwrap(PURPOSE, rule.secret) if rule.secret else "",
            token_hosts=rule.token_hosts,
            networks=rule.networks,
            allows_private=rule.allows_private,
            timeouts=self.timeouts,
        )
        known = self._clients.get(rule.id)
        if known is None or known[0].upstream != upstream:
            if known is not None:
                # Requests that run finish with the old one.
                self._retired.append(known[0])
            client = UpstreamClient(upstream, self._version)
            known = self._clients[rule.id] = client, Pushes(client)
        return known
