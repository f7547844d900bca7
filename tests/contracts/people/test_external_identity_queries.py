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
