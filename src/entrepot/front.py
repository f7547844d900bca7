"""Processing common to all requests: limits, CORS, headers."""

from typing import Final

from entrepot.errors import AddressTooLong, EntrepotError, HeadTooLarge, TooMany
from entrepot.http.errors import error_headers, error_response, failure_response, status_of
from entrepot.http.messages import Request, Response, content, empty, without_body
from entrepot.http.origin import Origins, normal_origin
from entrepot.v2.door import refusal
from entrepot.v2.tokens import TOKEN_PATHS

MAX_PATH: Final = 2048
MAX_QUERY: Final = 16 * 1024
MAX_SCOPES: Final = 128 * 1024
"""Bytes of the query of `/token`, of which the server takes half: clients ask for hundreds of
repositories at once."""
MAX_HEAD: Final = 32 * 1024
"""Bytes of all names and values of headers."""

REFUSALS: Final = (AddressTooLong, HeadTooLarge, TooMany)
"""What is raised before a door is asked; anything else that comes so far is a bug."""

ANY_ORIGIN: Final = "*"
_CORS_PATHS: Final = ("/v2/", "/api/")
_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_SENT: Final = (
    "Accept, Authorization, Content-Range, Content-Type, If-Match, If-Modified-Since, "
    "If-None-Match, If-Range, Range, X-Requested-With"
)
_SHOWN: Final = (
    "Accept-Ranges, Content-Length, Content-Range, Docker-Content-Digest, "
    "Docker-Distribution-Api-Version, Docker-RateLimit-Source, Docker-Upload-UUID, ETag, Link, "
    "Location, OCI-Chunk-Min-Length, OCI-Filters-Applied, OCI-Subject, OCI-Tag, Range, "
    "RateLimit-Limit, RateLimit-Remaining, Retry-After, Warning, WWW-Authenticate"
)
_PREFLIGHT_LASTS: Final = "7200"
_ALWAYS: Final = (
    ("x-content-type-options", "nosniff"),
    # Nothing but pages, which say so themselves, is to be shown by a browser.
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
)
_HSTS: Final = ("strict-transport-security", "max-age=31536000")


class Front:
    """Looks at requests before a door does, and at answers after it."""

    def __init__(
        self, origins: Origins, cors_origins: tuple[str, ...], *, is_local_ca: bool
    ) -> None:
        self._origins = origins
        self._is_for_any = ANY_ORIGIN in cors_origins
        self._allowed = frozenset(normal_origin(each) for each in cors_origins)
        self._is_local_ca = is_local_ca

    def receive(self, request: Request) -> Response | None:
        """The answer where no door is to be asked: to a preflight, and to what is too large."""
        check_head(request)
        if request.method != "OPTIONS" or "access-control-request-method" not in request.headers:
            return None
        if self._allowed_origin(request) is None:
            return None
        return empty(
            204,
            [
                ("access-control-allow-methods", _METHODS),
                ("access-control-allow-headers", _SENT),
                ("access-control-max-age", _PREFLIGHT_LASTS),
            ],
        )

    def finish(self, request: Request, response: Response) -> Response:
        """The answer with what browsers must know of it, and without a body for `HEAD`."""
        names = {name for name, _ in response.headers}
        response.headers += [pair for pair in _ALWAYS if pair[0] not in names]
        if self._origins.is_https(request) and not self._is_by_local_ca(request):
            response.headers.append(_HSTS)
        if self._allowed and _is_for_programs(request.path):
            self._let_read(request, response)
        return without_body(response) if request.method == "HEAD" else response

    def _is_by_local_ca(self, request: Request) -> bool:
        """HTTPS to try things with must not bind what else the machine serves to HTTPS."""
        return self._is_local_ca and request.scheme == "https"

    def _allowed_origin(self, request: Request) -> str | None:
        """The origin of the page that asks, where it may read the answer."""
        origin = request.header("origin")
        if origin is None or not _is_for_programs(request.path):
            return None
        if self._is_for_any:
            return ANY_ORIGIN
        # What it is compared to has no spaces or controls, so it can be said as it came.
        return origin if normal_origin(origin) in self._allowed else None

    def _let_read(self, request: Request, response: Response) -> None:
        """Never with credentials: a page sends `Authorization` itself, and cookies not at all."""
        if not self._is_for_any:
            _vary(response, "origin")
        allowed = self._allowed_origin(request)
        if allowed is not None:
            response.headers.append(("access-control-allow-origin", allowed))
            response.headers.append(("access-control-expose-headers", _SHOWN))


def check_head(request: Request) -> None:
    """Raise where the head of the request is larger than any client needs."""
    path = request.path
    # What is percent-encoded was decoded, and counts as the bytes it is.
    if len(path) > MAX_PATH or (not path.isascii() and len(path.encode()) > MAX_PATH):
        raise AddressTooLong
    if len(request.query_string) > (MAX_SCOPES if path == "/token" else MAX_QUERY):
        raise AddressTooLong
    headers = request.headers
    if sum(map(len, headers.values())) + sum(map(len, headers.keys())) > MAX_HEAD:
        raise HeadTooLarge


def refused(request: Request, error: EntrepotError) -> Response:
    """Return a refusal in the format of the door that the request was for."""
    if request.path.startswith("/api/"):
        from entrepot.api.problems import problem_response

        return problem_response(error, request)
    if request.path.startswith("/v2"):
        return refusal(error)
    if request.path in TOKEN_PATHS or request.path.startswith("/v1/"):
        return error_response(error)
    # No page: that would cost as much as what is refused.
    status = status_of(error)
    again = f"; try again in {error.wait} seconds" if isinstance(error, TooMany) else ""
    text = f"{error.message}{again}\n".encode()
    return content(status, "text/plain; charset=utf-8", text, error_headers(error, status))


def failed(request: Request) -> Response:
    """Return the answer to an unexpected failure, in the format of the door."""
    if request.path.startswith("/api/"):
        from entrepot.api.problems import failure_response as problem

        return problem(request)
    return failure_response(request.id)


def _is_for_programs(path: str) -> bool:
    return path.startswith(_CORS_PATHS) or path in ("/v2", *TOKEN_PATHS)


def _vary(response: Response, name: str) -> None:
    said = ", ".join(value for key, value in response.headers if key == "vary")
    response.headers = [pair for pair in response.headers if pair[0] != "vary"]
    response.headers.append(("vary", f"{said}, {name}" if said else name))
