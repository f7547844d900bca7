"""Authentication: who sends a request, by its `Authorization` or by a browser's session."""

import base64
import binascii
from typing import Final

from entrepot.errors import BadCredentials, BadToken
from entrepot.http.cookies import read_sessions
from entrepot.http.messages import Request
from entrepot.hub.identity.authentication import Authentication
from entrepot.hub.identity.secrets import looks_like_secret
from entrepot.hub.identity.sessions import Sessions, SignedIn
from entrepot.hub.identity.tokens import Tokens
from entrepot.hub.people.actors import ANONYMOUS, Identity
from entrepot.hub.workloads.workloads import Workloads

_MAX_HEADER: Final = 16384


class Authenticator:
    """Finds out who sends a request, by the database as it is at that moment."""

    def __init__(
        self,
        authentication: Authentication,
        sessions: Sessions,
        tokens: Tokens,
        workloads: Workloads,
    ) -> None:
        self._authentication = authentication
        self._sessions = sessions
        self._tokens = tokens
        self._workloads = workloads

    async def identify(self, request: Request) -> Identity:
        """The identity that `Authorization` presents; `ANONYMOUS` without one.

        The use of a token or a job's grant is noted. Raises `BadCredentials` or `BadToken`.
        """
        authorization = request.header("authorization")
        if authorization is None:
            return ANONYMOUS
        scheme, _, value = authorization.partition(" ")
        scheme, value = scheme.lower(), value.strip()
        if len(value) > _MAX_HEADER:
            raise BadToken
        if scheme == "basic":
            return await self.identify_basic(value, request.sender)
        if scheme != "bearer":
            raise BadToken
        if looks_like_secret(value):
            identity = await self._authentication.by_access_token(value)
            return await self.note_use(identity, request.sender)
        return await self._authentication.by_registry_token(value)

    async def identify_caller(self, request: Request) -> Identity:
        """As `identify`, where registry tokens are refused with `BadToken`."""
        identity = await self.identify(request)
        if identity.grants is not None:
            raise BadToken("registry tokens are valid for /v2 only: use an access token")
        return identity

    async def note_use(self, identity: Identity, address: str) -> Identity:
        """Record when its token or its job's grant was used last, to the minute; return it."""
        if identity.token_id is not None:
            await self._tokens.touch(identity.token_id, address)
        if identity.job is not None:
            await self._workloads.touch(identity.job.id)
        return identity

    async def identify_basic(self, value: str, address: str) -> Identity:
        """The identity of Basic credentials (RFC 7617); `ANONYMOUS` where both parts are empty.

        Raises `BadCredentials`, and `TooMany` where that address guesses.
        """
        name, secret = parse_basic(value)
        if not name and not secret:
            return ANONYMOUS
        identity = await self._authentication.by_credentials(name, secret, address)
        return await self.note_use(identity, address)

    async def find_session(self, request: Request, origin: str) -> tuple[SignedIn | None, str]:
        """The session that a browser's cookies name, and its secret; `None` where none is good."""
        for secret in read_sessions(request, origin):
            signed_in = await self._sessions.find(secret)
            if signed_in is not None:
                return signed_in, secret
        return None, ""


def parse_basic(value: str) -> tuple[str, str]:
    """The name and secret of Basic credentials; raise `BadCredentials` where they are malformed."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise BadCredentials from error
    name, colon, secret = text.partition(":")
    if not colon or "\0" in text:
        raise BadCredentials
    return name, secret
