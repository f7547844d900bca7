"""Every setting, read once: options, `ENTREPOT_…`, `entrepot.toml`, then these defaults."""

import os
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from entrepot.metadata.accounts import Visibility

PREFIX = "ENTREPOT_"


class LogFormat(StrEnum):
    """How log lines look; `auto` is text on a terminal and JSON elsewhere."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


def _default_workers() -> int:
    return max(1, min(os.cpu_count() or 1, 4))


class Settings(BaseSettings):
    """What a hub is told before it starts; never changes while it runs."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file="entrepot.toml", frozen=True, extra="forbid"
    )

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(5000, ge=1, le=65535, description="The port to listen on.")
    data: Path = Field(Path("data"), description="The directory that holds everything.")
    workers: int = Field(
        default_factory=_default_workers,
        ge=1,
        le=64,
        description="Processes that answer requests; by default one per processor, at most 4.",
    )
    url: str | None = Field(
        None,
        pattern=r"^https?://[^/?#]+$",
        description="The public URL, such as `https://hub.example.org`, where a proxy is in front.",
    )
    admin_password: SecretStr | None = Field(
        None, description="The password of `admin`, made at the first start; else one is generated."
    )
    open: bool = Field(
        False, description="Everybody may pull, push and delete everything without signing in."
    )
    accept_sparse: bool = Field(
        False, description="Accept manifests whose config or layers are missing, as mirrors push."
    )
    default_visibility: Visibility = Field(
        Visibility.PRIVATE, description="What repositories begin as: `private` or `public`."
    )
    tls: str | None = Field(
        None, pattern="^auto$", description="`auto`: serve HTTPS with a certificate of a local CA."
    )
    tls_cert: Path | None = Field(None, description="A certificate (chain) in PEM, to serve HTTPS.")
    tls_key: Path | None = Field(None, description="The certificate's private key in PEM.")
    trusted_proxies: tuple[str, ...] = Field(
        ("127.0.0.0/8", "::1/128"),
        description="Networks whose `X-Forwarded-Proto` counts.",
    )
    upload_expiry: timedelta = Field(
        timedelta(hours=24), description="How long an upload may be idle before it is forgotten."
    )
    log_format: LogFormat = Field(LogFormat.AUTO, description="`auto`, `json` or `text`.")

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together")
        if self.tls is not None and self.tls_cert is not None:
            raise ValueError("tls = auto makes its own certificate: leave tls_cert out")
        return self

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "entrepot.db"

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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options before the environment before the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def export(settings: Settings) -> None:
    """Put the settings into the environment, where this process's workers read them again."""
    for name, value in settings.model_dump(mode="json", exclude={"admin_password"}).items():
        if value is None:
            os.environ.pop(PREFIX + name.upper(), None)
        else:
            os.environ[PREFIX + name.upper()] = _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ",".join(f'"{item}"' for item in value) + "]"
    return str(value)
