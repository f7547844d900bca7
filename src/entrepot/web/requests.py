"""A request of a browser, with who it is and what the rule of its route let it see."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from entrepot.context import RequestContext
from entrepot.http.cookies import cookie_name, has_unreadable_cookies, read_cookie, set_cookie
from entrepot.http.forms import Form, form_token
from entrepot.http.messages import Response
from entrepot.http.router import Route
from entrepot.hub.identity.sessions import SignedIn
from entrepot.hub.people.actors import Action
from entrepot.model.people.accounts import Account, Namespace, Role
from entrepot.web.pages import Page

THEMES: Final = ("light", "dark")
LANGUAGES: Final = {"en": "English", "zh": "简体中文"}
LANGUAGE_TAGS: Final = {"zh": "zh-Hans"}
"""The BCP 47 tags of languages whose code alone does not say the script."""
FORM_COOKIE: Final = "form"
PROBLEM_COOKIE: Final = "problem"

MOST_RECENT: Final = 4
"""Repositories that a browser remembers to have opened."""
_MONTH: Final = 2_592_000

View = Callable[["PageRequest"], Awaitable[Page | Response]]
"""Answers a request that has been let in."""
PageRoute = Route[View]


@dataclass(slots=True)
class PageRequest(RequestContext):
    """A request of a browser, let in by the access rule of its route."""

    signed_in: SignedIn | None = None
    session_secret: str = ""
    form_secret: str = ""
    form: Form = field(default_factory=Form)
    cookies: list[tuple[str, str]] = field(default_factory=list)
    organizations: list[tuple[Namespace, Role]] | None = None
    """Those that the account belongs to, by name: for the menu; `None` until they are looked up."""

    @property
    def account(self) -> Account | None:
        """The account that is signed in."""
        return self.identity.account

    def may(self, action: Action) -> bool:
        """Whether the visitor may do this to the repository."""
        rights = self.authorized.rights
        return rights is not None and action in rights.actions

    @property
    def may_push(self) -> bool:
        """Whether to show how to push, and the upload page."""
        return self.may(Action.PUSH)

    @property
    def may_delete(self) -> bool:
        """Whether to show boxes to select and buttons that delete."""
        return self.may(Action.DELETE)

    @property
    def may_administer(self) -> bool:
        """Whether to show the repository's settings."""
        rights = self.authorized.rights
        return rights is not None and rights.may_administer

    @property
    def is_https(self) -> bool:
        """Whether the visitor's connection is private."""
        return self.origin.startswith("https:")

    def cookie_name(self, what: str) -> str:
        """The whole name of a cookie of ours: `form`, `theme` and the like."""
        return cookie_name(f"entrepot_{what}", self.origin)

    @property
    def has_unreadable_cookies(self) -> bool:
        """Whether another program's cookies keep the browser's session from being read."""
        return has_unreadable_cookies(self.http)

    def cookie(self, what: str) -> str:
        """Return the value of a cookie, empty if absent."""
        return read_cookie(self.http, self.cookie_name(what))

    def keep(
        self, what: str, value: str, *, seconds: int | None = None, http_only: bool = True
    ) -> None:
        """Have the browser keep it for so long, or until it is closed; 0 takes it away."""
        name, is_https = self.cookie_name(what), self.is_https
        self.cookies.append(
            set_cookie(name, value, is_https=is_https, seconds=seconds, http_only=http_only)
        )

    @property
    def wants_json(self) -> bool:
        """Whether a program asks: every page has its data as JSON at the same address."""
        accept = self.http.header("accept") or ""
        return "application/json" in accept and "text/html" not in accept

    @property
    def wants_markdown(self) -> bool:
        """Whether a program asks for the page as text."""
        accept = self.http.header("accept") or ""
        return "text/markdown" in accept and "text/html" not in accept

    @property
    def form_token(self) -> str:
        """The token that every form of this browser must send."""
        return form_token(self.form_secret, self.session_secret)

    @property
    def theme(self) -> str:
        """`light`, `dark`, or empty: as the system has it."""
        found = self.cookie("theme")
        return found if found in THEMES else ""

    @property
    def recent(self) -> list[str]:
        """Names of the repositories whose pages this browser opened last, the newest first."""
        return [name for name in self.cookie("recent").split("~") if name][:MOST_RECENT]

    def remember(self, name: str) -> None:
        """Put a repository first among those that were opened last."""
        names = [name, *(each for each in self.recent if each != name)][:MOST_RECENT]
        if self.account is not None and names != self.recent:
            self.keep("recent", "~".join(names), seconds=_MONTH)

    @property
    def tool(self) -> str:
        """The client whose commands the visitor last asked for."""
        return self.cookie("tool")[:20]

    @property
    def language(self) -> str:
        """The chosen language, else the one that the browser prefers."""
        chosen = self.cookie("language")
        if chosen in LANGUAGES:
            return chosen
        header = self.http.header("accept-language") or ""
        for each in header.split(",")[:20]:
            code = each.partition(";")[0].strip().lower().partition("-")[0]
            if code in LANGUAGES:
                return code
        return "en"

    @property
    def language_tag(self) -> str:
        """The page's language as `lang` and `Content-Language` name it."""
        return LANGUAGE_TAGS.get(self.language, self.language)

    @property
    def client(self) -> str:
        """The browser's User-Agent."""
        return (self.http.header("user-agent") or "")[:300]

    def whole_number(self, field: str) -> int:
        """A form's field as a number; 0 for anything else."""
        text = self.form.get(field)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0

    @property
    def problem(self) -> str:
        """The error of the last form; shown once."""
        text = self.cookie(PROBLEM_COOKIE)
        try:
            return base64.urlsafe_b64decode(text).decode()[:500] if text else ""
        except ValueError:
            return ""

    def query(self, name: str) -> str:
        """The parameter, empty where there is none; a NUL is no text."""
        return (self.http.query(name) or "").replace("\0", "")[:500]

    def query_whole(self, name: str) -> str:
        """The parameter, however long: what a provider sends along is nobody's search."""
        return (self.http.query(name) or "").replace("\0", "")[:8192]

    def number(self, name: str, *, default: int, most: int) -> int:
        """The parameter as a number from 1 to `most`."""
        text = self.query(name)
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            return default
        return max(1, min(int(text), most))
