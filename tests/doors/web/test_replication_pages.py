"""Replication rules in the API and on the page of administrators."""

from entrepot.metadata.replication import replication_tasks
from entrepot.model.replication import TaskState
from entrepot.model.repositories import Visibility
from tests.doors.browsers import Browser
from tests.doors.conftest import Town
from tests.doors.programs import Program

URL = "http://127.0.0.1:9"


async def test_a_rule_is_added_run_and_removed(town: Town) -> None:
    admin = Program(town.doors, town.auth["admin"])
    body = {"name": "tokyo", "url": URL, "repositories": ["acme/*"], "tags": ["v*"]}
    made = (await admin.ask("POST", "/replication", body)).json()
    assert (made["trigger"], made["every"], made["has_password"]) == ("push", 86400, False)
    assert "password" not in made
    assert (await admin.ask("POST", "/replication", body)).status == 409
    wrong = body | {"name": "x", "url": "ftp://x"}
    assert (await admin.ask("POST", "/replication", wrong)).status in (400, 422)
    name = await town.build(Visibility.PRIVATE)
    assert (await admin.ask("POST", "/replication/tokyo/run")).json() == {"tags": 1}
    tasks = await admin.get("/replication/tokyo/tasks")
    assert [(each["repository"], each["tag"], each["state"]) for each in tasks["items"]] == [
        (name, "v1", "waiting")
    ]
    shown = await admin.get("/replication/tokyo")
    assert (shown["waiting"], shown["conflicts"], shown["failed"]) == (1, 0, 0)
    listed = await admin.get("/replication")
    assert [each["name"] for each in listed["items"]] == ["tokyo"]
    assert (await admin.ask("DELETE", "/replication/tokyo")).status == 204
    assert (await admin.ask("GET", "/replication/tokyo")).status == 404


async def test_the_page_shows_what_is_not_there_and_why(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    sessions = town.doors.app.sessions
    secret = await sessions.begin(town.people["admin"], address="127.0.0.1", client="test")
    browser = Browser(town.doors, secret)
    made = await browser.post(
        "/admin/replication", what="add", name="tokyo", url=URL, trigger="push", private="on"
    )
    assert made.status == 303
    assert (await browser.post("/admin/replication", what="run", name="tokyo")).status == 303
    app = town.doors.app
    rule = await app.replication.get("tokyo")
    async with town.metadata.begin() as tx:
        until = app.now()
        (task,) = await replication_tasks.take(tx, rule.id, until, app.now(), 1)
        await replication_tasks.put_back(
            tx, task, until, TaskState.CONFLICT, until, "v1 is immutable there", None
        )
    page = (await browser.get("/admin/replication")).body.decode()
    assert f"{name}:v1" in page
    assert "v1 is immutable there" in page
    tested = await browser.post("/admin/replication", what="test", name="tokyo")
    assert "tokyo cannot be reached" in tested.body.decode()
    await app.destinations.close()
