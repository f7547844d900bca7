"""One connection to an LDAP server, by `ldap3`, which blocks: for a thread of its own.

The library is imported where it is used: a start need not wait for it.
"""

import socket
import ssl
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from entrepot.errors import Denied, Unavailable
from entrepot.hub.directory.entries import (
    PERSON_ATTRIBUTES,
    Entry,
    Found,
    escape,
    group_names,
    person_of,
)
from entrepot.hub.people.groups import MOST_GROUPS

if TYPE_CHECKING:
    from ldap3 import Connection

ANSWER_TIMEOUT: Final = 5
"""Seconds for the connection, and for each answer."""
DEADLINE: Final = 15.0
"""Seconds for everything that one sign-in asks."""
AT_ONCE: Final = 25
"""Ids or groups that one search asks about."""
_DEEPEST: Final = 10
"""Groups in groups in groups: how far they are followed."""
_IN_CHAIN: Final = ":1.2.840.113556.1.4.1941:"
"""Active Directory's rule that follows groups in groups by itself."""
_REFUSALS: Final = (19, 49, 50, 53)
"""Results of a bind that say no: a policy, wrong credentials, no right, unwilling (locked)."""
_SAFETY: Final = (8, 13)
"""Results of a bind that say that the connection is not safe enough."""


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """Where the directory is, and where people and groups are in it.

    In filters `{name}` stands for a login name and `{dn}` for a distinguished name. Without a
    `group_base` nobody has groups.
    """

    host: str
    port: int
    is_ldaps: bool
    start_tls: bool
    ca_file: Path | None
    bind_dn: str | None
    bind_password: str | None = field(repr=False)
    user_base: str
    user_filter: str
    group_base: str | None
    group_filter: str
    id_attribute: str
    name_attribute: str


class Unreachable(Unavailable):
    """The server cannot be spoken with: it is left alone for a moment."""


@contextmanager
def open_session(settings: DirectorySettings) -> "Iterator[Session]":
    """A connection that the hub's own account is bound to; raise `Unavailable`."""
    with warnings.catch_warnings():
        # ldap3 asks pyasn1 for tables by their former names.
        warnings.simplefilter("ignore", DeprecationWarning)
        from ldap3.core.exceptions import LDAPException

    session: Session | None = None
    try:
        session = Session(settings)
        session.bind_as_service()
        yield session
    except (LDAPException, OSError, ValueError) as error:
        raise Unreachable(str(error) or type(error).__name__) from error
    finally:
        if session is not None:
            session.close()


