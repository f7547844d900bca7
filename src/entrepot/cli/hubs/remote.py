"""The API of a hub that is far away, over HTTP. Nothing of the server is imported here."""

import ssl
from http.client import BadStatusLine, HTTPException, HTTPMessage
from typing import IO, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import (
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from entrepot import __version__
from entrepot.cli.common.output import fail, printable
from entrepot.cli.hubs.addresses import is_loopback
from entrepot.cli.hubs.hub import Answer

_TIMEOUT: Final = 60.0
_LARGEST: Final = 64 * 1024 * 1024


class _NoRedirects(HTTPRedirectHandler):
    """Follows nothing: a token is for the host that it was made for."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Refuse, with the address to use in its place."""
        fail(f"{req.host} sends elsewhere: use the address that {newurl} begins with")


class RemoteTransport:
    """Sends requests to a hub; `authorization` is the header's value, empty for strangers."""

    def __init__(self, url: str, authorization: str, ca: str | None) -> None:
        self._url = url
        self._authorization = authorization
        self._opener = _opener(url, ca)
        self.host = url.partition("://")[2]

    def send(self, method: str, path: str, query: str, body: bytes | None) -> Answer:
        """Send the request and read the whole answer."""
        url = f"{self._url}/api/v1{quote(path, safe='/:@')}{'?' if query else ''}{query}"
        headers = {"Accept": "application/json", "User-Agent": f"entrepot/{__version__}"}
        if self._authorization:
            headers["Authorization"] = self._authorization
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = Request(url, data=body, headers=headers, method=method)  # noqa: S310
        try:
            return self._exchange(request)
        except URLError as error:
            fail(f"{self.host} cannot be reached: {_reason(error.reason)}")
        except (HTTPException, OSError) as error:
            fail(f"{self.host} does not answer: {_reason(error)}")

    def _exchange(self, request: Request) -> Answer:
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as response:
                body = response.read(_LARGEST + 1)
                status = response.status
        except HTTPError as error:
            with error:
                return Answer(error.code, error.read(_LARGEST))
        if len(body) > _LARGEST:
            fail(f"the answer of {self.host} is larger than {_LARGEST >> 20} MiB")
        return Answer(status, body)


def _opener(url: str, ca: str | None) -> OpenerDirector:
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        fail(f"{ca} holds no certificates: {_reason(error)}")
    handlers = [HTTPSHandler(context=context), _NoRedirects()]
    if is_loopback(url):
        return build_opener(*handlers, ProxyHandler({}))
    return build_opener(*handlers)


def _reason(error: object) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}): pass --ca FILE to login"
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return "it speaks no TLS; is it http://?"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    if isinstance(error, BadStatusLine):
        return "it speaks no HTTP; is it https://?"
    return printable(error) or type(error).__name__
