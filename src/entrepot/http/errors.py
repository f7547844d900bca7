"""How families of errors become answers, the same for all doors."""

import json
from typing import Final

from entrepot import errors
from entrepot.errors import (
    EntrepotError,
    ManifestBlobUnknown,
    MethodUnsupported,
    NoSuchNamespace,
    PullRefused,
    RangeUnsatisfiable,
    TooMany,
    Unauthenticated,
    UpstreamFailed,
)
from entrepot.http.messages import Response, content

STATUS: Final[dict[type[EntrepotError], int]] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.Unsupported: 405,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.TooManyTags: 414,
    errors.AddressTooLong: 414,
    errors.UnsupportedForm: 415,
    errors.OutOfOrder: 416,
    errors.RangeUnsatisfiable: 416,
    errors.UploadBusy: 416,
    errors.TooMany: 429,
    errors.HeadTooLarge: 431,
    errors.Unavailable: 503,
    errors.OutOfSpace: 507,
}
"""The nearest class on the error's own line of ancestors decides."""

RETRY_AFTER: Final = {503: "1"}


def status_of(error: EntrepotError) -> int:
    """The status that this error is answered with."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def error_response(error: EntrepotError) -> Response:
    """The OCI error body (distribution-spec 1.1, "Error Codes") with its status."""
    status = status_of(error)
    return content(status, "application/json", error_body(error), error_headers(error, status))


def basic_error_response(error: EntrepotError) -> Response:
    """As `error_response`; who must say who they are is asked for Basic credentials (RFC 7617)."""
    response = error_response(error)
    if isinstance(error, Unauthenticated):
        response.headers.append(("www-authenticate", 'Basic realm="entrepot"'))
    return response


def error_headers(error: EntrepotError, status: int) -> list[tuple[str, str]]:
    """Return the headers of an error: allowed methods, the range, or when to retry."""
    if isinstance(error, MethodUnsupported):
        return [("allow", ", ".join(error.allowed))]
    if isinstance(error, RangeUnsatisfiable):
        return [("content-range", f"bytes */{error.size}")]
    if isinstance(error, UpstreamFailed):
        return [("retry-after", str(error.wait))]
    if isinstance(error, PullRefused):
        return list(error.headers)
    if isinstance(error, TooMany):
        return [("retry-after", str(error.wait)), *error.headers]
    return [("retry-after", RETRY_AFTER[status])] if status in RETRY_AFTER else []


def error_body(error: EntrepotError) -> bytes:
    """`{"errors": […]}`, one entry for each piece of content that is missing."""
    if isinstance(error, ManifestBlobUnknown):
        entries = [_entry(error, {"digest": digest}) for digest in error.missing]
    else:
        entries = [_entry(error, error.detail)]
    return json.dumps({"errors": entries}, separators=(",", ":")).encode()


def explain(error: NoSuchNamespace, origin: str) -> str:
    """Return the error message and its remedy, with the hub's address as the client knows it."""
    return f"{error.message}: {error.remedy.format(origin=origin)}"


def failure_response(request_id: str) -> Response:
    """Return the answer to an unexpected failure: a code and the request id in the log."""
    detail = {"code": "UNKNOWN", "message": "unknown error", "detail": {"request": request_id}}
    body = json.dumps({"errors": [detail]}, separators=(",", ":")).encode()
    return content(500, "application/json", body)


def _entry(error: EntrepotError, detail: object) -> dict[str, object]:
    return {"code": error.code, "message": error.message, "detail": detail}
