"""Issuers, trusts and grants, as every engine keeps them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import accounts, grants, issuers, trusts
from entrepot.model.people.tokens import TokenScope
from entrepot.model.people.workloads import Condition, Grant, Issuer, IssuerKind, Trust, TrustRights
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_organization

HOUR = timedelta(hours=1)
ISSUER = Issuer(
    id=0,
    name="ci",
    kind=IssuerKind.GITHUB,
    url="https://ci.test",
    audiences=("https://hub.test", "hub"),
    keys="",
    allows_private=False,
    created_at=START,
)
GRANT = Grant(
    id=0,
    label="ci octo/app run 7 (trust acme/main)",
    issuer="ci",
    subject="repo:octo/app",
    claims={"run_id": "7"},
    address="192.0.2.7",
    created_at=START,
    expires_at=START + HOUR,
    last_used_at=None,
    ended_at=None,
    asked="acme",
)


async def add_issuer(metadata: Metadata, **changes: object) -> Issuer:
    """An issuer as it is stored."""
    made = replace(ISSUER, **changes)  # type: ignore[arg-type]
    async with metadata.begin() as tx:
        assert await issuers.insert_issuer(tx, made)
    found = await issuers.find_by_url(metadata.reader, made.url)
    assert found is not None
    return found


async def add_trust(
    metadata: Metadata, issuer: Issuer, namespace_id: int, namespace: str, name: str = "main"
) -> Trust:
    """A trust as it is stored."""
    made = Trust(
        id=0,
        namespace_id=namespace_id,
        namespace=namespace,
        name=name,
        issuer_id=issuer.id,
        issuer=issuer.name,
        conditions=(Condition("repository_id", ("22",)), Condition("ref", ("v*", "x"), True)),
        repositories=("app", "lib/*"),
        tags=("v*",),
        scope=TokenScope.WRITE,
        session=HOUR,
        is_enabled=True,
        created_at=START,
        created_by="owner",
    )
    async with metadata.begin() as tx:
        assert await trusts.insert_trust(tx, made)
        assert not await trusts.insert_trust(tx, made)
    found = await trusts.find_trust(metadata.reader, namespace_id, name)
    assert found is not None
    assert replace(found, id=0) == made
    return found


@pytest.fixture
async def trust(metadata: Metadata) -> Trust:
    """A trust of acme's."""
    acme = await add_organization(metadata, "acme")
    return await add_trust(metadata, await add_issuer(metadata), acme, "acme")


async def add_grant(metadata: Metadata, trust: Trust, opened_by: str = "token") -> Grant:
    """A grant by the trust as it is stored."""
    async with metadata.begin() as tx:
        grant_id = await grants.insert_grant(tx, GRANT, opened_by, [trust.id])
    return replace(GRANT, id=grant_id)


async def test_issuers_are_found_changed_and_forgotten(metadata: Metadata) -> None:
    made = await add_issuer(metadata)
    other = await add_issuer(metadata, name="a", url="https://a.test", keys='{"keys": []}')
    async with metadata.begin() as tx:
        assert not await issuers.insert_issuer(tx, replace(ISSUER, name="b"))
        assert not await issuers.insert_issuer(tx, replace(ISSUER, url="https://b.test"))
    assert await issuers.list_issuers(metadata.reader) == [other, made]
    changed = replace(made, audiences=(), keys="{}", allows_private=True)
    async with metadata.begin() as tx:
        await issuers.update_issuer(tx, changed)
        await issuers.delete_issuer(tx, other.id)
    assert await issuers.list_issuers(metadata.reader) == [changed]
    assert await issuers.find_by_url(metadata.reader, "https://ci.test/") is None


