"""Preparations before a hub serves: directories, schema and the first message.

Light, like `entrepot.settings`: a cold start waits for it.
"""

import secrets
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from entrepot.errors import Unavailable
from entrepot.metadata.engines.clocks import SharedClock
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.engines.failures import as_unavailable
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.metadata.engines.sqlite_file import has_wrapped_secrets
from entrepot.metadata.migrate import upgrade_postgresql, upgrade_sqlite
from entrepot.model.people.groups import DirectoryKind, GroupSource
from entrepot.settings import FILES, Settings
from entrepot.storage.filesystem import FileStorage
from entrepot.storage.migrating import MovingStorage
from entrepot.storage.private_files import locked_directory, make_private, write_private
from entrepot.storage.protocols import Storage

if TYPE_CHECKING:
    from entrepot.hub.directory.directory import Directory
    from entrepot.hub.identity.oidc import ProviderSettings
    from entrepot.hub.people.groups import HubGroups
    from entrepot.storage.object_store import ObjectStorage

_EVERYWHERE = ("127.0.0.1", "0.0.0.0", "::1", "::")  # noqa: S104 - addresses that name no host


def prepare(settings: Settings) -> None:
    """Make the data directory and bring its schema up to date; repeating it does nothing.

    Raises `Unavailable` for a bucket that cannot be used.
    """
    prepare_storage(settings)
    if settings.database is None:
        # Processes that start together on a new directory: SQLite waits for no lock while a file
        # becomes a database, and there is one key.
        with locked_directory(settings.data):
            upgrade_sqlite(settings.sqlite_file)
            _make_secret_key(settings)
            make_private(settings.data)
    else:
        upgrade_postgresql(settings.database)


def _make_secret_key(settings: Settings) -> None:
    """Have a key to wrap secrets by; raise `Unavailable` where those there are have lost theirs."""
    path = settings.made_secret_key_file
    if settings.secret_key or settings.secret_key_file or path.exists():
        return
    if has_wrapped_secrets(settings.sqlite_file):
        raise Unavailable(
            f"{path} is missing, but secrets in the database are encrypted with it: "
            "restore the file. If it is lost, write at least 32 random characters into "
            "it; second factors and webhook secrets must then be set again"
        )
    write_private(path, f"{secrets.token_urlsafe(32)}\n".encode())


def prepare_storage(settings: Settings) -> None:
    """As `prepare`, without a look at facts."""
    for warning in make_private(settings.data):
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    for place in filter(None, (settings.storage, settings.storage_from)):
        _open_place(settings, place).prepare()


async def open_metadata(settings: Settings) -> Metadata:
    """The database of the settings, ready to be asked."""
    if settings.database is None:
        return SqliteMetadata(settings.sqlite_file)
    # Late: a hub on SQLite need not have psycopg, nor wait for it.
    with as_unavailable(settings.database):
        from entrepot.metadata.engines.postgresql import PostgresMetadata

        metadata = PostgresMetadata(settings.database)
        await metadata.open()
    return metadata


async def open_clock(settings: Settings, metadata: Metadata) -> Clock:
    """The clock to go by: the database's where nodes share one, else the machine's."""
    if settings.database is None:
        return now
    clock = SharedClock(metadata.reader)
    await clock.set()
    return clock


def now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


def place_of_facts(settings: Settings, database: str | None) -> Path | str:
    """The URL of that database, or the SQLite file where none is set."""
    return settings.sqlite_file if database is None else database


def has_accounts(settings: Settings) -> bool:
    """Return whether the hub's database has an account; `False` before it exists."""
    # Late, as in the next two: loading Alembic takes longer than a start may.
    from entrepot.metadata.engines.databases import has_accounts

    return has_accounts(place_of_facts(settings, settings.database))


def copy_database(
    source: Path | str, target: Path | str, notice: Callable[[int], None]
) -> tuple[int, int]:
    """Seal a database, copy it to another and compare; return how many rows and tables.

    `notice` receives the number of rows that were copied since. Raises `Unavailable` and
    `Conflict`, and leaves the target as it was then.
    """
    from entrepot.metadata.engines.database_migration import copy_database

    found = copy_database(source, target, notice)
    return sum(each.rows for each in found), len(found)


def unseal_database(place: Path | str) -> None:
    """Make a database writable again that was sealed; raise `Unavailable` where it fails."""
    from entrepot.metadata.engines.database_migration import unseal

    unseal(place)


def open_storage(settings: Settings) -> Storage:
    """The place for bytes of the settings, or both of them while bytes move."""
    new = _open_place(settings, settings.storage)
    if settings.storage_from is None:
        return new
    return MovingStorage(new, _open_place(settings, settings.storage_from))


