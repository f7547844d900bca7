"""Reads the settings: options, then `ENTREPOT_…`, then `entrepot.toml`, then the defaults."""

import os
import re
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, fields
from datetime import timedelta
from difflib import get_close_matches
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import msgspec

from entrepot.cli.common.output import USAGE, fail
from entrepot.model.operators.described_settings import SettingSource
from entrepot.settings import FILES, PREFIX, ReadSettings, Settings, is_secret

_FIELDS: Final = {each.name: each for each in fields(Settings)}
_FILE: Final = Path("entrepot.toml")
_OF_OTHERS: Final = re.compile(
    # Kubernetes and Docker tell containers of hub, such as one that is called `entrepot`.
    # And these two name a hub that is far away (`entrepot login`).
    r"HUB|TOKEN|TEST_\w+|(\w+_)?SERVICE_(HOST|PORT(_\w+)?)|(\w+_)?PORT_\d+_(TCP|UDP|SCTP)(_\w+)?"
)
_URL = re.compile(r"https?://[^/?#\s]+")
_SECONDS: Final = re.compile(r"[+-]?\d+(\.\d+)?")
_CLOCK: Final = re.compile(
    r"(?:(?P<days>\d+) ?(?:d|days?),? ?)?(?P<hours>\d\d?):(?P<minutes>\d\d)(?::(?P<seconds>\d\d))?"
)
_BOOLEANS: Final = {
    **dict.fromkeys(("1", "on", "t", "true", "y", "yes"), True),
    **dict.fromkeys(("0", "off", "f", "false", "n", "no"), False),
}


def read_settings(**options: object) -> Settings:
    """Return the settings with the given options; exit with status 2 if one is invalid."""
    _check_names(os.environ)
    found = {
        SettingSource.FILE: _read_file(),
        SettingSource.ENVIRONMENT: _read_environment(os.environ),
        SettingSource.OPTION: {k: value for k, value in options.items() if value is not None},
    }
    given = {name: value for values in found.values() for name, value in values.items()}
    sources = {name: source for source, values in found.items() for name in values}
    checked: dict[str, Any] = {name: _checked(name, value) for name, value in given.items()}
    settings = ReadSettings(**checked, sources=sources)
    _check_together(settings)
    return settings


def _read_file() -> dict[str, object]:
    if not _FILE.is_file():
        return {}
    try:
        found = tomllib.loads(_FILE.read_text())
    except (ValueError, OSError) as error:
        fail(f"the settings cannot be read: {_FILE}: {error}", USAGE)
    for name in found:
        if name not in _FIELDS:
            fail(_unknown(name, "", list(_FIELDS)), USAGE)
    return found


def _read_environment(environment: Mapping[str, str]) -> dict[str, object]:
    """The settings that are set there and not empty; names may be in any case."""
    given: dict[str, object] = {}
    for variable, text in sorted(environment.items(), reverse=True):
        name = variable.lower().removeprefix(PREFIX.lower())
        if not text or not variable.upper().startswith(PREFIX) or name not in _FIELDS:
            continue
        given[name] = text
        if _type_of(name) == tuple[str, ...]:
            try:
                given[name] = msgspec.json.decode(text)
            except msgspec.DecodeError:
                fail(f'{name}: invalid value {text!r}: write a list in JSON: ["a", "b"]', USAGE)
    return given


def _checked(name: str, value: object) -> object:
    """The value as the setting's type has it; exit if it cannot be, or is outside its limits."""
    kind, setting = _type_of(name), _FIELDS[name]
    try:
        read = _duration(value) if kind is timedelta else _converted(kind, value)
        _check_limits(setting, read)
    except _OutOfPattern:
        fail(f"{name}: invalid value {_shown(name, value)}. {setting.metadata['help']}", USAGE)
    except (ValueError, OverflowError) as error:
        noun = "duration" if kind is timedelta else "value"
        fail(f"{name}: invalid {noun} {_shown(name, value)}: {error}", USAGE)
    return read


class _OutOfPattern(ValueError):
    """The value is a text of another form than the setting's."""


