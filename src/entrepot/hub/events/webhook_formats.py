"""The bodies of webhooks: the stored CloudEvent, or the same in the form of another program."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from entrepot.model.webhooks import WebhookFormat

REPOSITORY: Final = "repositoryfacts"
"""The extension of a stored event that holds what other forms say of the repository."""
_SHORT: Final = len("sha256:") + 12

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """The body of a delivery and its media type."""

    media_type: str
    body: str


def carries(form: WebhookFormat, event: str) -> bool:
    """Say whether the form has a way to tell of the event."""
    events = _EVENTS.get(form)
    return events is None or event in events


def render(form: WebhookFormat, stored: str, url: str) -> Message:
    """Return the body of a stored event; `url` is the hub's public one, "" without one."""
    if form is WebhookFormat.CLOUDEVENTS:
        return Message("application/cloudevents+json; charset=utf-8", stored)
    event = json.loads(stored)
    document = _WRITERS[form](event, event.get("data", {}), url)
    return Message("application/json; charset=utf-8", json.dumps(document, separators=(",", ":")))


def _type(event: Fields) -> str:
    return str(event["type"]).removeprefix("entrepot.")


def _seconds(event: Fields) -> int:
    return int(datetime.fromisoformat(event["time"]).timestamp())


def _dockerhub(event: Fields, data: Fields, url: str) -> Fields:
    """As Docker Hub tells of a push (docs.docker.com, "Webhooks")."""
    facts, name = event.get(REPOSITORY, {}), str(data.get("repository", "entrepot/ping"))
    namespace, _, rest = name.rpartition("/") if "/" not in name else name.partition("/")
    address = f"{url}/r/{name}"
    return {
        "callback_url": f"{address}/-/webhooks",
        "push_data": {
            "pushed_at": _seconds(event),
            "pusher": data.get("actor", ""),
            "tag": data.get("tag", _type(event)),
            "images": [],
            "media_type": data.get("media_type", ""),
        },
        "repository": {
            "status": "Active",
            "description": facts.get("description", ""),
            "is_trusted": False,
            "full_description": "",
            "repo_url": address,
            "owner": namespace,
            "is_official": False,
            "is_private": facts.get("is_private", True),
            "name": rest,
            "namespace": namespace,
            "star_count": facts.get("stars", 0),
            "comment_count": 0,
            "date_created": facts.get("created", 0),
            "repo_name": name,
            "dockerfile": "",
        },
    }


def _harbor(event: Fields, data: Fields, url: str) -> Fields:
    """As Harbor 2 tells of artifacts (goharbor.io, "Configure Webhook Notifications")."""
    facts, name = event.get(REPOSITORY, {}), str(data.get("repository", "entrepot/ping"))
    namespace, _, rest = name.rpartition("/") if "/" not in name else name.partition("/")
    host, digest = urlsplit(url).netloc, str(data.get("digest", ""))
    address = f"{host}/{name}" if host else name
    tags = [data["tag"]] if "tag" in data else data.get("tags", [])
    resources = [
        {"digest": digest, "tag": tag, "resource_url": f"{address}:{tag}"} for tag in tags
    ] or [{"digest": digest, "tag": "", "resource_url": f"{address}@{digest}"}]
    return {
        "type": "DELETE_ARTIFACT" if _type(event).endswith(".deleted") else "PUSH_ARTIFACT",
        "occur_at": _seconds(event),
        "operator": data.get("actor", ""),
        "event_data": {
            "resources": resources,
            "repository": {
                "date_created": facts.get("created", 0),
                "name": rest,
                "namespace": namespace,
                "repo_full_name": name,
                "repo_type": "private" if facts.get("is_private", True) else "public",
            },
        },
    }


def _slack(event: Fields, data: Fields, url: str) -> Fields:
    def link(name: str, address: str) -> str:
        return f"<{address}|{_escaped(name)}>" if address else _escaped(name)

    return {"text": _sentence(event, data, url, link, _escaped)}


def _teams(event: Fields, data: Fields, url: str) -> Fields:
    """A card for workflows of Microsoft Teams; `text` is for its older connectors."""

    def link(name: str, address: str) -> str:
        return f"[{name}]({address})" if address else name

    text = _sentence(event, data, url, link, str)
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": text, "wrap": True}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "text": text, "attachments": [attachment]}


def _escaped(text: str) -> str:
    """Slack's three characters, so that no text becomes a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_SAID: Final = {
    "tag.pushed": "{actor} pushed {artifact}",
    "tag.moved": "{actor} moved {artifact}",
    "tag.deleted": "{actor} deleted the tag {name}",
    "tag.restored": "{actor} restored {artifact}",
    "manifest.pushed": "{actor} pushed {artifact}",
    "manifest.deleted": "{actor} deleted {name} and its tags",
    "referrer.attached": "{actor} attached {kind} to {artifact}",
    "repository.created": "{actor} created the repository {repository}",
    "repository.renamed": "{actor} renamed the repository {former} to {repository}",
    "repository.visibility": "{actor} made the repository {repository} {visibility}",
    "repository.deleted": "{actor} deleted the repository {whole}",
}


def _sentence(
    event: Fields,
    data: Fields,
    url: str,
    link: Callable[[str, str], str],
    escaped: Callable[[str], str],
) -> str:
    """One sentence, with a link where there is something to open and the hub knows its address."""
    said = _SAID.get(_type(event))
    if said is None:
        return "Entrepot can reach this webhook."
    repository = str(data["repository"])
    name = _artifact_name(repository, data)

    def opened(text: str) -> str:
        return link(text, f"{url}/r/{text}" if url else "")

    shown = name if "tag" in data else f"{repository}@{_reference(data)[:_SHORT]}"
    return said.format(
        actor=escaped(str(data.get("actor") or "Somebody")),
        artifact=link(shown, f"{url}/r/{name}" if url else ""),
        name=escaped(shown),
        kind=escaped(str(data.get("kind", "an artifact"))),
        repository=opened(repository),
        whole=escaped(repository),
        former=escaped(str(data.get("former", ""))),
        visibility=escaped(str(data.get("visibility", ""))),
    )


def _reference(data: Fields) -> str:
    """The digest that the event is about: of an attachment, what it is attached to."""
    return str(data.get("subject") or data.get("digest", ""))


def _artifact_name(repository: str, data: Fields) -> str:
    return f"{repository}:{data['tag']}" if "tag" in data else f"{repository}@{_reference(data)}"


_WRITERS: Final[Mapping[WebhookFormat, Callable[[Fields, Fields, str], Fields]]] = {
    WebhookFormat.DOCKERHUB: _dockerhub,
    WebhookFormat.HARBOR: _harbor,
    WebhookFormat.SLACK: _slack,
    WebhookFormat.TEAMS: _teams,
}
_EVENTS: Final[Mapping[WebhookFormat, frozenset[str]]] = {
    WebhookFormat.DOCKERHUB: frozenset({"tag.pushed", "tag.moved", "tag.restored"}),
    WebhookFormat.HARBOR: frozenset(
        {
            "tag.pushed",
            "tag.moved",
            "tag.restored",
            "tag.deleted",
            "manifest.pushed",
            "manifest.deleted",
        }
    ),
}
