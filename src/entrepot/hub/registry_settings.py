"""Settings of other registries: their URLs, credentials, networks and patterns, checked."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from entrepot.errors import Invalid

HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?|\[[0-9a-fA-F:]+\](?::[0-9]{1,5})?")
PATTERN: Final = re.compile(r"[A-Za-z0-9_.*?/-]{1,255}")
"""Patterns of repositories."""
_MAX_URL: Final = 500
_MAX_WORDS: Final = 100
_MAX_SECRET: Final = 10_000


def check_credentials(username: str, password: str | None) -> None:
    """Raise `Invalid` for what can be no user name or password of a registry."""
    if not username.isprintable() or len(username) > _MAX_URL:
        raise Invalid("invalid user name at the registry")
    if len(password or "") > _MAX_SECRET:
        raise Invalid(f"a password has at most {_MAX_SECRET} characters")


def check_url(url: str) -> None:
    """Raise `Invalid` for what is no address of a registry."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Invalid(f"invalid URL of a registry: {url[:_MAX_URL]}") from error
    if (
        parts.scheme not in ("https", "http")
        or not parts.hostname
        or "@" in parts.netloc
        or port == 0
        or parts.query
        or parts.fragment
        or len(url) > _MAX_URL
        or not re.fullmatch(r"[!-~]+", url)
    ):
        raise Invalid(
            "invalid URL of a registry: write https://HOST, without a password or a query"
        )


def parse_words(form: re.Pattern[str], what: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """The words in lower case, each once; `Invalid` for one that has not that form."""
    found = tuple(dict.fromkeys(each.lower() for each in words))
    if len(found) > _MAX_WORDS:
        raise Invalid(f"at most {_MAX_WORDS} of them can be given")
    for each in found:
        if not form.fullmatch(each):
            raise Invalid(f"invalid {what}: {each[:_MAX_URL]}")
    return found


def parse_networks(words: tuple[str, ...]) -> tuple[str, ...]:
    """The networks as they are stored; else `Invalid`."""
    try:
        return tuple(str(ipaddress.ip_network(each)) for each in words[:_MAX_WORDS])
    except ValueError as error:
        raise Invalid(f"invalid network: {error}") from error
