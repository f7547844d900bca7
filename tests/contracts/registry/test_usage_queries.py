"""How much of a hub is used, as every engine adds it up."""

from datetime import timedelta

import pytest

from entrepot.metadata import repository_facts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import accounts, sessions, tokens
from entrepot.metadata.registry import policies, pull_days, usage
from entrepot.model.operators.usage import KindUsage, UsageOrder
from entrepot.model.people.accounts import Role, Session
from entrepot.model.repositories import Repository
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_blob, add_organization, add_repository, set_pushed

DAY = timedelta(days=1)


@pytest.fixture
async def town(metadata: Metadata) -> dict[str, Repository]:
    """An organization of two members with two repositories, and one of alice's own."""
    acme = await add_organization(metadata, "acme")
    await add_organization(metadata, "empty")
    alice = await add_account(metadata, "alice")
    bob = await add_account(metadata, "bob")
    made = {
        "acme/web": await add_repository(metadata, "acme/web", namespace_id=acme),
        "acme/chart": await add_repository(metadata, "acme/chart", namespace_id=acme),
        "alice/app": await add_repository(metadata, "alice/app", namespace_id=alice.id),
    }
    async with metadata.begin() as tx:
        for member in (alice, bob):
            await accounts.set_role(tx, acme, member.id, Role.MEMBER)
        await policies.set_quota(tx, acme, 1000)
        for number, (name, kind, size) in enumerate(
            [("acme/web", "image", 500), ("acme/chart", "chart", 20), ("alice/app", "image", 90)]
        ):
            await repository_facts.set_summary(tx, made[name].id, kind, size, number)
            await set_pushed(tx, made[name].id, START + number * DAY)
    return made


async def test_namespaces_and_kinds_are_added_up(
    metadata: Metadata, town: dict[str, Repository]
) -> None:
    found = await usage.list_kinds(metadata.reader, 2)
    assert found == [KindUsage("acme", "image", 500, 1), KindUsage("alice", "image", 90, 1)]
    assert len(await usage.list_kinds(metadata.reader, 10)) == 3


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (UsageOrder.NAME, ["acme/chart", "acme/web", "alice/app"]),
        (UsageOrder.SIZE, ["acme/web", "alice/app", "acme/chart"]),
        (UsageOrder.CREATED, ["acme/chart", "acme/web", "alice/app"]),
        (UsageOrder.ACTIVE, ["alice/app", "acme/chart", "acme/web"]),
    ],
)
async def test_repositories_come_in_pages_in_every_order(
    metadata: Metadata, town: dict[str, Repository], order: UsageOrder, names: list[str]
) -> None:
    reader = metadata.reader
    found = await usage.list_repositories(reader, order, "", 10, 0)
    assert [each.name for each in found] == names
    pages = [await usage.list_repositories(reader, order, "", 2, offset) for offset in (0, 2)]
    assert [[each.name for each in page] for page in pages] == [names[:2], names[2:]]
    found = await usage.list_repositories(reader, order, "ACME/", 10, 0)
    assert {each.size for each in found} == {500, 20}
    assert await usage.count_repositories(reader, "acme/") == 2


@pytest.mark.parametrize("order", UsageOrder)
async def test_organizations_say_what_they_hold(
    metadata: Metadata, town: dict[str, Repository], order: UsageOrder
) -> None:
    found = await usage.list_organizations(metadata.reader, order, "", 10, 0)
    known = {each.name: each for each in found}
    assert set(known) == {"acme", "empty"}
    acme = known["acme"]
    assert (acme.repositories, acme.size, acme.members, acme.quota) == (2, 520, 2, 1000)
    empty = known["empty"]
    assert (empty.repositories, empty.size, empty.members, empty.quota) == (0, 0, 0, None)
    assert await usage.count_organizations(metadata.reader, "cm") == 1


async def test_accounts_say_when_they_were_seen_and_what_they_hold(
    metadata: Metadata, town: dict[str, Repository]
) -> None:
    alice = await accounts.find_account(metadata.reader, "alice")
    assert alice is not None
    async with metadata.begin() as tx:
        for number in (1, 3, 2):
            moment = START + number * DAY
            new = Session(0, alice.id, moment, moment, moment + DAY, "::1", "a browser", False)
            await sessions.insert_session(tx, new, f"{number}")
    found = await usage.list_accounts(metadata.reader, UsageOrder.ACTIVE, "", 10, 0)
    assert [each.account.name for each in found] == ["alice", "bob"]
    assert [each.seen_at for each in found] == [START + 3 * DAY, None]
    for order in UsageOrder:
        found = await usage.list_accounts(metadata.reader, order, "ALI", 10, 0)
        assert [(each.account.name, each.size) for each in found] == [("alice", 90)]
    assert await usage.list_accounts(metadata.reader, UsageOrder.NAME, "", 10, 2) == []


async def test_bytes_and_pulls_are_added_up_by_day(
    metadata: Metadata, town: dict[str, Repository]
) -> None:
    for content in (b"123", b"4567"):
        await add_blob(metadata, town["acme/web"], content)
    today = START.date()
    assert await usage.list_bytes_by_day(metadata.reader) == {today: 7}
    async with metadata.begin() as tx:
        for name, count in (("acme/web", 3), ("alice/app", 4)):
            of = town[name].id
            await pull_days.add_pulls(tx, today, {(of, ""): count, (of, "v1"): count})
            await pull_days.add_pulls(tx, today - DAY, {(of, ""): 1})
    assert await usage.list_pulls_by_day(metadata.reader, today) == {today: 7}
    assert sum((await usage.list_pulls_by_day(metadata.reader, today - DAY)).values()) == 9


async def test_leases_are_listed(metadata: Metadata) -> None:
    async with metadata.begin() as tx:
        await tokens.take_lease(tx, "collect", START + DAY, START)
    found = await usage.list_leases(metadata.reader)
    assert [(each.name, each.until) for each in found] == [("collect", START + DAY)]
