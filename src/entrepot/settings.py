"""Every setting, its default and what it means: one frozen object, read once.

Light on purpose: the processes that answer requests import this, and not what reads and checks the
settings (`entrepot.cli.configuration`).
"""

import os
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from entrepot.metadata.words import SignUpMode, Visibility

PREFIX: Final = "ENTREPOT_"
FILES: Final = "files"


class LogFormat(StrEnum):
    """How log lines look; `auto` is text on a terminal and JSON elsewhere."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


def _default_workers() -> int:
    return max(1, min(os.cpu_count() or 1, 4))


def _setting(help_text: str, default: Any, **limits: Any) -> Any:
    metadata = {"help": help_text, "limits": limits}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def is_secret(name: str) -> bool:
    """Whether the setting's value is shown to nobody."""
    return "password" in name or "secret" in name or name == "database"


def _shown(name: str, value: object) -> str:
    if value is None:
        return ""
    return "••••••" if is_secret(name) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a hub is told before it starts; never changes while it runs."""

    host: str = _setting("The address to listen on.", "127.0.0.1")
    port: int = _setting("The port to listen on.", 5000, ge=1, le=65535)
    data: Path = _setting("The directory that holds everything.", Path("data"))
    storage: str = _setting(
        "Where bytes are kept: `files` in the data directory, or `s3://BUCKET/PREFIX` for hubs of "
        "more than one node.",
        FILES,
        pattern=r"^(files|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?)$",
    )
    storage_from: str | None = _setting(
        "Where bytes were kept before, while `entrepot migrate` copies them: read, never written.",
        None,
        pattern=r"^(files|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?)$",
    )
    s3_endpoint: str | None = _setting(
        "The URL of an S3-compatible store; by default that of AWS.",
        None,
        pattern=r"^https?://[^/?#]+/?$",
    )
    s3_region: str | None = _setting(
        "The store's region; by default what `AWS_REGION` says, or else `us-east-1`.", None
    )
    s3_path_style: bool = _setting(
        "Name the bucket in the path of the store's URLs; else in the host.", True
    )
    s3_redirect: bool = _setting(
        "Send clients to the store for large blobs, where they can follow.", True
    )
    database: str | None = _setting(
        "A PostgreSQL database, `postgresql://user@host/name`, for hubs of more than one node; "
        "else an SQLite file in the data directory.",
        None,
        pattern=r"^postgres(ql)?://",
    )
    secret_key: str | None = _setting(
        "A secret that other secrets in the database are wrapped by, the same on every node; with "
        "SQLite by default what `secret.key` in the data directory holds, which the hub makes.",
        None,
        min_length=32,
    )
    secret_key_file: Path | None = _setting("A file that holds `secret_key`.", None)
    workers: int = _setting(
        "Processes that answer requests; by default one per processor, at most 4.",
        _default_workers,
        ge=1,
        le=64,
    )
    url: str | None = _setting(
        "The public URL, such as `https://hub.example.org`, where a proxy is in front.",
        None,
        pattern=r"^https?://[^/?#]+$",
    )
    other_urls: tuple[str, ...] = _setting(
        "Other URLs by which the hub is reached beside `url`, such as `https://hub.internal`; a "
        "request by any other name is answered as by `url`.",
        (),
    )
    admin_password: str | None = _setting(
        "The password of `admin`, made at the first start; else one is generated.", None
    )
    open: bool = _setting(
        "Everybody may pull, push and delete everything without signing in.", False
    )
    accept_sparse: bool = _setting(
        "Accept manifests whose config or layers are missing, as mirrors push.", False
    )
    default_visibility: Visibility = _setting(
        "What repositories begin as: `private` or `public`.", Visibility.PRIVATE
    )
    sign_up: SignUpMode = _setting(
        "Who may make an account: `open` is everybody, `invitation` whoever was sent a link, "
        "`closed` nobody.",
        SignUpMode.CLOSED,
    )
    tls: str | None = _setting(
        "`auto`: serve HTTPS with a certificate of a local CA.", None, pattern="^auto$"
    )
    tls_cert: Path | None = _setting("A certificate (chain) in PEM, to serve HTTPS.", None)
    tls_key: Path | None = _setting("The certificate's private key in PEM.", None)
    trusted_proxies: tuple[str, ...] = _setting(
        "Networks of proxies whose `X-Forwarded-For`, `-Proto` and `-Host` count, or their "
        "`Forwarded` without those.",
        ("127.0.0.0/8", "::1/128"),
    )
    cors_origins: tuple[str, ...] = _setting(
        "Origins whose pages may use `/v2`, `/token` and `/api` from a browser, such as "
        "`https://ui.example.org`; `*` is every one. Cookies never count there.",
        (),
    )
    webhook_networks: tuple[str, ...] = _setting(
        "Networks that webhooks may be sent to although they are not of the internet at large, "
        "such as `10.1.0.0/16`.",
        (),
    )
    upload_expiry: timedelta = _setting(
        "How long an upload may be idle before it is forgotten.",
        timedelta(hours=24),
        gt=timedelta(0),
    )
    grace: timedelta = _setting(
        "How long what nothing needs any more is kept, and what was deleted can be restored.",
        timedelta(hours=24),
        gt=timedelta(0),
    )
    collect_every: timedelta = _setting(
        "How often space is freed that nothing needs any more.",
        timedelta(hours=1),
        gt=timedelta(0),
    )
    scrub_every: timedelta = _setting(
        "How often every blob is read and compared with its digest; 0: never.", timedelta(days=30)
    )
    scrub_rate: int = _setting(
        "Bytes a second that are read for that at most.", 20 * 1024 * 1024, ge=1
    )
    collect_untagged_after: timedelta | None = _setting(
        "Delete manifests that no tag has led to for so long; by default they are kept.",
        None,
        gt=timedelta(0),
    )
    idle_timeout: timedelta = _setting(
        "How long a connection may be idle, or take to send a request's headers; longer than the "
        "proxy in front keeps its own.",
        timedelta(seconds=150),
        ge=timedelta(seconds=1),
        le=timedelta(hours=1),
    )
    stop_delay: timedelta | None = _setting(
        "How long requests are still taken after SIGTERM, while `/readyz` says 503; by default "
        "not at all.",
        None,
        gt=timedelta(0),
    )
    pulls_per_minute: int | None = _setting(
        "Manifests that one account, or one address without, may pull in a minute.", None, ge=1
    )
    pushes_per_minute: int | None = _setting(
        "Manifests that one account may push in a minute.", None, ge=1
    )
    requests_per_minute: int | None = _setting(
        "Requests of any kind that one address may send in a minute.", None, ge=1
    )
    oidc_issuer: str | None = _setting(
        "The URL of an OpenID Connect provider, to sign in with it too.",
        None,
        pattern=r"^https?://[^?#]+$",
    )
    oidc_client_id: str | None = _setting("What the provider calls this hub.", None)
    oidc_client_secret: str | None = _setting("The secret that the provider gave this hub.", None)
    oidc_client_secret_file: Path | None = _setting(
        "A file that holds the secret that the provider gave this hub.", None
    )
    oidc_name: str = _setting("What the button says that leads to the provider.", "Single sign-on")
    oidc_sign_up: bool = _setting(
        "Make an account for whoever signs in with the provider and has none.", False
    )
    oidc_second_factor: bool = _setting(
        "The provider asks for a second factor itself: the hub does not ask for its own then.",
        False,
    )
    oidc_networks: tuple[str, ...] = _setting(
        "Networks that the provider's endpoints may be in, such as `10.1.0.0/16`, where they are "
        "neither at the issuer's own host and port nor of the internet at large.",
        (),
    )
    log_format: LogFormat = _setting("`auto`, `json` or `text`.", LogFormat.AUTO)

    def described(self) -> tuple[tuple[str, str, str], ...]:
        """Name, value and meaning of each setting, for operators; secrets are masked."""
        return tuple(
            (each.name, _shown(each.name, getattr(self, each.name)), each.metadata["help"])
            for each in fields(self)
        )

    @property
    def sqlite_file(self) -> Path:
        """The SQLite file, where no other database is set."""
        return self.data / "entrepot.db"

    @property
    def address_file(self) -> Path:
        """Where a hub that runs says its address, for commands beside it."""
        return self.data / "address"

    @property
    def tls_directory(self) -> Path:
        """Where certificates of our own making are."""
        return self.data / "tls"

    def certificate_files(self) -> tuple[Path | None, Path | None]:
        """The certificate and the key in PKCS#8 to serve HTTPS with; two `None` for HTTP."""
        if self.tls is not None:
            return self.tls_directory / "server.crt", self.tls_directory / "server.key"
        if self.tls_cert is not None:
            return self.tls_cert, self.tls_directory / "given.key"
        return None, None

    @property
    def is_tls(self) -> bool:
        """Whether clients talk HTTPS to this process."""
        return self.tls is not None or self.tls_cert is not None

    def read_oidc_client_secret(self) -> str | None:
        """The secret that the provider gave this hub, from the setting or its file."""
        if self.oidc_client_secret_file is not None:
            return self.oidc_client_secret_file.read_text().strip()
        return self.oidc_client_secret

    @property
    def made_secret_key_file(self) -> Path:
        """Where the hub keeps the secret key that it made; for a hub of one node."""
        return self.data / "secret.key"

    def read_secret_key(self) -> str | None:
        """The key that secrets in the database are wrapped by; `None`: they are not."""
        if self.secret_key_file is not None:
            return self.secret_key_file.read_text().strip()
        made = self.made_secret_key_file
        if self.secret_key is None and self.database is None and made.is_file():
            return made.read_text().strip()
        return self.secret_key