async def test_trusts_are_listed_for_owners_and_for_tokens(
    metadata: Metadata, trust: Trust
) -> None:
    alice = await add_account(metadata, "alice")
    issuer = await issuers.find_by_url(metadata.reader, ISSUER.url)
    assert issuer is not None
    hers = await add_trust(metadata, issuer, alice.id, "alice")
    assert await trusts.list_trusts(metadata.reader, trust.namespace_id) == [trust]
    assert await trusts.list_enabled(metadata.reader, issuer.id) == [trust, hers]
    async with metadata.begin() as tx:
        await trusts.count_use(tx, [trust.id], START + HOUR)
        await accounts.set_disabled(tx, alice.id, START)
    used = replace(trust, uses=1, last_used_at=START + HOUR)
    assert await trusts.list_enabled(metadata.reader, issuer.id) == [used]
    off = replace(used, is_enabled=False, tags=(), scope=TokenScope.READ, session=2 * HOUR)
    async with metadata.begin() as tx:
        await trusts.update_trust(tx, off)
    assert await trusts.list_enabled(metadata.reader, issuer.id) == []
    assert await trusts.find_trust(metadata.reader, trust.namespace_id, "main") == off
    assert await trusts.list_ids_of_issuer(metadata.reader, issuer.id) == [trust.id, hers.id]
    async with metadata.begin() as tx:
        await trusts.delete_trust(tx, trust.id)
        assert await trusts.delete_of_issuer(tx, issuer.id) == 1
    assert await trusts.list_ids_of_issuer(metadata.reader, issuer.id) == []


async def test_grants_are_found_by_id_token_and_secret(metadata: Metadata, trust: Trust) -> None:
    grant = await add_grant(metadata, trust)
    reader = metadata.reader
    assert await grants.find_grant(reader, grant.id) == grant
    assert await grants.list_by_token(reader, "token") == [grant]
    assert await grants.find_token_hash(reader, grant.id) == "token"
    assert await grants.find_token_hash(reader, 0) == ""
    assert await grants.count_by_token(reader, "token") == 1
    assert await grants.find_by_secret(reader, "secret") is None
    async with metadata.begin() as tx:
        assert await grants.set_secret(tx, grant.id, "secret")
        assert not await grants.set_secret(tx, grant.id, "other")
    assert await grants.find_by_secret(reader, "secret") == grant
    assert await grants.list_of_namespace(reader, trust.namespace_id, 10) == [grant]
    assert await grants.list_of_namespace(reader, trust.namespace_id + 1, 10) == []


async def test_a_grants_rights_are_those_of_its_trusts_now(
    metadata: Metadata, trust: Trust
) -> None:
    grant = await add_grant(metadata, trust)
    rights = TrustRights(
        trust.id, trust.namespace_id, "acme", ("app", "lib/*"), ("v*",), TokenScope.WRITE
    )
    assert await grants.list_rights(metadata.reader, grant.id) == [rights]
    async with metadata.begin() as tx:
        await trusts.update_trust(tx, replace(trust, is_enabled=False))
    assert await grants.list_rights(metadata.reader, grant.id) == []
    async with metadata.begin() as tx:
        await trusts.delete_trust(tx, trust.id)
    assert await grants.list_rights(metadata.reader, grant.id) == []
    assert await grants.find_grant(metadata.reader, grant.id) == grant


async def test_grants_end_expire_and_are_forgotten(metadata: Metadata, trust: Trust) -> None:
    first, second = await add_grant(metadata, trust), await add_grant(metadata, trust)
    other = await add_grant(metadata, trust, "other")
    reader = metadata.reader
    async with metadata.begin() as tx:
        # What the same ID token opened ends with it.
        assert await grants.end_grant(tx, first.id, START)
        assert not await grants.end_grant(tx, second.id, START)
    ended = [await grants.find_grant(reader, each.id) for each in (first, second, other)]
    assert [each.ended_at for each in ended if each] == [START, START, None]
    async with metadata.begin() as tx:
        await grants.touch_grant(tx, other.id, START)
        await grants.touch_grant(tx, other.id, START + timedelta(seconds=59))
        assert await grants.expire_grants(tx, trust.id, START + timedelta(minutes=5)) == 3
        assert await grants.expire_grants(tx, trust.id, START + timedelta(minutes=6)) == 0
    found = await grants.find_grant(reader, other.id)
    assert found is not None
    assert (found.last_used_at, found.expires_at) == (START, START + timedelta(minutes=5))
    async with metadata.begin() as tx:
        assert await grants.delete_expired_grants(tx, START) == 0
        assert await grants.delete_expired_grants(tx, START + HOUR) == 3
    assert await grants.find_grant(reader, other.id) is None