class Session:
    """One connection, in one thread, until its deadline."""

    def __init__(self, settings: DirectorySettings) -> None:
        from ldap3 import NONE, Connection, Server

        self._settings = settings
        self._until = time.monotonic() + DEADLINE
        server = Server(
            settings.host,
            settings.port,
            use_ssl=settings.is_ldaps,
            tls=_tls(settings),
            get_info=NONE,
            connect_timeout=ANSWER_TIMEOUT,
            allowed_referral_hosts=[],
        )
        # No referrals: the password would go to a server that nobody chose.
        self._connection: Connection = Connection(
            server, auto_referrals=False, receive_timeout=ANSWER_TIMEOUT, check_names=False
        )
        # ldap3 leaves sockets open that could not be connected.
        self._connection.strategy._open_socket = self._open_socket
        self._connection.open(read_server_info=False)
        if settings.start_tls:
            self._connection.start_tls(read_server_info=False)

    def _open_socket(self, address: tuple[Any, ...], *_: object, **__: object) -> None:
        from ldap3.core.exceptions import LDAPSocketOpenError

        opened = socket.socket(*address[:3])
        opened.settimeout(ANSWER_TIMEOUT)
        self._connection.socket = opened
        try:
            opened.connect(address[4])
            if self._settings.is_ldaps:
                self._connection.server.tls.wrap_socket(self._connection)
        except OSError as error:
            opened.close()
            raise LDAPSocketOpenError(str(error)) from error
        self._connection.closed = False

    def close(self) -> None:
        """Say goodbye, whatever state the connection is in."""
        from ldap3.core.exceptions import LDAPException

        try:
            self._connection.unbind()
        except (LDAPException, OSError):
            return

    def bind_as_service(self) -> None:
        """Be the hub's own account, or nobody where it has none; raise `Unavailable`."""
        from ldap3 import ANONYMOUS

        dn, password = self._settings.bind_dn, self._settings.bind_password
        if dn is None or not password:
            self._check_time()
            if not self._connection.rebind(authentication=ANONYMOUS, read_server_info=False):
                raise Unavailable("the directory wants an account: set ldap_bind_dn")
        elif not self.bind(dn, password):
            raise Unavailable("the directory refused ldap_bind_dn and its password")

    def bind(self, dn: str, password: str) -> bool:
        """Be that entry; `False` where the directory says no."""
        from ldap3 import SIMPLE

        # RFC 4513 section 5.1.2: without a password it would succeed, as nobody.
        if not dn or not password:
            return False
        self._check_time()
        if self._connection.rebind(dn, password, SIMPLE, read_server_info=False):
            return True
        result = self._connection.result
        if result["result"] in _REFUSALS:
            return False
        if result["result"] in _SAFETY:
            raise Unavailable("the directory wants encryption: set ldap_start_tls or use ldaps://")
        raise Unavailable(f"the directory answers a bind with {result['description']}")

    def find_people(self, filter_text: str, limit: int) -> list[Entry]:
        """At most `limit` people that the filter matches, without groups."""
        settings = self._settings
        attributes = [settings.id_attribute, settings.name_attribute, *PERSON_ATTRIBUTES]
        found = self.search(settings.user_base, filter_text, attributes, limit)
        return [person_of(each, settings.id_attribute, settings.name_attribute) for each in found]

    def with_groups(self, person: Entry) -> Entry:
        """The person with the groups that they are in, and the groups that those are in.

        Raises `Denied` for more than `MOST_GROUPS`.
        """
        settings = self._settings
        if settings.group_base is None:
            return person
        names, seen, frontier = set[str](), set[str](), [person.dn]
        for _ in range(_DEEPEST):
            found = self._list_groups(frontier, person.name if not seen else None)
            fresh = {each.dn: each for each in found if each.dn not in seen}
            seen |= fresh.keys()
            for each in fresh.values():
                names |= group_names(each, settings.id_attribute)
            if len(seen) > MOST_GROUPS:
                raise Denied(f"you are in more than {MOST_GROUPS} groups: ask an administrator")
            frontier = list(fresh)
            if not frontier or _IN_CHAIN in settings.group_filter:
                break
        return replace(person, groups=frozenset(names))

    def _list_groups(self, members: list[str], name: str | None) -> list[Found]:
        """The groups that list one of the entries, or the login name, among their members."""
        settings, found = self._settings, list[Found]()
        if name is None and "{name}" in settings.group_filter:
            return []  # Groups of login names have no groups in them.
        for start in range(0, len(members), AT_ONCE):
            parts = [
                settings.group_filter.replace("{name}", escape(name or "")).replace(
                    "{dn}", escape(dn)
                )
                for dn in members[start : start + AT_ONCE]
            ]
            filter_text = f"(|{''.join(parts)})"
            found += self.search(
                settings.group_base or "", filter_text, [settings.id_attribute], MOST_GROUPS + 1
            )
        return found

    def search(
        self,
        base: str,
        filter_text: str,
        attributes: list[str],
        limit: int = 1,
        *,
        is_base: bool = False,
    ) -> list[Found]:
        """At most `limit` entries that the filter matches; raise `Unavailable` for an error."""
        from ldap3 import BASE, DEREF_NEVER, NO_ATTRIBUTES, SUBTREE

        self._check_time()
        self._connection.search(
            base,
            filter_text,
            search_scope=BASE if is_base else SUBTREE,
            dereference_aliases=DEREF_NEVER,
            attributes=attributes or [NO_ATTRIBUTES],
            size_limit=limit,
            time_limit=ANSWER_TIMEOUT,
        )
        result = self._connection.result
        # 4, sizeLimitExceeded, comes with as many entries as were asked for.
        if result["result"] not in (0, 4):
            raise Unavailable(
                f"the directory answers a search of {base!r} with {result['description']}"
            )
        return [
            Found(
                each["dn"],
                {name.lower(): list(values) for name, values in each["raw_attributes"].items()},
            )
            for each in self._connection.response or []
            if each["type"] == "searchResEntry"
        ]

    def _check_time(self) -> None:
        if time.monotonic() > self._until:
            raise Unreachable("it took too long")


def _tls(settings: DirectorySettings) -> "object":
    """A `Tls` that wraps connections by the standard library, which compares the host's name."""
    from ldap3 import Tls

    class _StandardTls(Tls):
        def wrap_socket(self, connection: "Connection", do_handshake: bool = False) -> None:
            context = ssl.create_default_context(
                cafile=None if settings.ca_file is None else str(settings.ca_file)
            )
            connection.socket = context.wrap_socket(
                connection.socket, server_hostname=settings.host
            )

    return _StandardTls(validate=ssl.CERT_REQUIRED)
