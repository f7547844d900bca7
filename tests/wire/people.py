"""Somebody with a name and a password, as the token flow sees them."""

import base64
import json
import re
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from tests.support.http import Answer, Client
from tests.wire.repositories import Repository

ALL = "pull,push,delete"
_PARAMETER = re.compile(r'(\w+)="([^"]*)"(?:,|$)')


def basic(name: str, password: str) -> str:
    """The header value that carries a name and a password."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def challenge(answer: Answer) -> dict[str, str]:
    """The parameters of the only challenge of a 401, which must be a Bearer one."""
    answer.expect(401)
    scheme, _, rest = answer.headers["WWW-Authenticate"].partition(" ")
    assert scheme == "Bearer"
    pairs = _PARAMETER.findall(rest)
    assert ",".join(f'{key}="{value}"' for key, value in pairs) == rest, rest
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def access(token: str) -> list[dict[str, object]]:
    """What a token grants."""
    payload = token.split(".")[1]
    granted = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["access"]
    assert isinstance(granted, list)
    return granted


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may ask for tokens; without a name, a stranger."""

    stranger: Client
    name: str = ""
    password: str = ""

    def ask(self, *scopes: str, **parameters: str) -> Answer:
        """The answer of the token service to these scopes, each sent on its own."""
        pairs = [("service", "test"), *parameters.items(), *(("scope", s) for s in scopes)]
        headers = {"Authorization": basic(self.name, self.password)} if self.name else {}
        return self.stranger.request("GET", f"/token?{urlencode(pairs)}", headers=headers)

    def token(self, *scopes: str) -> str:
        """A token for these scopes, or for as much of them as is granted."""
        token = self.ask(*scopes).expect(200).object()["token"]
        assert isinstance(token, str)
        return token

    def granted(self, *scopes: str) -> dict[str, set[str]]:
        """The actions that a token for these scopes holds, by repository."""
        found: dict[str, set[str]] = {}
        for entry in access(self.token(*scopes)):
            assert isinstance(entry["actions"], list)
            if entry["actions"]:
                found.setdefault(str(entry["name"]), set()).update(entry["actions"])
        return found

    def with_token(self, *scopes: str) -> Client:
        """A client that sends a token for these scopes."""
        return bearing(self.stranger, self.token(*scopes))

    def repository(self, name: str, actions: str = ALL) -> Repository:
        """A repository spoken to with a token for these actions."""
        return Repository(self.with_token(f"repository:{name}:{actions}"), name)

    def post(self, **fields: str) -> Answer:
        """The answer of the token service to a form."""
        form = urlencode(fields, quote_via=quote).encode()
        kind = "application/x-www-form-urlencoded"
        return self.stranger.post("/token", form, content_type=kind)


def bearing(client: Client, token: str) -> Client:
    """The client, sending this token."""
    return replace(client, headers={**client.headers, "Authorization": f"Bearer {token}"})
