"""Forms as browsers send them, and proof that the page that sent one was ours."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from entrepot.errors import Denied, Invalid, UnsupportedForm
from entrepot.http.bodies import read_body
from entrepot.http.messages import Request
from entrepot.http.origin import normal_origin

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
MAX_FORM: Final = 512 * 1024
_MAX_FIELDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form; what is absent is empty."""

    fields: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """The field's last value."""
        return next((value for key, value in reversed(self.fields) if key == name), "")

    def get_all(self, name: str) -> list[str]:
        """Every value of the field, in order."""
        return [value for key, value in self.fields if key == name]

    def has(self, name: str) -> bool:
        """Whether the field was sent at all: boxes that are not ticked are not."""
        return any(key == name for key, _ in self.fields)


async def read_form(request: Request, most: int = MAX_FORM) -> Form:
    """Read the form in the request's body, of at most that many bytes."""
    if media_type(request) != FORM:
        raise UnsupportedForm
    body = await read_body(request, most)
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS, strict_parsing=False
        )
    except ValueError as error:
        raise Invalid("invalid form data") from error
    # A NUL is no text: databases refuse it, and no form's field can hold it.
    return Form(tuple((name, value.replace("\0", "")) for name, value in pairs))


def media_type(request: Request) -> str:
    """The media type of the body, without parameters."""
    return (request.header("content-type") or "").partition(";")[0].strip().lower()


def form_token(secret: str, session: str) -> str:
    """The token that a page's forms carry, for a browser's secret and its session's."""
    return hmac.new(secret.encode(), b"form:" + session.encode(), hashlib.sha256).hexdigest()


def check_origin(request: Request, origin: str) -> None:
    """Raise `Denied` where a browser says that another site's page sent the request."""
    said = request.header("origin")
    if said is not None and normal_origin(said) != normal_origin(origin):
        raise Denied("the request came from another site")
    site = request.header("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Denied("the request came from another site")


def check_token(given: str, secret: str, session: str) -> None:
    """Raise `Denied` where the form did not come from a page of ours in this browser."""
    if not secret or not hmac.compare_digest(given.encode(), form_token(secret, session).encode()):
        raise Denied("the form has expired: reload the page")
