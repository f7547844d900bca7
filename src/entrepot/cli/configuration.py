"""Reads the settings: options, then `ENTREPOT_…`, then `entrepot.toml`, then the defaults."""

import dataclasses
import os
import re
import typing
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from entrepot.cli.output import USAGE, fail
from entrepot.settings import FILES, PREFIX, Settings, is_secret

_FIELDS = dataclasses.fields(Settings)
_OF_OTHERS: Final = re.compile(
    # Kubernetes and Docker tell containers of hub, such as one that is called `entrepot`.
    r"TEST_\w+|(\w+_)?SERVICE_(HOST|PORT(_\w+)?)|(\w+_)?PORT_\d+_(TCP|UDP|SCTP)(_\w+)?"
)
_URL = re.compile(r"https?://[^/?#\s]+")


class _Sources(BaseSettings):
    """Where settings come from, most important first."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file="entrepot.toml", extra="forbid", env_ignore_empty=True
    )

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


def read_settings(**options: object) -> Settings:
    """Return the settings with the given options; exit with status 2 if one is invalid."""
    _check_names(os.environ)
    given = {name: value for name, value in options.items() if value is not None}
    try:
        read = _checked_model()(**given)
    except ValidationError as error:
        fail(_explained(error), USAGE)
    except ValueError as error:  # a file that is not TOML, a variable that is not JSON
        fail(f"the settings cannot be read: {error}", USAGE)
    settings = Settings(**{each.name: getattr(read, each.name) for each in _FIELDS})
    _check_together(settings)
    return settings


def _explained(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "settings"
    if first["type"] == "extra_forbidden":
        return _unknown(where, "", [each.name for each in _FIELDS])
    shown = "(hidden)" if is_secret(where) else repr(first["input"])
    if first["type"] == "string_pattern_mismatch":
        (meaning,) = [each.metadata["help"] for each in _FIELDS if each.name == first["loc"][0]]
        return f"{where}: invalid value {shown}. {meaning}"
    if first["type"].startswith("time_delta"):
        return f"{where}: invalid duration {shown}: write PT1H for an hour, or 3600 for its seconds"
    return f"{where}: {first['msg']}"


def _check_names(names: Iterable[str]) -> None:
    """Exit at a variable that looks like a setting but is unknown: it would be ignored."""
    known = [each.name.upper() for each in _FIELDS]
    for name in sorted(names):
        rest = name.upper().removeprefix(PREFIX)
        is_ours = name.upper().startswith(PREFIX) and rest not in known
        if is_ours and not _OF_OTHERS.fullmatch(rest):
            fail(_unknown(rest, PREFIX, known), USAGE)


def _unknown(name: str, prefix: str, known: list[str]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {prefix}{nearest[0]}?" if nearest else "see docs/reference/settings.md"
    return f"{prefix}{name} is not a setting: {hint}"


def _checked_model() -> Callable[..., BaseSettings]:
    """The settings' dataclass as a model that checks what it is given."""
    types = typing.get_type_hints(Settings)
    fields: dict[str, Any] = {}
    for each in _FIELDS:
        limits = each.metadata["limits"]
        if each.default is dataclasses.MISSING:
            described = Field(default_factory=each.default_factory, **limits)  # type: ignore[arg-type]
        else:
            described = Field(each.default, **limits)
        fields[each.name] = (Annotated[types[each.name], described], described)
    return create_model("CheckedSettings", __base__=_Sources, **fields)


def _check_together(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        fail("tls_cert and tls_key belong together", USAGE)
    if settings.tls is not None and settings.tls_cert is not None:
        fail("tls = auto makes its own certificate: leave tls_cert out", USAGE)
    if settings.oidc_issuer is not None and settings.oidc_client_id is None:
        fail("oidc_issuer needs oidc_client_id", USAGE)
    _check_storage(settings)
    given = (
        settings.tls_cert,
        settings.tls_key,
        settings.oidc_client_secret_file,
        settings.secret_key_file,
    )
    for path in filter(None, given):
        if not Path(path).is_file():
            fail(f"{path} is not a file", USAGE)
    _check_urls("other_urls", settings.other_urls)
    _check_urls("cors_origins", [each for each in settings.cors_origins if each != "*"])
    _check_networks("trusted_proxies", settings.trusted_proxies)
    _check_networks("webhook_networks", settings.webhook_networks)
    _check_networks("oidc_networks", settings.oidc_networks)


def _check_storage(settings: Settings) -> None:
    if settings.storage_from == settings.storage:
        fail("storage_from must name the previous storage, not the current one", USAGE)
    on_files = settings.storage == FILES and settings.storage_from in (None, FILES)
    if on_files and settings.s3_endpoint is not None:
        fail("s3_endpoint needs storage = s3://BUCKET", USAGE)


def _check_urls(name: str, urls: Sequence[str]) -> None:
    for url in urls:
        if not _URL.fullmatch(url):
            fail(f"{name}: {url} is not of the form https://hub.example.org", USAGE)


def _check_networks(name: str, networks: tuple[str, ...]) -> None:
    try:
        for text in networks:
            ip_network(text)
    except ValueError as error:
        fail(f"{name}: {error}", USAGE)
