"""Webhooks and their deliveries."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WebhookFormat(StrEnum):
    """The form of what a webhook sends; `slack` is that of Mattermost too."""

    CLOUDEVENTS = "cloudevents"
    DOCKERHUB = "dockerhub"
    HARBOR = "harbor"
    SLACK = "slack"
    TEAMS = "teams"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told of `events` (none: of every one), signed with `secret`.

    It belongs to a namespace or to a repository; to neither once its repository is deleted.
    `header` is sent along: `Name: value`, or empty.
    """

    id: int
    namespace_id: int | None
    repository_id: int | None
    url: str
    secret: str
    events: tuple[str, ...]
    is_active: bool
    created_at: datetime
    created_by: int | None
    format: WebhookFormat = WebhookFormat.CLOUDEVENTS
    header: str = ""

    def wants(self, event: str) -> bool:
        """Whether it is told of that event."""
        return not self.events or event in self.events


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one webhook, and what the last attempt to send it brought."""

    id: int
    webhook_id: int
    repository_id: int
    message: str
    event: str
    body: str
    state: str
    attempts: int
    created_at: datetime
    run_at: datetime
    ended_at: datetime | None
    status: int | None
    milliseconds: int
    response: str
    error: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt; `again` is the next attempt's time while the state is waiting."""

    state: str
    attempts: int
    at: datetime
    again: datetime
    status: int | None = None
    milliseconds: int = 0
    response: str = ""
    error: str = ""
