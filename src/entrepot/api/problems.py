"""Errors as problem documents (RFC 9457)."""

import re
from http import HTTPStatus
from typing import Annotated, Final

from msgspec import Meta, Struct, json

from entrepot.errors import EntrepotError, Unauthenticated
from entrepot.http.errors import error_headers, status_of
from entrepot.http.messages import Request, Response, content

PROBLEM: Final = "application/problem+json"


class Problem(Struct, frozen=True):
    """An error. `code` is for programs, `detail` for people, `request` finds it in the log."""

    type: str
    title: str
    status: int
    detail: str
    code: Annotated[str, Meta(description="The error's name, such as `repository_unknown`.")]
    request: Annotated[str, Meta(description="The request's id in the log.")]


def problem_response(error: EntrepotError, request: Request) -> Response:
    """The answer to a request that failed in a way we can name."""
    status = status_of(error)
    headers = error_headers(error, status)
    if isinstance(error, Unauthenticated):
        headers += _challenges(error, request)
    return _respond(status, error.message, code_of(type(error)), request.id, headers)


def failure_response(request: Request) -> Response:
    """Return the answer to an unexpected failure: the request id to search the log for."""
    return _respond(
        500, "internal error: report the request id to the operator", "failure", request.id, []
    )


def code_of(kind: type[EntrepotError]) -> str:
    """The error's name as programs read it: `RepositoryUnknown` is `repository_unknown`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def _respond(
    status: int, detail: str, code: str, request_id: str, headers: list[tuple[str, str]]
) -> Response:
    title = HTTPStatus(status).phrase
    problem = Problem("about:blank", title, status, detail, code, request_id)
    return content(status, PROBLEM, json.encode(problem), headers)


def _challenges(error: Unauthenticated, request: Request) -> list[tuple[str, str]]:
    """Both ways in (RFC 7617, RFC 6750); what was wrong with a token that was shown."""
    shown = request.header("authorization") is not None
    why = f', error="{error.reason}"' if error.reason and shown else ""
    return [
        ("www-authenticate", 'Basic realm="entrepot", charset="UTF-8"'),
        ("www-authenticate", f'Bearer realm="entrepot"{why}'),
    ]
