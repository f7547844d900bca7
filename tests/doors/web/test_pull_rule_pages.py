"""Pull rules in the API and on the pages of administrators."""

import pytest

from tests.doors.browsers import Browser
from tests.doors.mirror_doors import Mirrored, mirrored, upstream
from tests.doors.programs import Program

__all__ = ["mirrored", "upstream"]

BODY = {"name": "nightly", "source": "up/lib/app", "target": "acme/*", "include": ["1.*"]}


@pytest.fixture
def admin(mirrored: Mirrored) -> Program:
    """A program of an administrator; the mirrored registry has three tags."""
    for tag in ("1.0", "1.1", "2.0"):
        mirrored.upstream.add_image("lib/app", tag, tag.encode())
    return Program(mirrored.town.doors, mirrored.town.auth["admin"])


async def browse(mirrored: Mirrored) -> Browser:
    """A browser of an administrator."""
    town = mirrored.town
    secret = await town.doors.app.sessions.begin(
        town.people["admin"], address="127.0.0.1", client="test"
    )
    return Browser(town.doors, secret)


async def test_a_rule_is_made_changed_run_and_removed(mirrored: Mirrored, admin: Program) -> None:
    made = await admin.do("POST", "/pull-rules", BODY, status=201)
    assert (made["include"], made["schedule"], made["next_run"]) == (["1.*"], "", None)
    changed = await admin.do("PATCH", "/pull-rules/nightly", {"schedule": "every 6h", "newest": 1})
    assert changed == made | {
        "schedule": "every 6h",
        "newest": 1,
        "next_run": changed["next_run"],
    }
    planned = await admin.get("/pull-rules/nightly/preview")
    assert [(each["tag"], each["action"]) for each in planned["tags"]] == [("1.1", "copy")]
    assert (planned["note"], planned["left_out"]) == ("", 0)
    asked = await admin.do("POST", "/pull-rules/nightly/run", {}, status=202)
    assert asked["last_run"] is None
    assert await mirrored.town.doors.app.rule_runs.run_due() == 1
    done = await admin.get("/pull-rules/nightly")
    assert (done["last_run"]["state"], done["last_run"]["counts"]) == ("done", {"copy": 1})
    assert done["next_run"] > done["last_run"]["started_at"]
    tags = await admin.get("/pull-rules/nightly/tags?limit=1")
    assert [(each["tag"], each["action"]) for each in tags["items"]] == [("1.1", "copy")]
    assert tags["next"] is None
    assert [each["name"] for each in (await admin.get("/pull-rules"))["items"]] == ["nightly"]
    await admin.do("DELETE", "/pull-rules/nightly", status=204)
    await admin.do("GET", "/pull-rules/nightly", status=404)


async def test_tags_are_listed_page_by_page(mirrored: Mirrored, admin: Program) -> None:
    await admin.do("POST", "/pull-rules", BODY | {"include": []}, status=201)
    app = mirrored.town.doors.app
    await app.rule_runs.run(await app.pull_rules.get("nightly"))
    first = await admin.get("/pull-rules/nightly/tags?limit=2")
    assert ([each["tag"] for each in first["items"]], first["next"]) == (["1.0", "1.1"], "1.1")
    last = await admin.get("/pull-rules/nightly/tags?limit=2&after=1.1")
    assert ([each["tag"] for each in last["items"]], last["next"]) == (["2.0"], None)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"source": "up"}, 400),
        ({"source": "no/lib/app"}, 404),
        ({"target": "nobody/app"}, 404),
        ({"target": "up/lib/other"}, 400),
        ({"include": ["/(/"]}, 400),
        ({"versions": ["latest"]}, 400),
        ({"schedule": "often"}, 400),
        ({"flatten": True}, 400),
        ({"newest": 0}, 422),
        ({"name": "a b"}, 422),
    ],
)
async def test_a_rule_that_cannot_be_is_told(
    admin: Program, changes: dict[str, object], status: int
) -> None:
    answer = await admin.ask("POST", "/pull-rules", BODY | changes)
    assert answer.status in (status, 400), answer.body
    assert (await admin.get("/pull-rules"))["items"] == []


async def test_a_name_is_given_once(admin: Program) -> None:
    await admin.do("POST", "/pull-rules", BODY, status=201)
    await admin.do("POST", "/pull-rules", BODY, status=409)
    wrong = await admin.ask("PATCH", "/pull-rules/nightly", {"source": "up"})
    assert wrong.status == 400


async def test_administrators_manage_rules_on_pages(mirrored: Mirrored, admin: Program) -> None:
    browser = await browse(mirrored)
    assert "There are no pull rules yet" in (await browser.get("/admin/pull-rules")).body.decode()
    fields = {"name": "nightly", "source": "up/lib/app", "into": "acme/*", "include": "1.* 2.*"}
    for wrong in ("two", "0", "-1", "1.5"):
        answer = await browser.post("/admin/pull-rules", newest=wrong, **fields)
        assert answer.status in (303, 400)
        assert await mirrored.town.doors.app.pull_rules.list_all() == []
    made = await browser.post("/admin/pull-rules", newest="2", follow="on", **fields)
    assert made.status == 303
    assert (made.header("location") or "").startswith("/admin/pull-rules/nightly?")
    assert "nightly" in (await browser.get("/admin/pull-rules")).body.decode()
    page = (await browser.get("/admin/pull-rules/nightly?preview=1")).body.decode()
    assert "2.0" in page
    assert "copied" in page
    path = "/admin/pull-rules/nightly"
    assert (await browser.post(path, what="run", name="nightly")).status == 303
    app = mirrored.town.doors.app
    assert await app.rule_runs.run_due() == 1
    assert "done" in (await browser.get(path)).body.decode()
    mirrored.upstream.manifests.clear()
    await app.rule_runs.run(await app.pull_rules.get("nightly"))
    assert "Run and delete" in (await browser.get(path)).body.decode()
    # What cannot be undone at once is asked about.
    asked = await browser.post(path, what="run-and-delete", name="nightly")
    assert "delete every tag" in asked.body.decode()
    done = await browser.post(path, what="run-and-delete", name="nightly", confirmed="1")
    assert done.status == 303
    assert (await app.pull_rules.get("nightly")).is_confirmed
    assert "Are you sure?" in (
        (await browser.post(path, what="delete", name="nightly")).body.decode()
    )
    await browser.post(path, what="delete", name="nightly", confirmed="1")
    assert (await browser.get(path)).status == 404
    assert (await admin.get("/pull-rules"))["items"] == []


async def test_what_a_form_says_wrong_is_told(mirrored: Mirrored, admin: Program) -> None:
    browser = await browse(mirrored)
    answer = await browser.post("/admin/pull-rules", name="x", source="up", into="acme/a")
    assert answer.status == 400
    assert "say which repository of up" in answer.body.decode()
    assert (await admin.get("/pull-rules"))["items"] == []
