"""A request of a program, let in by the access rule of its route."""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from msgspec import Struct, convert

from entrepot.context import RequestContext
from entrepot.errors import BadCredentials, Denied
from entrepot.http.authorize import AccessRule
from entrepot.http.router import Route
from entrepot.hub.permissions import check_own
from entrepot.model.people.accounts import Account

PREFIX: Final = "/api/v1"

Handler = Callable[..., Awaitable[object]]
"""Answers a request; its parameters `query` and `body` and its result are the documentation."""
View = TypeVar("View")


@dataclass(slots=True)
class ApiRequest(RequestContext):
    """A request of a program, let in by the access rule of its route."""

    headers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def account(self) -> Account:
        """The account that asks; `Denied` to an organization's token."""
        if self.identity.account is None:
            raise Denied("an organization's token does not belong to an account")
        return self.identity.account

    @property
    def unlimited_account(self) -> Account:
        """The account that asks, where no token limits it; else `Denied`."""
        check_own(self.account, self.actor)
        return self.account

    @property
    def number(self) -> int:
        """The id in the address."""
        return int(self.values["id"])

    def created(self, path: str) -> None:
        """Tell where what was made is, by its path below `/api/v1`."""
        self.headers.append(("location", f"{PREFIX}{path}"))


@dataclass(frozen=True, slots=True)
class Operation:
    """An API operation; its input and output are read from its handler's signature."""

    handler: Handler
    status: int
    query: type[Struct] | None
    body: type[Struct] | None
    result: object

    @property
    def summary(self) -> str:
        """The first sentence of the handler's docstring."""
        return (inspect.getdoc(self.handler) or "").partition("\n")[0]

    @property
    def description(self) -> str:
        """The docstring without its first sentence."""
        return (inspect.getdoc(self.handler) or "").partition("\n")[2].strip()


ApiRoute = Route[Operation]
FOR_STRANGERS: Final = frozenset({AccessRule.ANYONE, AccessRule.PULL})
"""Rules that may let somebody in without credentials; all others ask for them first."""


def route(
    method: str, path: str, rule: AccessRule, handler: Handler, *, status: int = 200, most: int = 0
) -> ApiRoute:
    """A row of the table; `path` begins below `/api/v1`."""
    hints = inspect.get_annotations(handler)
    result = hints["return"]
    operation = Operation(
        handler, 204 if result is None else status, hints.get("query"), hints.get("body"), result
    )
    return Route(method, f"{PREFIX}{path}", rule, operation, most)


def shown(kind: type[View], value: object) -> View:
    """The value's attributes as that kind of answer; what the kind does not name stays here."""
    return convert(value, kind, from_attributes=True)


@contextmanager
def proof() -> Iterator[None]:
    """Turn wrong credentials in a body into 403: the `Authorization` itself was right."""
    try:
        yield
    except BadCredentials as error:
        raise Denied(error.message) from error
