"""The forms of webhooks: each is what its receivers parse."""

import json
from typing import Any

import pytest

from entrepot.hub.events.outbox import EVENTS
from entrepot.hub.events.webhook_formats import REPOSITORY, carries, render
from entrepot.model.webhooks import WebhookFormat

URL = "https://hub.example"
DIGEST = "sha256:" + "a" * 64
FACTS = {"description": "An app", "is_private": False, "stars": 3, "created": 1_700_000_000}


def event(name: str, **data: object) -> str:
    """A stored event of acme/team/app."""
    said = {"repository": "acme/team/app", **data, "actor": "anna"}
    return json.dumps(
        {
            "specversion": "1.0",
            "id": "msg_1",
            "type": f"entrepot.{name}",
            "time": "2026-11-23T21:40:00.000000Z",
            "data": said,
            REPOSITORY: FACTS,
        }
    )


PUSHED = event("tag.pushed", tag="1.0", digest=DIGEST, kind="image", media_type="m")


def sent(form: WebhookFormat, stored: str = PUSHED, url: str = URL) -> Any:
    """What a receiver reads."""
    message = render(form, stored, url)
    assert message.media_type == "application/json; charset=utf-8"
    return json.loads(message.body)


def test_a_cloud_event_is_sent_as_it_is_stored() -> None:
    message = render(WebhookFormat.CLOUDEVENTS, PUSHED, URL)
    assert (message.body, message.media_type.partition(";")[0]) == (
        PUSHED,
        "application/cloudevents+json",
    )


def test_docker_hubs_form_is_what_flux_keel_and_jenkins_read() -> None:
    said = sent(WebhookFormat.DOCKERHUB)
    # fluxcd/notification-controller reads `push_data.tag` and `repository.repo_url`; keel
    # `push_data.tag` and `repository.repo_name`; Jenkins `repository.repo_name` and `pusher`.
    assert said["push_data"] == {
        "pushed_at": 1_795_470_000,
        "pusher": "anna",
        "tag": "1.0",
        "images": [],
        "media_type": "m",
    }
    repository = said["repository"]
    assert repository["repo_name"] == "acme/team/app"
    assert (repository["namespace"], repository["owner"]) == ("acme", "acme")
    assert repository["name"] == "team/app"
    assert repository["repo_url"] == f"{URL}/r/acme/team/app"
    assert (repository["is_private"], repository["star_count"]) == (False, 3)
    assert (repository["description"], repository["date_created"]) == ("An app", 1_700_000_000)
    assert repository["status"] == "Active"
    assert said["callback_url"].startswith(URL)


def test_harbors_form_names_each_tag_with_its_address() -> None:
    said = sent(WebhookFormat.HARBOR)
    assert (said["type"], said["operator"], said["occur_at"]) == (
        "PUSH_ARTIFACT",
        "anna",
        1_795_470_000,
    )
    data = said["event_data"]
    assert data["resources"] == [
        {"digest": DIGEST, "tag": "1.0", "resource_url": "hub.example/acme/team/app:1.0"}
    ]
    assert data["repository"] == {
        "date_created": 1_700_000_000,
        "name": "team/app",
        "namespace": "acme",
        "repo_full_name": "acme/team/app",
        "repo_type": "public",
    }
    gone = sent(WebhookFormat.HARBOR, event("manifest.deleted", digest=DIGEST, tags=["a", "b"]))
    assert gone["type"] == "DELETE_ARTIFACT"
    assert [each["tag"] for each in gone["event_data"]["resources"]] == ["a", "b"]
    bare = sent(WebhookFormat.HARBOR, event("manifest.pushed", digest=DIGEST), "")
    assert bare["event_data"]["resources"][0]["resource_url"] == f"acme/team/app@{DIGEST}"


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (PUSHED, f"anna pushed <{URL}/r/acme/team/app:1.0|acme/team/app:1.0>"),
        (event("tag.deleted", tag="1.0"), "anna deleted the tag acme/team/app:1.0"),
        (
            event("referrer.attached", digest=DIGEST, subject=DIGEST, kind="<sbom>"),
            f"anna attached &lt;sbom&gt; to <{URL}/r/acme/team/app@{DIGEST}|"
            "acme/team/app@sha256:aaaaaaaaaaaa>",
        ),
        (
            event("repository.renamed", former="acme/old"),
            f"anna renamed the repository acme/old to <{URL}/r/acme/team/app|acme/team/app>",
        ),
        (event("ping"), "Entrepot can reach this webhook."),
    ],
)
def test_slack_and_mattermost_get_a_sentence(stored: str, text: str) -> None:
    assert sent(WebhookFormat.SLACK, stored) == {"text": text}


def test_teams_gets_a_card() -> None:
    said = sent(WebhookFormat.TEAMS)
    text = f"anna pushed [acme/team/app:1.0]({URL}/r/acme/team/app:1.0)"
    assert said["text"] == text
    (attachment,) = said["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["body"][0]["text"] == text


def test_every_event_can_be_said_with_and_without_an_address() -> None:
    for form in list(WebhookFormat)[1:]:
        for name in (*EVENTS, "ping"):
            for url in (URL, ""):
                stored = event(name, digest=DIGEST, former="a/b", visibility="public")
                assert sent(form, stored, url)
        assert carries(form, "tag.pushed")
    assert not carries(WebhookFormat.DOCKERHUB, "tag.deleted")
    assert not carries(WebhookFormat.HARBOR, "repository.renamed")
    assert all(carries(WebhookFormat.CLOUDEVENTS, name) for name in EVENTS)


def test_a_ping_of_no_repository_can_be_said() -> None:
    ping = {"type": "entrepot.ping", "time": "2026-11-23T21:40:00Z", "data": {"actor": "anna"}}
    for form in list(WebhookFormat)[1:]:
        assert sent(form, json.dumps(ping))
