"""Turns verdicts about pulls into answers: a refusal, a warning, or nothing."""

from typing import Final

from entrepot.errors import PullRefused
from entrepot.hub.people.actors import Action
from entrepot.model.manifests import ManifestFacts
from entrepot.model.repositories import Repository
from entrepot.model.security.pull_policies import PullVerdict
from entrepot.v2.requests import RegistryRequest

Headers = list[tuple[str, str]]

_SIGNERS: Final = ("cosign/", "notation/")
_ALLOWED: Final = (None, PullVerdict.ALLOW)


async def heed_verdict(
    request: RegistryRequest, repository: Repository, found: ManifestFacts
) -> Headers:
    """Return the headers that warn of a pull; raise `PullRefused` where the rules refuse it.

    The verdict came with the manifest: only what is refused or warned of costs a statement more.
    """
    if found.verdict in _ALLOWED or await _is_to_be_signed(request, repository):
        return []
    tag = None if ":" in request.reference else request.reference
    text = await request.app.pull_verdicts.explain(repository.id, found, tag)
    if not text:
        return []
    reference = f"{repository.name}:{tag}" if tag else f"{repository.name}@{found.digest}"
    message = f"{text}; {request.origin}/r/{reference}/policy"
    headers = [("warning", f'299 - "{_quotable(message)}"')]
    if found.verdict == PullVerdict.REFUSE:
        refusal = PullRefused(message)
        refusal.headers = tuple(headers)
        raise refusal
    return headers


async def _is_to_be_signed(request: RegistryRequest, repository: Repository) -> bool:
    """Whether somebody who may push here reads the manifest in order to push or to sign it.

    A rule that asks for a signature or an SBOM must not keep out who brings it. With a token to
    push, clients look at what they attach something to (HEAD), and Helm reads back by its digest
    what it is about to tag; cosign and notation read what they sign with a token to pull.
    """
    is_pull = request.http.method == "GET" and ":" not in request.reference
    may_push = request.identity.grants is not None and Action.PUSH in request.rights.actions
    if may_push and not is_pull:
        return True
    agent = (request.http.header("user-agent") or "").lower()
    if not agent.startswith(_SIGNERS):
        return False
    return await request.app.permissions.may_push(request.identity, repository)


def _quotable(text: str) -> str:
    """The text as it can stand in a quoted string of a header (RFC 9110 section 5.6.4)."""
    return "".join(char if " " <= char <= "~" and char not in '"\\' else "'" for char in text)[:600]
