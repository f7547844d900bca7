"""Accounts and organizations go with all that is theirs, and their ids are never another's."""

from sqlalchemy import Column

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import accounts, closing
from entrepot.metadata.schema import SCHEMA
from entrepot.model.people.accounts import NamespaceKind, Role
from tests.metadata.rows import add_account, add_organization


def _leading_to(target: str) -> set[Column[object]]:
    return {
        column
        for table in SCHEMA.sorted_tables
        for column in table.columns
        if any(key.column.table.name == target for key in column.foreign_keys)
    }


def test_every_column_that_names_an_account_or_a_namespace_is_thought_of() -> None:
    of_account = set(closing.FORGETTING) | set(closing.OF_ACCOUNT)
    assert _leading_to("accounts") == of_account
    assert all(column.nullable for column in closing.FORGETTING)
    apart = {SCHEMA.tables["accounts"].c.namespace_id, SCHEMA.tables["repositories"].c.namespace_id}
    loose = {
        SCHEMA.tables["tokens"].c.namespace_id,
        SCHEMA.tables["upload_reservations"].c.namespace_id,
    }
    assert _leading_to("namespaces") - apart == set(closing.OF_NAMESPACE) - loose


async def test_an_id_is_never_anothers(metadata: Metadata) -> None:
    alice = await add_account(metadata, "alice")
    shop = await add_organization(metadata, "shop")
    async with metadata.begin() as tx:
        await accounts.set_role(tx, shop, alice.id, Role.OWNER)
    async with metadata.begin() as tx:
        await closing.close_namespace(tx, shop)
        await closing.delete_account(tx, alice.id)
    reader = metadata.reader
    assert await accounts.find_account(reader, "alice") is None
    assert await accounts.list_accounts(reader) == []
    assert await accounts.list_namespaces(reader, NamespaceKind.ORGANIZATION) == []
    assert await closing.list_names_in(reader, shop) == []
    for name in ("alice", "shop"):
        assert (await add_account(metadata, name)).id not in (alice.id, shop)
