"""A request of a browser, with who it is and what the rule of its route let it see."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

from entrepot.app import App
from entrepot.errors import Denied, NotFound, RepositoryUnknown
from entrepot.http.cookies import cookie_name, has_unreadable_cookies, read_cookie, set_cookie
from entrepot.http.forms import Form, form_token
from entrepot.http.messages import Request, Response
from entrepot.http.router import Route
from entrepot.hub.actors import ANONYMOUS, Action, Actor, Identity
from entrepot.hub.audit import witness_of
from entrepot.hub.permissions import Rights
from entrepot.hub.sessions import SignedIn
from entrepot.metadata.accounts import Account, Namespace
from entrepot.metadata.repositories import Repository, Target, Witness
from entrepot.web.pages import Page

THEMES: Final = ("light", "dark")
LANGUAGES: Final = {"en": "English", "zh": "简体中文"}
FORM_COOKIE: Final = "form"
PROBLEM_COOKIE: Final = "problem"

View = Callable[["PageRequest"], Awaitable[Page | Response]]
"""Answers a request that has been let in."""
PageRoute = Route[View]


@dataclass(slots=True)
class PageRequest:
    """One request, let in by the access rule of its route."""

    app: App
    http: Request
    values: dict[str, str] = field(default_factory=dict)
    identity: Identity = ANONYMOUS
    signed_in: SignedIn | None = None
    session_secret: str = ""
    form_secret: str = ""
    form: Form = field(default_factory=Form)
    rights: Rights | None = None
    namespace: Namespace | None = None
    cookies: list[tuple[str, str]] = field(default_factory=list)

    @property
    def account(self) -> Account | None:
        """Whoever is signed in."""
        return self.identity.account

    @property
    def repository(self) -> Repository:
        """The repository that the address names; only routes that have one ask."""
        found = self.rights.repository if self.rights else None
        if found is None:
            raise RepositoryUnknown
        return found

    @property
    def owned(self) -> Namespace:
        """The namespace that the address names."""
        if self.namespace is None:
            raise NotFound
        return self.namespace

    def may(self, action: Action) -> bool:
        """Whether the visitor may do this to the repository."""
        return self.rights is not None and action in self.rights.actions

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
        return self.rights is not None and self.rights.may_administer

    @property
    def origin(self) -> str:
        """`scheme://host[:port]` as the visitor reached us."""
        return self.app.origins.origin(self.http)

    @property
    def host(self) -> str:
        """`host[:port]` as the visitor wrote it."""
        return self.app.origins.host(self.http)

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
        """What the browser keeps under that name, empty for nothing."""
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
    def form_token(self) -> str:
        """What every form of this browser must carry."""
        return form_token(self.form_secret, self.session_secret)

    @property
    def theme(self) -> str:
        """`light`, `dark`, or empty: as the system has it."""
        found = self.cookie("theme")
        return found if found in THEMES else ""

    @property
    def tool(self) -> str:
        """The client whose commands the visitor last asked for."""
        return self.cookie("tool")[:20]

    @property
    def language(self) -> str:
        """What was chosen by hand, else what the browser prefers, of those there are."""
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
    def actor(self) -> Actor:
        """The visitor as the audit log knows them."""
        return Actor(self.identity, self.http.address or self.http.client, self.http.id)

    @property
    def client(self) -> str:
        """What the browser calls itself."""
        return (self.http.header("user-agent") or "")[:300]

    @property
    def target(self) -> Target:
        """Where what the visitor uploads goes, with who saw it."""
        found = self.rights.target if self.rights else None
        if found is None:
            raise RepositoryUnknown
        return replace(found, witness=self.witness)

    def may_change(self) -> None:
        """Raise `Denied` where the repository is archived."""
        if self.repository.is_archived:
            raise Denied("the repository is archived: it can be pulled from, and nothing else")

    def whole_number(self, field: str) -> int:
        """A form's field as a number; 0 for anything else."""
        text = self.form.get(field)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0

    @property
    def problem(self) -> str:
        """What went wrong with the form that was sent last; shown once."""
        text = self.cookie(PROBLEM_COOKIE)
        try:
            return base64.urlsafe_b64decode(text).decode()[:500] if text else ""
        except ValueError:
            return ""

    @property
    def witness(self) -> Witness:
        """What records the visitor's changes to repositories."""
        return witness_of(self.actor, self.app.now)

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
