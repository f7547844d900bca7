"""What administrators see: a dashboard, lists in pages and orders, the log in sentences."""

import csv
import io
from datetime import timedelta

import pytest

from entrepot.hub.people.actors import Actor, Identity
from entrepot.metadata import repository_facts
from entrepot.metadata.registry import pull_days
from entrepot.metadata.repositories import find_repository
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from tests.doors.browsers import Browser
from tests.doors.conftest import Town
from tests.doors.doors import Answer


@pytest.fixture
async def admin(town: Town) -> Browser:
    """The administrator's browser."""
    session = await town.doors.app.sessions.begin(town.people["admin"], address="", client="")
    return Browser(town.doors, session)


async def see(browser: Browser, target: str, **headers: str) -> Answer:
    """A page that is there."""
    answer = await browser.get(target, **headers)
    assert answer.status == 200, answer.body
    return answer


async def test_the_dashboard_has_pictures_with_words(town: Town, admin: Browser) -> None:
    name = await town.build(Visibility.PUBLIC)
    found = await find_repository(town.metadata.reader, RepositoryName(name))
    assert found is not None
    today = town.doors.app.now().date()
    async with town.metadata.begin() as tx:
        await repository_facts.set_summary(tx, found.id, "image", 5000, 1)
        for age, number in ((0, 7), (1, 5), (200, 100)):
            await pull_days.add_pulls(tx, today - timedelta(days=age), {(found.id, ""): number})
    page = (await see(admin, "/admin", accept="application/json")).json()
    board = page["dashboard"]
    assert isinstance(board, dict)
    assert board["pulls"]["counts"][-2:] == [5, 7]
    assert len(board["pulls"]["counts"]) == len(board["storage"]["counts"]) == 90
    assert board["storage"]["counts"][-1] == board["numbers"]["blob_bytes"] > 0
    assert [(each["namespace"], each["size"]) for each in board["kinds"]] == [("acme", 5000)]
    assert board["disk"]["total"] >= board["disk"]["free"] > 0
    html = (await see(admin, "/admin", accept="text/html")).body.decode()
    pictures = html.count('<svg class="spark') + html.count('<svg class="treemap')
    assert pictures == html.count('role="img"') - html.count('<svg class="meter')
    assert pictures >= 5


async def test_the_dashboard_is_added_up_once_a_minute(town: Town, admin: Browser) -> None:
    rules = town.doors.app.administration
    first = await rules.get_dashboard()
    assert await rules.get_dashboard() is first
    assert first.days_left is None


async def test_lists_come_in_orders_and_pages(town: Town, admin: Browser) -> None:
    names = [await town.build(Visibility.PUBLIC) for _ in range(3)]
    for number, name in enumerate(names):
        found = await find_repository(town.metadata.reader, RepositoryName(name))
        assert found is not None
        async with town.metadata.begin() as tx:
            await repository_facts.set_summary(tx, found.id, "image", 10 * number, 1)
    page = (await see(admin, "/admin/repositories", accept="application/json")).json()
    found_ = page["repositories"]
    assert isinstance(found_, list)
    assert [each["name"] for each in found_] == names[::-1]
    page = (
        await see(admin, "/admin/repositories?sort=name&page=9", accept="application/json")
    ).json()
    found_ = page["repositories"]
    assert isinstance(found_, list)
    assert [each["name"] for each in found_] == names
    page = (await see(admin, "/admin/organizations?q=ACM", accept="application/json")).json()
    found_ = page["organizations"]
    assert isinstance(found_, list)
    assert [(each["name"], each["size"], each["members"]) for each in found_] == [("acme", 30, 4)]
    page = (await see(admin, "/admin/users?sort=active", accept="application/json")).json()
    found_ = page["users"]
    assert isinstance(found_, list)
    assert next(each["name"] for each in found_) == "admin"
    for target in ("repositories", "organizations", "users"):
        for query in ("?q=%25", "?sort=nonsense", "?page=0", "?q=nothing-is-called-so"):
            await see(admin, f"/admin/{target}{query}", accept="text/html")


