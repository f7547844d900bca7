"""Stars by whoever can see, and keys by whoever owns."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from entrepot.errors import (
    Conflict,
    InvalidKey,
    KeyUnknown,
    NameTaken,
    RepositoryUnknown,
    Unauthenticated,
)
from entrepot.hub import stars as stars_module
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.people.actors import ANONYMOUS, OPERATOR, Actor
from entrepot.hub.permissions import Permissions
from entrepot.hub.security import trusted_keys as keys_module
from entrepot.hub.security.trusted_keys import TrustedKeys
from entrepot.hub.stars import Stars
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.repositories import find_repository, set_visibility
from entrepot.model.audit import AuditQuery
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from tests.hub.town import OWNERS, Town, allowed
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_repository

APP, OPEN = RepositoryName("acme/app"), RepositoryName("acme/open")


def public_pem() -> str:
    """A fresh public key."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def stars(metadata: Metadata, permissions: Permissions, clock: MovableClock) -> Stars:
    """What people like."""
    return Stars(metadata, permissions, clock)


@pytest.fixture
def keys(metadata: Metadata, permissions: Permissions, clock: MovableClock) -> TrustedKeys:
    """What namespaces trust."""
    return TrustedKeys(metadata, permissions, clock)


@pytest.fixture
async def repositories(metadata: Metadata, town: Town) -> None:
    """One that members see, and one that everybody sees."""
    await add_repository(metadata, APP.text, Visibility.PRIVATE, town.acme)
    await add_repository(metadata, OPEN.text, Visibility.PUBLIC, town.acme)


@pytest.mark.usefixtures("repositories")
async def test_a_star_is_given_to_what_one_sees(
    stars: Stars, town: Town, metadata: Metadata
) -> None:
    for who in ("member", "stranger"):
        await stars.set(town.actors[who].identity, OPEN, wanted=True)
        await stars.set(town.actors[who].identity, OPEN, wanted=True)
    await stars.set(town.actors["member"].identity, APP, wanted=True)
    with pytest.raises(RepositoryUnknown):
        await stars.set(town.actors["stranger"].identity, APP, wanted=True)
    with pytest.raises(Unauthenticated):
        await stars.set(ANONYMOUS, OPEN, wanted=True)
    found = await find_repository(metadata.reader, OPEN)
    assert found is not None
    assert found.stars == 2
    assert await stars.is_starred(town.accounts["member"], found)
    await stars.set(town.actors["member"].identity, OPEN, wanted=False)
    assert not await stars.is_starred(town.accounts["member"], found)


@pytest.mark.usefixtures("repositories")
async def test_stars_do_not_tell_of_what_one_may_not_see(
    stars: Stars, town: Town, metadata: Metadata
) -> None:
    stranger, member = town.accounts["stranger"], town.actors["member"].identity
    await stars.set(town.actors["stranger"].identity, OPEN, wanted=True)
    assert len(await stars.list_of(stranger, town.actors["stranger"].identity)) == 1
    found = await find_repository(metadata.reader, OPEN)
    assert found is not None
    async with metadata.begin() as tx:
        await set_visibility(tx, found.id, Visibility.PRIVATE)
    assert await stars.list_of(stranger, town.actors["stranger"].identity) == []
    assert await stars.list_of(stranger, ANONYMOUS) == []
    assert len(await stars.list_of(stranger, member)) == 1


async def test_owners_say_which_keys_are_trusted(
    keys: TrustedKeys, town: Town, audit_log: AuditLog
) -> None:
    async def trust(by: Actor) -> None:
        await keys.add("acme", "release", public_pem(), by)
        await keys.remove("acme", "release", by)

    assert await allowed(town, trust) == OWNERS
    await keys.add("acme", "release", public_pem(), town.actors["owner"])
    rows = (await audit_log.list_of(OPERATOR, "acme", AuditQuery(action="key"))).rows
    assert len(rows) == 7
    assert (rows[0].action, rows[0].details) == ("key.trust", '{"key":"release"}')


async def test_a_key_is_kept_as_the_public_key_it_is(keys: TrustedKeys, town: Town) -> None:
    pem = public_pem()
    await keys.add("acme", "one", f"comment\n{pem}trailing\n")
    ed = ed25519.Ed25519PrivateKey.generate().public_key()
    await keys.add(
        "acme", "two", ed.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    )
    assert [each.name for each in await keys.list_of(town.acme)] == ["one", "two"]
    assert (await keys.list_of(town.acme))[0].pem == pem
    with pytest.raises(NameTaken):
        await keys.add("acme", "one", pem)
    with pytest.raises(KeyUnknown):
        await keys.remove("acme", "three")


@pytest.mark.usefixtures("town")
async def test_what_is_no_public_key_is_refused(keys: TrustedKeys) -> None:
    private = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    texts = ("", "x", "\0", private.decode(), public_pem() + "x" * 9000, public_pem()[:80])
    for text in texts:
        with pytest.raises(InvalidKey):
            await keys.add("acme", "release", text)
    for name in ("", "a\nb", "x" * 101):
        with pytest.raises(InvalidKey):
            await keys.add("acme", name, public_pem())


@pytest.mark.usefixtures("repositories")
async def test_an_account_gives_so_many_stars(
    stars: Stars, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stars_module, "MOST_STARS", 1)
    member = town.actors["member"].identity
    await stars.set(member, OPEN, wanted=True)
    with pytest.raises(Conflict, match="limit of 1 stars"):
        await stars.set(member, APP, wanted=True)
    await stars.set(member, OPEN, wanted=True)  # Given already.
    await stars.set(member, OPEN, wanted=False)
    await stars.set(member, APP, wanted=True)


async def test_a_namespace_trusts_so_many_keys(
    keys: TrustedKeys, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert town.acme
    monkeypatch.setattr(keys_module, "MOST_KEYS", 2)
    for name in ("one", "two"):
        await keys.add("acme", name, public_pem())
    with pytest.raises(Conflict, match="limit of 2 trusted keys"):
        await keys.add("acme", "three", public_pem())
    await keys.remove("acme", "one")
    await keys.add("acme", "three", public_pem())
