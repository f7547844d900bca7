"""What stands in for other people's servers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from entrepot.hub.events.webhook_urls import WebhookUrl
from entrepot.jobs.webhook_client import Answer, PostFailed


@dataclass(slots=True)
class Posted:
    """One request that arrived."""

    host: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Servers:
    """Servers by host: each answers what it was told next, else 204."""

    posted: list[Posted] = field(default_factory=list)
    answers: dict[str, list[Answer | str]] = field(default_factory=dict)

    def will(self, host: str, *answers: Answer | str | int) -> None:
        """Have a server answer these, one after the other; a text is a failure."""
        made = [Answer(each, {}, "", 1) if isinstance(each, int) else each for each in answers]
        self.answers.setdefault(host, []).extend(made)

    async def post(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer."""
        self.posted.append(Posted(url.host, headers, body))
        waiting = self.answers.get(url.host)
        answer = waiting.pop(0) if waiting else Answer(204, {}, "", 1)
        if isinstance(answer, str):
            raise PostFailed(answer)
        return answer

    def told(self, host: str) -> list[str]:
        """The ids of what arrived at a host."""
        return [each.headers["webhook-id"] for each in self.posted if each.host == host]
