"""Mirrors as administrators see them: made, changed, tested, taken offline, removed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from entrepot.errors import Conflict, Invalid, NotFound
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.identity.keyring import MIRROR, Keyring
from entrepot.hub.names import check_namespace_name, claim
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.people.closing import Belongings, Closing
from entrepot.hub.permissions import check_administrator
from entrepot.hub.registry_settings import (
    HOST,
    PATTERN,
    check_credentials,
    check_url,
    parse_networks,
    parse_words,
)
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.registry import mirrors
from entrepot.model.mirrors import DEFAULT_TTL, NEVER, Mirror, MirroredName, MirrorVisibility
from entrepot.model.people.accounts import NamespaceKind
from entrepot.oci.names import RepositoryName
from entrepot.upstream.presets import PRESETS

Test = Callable[[Mirror], Awaitable[str]]
"""Asks an upstream and returns what it said; raises what is wrong."""

MAX_TTL: Final = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """The choices of an administrator; the preset's replace an empty URL."""

    url: str = ""
    preset: str = ""
    username: str = ""
    password: str | None = field(default=None, repr=False)
    """`None`: the one there is stays."""
    visibility: MirrorVisibility = MirrorVisibility.SIGNED_IN
    ttl: int = DEFAULT_TTL
    size_limit: int | None = None
    is_offline: bool = False
    allows_private: bool = False
    networks: tuple[str, ...] = ()
    token_hosts: tuple[str, ...] = ()
    answers_to: tuple[str, ...] | None = None
    """`None`: to the host that the preset or the URL names, where no other mirror does."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def settings_of(mirror: Mirror) -> MirrorSettings:
    """The mirror's settings as they are, to be changed in part; the password stays."""
    return MirrorSettings(
        url=mirror.url,
        preset=mirror.preset,
        username=mirror.username,
        visibility=mirror.visibility,
        ttl=mirror.ttl,
        size_limit=mirror.size_limit,
        is_offline=mirror.is_offline,
        allows_private=mirror.allows_private,
        networks=mirror.networks,
        token_hosts=mirror.token_hosts,
        answers_to=mirror.answers_to,
        include=mirror.include,
        exclude=mirror.exclude,
    )


