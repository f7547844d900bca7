"""Secrets in the database: nobody reads them there, and the hub needs the key that is elsewhere."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pyotp
import pytest

from entrepot.bootstrap import open_metadata, prepare
from entrepot.errors import BadToken, Unavailable
from entrepot.hub.events.webhook_urls import WebhookUrls
from entrepot.hub.events.webhooks import Owner, Webhooks
from entrepot.hub.identity.keyring import TOTP, Keyring, check, unwrap_all, wrap_all
from entrepot.hub.identity.login_throttle import LoginThrottle
from entrepot.hub.identity.registry_tokens import RegistryTokenClaims, RegistryTokens
from entrepot.hub.identity.second_factors import SecondFactors
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import PULL, actor_of
from entrepot.hub.permissions import Permissions
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.engines.sentinels import WRAPPED
from entrepot.metadata.events import webhooks as webhook_rows
from entrepot.metadata.people import second_factors as factor_rows
from entrepot.metadata.people.tokens import find_signing_key
from entrepot.model.people.accounts import Account
from entrepot.model.webhooks import Webhook, WebhookFormat
from entrepot.settings import Settings
from tests.hub.town import found_town
from tests.jobs.test_webhook_delivery import Hall
from tests.metadata.clocks import START, MovableClock

KEY = Keyring("a key of the operator's, kept elsewhere")
OTHER = Keyring("another key of the operator's, elsewhere")
PASSWORD = "the password of alice"


@pytest.fixture
async def alice(accounts: Accounts) -> Account:
    """Somebody."""
    return await accounts.add("alice", PASSWORD)


class Factors:
    """Second factors by different keys."""

    def __init__(self, metadata: Metadata, accounts: Accounts, clock: MovableClock) -> None:
        self._parts = (metadata, accounts, LoginThrottle(metadata, clock), "Entrepot", clock)
        self.metadata = metadata
        self._clock = clock

    def by(self, keyring: Keyring) -> SecondFactors:
        """Those of a hub with that key."""
        return SecondFactors(*self._parts, keyring)

    async def enrol(self, account: Account, keyring: Keyring) -> pyotp.TOTP:
        """An authenticator for the account."""
        enrolment = await self.by(keyring).enrol(account, actor_of(account))
        made = pyotp.TOTP(enrolment.secret)
        code = made.at(self._clock())
        await self.by(keyring).confirm(account, code, actor_of(account))
        return made

    async def stored(self, account: Account) -> str:
        """What the database holds."""
        found = await factor_rows.find_second_factor(self.metadata.reader, account.id)
        assert found is not None
        return found.secret


@pytest.fixture
def factors(metadata: Metadata, accounts: Accounts, clock: MovableClock) -> Factors:
    """Second factors."""
    return Factors(metadata, accounts, clock)


def test_what_is_wrapped_is_read_with_its_key_for_its_purpose_alone() -> None:
    wrapped = KEY.wrap(TOTP, "a secret")
    assert wrapped.startswith(WRAPPED)
    assert "secret" not in wrapped
    assert KEY.wrap(TOTP, "a secret") != wrapped
    assert KEY.unwrap(TOTP, wrapped) == "a secret"
    assert KEY.unwrap(TOTP, "as it is") == Keyring().wrap(TOTP, "as it is") == "as it is"
    for keyring, purpose in ((OTHER, TOTP), (Keyring(), TOTP), (KEY, "another purpose")):
        with pytest.raises(Unavailable, match="another secret_key"):
            keyring.unwrap(purpose, wrapped)
    with pytest.raises(Unavailable):
        KEY.unwrap(TOTP, wrapped[:-8] + "AAAAAAA=")


async def test_an_authenticator_works_with_the_key_and_not_without(
    factors: Factors, alice: Account, clock: MovableClock
) -> None:
    authenticator = await factors.enrol(alice, KEY)
    assert authenticator.secret not in await factors.stored(alice)
    code = authenticator.at(clock() + timedelta(seconds=30))
    with pytest.raises(Unavailable):
        await factors.by(OTHER).check(alice, code)
    await factors.by(KEY).check(alice, code)


async def test_what_was_there_before_the_key_is_wrapped_and_can_be_unwrapped_again(
    factors: Factors, alice: Account, metadata: Metadata, clock: MovableClock
) -> None:
    authenticator = await factors.enrol(alice, Keyring())
    await RegistryTokens(metadata).issue(_claims(clock), clock())
    assert await factors.stored(alice) == authenticator.secret
    assert await wrap_all(metadata, Keyring()) == 0
    assert await wrap_all(metadata, KEY) == 2
    assert await wrap_all(metadata, KEY) == 0
    assert (await factors.stored(alice)).startswith(WRAPPED)
    assert await find_signing_key(metadata.reader) is None
    await check(metadata, KEY)
    for keyring in (OTHER, Keyring()):
        with pytest.raises(Unavailable):
            await check(metadata, keyring)
    await factors.by(KEY).check(alice, authenticator.at(clock() + timedelta(seconds=30)))
    assert await unwrap_all(metadata, KEY) == 1
    assert await factors.stored(alice) == authenticator.secret


def _claims(clock: MovableClock) -> RegistryTokenClaims:
    return RegistryTokenClaims(None, None, "", {"a/b": PULL}, clock() + timedelta(minutes=5))


async def test_the_key_that_tokens_are_signed_with_follows_from_the_hubs(
    metadata: Metadata, clock: MovableClock
) -> None:
    text = await RegistryTokens(metadata, KEY).issue(_claims(clock), clock())
    assert await find_signing_key(metadata.reader) is None
    assert (await RegistryTokens(metadata, KEY).read(text, clock())).grants == {"a/b": PULL}
    for keyring in (OTHER, Keyring()):
        with pytest.raises(BadToken):
            await RegistryTokens(metadata, keyring).read(text, clock())


async def test_a_webhooks_secret_is_wrapped_and_still_signs(
    metadata: Metadata, clock: MovableClock
) -> None:
    hall = Hall(metadata, clock, await found_town(metadata))
    permissions = Permissions(metadata.reader, is_open=False)
    rules = Webhooks(metadata, permissions, WebhookUrls(), clock, KEY)
    owner = Owner("acme", hall.town.acme)
    made = await rules.add(owner, "https://x.example/", [], hall.actor)
    assert made.secret.startswith("whsec_")
    for webhook in (made, await rules.renew_secret(owner, made.id, hall.actor)):
        stored = await webhook_rows.find_webhook(metadata.reader, made.id)
        assert stored is not None
        assert stored.secret.startswith(WRAPPED)
        assert webhook.secret not in stored.secret
    await rules.edit(owner, made.id, "https://y.example/", [], True, hall.actor)
    assert await webhook_rows.list_unwrapped(metadata.reader) == []
    await check(metadata, KEY)


async def test_a_webhooks_header_is_wrapped_as_its_secret_is(
    metadata: Metadata, clock: MovableClock
) -> None:
    hall = Hall(metadata, clock, await found_town(metadata))
    permissions = Permissions(metadata.reader, is_open=False)
    owner, form = Owner("acme", hall.town.acme), WebhookFormat.SLACK
    plain = Webhooks(metadata, permissions, WebhookUrls(), clock)
    header = "Authorization: s3cret"
    made = await plain.add(owner, "https://x.example/", [], hall.actor, form, header)
    assert made.header == header
    assert await wrap_all(metadata, KEY) == 2
    (stored,) = await webhook_rows.list_webhooks(metadata.reader)
    assert stored.header.startswith(WRAPPED)
    rules = Webhooks(metadata, permissions, WebhookUrls(), clock, KEY)
    assert rules.header_name(stored) == "Authorization"
    kept = await rules.edit(owner, made.id, "https://x.example/", [], True, hall.actor)
    assert (kept.header, kept.format) == (stored.header, form)
    changed = await rules.edit(
        owner, made.id, "https://x.example/", [], True, hall.actor, None, "X-Token: t"
    )
    assert changed.header.startswith(WRAPPED)
    await check(metadata, KEY)
    with pytest.raises(Unavailable):
        await check(metadata, OTHER)
    assert await unwrap_all(metadata, KEY) == 2
    (stored,) = await webhook_rows.list_webhooks(metadata.reader)
    assert stored.header == "X-Token: t"


async def test_a_hub_on_sqlite_makes_its_key_and_does_not_begin_without_it(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    prepare(settings)
    key = settings.made_secret_key_file
    text = key.read_text()
    assert len(text.strip()) >= 32
    assert key.stat().st_mode & 0o077 == 0
    prepare(settings)
    assert settings.read_secret_key() == text.strip()
    key.unlink()
    prepare(settings)  # Nothing is wrapped yet: another key is as good.
    assert key.read_text() != text
    metadata = await open_metadata(settings)
    made = Keyring(settings.read_secret_key()).wrap(TOTP, "x")
    new = Webhook(0, None, None, "https://x.example", made, (), True, START, None)
    async with metadata.begin() as tx:
        await webhook_rows.insert_webhook(tx, new)
    await metadata.close()
    key.unlink()
    with pytest.raises(Unavailable, match=r"secret\.key is missing"):
        prepare(settings)
    assert not key.exists()


def test_hubs_that_start_together_have_one_key(tmp_path: Path) -> None:
    for number in range(20):
        settings = Settings(data=tmp_path / f"data{number}")
        settings.data.mkdir()
        line = Barrier(4)

        def start(settings: Settings = settings, line: Barrier = line) -> str | None:
            line.wait()
            prepare(settings)
            return settings.read_secret_key()

        with ThreadPoolExecutor(4) as pool:
            keys = {each.result() for each in [pool.submit(start) for _ in range(4)]}
        assert len(keys) == 1
        assert None not in keys
        assert not list(settings.data.glob("*.new"))


def test_a_key_that_was_set_is_used_and_none_is_made(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("in a file: thirty-two characters or more\n")
    for settings, key in (
        (Settings(data=tmp_path / "a", secret_key="x" * 40), "x" * 40),
        (Settings(data=tmp_path / "b", secret_key_file=file), file.read_text().strip()),
    ):
        prepare(settings)
        assert not settings.made_secret_key_file.exists()
        assert settings.read_secret_key() == key
    other = Settings(data=tmp_path / "a", database="postgresql://x/y")
    other.made_secret_key_file.write_text("of this node alone")
    assert other.read_secret_key() is None
