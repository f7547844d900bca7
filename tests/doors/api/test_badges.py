"""Badges: facts in pictures, for those who may see the repository."""

from xml.etree import ElementTree

import pytest

from entrepot.hub.badges import Badge, BadgeSubject, Tone
from entrepot.model.repositories import Visibility
from entrepot.web.badges import draw
from tests.doors.conftest import Town


@pytest.mark.parametrize("subject", BadgeSubject)
@pytest.mark.parametrize("form", ["svg", "json"])
async def test_a_public_repository_has_badges(town: Town, subject: str, form: str) -> None:
    name = await town.build(Visibility.PUBLIC)
    target = f"/r/{name}/-/badge/{subject}.{form}"
    answer = await town.doors.ask("GET", target)
    assert answer.status == 200
    assert answer.header("cache-control") == "max-age=300"
    assert answer.headers("cross-origin-resource-policy") == ["cross-origin"]
    if form == "json":
        assert answer.header("content-type") == "application/json"
        assert answer.json()["schemaVersion"] == 1
        assert set(answer.json()) == {"schemaVersion", "label", "message", "color"}
    else:
        assert answer.header("content-type") == "image/svg+xml; charset=utf-8"
        assert ElementTree.fromstring(answer.body).get("role") == "img"  # noqa: S314
    same = await town.doors.ask("GET", target, if_none_match=str(answer.header("etag")))
    assert (same.status, same.body) == (304, b"")


async def test_the_version_is_the_recommended_one(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    answer = await town.doors.ask("GET", f"/r/{name}/-/badge/version.json")
    assert answer.json()["message"] == "v1"
    unknown = await town.doors.ask("GET", f"/r/{name}/-/badge/vulnerabilities.json")
    assert unknown.json()["message"] in ("unknown", "not read yet")


@pytest.mark.parametrize("badge", ["version.png", "colour.svg", "version", ".svg", "version.svg/x"])
async def test_there_are_no_other_badges(town: Town, badge: str) -> None:
    name = await town.build(Visibility.PUBLIC)
    assert (await town.doors.ask("GET", f"/r/{name}/-/badge/{badge}")).status == 404


async def test_a_private_repository_has_badges_for_its_readers_only(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    target = f"/r/{name}/-/badge/version.svg"
    assert (await town.doors.ask("GET", target)).status == 404
    assert (await town.doors.ask("GET", target, auth=town.auth["stranger"])).status == 404
    answer = await town.doors.ask("GET", target, auth=town.auth["member"])
    assert answer.status == 200
    assert "private" in str(answer.header("cache-control"))


def test_texts_cannot_leave_the_picture() -> None:
    hostile = '"><script>alert(1)</script>&\u540d'
    found = ElementTree.fromstring(draw(Badge("version", hostile, Tone.BAD)))  # noqa: S314
    assert [each.tag for each in found.iter() if "script" in each.tag] == []
    assert hostile in "".join(found.itertext())