async def test_the_log_is_sentences_of_the_days_that_are_asked_for(
    town: Town, admin: Browser
) -> None:
    app = town.doors.app
    await admin.post("/admin/users", name="newcomer", password="a-long-password", what="add")
    html = (await see(admin, "/admin/audit", accept="text/html")).body.decode()
    assert "created the account newcomer" in html
    today = app.now().date()
    for query, is_there in (
        (f"?since={today}", True),
        (f"?until={today}", True),
        (f"?since={today + timedelta(days=1)}", False),
        (f"?until={today - timedelta(days=1)}", False),
        ("?action=team", False),
        ("?since=nonsense&until=9999-12-31", True),
    ):
        answer = await see(admin, f"/admin/audit{query}", accept="text/html")
        assert (b"newcomer" in answer.body) is is_there, query


async def test_the_log_is_exported_whole(town: Town, admin: Browser) -> None:
    await admin.post("/admin/users", name="newcomer", password="a-long-password", what="add")
    answer = await see(admin, "/admin/audit.csv?action=account.create")
    assert "hub-audit.csv" in str(answer.header("content-disposition"))
    rows = list(csv.reader(io.StringIO(answer.body.decode())))
    assert rows[0][:4] == ["at", "actor", "action", "target"]
    assert rows[1][1:4] == ["admin", "account.create", "newcomer"]
    session = await town.doors.app.sessions.begin(town.people["owner"], address="", client="")
    owner = Browser(town.doors, session)
    assert (await owner.get("/admin/audit.csv")).status == 404
    answer = await see(owner, "/u/acme/-/audit.csv")
    assert "acme-audit.csv" in str(answer.header("content-disposition"))


async def test_selected_accounts_are_disabled_and_enabled_together(
    town: Town, admin: Browser
) -> None:
    accounts = town.doors.app.accounts

    async def disabled() -> set[str]:
        return {each.name for each in await accounts.list_all() if each.disabled_at is not None}

    chosen, path = ["stranger", "member"], "/admin/users/selected"
    asked = await admin.post(path, select=chosen, what="disable")
    assert asked.status == 200
    text = asked.body.decode()
    assert "Disabling these 2 accounts signs them out" in text
    assert "stranger, member" in text
    assert await disabled() == {"disabled"}
    answer = await admin.post(path, select=chosen, what="disable", confirmed="1")
    assert answer.status == 303
    assert await disabled() == {"disabled", "member", "stranger"}
    answer = await admin.post(path, select=chosen, what="enable")
    assert answer.status == 303
    assert await disabled() == {"disabled"}


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["stranger", "admin"], "disable"),
        (["stranger", "nobody-of-this-name"], "disable"),
        ([f"person{number}" for number in range(51)], "disable"),
        (["stranger"], "admin"),
    ],
)
async def test_a_selection_that_may_not_be_changes_nothing(
    town: Town, admin: Browser, names: list[str], what: str
) -> None:
    path = "/admin/users/selected"
    answer = await admin.post(path, select=names, what=what, confirmed="1")
    assert answer.status in (400, 404)
    found = await town.doors.app.accounts.list_all()
    assert {each.name for each in found if each.disabled_at is not None} == {"disabled"}
    assert {each.name for each in found if each.is_admin} == {"admin"}


async def test_users_are_exported(town: Town, admin: Browser) -> None:
    await town.doors.app.accounts.set_profile(
        town.people["member"],
        "=HYPERLINK(1)",
        "m@example.org",
        Actor(Identity(town.people["member"])),
    )
    answer = await see(admin, "/admin/users.csv?sort=name")
    assert "hub-users.csv" in str(answer.header("content-disposition"))
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert [each["name"] for each in rows] == sorted(town.people)
    by_name = {each["name"]: each for each in rows}
    assert by_name["member"]["full_name"] == "'=HYPERLINK(1)"
    assert by_name["admin"]["is_admin"] == "true"
    assert by_name["disabled"]["is_disabled"] == "true"
    few = await see(admin, "/admin/users.csv?q=str")
    assert few.body.decode().count("\n") == 2
    owner = Browser(
        town.doors, await town.doors.app.sessions.begin(town.people["owner"], address="", client="")
    )
    assert (await owner.get("/admin/users.csv")).status == 404
