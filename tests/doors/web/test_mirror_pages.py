"""Mirrors in the API and on the pages of administrators."""

from entrepot.model.repositories import Visibility
from tests.doors.browsers import Browser
from tests.doors.mirror_doors import Mirrored, mirrored, upstream
from tests.doors.programs import Program

__all__ = ["mirrored", "upstream"]


async def test_a_mirror_is_made_changed_and_removed(mirrored: Mirrored) -> None:
    admin = Program(mirrored.town.doors, mirrored.town.auth["admin"])
    body = {"name": "corp.test", "url": "https://corp.test", "username": "robot"}
    made = (await admin.ask("POST", "/mirrors", body)).json()
    assert made["answers_to"] == ["corp.test"]
    assert (made["visibility"], made["has_password"], made["ttl"]) == ("signed-in", False, 300)
    assert "password" not in made
    changed = await admin.ask("PATCH", "/mirrors/corp.test", {"visibility": "public", "ttl": -1})
    assert changed.json() == made | {"visibility": "public", "ttl": -1}
    listed = await admin.get("/mirrors")
    assert [each["name"] for each in listed["items"]] == ["corp.test", "up"]
    assert (await admin.ask("DELETE", "/mirrors/corp.test")).status == 204
    assert (await admin.ask("GET", "/mirrors/corp.test")).status == 404


async def test_a_mirror_that_cannot_be_is_told(mirrored: Mirrored) -> None:
    admin = Program(mirrored.town.doors, mirrored.town.auth["admin"])
    for changes in (
        {"url": "ftp://x.test"},
        {"url": "https://user:word@x.test"},
        {"url": ""},
        {"preset": "no-such"},
        {"networks": ["10.0.0.0/99"]},
        {"include": ["a b"]},
        # There is no key to encrypt it by.
        {"username": "robot", "password": "word"},
    ):
        body = {"name": "x.test", "url": "https://x.test", **changes}
        answer = await admin.ask("POST", "/mirrors", body)
        assert answer.status in (400, 422), changes
    taken = await admin.ask("POST", "/mirrors", {"name": "acme", "url": "https://x.test"})
    assert taken.status == 409


async def test_names_of_known_registries_are_kept_for_mirrors(mirrored: Mirrored) -> None:
    stranger = Program(mirrored.town.doors, mirrored.town.auth["stranger"])
    answer = await stranger.ask("POST", "/organisations", {"name": "ghcr.io"})
    assert answer.status == 409
    admin = Program(mirrored.town.doors, mirrored.town.auth["admin"])
    made = await admin.ask("POST", "/mirrors", {"name": "ghcr.io", "preset": "ghcr.io"})
    assert (made.status, made.json()["url"]) == (201, "https://ghcr.io")


async def test_administrators_manage_mirrors_on_a_page(mirrored: Mirrored) -> None:
    browser = await _sign_in(mirrored, "admin")
    page = await browser.get("/admin/mirrors")
    assert mirrored.upstream.url in page.body.decode()
    made = await browser.post("/admin/mirrors", what="add", preset="quay.io", visibility="public")
    assert made.status == 303
    assert "https://quay.io" in (await browser.get("/admin/mirrors")).body.decode()
    tested = await browser.post("/admin/mirrors", what="test", name="up")
    assert f"up: {mirrored.upstream.url} answers" in tested.body.decode()
    await mirrored.upstream.close()
    tested = await browser.post("/admin/mirrors", what="test", name="up")
    assert "up cannot be reached" in tested.body.decode()
    assert (await browser.post("/admin/mirrors", what="offline", name="up")).status == 303
    assert (await mirrored.town.doors.app.mirrors.get("up")).is_offline
    assert "Mirror" in (await browser.get("/u/up")).body.decode()


async def test_what_is_cached_has_pages_for_those_who_may_pull(mirrored: Mirrored) -> None:
    mirrored.upstream.add_image("lib/app", "1", b"layer")
    assert (await mirrored.ask("GET", "lib/app/manifests/1")).status == 200
    assert (await Browser(mirrored.town.doors).get("/r/up/lib/app")).status == 404
    browser = await _sign_in(mirrored, "stranger")
    page = await browser.get("/r/up/lib/app")
    assert page.status == 200
    assert "up/lib/app:1" in page.body.decode()
    assert (await browser.get("/r/up/lib/app:1")).status == 200
    program = Program(mirrored.town.doors, mirrored.town.auth["stranger"])
    found = await program.get("/repositories/up/lib/app")
    assert found["visibility"] == Visibility.PRIVATE


async def _sign_in(mirrored: Mirrored, name: str) -> Browser:
    town = mirrored.town
    sessions = town.doors.app.sessions
    secret = await sessions.begin(town.people[name], address="127.0.0.1", client="test")
    return Browser(town.doors, secret)