def _open_place(settings: Settings, place: str) -> "FileStorage | ObjectStorage":
    return FileStorage(settings.data) if place == FILES else _open_bucket(settings, place)


def _open_bucket(settings: Settings, address: str) -> "ObjectStorage":
    # Late: a hub on files need not have obstore, nor wait for it.
    try:
        from entrepot.storage.buckets import Bucket, BucketConfig
        from entrepot.storage.object_store import ObjectStorage
    except ImportError as error:
        raise Unavailable(
            "storage in a bucket requires an extra: pip install 'entrepot[s3]'"
        ) from error

    place = BucketConfig.parse(
        address,
        settings.s3_endpoint,
        settings.s3_region,
        path_style=settings.s3_path_style,
    )
    return ObjectStorage(Bucket(place), settings.data / "spool", redirects=settings.s3_redirect)


def public_url(settings: Settings) -> str:
    """The address to give to people."""
    scheme = "https" if settings.is_tls else "http"
    host = "localhost" if settings.host in _EVERYWHERE else settings.host
    host = f"[{host}]" if ":" in host else host
    return settings.url or f"{scheme}://{host}:{settings.port}"


def greet(settings: Settings, password: str, link_secret: str) -> None:
    """Print the generated password of a first start, and how to use it."""
    url = public_url(settings)
    lines = [
        "",
        "First start: sign in as",
        "  name      admin",
        f"  password  {password}",
        f"  at        {url}/",
        "or choose a password of your own, with this link that works once:",
        f"  {url}/welcome/{link_secret}",
        "The password is shown once; `entrepot user password admin` replaces it.",
        "",
    ]
    for stream in (sys.stdout, sys.stderr):
        # Nobody may be reading the one; a hub that serves matters more than its greeting.
        with suppress(OSError):
            print("\n".join(lines), file=stream, flush=True)
            return


def open_directory(settings: Settings, metadata: Metadata, clock: Clock) -> "Directory | None":
    """The directory that the settings name; it is not asked yet."""
    if settings.ldap_url is None or settings.ldap_user_base is None:
        return None
    from entrepot.hub.directory.directory import Directory
    from entrepot.hub.directory.kinds import ACTIVE_DIRECTORY, LDAP
    from entrepot.hub.directory.ldap_client import LdapClient
    from entrepot.hub.directory.ldap_session import DirectorySettings
    from entrepot.hub.identity.login_throttle import LoginThrottle

    url = urlsplit(settings.ldap_url)
    is_ldaps = url.scheme == "ldaps"
    is_ad = settings.ldap_kind is DirectoryKind.ACTIVE_DIRECTORY
    defaults = ACTIVE_DIRECTORY if is_ad else LDAP
    client = LdapClient(
        DirectorySettings(
            host=url.hostname or "",
            port=url.port or (636 if is_ldaps else 389),
            is_ldaps=is_ldaps,
            start_tls=settings.ldap_start_tls and not is_ldaps,
            ca_file=settings.ldap_ca_file,
            bind_dn=settings.ldap_bind_dn,
            bind_password=settings.read_ldap_bind_password(),
            user_base=settings.ldap_user_base,
            user_filter=settings.ldap_user_filter or defaults.user_filter,
            group_base=settings.ldap_group_base,
            group_filter=settings.ldap_group_filter or defaults.group_filter,
            id_attribute=settings.ldap_id_attribute or defaults.id_attribute,
            name_attribute=settings.ldap_name_attribute or defaults.name_attribute,
        )
    )
    throttle = LoginThrottle(metadata, clock)
    return Directory(metadata.reader, client, throttle, clock, may_sign_up=settings.ldap_sign_up)


def provider_settings(settings: Settings) -> "ProviderSettings | None":
    """The provider of single sign-on that the settings name."""
    from entrepot.hub.identity.oidc import ProviderSettings

    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    return ProviderSettings(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.read_oidc_client_secret(),
        settings.oidc_scopes,
        settings.oidc_groups_claim,
    )


def hub_groups(settings: Settings) -> "dict[GroupSource, HubGroups]":
    """The groups that concern the whole hub, by who says who is in them."""
    from entrepot.hub.people.groups import HubGroups, fold_directory_group

    found = dict[GroupSource, HubGroups]()
    if settings.oidc_issuer is not None and settings.oidc_groups_claim is not None:
        found[GroupSource.OIDC] = HubGroups(
            frozenset(settings.oidc_sign_in_groups), frozenset(settings.oidc_admin_groups)
        )
    if settings.ldap_url is not None and settings.ldap_group_base is not None:
        found[GroupSource.LDAP] = HubGroups(
            frozenset(map(fold_directory_group, settings.ldap_sign_in_groups)),
            frozenset(map(fold_directory_group, settings.ldap_admin_groups)),
        )
    return found