@cache
def _type_of(name: str) -> Any:
    """The type of a setting's value when one is given: `str` for `str | None`."""
    declared = typing.get_type_hints(Settings)[name]
    if isinstance(declared, types.UnionType):
        return next(each for each in typing.get_args(declared) if each is not types.NoneType)
    return declared


def _converted(kind: Any, value: object) -> object:
    if kind is bool and isinstance(value, str | int):
        if (word := str(value).lower()) not in _BOOLEANS:
            raise ValueError("write true or false")
        return _BOOLEANS[word]
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    if kind is int and isinstance(value, str):
        if not value.isdecimal():
            raise ValueError("write a whole number")
        return int(value)
    return msgspec.convert(value, kind)


def _duration(value: object) -> timedelta:
    """A duration in ISO 8601, as `1 day, 12:30:00`, or a number of seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    if isinstance(value, str):
        if _SECONDS.fullmatch(value):
            return timedelta(seconds=float(value))
        if clock := _CLOCK.fullmatch(value):
            return timedelta(**{unit: int(count or 0) for unit, count in clock.groupdict().items()})
    try:
        return msgspec.convert(value, timedelta)
    except msgspec.ValidationError:
        raise ValueError("write PT1H for an hour, or 3600 for its seconds") from None


def _check_limits(setting: "Field[Any]", value: Any) -> None:
    limits: Mapping[str, Any] = setting.metadata["limits"]
    if "pattern" in limits and not re.search(limits["pattern"], value):
        raise _OutOfPattern
    if len(str(value)) < limits.get("min_length", 0):
        raise ValueError(f"it must have at least {limits['min_length']} characters")
    if "ge" in limits and value < limits["ge"]:
        raise ValueError(f"it must be at least {limits['ge']}")
    if "gt" in limits and value <= limits["gt"]:
        raise ValueError(f"it must be more than {limits['gt']}")
    if "le" in limits and value > limits["le"]:
        raise ValueError(f"it must be at most {limits['le']}")


def _shown(name: str, value: object) -> str:
    return "(hidden)" if is_secret(name) else repr(value)


def _check_names(names: Iterable[str]) -> None:
    """Exit at a variable that looks like a setting but is unknown: it would be ignored."""
    known = [name.upper() for name in _FIELDS]
    for name in sorted(names):
        rest = name.upper().removeprefix(PREFIX)
        is_ours = name.upper().startswith(PREFIX) and rest not in known
        if is_ours and not _OF_OTHERS.fullmatch(rest):
            fail(_unknown(rest, PREFIX, known), USAGE)


def _unknown(name: str, prefix: str, known: list[str]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {prefix}{nearest[0]}?" if nearest else "see docs/reference/settings.md"
    return f"{prefix}{name} is not a setting: {hint}"


def _check_together(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        fail("tls_cert and tls_key belong together", USAGE)
    if settings.tls is not None and settings.tls_cert is not None:
        fail("tls = auto makes its own certificate: leave tls_cert out", USAGE)
    if settings.oidc_issuer is not None and settings.oidc_client_id is None:
        fail("oidc_issuer needs oidc_client_id", USAGE)
    uses_groups = settings.oidc_sign_in_groups or settings.oidc_admin_groups
    if uses_groups and settings.oidc_groups_claim is None:
        fail("oidc_sign_in_groups and oidc_admin_groups need oidc_groups_claim", USAGE)
    _check_storage(settings)
    _check_directory(settings)
    given = (
        settings.tls_cert,
        settings.tls_key,
        settings.oidc_client_secret_file,
        settings.ldap_ca_file,
        settings.ldap_bind_password_file,
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


def _check_directory(settings: Settings) -> None:
    if settings.ldap_url is None:
        return
    if not settings.ldap_user_base:
        fail("ldap_url needs ldap_user_base", USAGE)
    has_password = settings.ldap_bind_password or settings.ldap_bind_password_file
    if settings.ldap_bind_dn and not has_password:
        # A bind without a password succeeds, as nobody.
        fail("ldap_bind_dn needs ldap_bind_password or ldap_bind_password_file", USAGE)
    uses_groups = settings.ldap_sign_in_groups or settings.ldap_admin_groups
    if uses_groups and settings.ldap_group_base is None:
        fail("ldap_sign_in_groups and ldap_admin_groups need ldap_group_base", USAGE)


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
