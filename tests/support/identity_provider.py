"""A small OpenID Connect provider on a socket of its own, which can be told to misbehave."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final
from urllib.parse import parse_qs, unquote_plus, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

CLIENT_ID: Final = "entrepot+hub"
CLIENT_SECRET: Final = "a secret: with/odd&characters%"


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer that is not as it should be: `body` over and over, `pause` seconds apart."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    times: int = 1
    pause: float = 0


class IdentityProvider:
    """What the provider knows, and what it is told to do otherwise than it should."""

    def __init__(self, url: str, moment: float | None = None) -> None:
        self.url = url
        self.moment = moment
        own = RSAKey.generate_key(2048, {"kid": "rsa"})
        self.keys: list[RSAKey | ECKey] = [own, ECKey.generate_key("P-256")]
        self.subject = "subject-1"
        self.profile: dict[str, object] = {"preferred_username": "Carol.C", "name": "Carol C"}
        self.userinfo: dict[str, object] = {}
        self.changes: dict[str, object] = {}
        """Claims that differ from what they should be; `None`: that is missing."""
        self.header: dict[str, object] = {"alg": "RS256", "kid": "rsa"}
        self.signing_key: RSAKey | ECKey | OctKey = own
        self.discovery: dict[str, object] = {}
        self.takes_basic = True
        self.codes_are_used_up = True
        self.raw: dict[str, Raw] = {}
        """Paths that are answered with these very bytes, or are never done answering."""
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def authorize(self, url: str) -> tuple[str, str]:
        """What a browser brings back from that address: a code and the state."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        return code, asked["state"]

    def answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, object]:
        """Answer a request of the hub's."""
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return 200, self._configuration()
        if path == "/keys":
            return 200, KeySet(list(self.keys)).as_dict(private=False)
        if path == "/token":
            return self._token(form, authorization)
        if path == "/userinfo" and authorization == "Bearer access":
            return 200, self.userinfo
        return 404, {}

    def _configuration(self) -> dict[str, object]:
        found: dict[str, object] = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize?tenant=1",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }
        if not self.takes_basic:
            found["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
        return found | self.discovery

    def _token(self, form: dict[str, str], authorization: str) -> tuple[int, object]:
        code = form.get("code", "")
        asked = self._codes.pop(code, None) if self.codes_are_used_up else self._codes.get(code)
        if asked is None or not self._knows_client(form, authorization):
            return 400, {"error": "invalid_grant"}
        challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
        expected = base64.urlsafe_b64encode(challenge).decode().rstrip("=")
        if expected != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        id_token = self._id_token(asked["nonce"])
        return 200, {"id_token": id_token, "access_token": "access", "token_type": "Bearer"}

    def _knows_client(self, form: dict[str, str], authorization: str) -> bool:
        if not self.takes_basic:
            return form.get("client_secret") == CLIENT_SECRET
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        name, _, secret = pair.partition(":")
        return (unquote_plus(name), unquote_plus(secret)) == (CLIENT_ID, CLIENT_SECRET)

    def _id_token(self, nonce: str) -> str:
        now = int(time.time() if self.moment is None else self.moment)
        claims: dict[str, object] = {
            "iss": self.url,
            "sub": self.subject,
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "nonce": nonce,
            **self.profile,
            **self.changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        algorithms = [str(self.header["alg"])]
        payload = json.dumps(claims).encode()  # Escapes what is no text, as hostile ones do.
        return jws.serialize_compact(self.header, payload, self.signing_key, algorithms=algorithms)


@contextmanager
def serving(moment: float | None = None) -> Iterator[IdentityProvider]:
    """A provider that answers over HTTP while the context lasts; its clock may stand still."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    provider = IdentityProvider(f"http://127.0.0.1:{server.server_port}", moment)
    _Handler.providers[server.server_port] = provider
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers."""

    providers: Final[dict[int, IdentityProvider]] = {}

    def do_GET(self) -> None:
        """Answer a question."""
        self._answer({})

    def do_POST(self) -> None:
        """Answer a form."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self._answer({name: values[0] for name, values in parse_qs(body).items()})

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, form: dict[str, str]) -> None:
        assert isinstance(self.server, ThreadingHTTPServer)
        provider = self.providers[self.server.server_port]
        if raw := provider.raw.get(self.path):
            provider.asked.append(self.path)
            self._misbehave(raw)
            return
        authorization = self.headers.get("authorization", "")
        status, document = provider.answer(self.path, form, authorization)
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _misbehave(self, raw: Raw) -> None:
        self.send_response(raw.status)
        for name, value in raw.headers:
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            for _ in range(raw.times):
                self.wfile.write(raw.body)
                time.sleep(raw.pause)
