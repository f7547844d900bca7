"""OpenID Connect (Core 1.0): a provider's claims about a person, believed only after every check.

The authorization code flow with PKCE (RFC 7636) and a nonce. The libraries are imported where they
are used: a start need not wait for them.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote_plus, urlencode

from entrepot.errors import BadCredentials, Denied
from entrepot.hub.events.webhook_urls import WebhookUrls
from entrepot.hub.identity.issuer_keys import ALGORITHMS, IssuerKeys
from entrepot.hub.identity.provider_client import Document, ProviderClient
from entrepot.hub.people.groups import MAX_GROUP, MOST_GROUPS
from entrepot.hub.workloads.trust_conditions import find_value
from entrepot.metadata.engines.engine import Clock

_LEEWAY: Final = timedelta(seconds=60)
_MAX_SUBJECT: Final = 255
_MAX_TOKEN: Final = 65536


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """Who the provider is, and what it calls this hub; without a secret, a public client.

    `groups_claim` is a name or a JSON pointer; without it nobody has groups.
    """

    issuer: str
    client_id: str
    client_secret: str | None
    scopes: tuple[str, ...] = ()
    groups_claim: str | None = None


@dataclass(frozen=True, slots=True)
class IdTokenClaims:
    """A person whom the provider vouches for."""

    issuer: str
    subject: str
    name: str
    full_name: str
    email: str
    groups: tuple[str, ...] | None = None
    """The groups of the person; `None` where the provider has not said."""


class Provider:
    """One provider of identities: finds its addresses and keys, and reads what it signs."""

    def __init__(
        self, settings: ProviderSettings, now: Clock, targets: WebhookUrls | None = None
    ) -> None:
        self.settings = settings
        self._now = now
        self._client = ProviderClient(settings.issuer, targets or WebhookUrls())
        self._published = IssuerKeys(settings.issuer, self._client, now)

    async def authorization_url(
        self, redirect_uri: str, state: str, nonce: str, verifier: str
    ) -> str:
        """Where to send the browser; it comes back to `redirect_uri` with `state` and a code."""
        endpoint = await self._published.endpoint("authorization_endpoint")
        parameters = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(("openid", "profile", "email", *self.settings.scopes)),
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        return endpoint + ("&" if "?" in endpoint else "?") + urlencode(parameters)

    async def check_issuer(self, said: str | None) -> None:
        """Raise `BadCredentials` where what the browser brought is of another provider (RFC 9207).

        `said` is the parameter `iss`; one that says in its discovery that it sends it must.
        """
        sends = (await self._published.discover()).get(
            "authorization_response_iss_parameter_supported"
        )
        if said is None and sends is not True:
            return
        if said != self.settings.issuer:
            raise BadCredentials("the response comes from another provider")

    async def redeem(
        self, code: str, redirect_uri: str, verifier: str, nonce: str
    ) -> IdTokenClaims:
        """Whom the code stands for; raise `BadCredentials` for any that is not good."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            "client_id": self.settings.client_id,
        }
        answer = await self._exchange(form)
        token = answer.get("id_token")
        if not isinstance(token, str) or len(token) > _MAX_TOKEN:
            raise BadCredentials("the provider sent no ID token")
        claims = self._believed(await self._verified(token), nonce)
        is_told = self.settings.groups_claim is None or claims.groups is not None
        if claims.name and is_told:
            return claims
        return await self._with_profile(claims, answer.get("access_token"))

    async def _with_profile(self, claims: IdTokenClaims, access_token: object) -> IdTokenClaims:
        """The claims of the provider's UserInfo endpoint (Core 1.0 section 5.3)."""
        url = (await self._published.discover()).get("userinfo_endpoint")
        if not isinstance(url, str) or not isinstance(access_token, str):
            return claims
        said = await self._published.get(
            await self._published.endpoint("userinfo_endpoint"), access_token
        )
        if said.get("sub") != claims.subject:
            raise BadCredentials("the provider's responses name two different users")
        known = {"name": claims.full_name, "preferred_username": claims.name}
        return self._described(claims, {**known, **said})

    def _described(self, claims: IdTokenClaims, said: Document) -> IdTokenClaims:
        groups = read_groups(said, self.settings.groups_claim)
        return _described(replace(claims, groups=groups), said)

    async def _exchange(self, form: dict[str, str]) -> Document:
        endpoint = await self._published.endpoint("token_endpoint")
        secret = self.settings.client_secret
        auth: tuple[str, str] | None = None
        if secret is not None and await self._takes_basic():
            # RFC 6749 section 2.3.1: what Basic holds is encoded as forms are.
            auth = (quote_plus(self.settings.client_id), quote_plus(secret))
        elif secret is not None:
            form = {**form, "client_secret": secret}
        status, answer = await self._client.post(endpoint, form, auth)
        if status != 200:
            raise BadCredentials("the provider did not accept the code")
        return answer

    async def _takes_basic(self) -> bool:
        methods = (await self._published.discover()).get("token_endpoint_auth_methods_supported")
        return not isinstance(methods, list) or "client_secret_basic" in methods

    async def _verified(self, token: str) -> Document:
        """The claims of a token that the provider signed with a key of its own."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jws import extract_compact

        try:
            kid = extract_compact(token.encode()).headers().get("kid")
            keys = await self._published.find_keys(kid if isinstance(kid, str) else None)
            return jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise BadCredentials("the provider's ID token is not signed by it") from error

    def _believed(self, claims: Document, nonce: str) -> IdTokenClaims:
        """Core 1.0 section 3.1.3.7: meant for us, by that provider, now, and asked for by us."""
        audience, now = claims.get("aud"), self._now()
        audiences = audience if isinstance(audience, list) else [audience]
        party = claims.get("azp", self.settings.client_id)
        if claims.get("iss") != self.settings.issuer:
            raise BadCredentials("the ID token was issued by another provider")
        if self.settings.client_id not in audiences or party != self.settings.client_id:
            raise BadCredentials("the ID token was issued to another client")
        if len(audiences) > 1 and "azp" not in claims:
            raise BadCredentials("the ID token has no audience")
        if now >= _instant(claims, "exp") + _LEEWAY or _instant(claims, "iat") > now + _LEEWAY:
            raise BadCredentials("the ID token has expired")
        if not hmac.compare_digest(_text(claims, "nonce").encode(), nonce.encode()):
            raise BadCredentials("the ID token has the wrong nonce")
        subject = _text(claims, "sub")
        if not 0 < len(subject) <= _MAX_SUBJECT or "\0" in subject:
            raise BadCredentials("the ID token has no subject")
        return self._described(IdTokenClaims(self.settings.issuer, subject, "", "", ""), claims)


def _described(claims: IdTokenClaims, said: Document) -> IdTokenClaims:
    name = _text(said, "preferred_username") or _text(said, "nickname")
    # An address that people can freely choose at the provider does not identify them.
    verified = said.get("email_verified")
    is_verified = verified is True or verified == "true"
    full_name, email = _text(said, "name"), _text(said, "email") if is_verified else claims.email
    return replace(claims, name=name, full_name=full_name, email=email)


def read_groups(claims: Document, name: str | None) -> tuple[str, ...] | None:
    """The groups in the claim of that name; `None` without it. Raises `Denied` for too many.

    A part of them would take away what the others give.
    """
    if name is None:
        return None
    # Core 1.0 section 5.6.2; Microsoft sends an address in place of more than 200 groups.
    elsewhere = claims.get("_claim_names")
    is_left_out = isinstance(elsewhere, dict) and name in elsewhere
    found = find_value(claims, name)
    if is_left_out or (isinstance(found, list) and len(found) > MOST_GROUPS):
        raise Denied(
            "you are in more groups than the provider sends: ask an administrator to let it send"
            " only the groups that are assigned to this hub"
        )
    if found is None:
        return None
    values = found if isinstance(found, list) else [found]
    texts = (each for each in values if isinstance(each, str) and each.isprintable())
    return tuple(text for text in texts if 0 < len(text) <= MAX_GROUP)


def _challenge(verifier: str) -> str:
    """RFC 7636 section 4.2, S256."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _text(claims: Document, name: str) -> str:
    found = claims.get(name)
    # A lone surrogate is no text: neither a database nor a hash takes it.
    is_text = isinstance(found, str) and not any("\ud800" <= each <= "\udfff" for each in found)
    return found if isinstance(found, str) and is_text else ""


def _instant(claims: Document, name: str) -> datetime:
    found = claims.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise BadCredentials("the ID token has no validity period")
    try:
        return datetime.fromtimestamp(found, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadCredentials("the ID token has no validity period") from error
