"""Asks an LDAP server, in threads of its own: `ldap3` blocks, and is imported where it is used.

The server is asked for little and for a short time: each answer within seconds, each question
within a deadline, a few at once. While it does not answer it is left alone for a moment, so that a
server that is down costs nobody the wait.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from entrepot.errors import Denied, EntrepotError, TooMany, Unavailable
from entrepot.hub.directory import ldap_session
from entrepot.hub.directory.entries import Entry, escape, id_filter
from entrepot.hub.directory.ldap_session import (
    AT_ONCE,
    DEADLINE,
    DirectorySettings,
    Session,
    Unreachable,
    open_session,
)

_log = logging.getLogger(__name__)
_THREADS: Final = 4
_MOST_WAITING: Final = 64
_NOT_AGAIN: Final = 10.0
"""Seconds for which a server that did not answer is not asked again."""
_NEVER_REACHED: Final = "the directory was not asked yet"
AWAY: Final = "the directory does not answer: accounts of this hub and access tokens go on working"

T = TypeVar("T")


class LdapClient:
    """One directory; raises `Unavailable` where it does not answer, or not as it should."""

    def __init__(self, settings: DirectorySettings) -> None:
        self._settings = settings
        self._pool: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._not_before = 0.0
        self.problem = _NEVER_REACHED
        """The problem of the last request, for operators; empty where it was answered."""

    async def verify(self, name: str, subject: str | None, password: str) -> Entry | None:
        """The person with that login name, or id, if this is the password; with all groups."""
        return await self._run(lambda: self._verify(self._filter(name, subject), password))

    async def find(self, name: str, subject: str | None = None) -> Entry | None:
        """The person with that login name, or id, with all groups."""
        return await self._run(lambda: self._find(self._filter(name, subject)))

    async def find_all(self, subjects: list[str]) -> dict[str, Entry]:
        """Those of the people with these ids who are there, by id, with all groups or none."""
        found = dict[str, Entry]()
        for start in range(0, len(subjects), AT_ONCE):
            some = subjects[start : start + AT_ONCE]
            found |= await self._run(partial(self._find_some, some))
        return found

    async def probe(self) -> str:
        """Ask the directory for nothing; what is wrong, empty where nothing is."""
        try:
            await self._run(self._probe)
        except EntrepotError as error:
            return self.problem or error.message
        return ""

    async def close(self) -> None:
        """Wait for no answer any more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise TooMany("too many logins at once; try again in a moment")
        if time.monotonic() < self._not_before:
            raise Unavailable(AWAY)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="ldap")
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        future.add_done_callback(self._note_end)
        try:
            # The thread goes on to its own end: its place is taken until then.
            async with asyncio.timeout(DEADLINE + ldap_session.ANSWER_TIMEOUT):
                result = await asyncio.shield(future)
        except TimeoutError as error:
            self._note_problem("it took too long")
            raise Unavailable(AWAY) from error
        except Unreachable as error:
            self._note_problem(error.message)
            raise Unavailable(AWAY) from error
        except Unavailable as error:
            # A setting or an entry that is wrong, met by one name, shuts nobody else out.
            self.problem = error.message
            raise Unavailable(AWAY) from error
        self.problem = ""
        return result

    def _note_end(self, future: "asyncio.Future[T]") -> None:
        self._waiting -= 1
        if not future.cancelled():
            future.exception()  # Nobody may wait for it any more.

    def _note_problem(self, problem: str) -> None:
        self.problem = problem
        self._not_before = time.monotonic() + _NOT_AGAIN

    def _filter(self, name: str, subject: str | None) -> str:
        settings = self._settings
        if subject is None:
            return settings.user_filter.replace("{name}", escape(name))
        # Whoever the filter leaves out is nobody, whatever the id.
        anybody = settings.user_filter.replace("{name}", "*")
        return f"(&{anybody}{id_filter(settings.id_attribute, subject)})"

    def _verify(self, filter_text: str, password: str) -> Entry | None:
        with open_session(self._settings) as session:
            person = self._find_one(session, filter_text)
            if person is None or person.is_disabled or not session.bind(person.dn, password):
                return None
            session.bind_as_service()
            return session.with_groups(person)

    def _find(self, filter_text: str) -> Entry | None:
        with open_session(self._settings) as session:
            person = self._find_one(session, filter_text)
            return None if person is None else session.with_groups(person)

    def _find_one(self, session: Session, filter_text: str) -> Entry | None:
        found = session.find_people(filter_text, 2)
        if len(found) > 1:
            _log.warning("several people in the directory match one login name")
            return None
        return found[0] if found else None

    def _find_some(self, subjects: list[str]) -> dict[str, Entry]:
        ids = "".join(id_filter(self._settings.id_attribute, each) for each in subjects)
        anybody = self._settings.user_filter.replace("{name}", "*")
        with open_session(self._settings) as session:
            people = session.find_people(f"(&{anybody}(|{ids}))", len(subjects))
            return {each.subject: _with_groups(session, each) for each in people}

    def _probe(self) -> None:
        with open_session(self._settings) as session:
            session.search(self._settings.user_base, "(objectClass=*)", [], is_base=True)


def _with_groups(session: Session, person: Entry) -> Entry:
    try:
        return session.with_groups(person)
    except Denied:
        return replace(person, has_all_groups=False)
