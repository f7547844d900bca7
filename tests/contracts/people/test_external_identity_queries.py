"""Identities of others, as every engine keeps them."""

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import external_identities
from tests.metadata.clocks import START
from tests.metadata.rows import add_account


async def test_a_subject_of_an_issuer_is_one_account(metadata: Metadata) -> None:
    alice, bob = await add_account(metadata, "alice"), await add_account(metadata, "bob")
    async with metadata.begin() as tx:
        assert await external_identities.link_account(tx, "https://a", "1", alice.id, START)
        assert not await external_identities.link_account(tx, "https://a", "1", bob.id, START)
        assert await external_identities.link_account(tx, "https://b", "1", bob.id, START)
        assert await external_identities.link_account(tx, "https://b", "2", alice.id, START)
    find = external_identities.find_linked_account
    assert await find(metadata.reader, "https://a", "1") == alice.id
    assert await find(metadata.reader, "https://b", "1") == bob.id
    assert await find(metadata.reader, "https://a", "2") is None
    issuers = await external_identities.list_issuers(metadata.reader, alice.id)
    assert issuers == ["https://a", "https://b"]
    async with metadata.begin() as tx:
        assert await external_identities.unlink_account(tx, "https://a", alice.id)
        assert not await external_identities.unlink_account(tx, "https://a", alice.id)
    assert await find(metadata.reader, "https://a", "1") is None
    assert await external_identities.find_linked_account(metadata.reader, "https://b", "2")


async def test_linked_accounts_are_listed_by_id_and_suspended_until_somebody_decides(
    metadata: Metadata,
) -> None:
    people = [await add_account(metadata, name) for name in ("alice", "bob", "carol")]
    async with metadata.begin() as tx:
        for account in people[:2]:
            await external_identities.link_account(tx, "ldap", account.name, account.id, START)
        await external_identities.link_account(tx, "https://b", "1", people[2].id, START)
    reader = metadata.reader
    listed = await external_identities.list_linked(reader, "ldap", 0, 9)
    assert [(each.account_id, each.subject) for each in listed] == [
        (each.id, each.name) for each in people[:2]
    ]
    assert len(await external_identities.list_linked(reader, "ldap", 0, 1)) == 1
    assert await external_identities.list_linked(reader, "ldap", people[1].id, 9) == []
    alice = people[0].id
    assert await external_identities.find_subject(reader, "ldap", alice) == "alice"
    assert await external_identities.find_subject(reader, "https://b", alice) is None
    for is_by_hand in (False, True):
        assert not await external_identities.is_suspended(reader, "ldap", alice)
        async with metadata.begin() as tx:
            await external_identities.set_suspended(tx, "ldap", alice, START)
        assert await external_identities.is_suspended(reader, "ldap", alice)
        assert not await external_identities.is_suspended(reader, "ldap", people[1].id)
        async with metadata.begin() as tx:
            if is_by_hand:
                await external_identities.end_suspensions(tx, alice)
            else:
                await external_identities.set_suspended(tx, "ldap", alice, None)
    assert not await external_identities.is_suspended(reader, "ldap", alice)
