"""A connection that is kept from request to request, for tests that send thousands."""

from collections.abc import Mapping

from tests.support.http import Answer, Body, Client, NoAnswer, Wire, encoded


class Line:
    """Sends requests one after the other, and connects again when the server has hung up."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._wire: Wire | None = None

    def ask(
        self,
        method: str,
        target: str,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to a request; no answer on a fresh connection fails the test."""
        data = self._client.head(method, target, body, headers or {}) + b"".join(encoded(body))
        if self._wire is not None:
            try:
                return self._exchange(self._wire, data, method, target)
            except (NoAnswer, OSError):
                self.close()
        self._wire = self._client.wire()
        return self._exchange(self._wire, data, method, target)

    def close(self) -> None:
        """Hang up."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _exchange(self, wire: Wire, data: bytes, method: str, target: str) -> Answer:
        wire.send(data)
        answer = wire.answer(f"{method} {target}")
        if (answer.headers.get("Connection") or "").lower() == "close":
            self.close()
        return answer