class Mirrors:
    """Every mirror; for the hub's administrators. By default it is the operator who acts."""

    def __init__(
        self,
        metadata: Metadata,
        keyring: Keyring,
        test: Test,
        closing: Closing,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._keyring = keyring
        self._test = test
        self._closing = closing
        self._now = now

    async def list_all(self) -> list[Mirror]:
        """Every mirror, by name."""
        return await mirrors.list_mirrors(self._metadata.reader)

    async def find(self, namespace_id: int) -> Mirror | None:
        """Return the mirror with this id; `None` where another kind of namespace has it."""
        return await mirrors.find_mirror(self._metadata.reader, namespace_id)

    async def find_by_host(self, host: str) -> Mirror | None:
        """The mirror that answers to the host of an image name (`?ns=`)."""
        wanted = host.lower()
        return next((each for each in await self.list_all() if wanted in each.answers_to), None)

    async def get(self, name: str) -> Mirror:
        """The mirror of that name; else `NotFound`."""
        found = next((each for each in await self.list_all() if each.name == name), None)
        if found is None:
            raise NotFound(f"no such mirror: {name}")
        return found

    async def find_name(self, name: RepositoryName) -> MirroredName:
        """The name in the mirror that it begins with; `NotFound` where that is no mirror."""
        mirror = await self.get(name.text.partition("/")[0])
        if name.namespace is None:
            raise Invalid(f"say which repository: {name}/REPOSITORY")
        return MirroredName(mirror, mirror.canonical(name))

    async def measure(self, mirror: Mirror) -> int:
        """The bytes of the blobs that are cached."""
        return await mirrors.measure(self._metadata.reader, mirror.id)

    async def add(self, name: str, settings: MirrorSettings, by: Actor = OPERATOR) -> Mirror:
        """Make a mirror; raise `NameTaken`, `Conflict` and `Invalid`. The upstream is not asked."""
        check_administrator(by.identity)
        check_namespace_name(name)
        now = self._now()
        draft = _described(Mirror(0, name, "", settings.visibility, now), settings)
        async with self._metadata.begin() as tx:
            await tx.lock(mirrors.LOCK)
            visibility = draft.repository_visibility
            namespace_id = await claim(tx, name, NamespaceKind.MIRROR, visibility, now)
            made = await self._save(tx, replace(draft, id=namespace_id), settings)
            details = {"url": made.url, "visibility": str(made.visibility)}
            await record(tx, Entry(made.id, by, Audited.MIRROR_CREATE, name, details), now)
        return made

    async def edit(self, name: str, settings: MirrorSettings, by: Actor = OPERATOR) -> Mirror:
        """Replace what the mirror is; what is cached stays."""
        check_administrator(by.identity)
        found = await self.get(name)
        changed = _described(found, settings)
        async with self._metadata.begin() as tx:
            await tx.lock(mirrors.LOCK)
            made = await self._save(tx, changed, settings)
            await mirrors.set_visibility_of_all(tx, made.id, made.repository_visibility)
            details = {"url": made.url, "visibility": str(made.visibility)}
            await record(tx, Entry(made.id, by, Audited.MIRROR_EDIT, name, details), self._now())
        return made

    async def set_offline(self, name: str, *, is_offline: bool, by: Actor = OPERATOR) -> Mirror:
        """Ask the upstream for nothing from now on, or ask it again."""
        check_administrator(by.identity)
        changed = replace(await self.get(name), is_offline=is_offline)
        async with self._metadata.begin() as tx:
            await mirrors.save_mirror(tx, changed)
            entry = Entry(changed.id, by, Audited.MIRROR_EDIT, name, {"offline": is_offline})
            await record(tx, entry, self._now())
        return changed

    async def test(self, name: str) -> str:
        """Ask the upstream and return what it said; raise what is wrong."""
        return await self._test(await self.get(name))

    async def preview_removal(self, name: str) -> Belongings:
        """The belongings that `remove` would delete."""
        await self.get(name)
        return await self._closing.preview(name, NamespaceKind.MIRROR)

    async def remove(self, name: str, by: Actor = OPERATOR) -> Belongings:
        """Delete the mirror with all that it cached."""
        check_administrator(by.identity)
        await self.get(name)
        return await self._closing.delete(name, NamespaceKind.MIRROR, by)

    async def _save(self, tx: Transaction, mirror: Mirror, settings: MirrorSettings) -> Mirror:
        others = [each for each in await mirrors.list_mirrors(tx) if each.id != mirror.id]
        taken = {host: each.name for each in others for host in each.answers_to}
        answers_to = mirror.answers_to
        if settings.answers_to is None:
            answers_to = tuple(host for host in _default_hosts(mirror) if host not in taken)
        for host in answers_to:
            if host in taken:
                raise Conflict(f"{taken[host]} answers to {host} already")
        secret = mirror.secret
        if settings.password and not self._keyring.has_key:
            raise Invalid("a password needs a secret key to encrypt it by: set secret_key first")
        if settings.password is not None:
            secret = self._keyring.wrap(MIRROR, settings.password) if settings.password else ""
        if secret and not mirror.username:
            raise Invalid("a password needs a user name")
        saved = replace(mirror, answers_to=answers_to, secret=secret)
        await mirrors.save_mirror(tx, saved)
        return saved


def _described(mirror: Mirror, settings: MirrorSettings) -> Mirror:
    """The mirror with checked settings; raises `Invalid`."""
    preset = settings.preset or _preset_of(settings.url)
    if preset and preset not in PRESETS:
        raise Invalid(f"no such preset: {preset}; there are {', '.join(PRESETS)}")
    known = PRESETS.get(preset)
    url = (settings.url or (known.url if known else "")).rstrip("/")
    check_url(url)
    if settings.ttl != NEVER and not 0 <= settings.ttl <= MAX_TTL:
        raise Invalid("invalid TTL: 0 seconds to 1 year, or never")
    if settings.size_limit is not None and settings.size_limit < 1:
        raise Invalid("invalid size limit")
    check_credentials(settings.username, settings.password)
    return replace(
        mirror,
        url=url,
        preset=preset,
        username=settings.username,
        visibility=settings.visibility,
        ttl=settings.ttl,
        size_limit=settings.size_limit,
        is_offline=settings.is_offline,
        allows_private=settings.allows_private,
        networks=parse_networks(settings.networks),
        token_hosts=parse_words(
            HOST, "host", (*(known.token_hosts if known else ()), *settings.token_hosts)
        ),
        answers_to=parse_words(HOST, "host", settings.answers_to or ()),
        include=parse_words(PATTERN, "pattern", settings.include),
        exclude=parse_words(PATTERN, "pattern", settings.exclude),
    )


def _preset_of(url: str) -> str:
    host = urlsplit(url).hostname
    return next((name for name, each in PRESETS.items() if urlsplit(each.url).hostname == host), "")


def _default_hosts(mirror: Mirror) -> tuple[str, ...]:
    return (mirror.preset or urlsplit(mirror.url).netloc.lower(),)
