"""`/v2/NAME/manifests/REFERENCE`."""

from entrepot.errors import InvalidTag, ManifestTooLarge, ManifestUnknown
from entrepot.http.conditions import conditions_of
from entrepot.http.gate import Admission, Gate
from entrepot.http.messages import Request, Response, content, empty
from entrepot.hub.permissions import Action
from entrepot.hub.rates import Rates
from entrepot.metadata.manifests import ManifestFacts, StoredManifest
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import MAX_SIZE
from entrepot.oci.names import Reference, RepositoryName, Tag, parse_reference
from entrepot.registry.manifests import Manifests
from entrepot.registry.pulls import Pulls


class ManifestDoor:
    """Manifests by tag and by digest, byte for byte as they were pushed."""

    def __init__(self, gate: Gate, manifests: Manifests, pulls: Pulls, rates: Rates) -> None:
        self._gate = gate
        self._rates = rates
        self._manifests = manifests
        self._pulls = pulls

    async def get(self, request: Request, name: RepositoryName, reference: str) -> Response:
        """Answer with the bytes; `Accept` is not asked, for a digest names one thing only."""
        admission = await self._gate.admit(request, name, Action.PULL)
        repository = admission.repository
        limits = self._rates.pull(admission.identity, request.address)
        found = await self._manifests.get(repository, _reference_to_read(reference))
        if not _is_step_of_push(admission):
            who = admission.identity.name
            self._pulls.count(repository.id, found.id, found.digest, who)
        response = _manifest_response(request, found)
        response.headers.extend(limits)
        return response

    async def head(self, request: Request, name: RepositoryName, reference: str) -> Response:
        """Answer as `get` does, without reading the bytes."""
        admission = await self._gate.admit(request, name, Action.PULL)
        found = await self._manifests.get_facts(admission.repository, _reference_to_read(reference))
        # As on Docker Hub, asking is no pull: clients look there what is left.
        limits = self._rates.look_at_pulls(admission.identity, request.address)
        if _is_known(request, found.digest):
            return empty(304, [*_validators(found), *limits])
        length = ("content-length", str(found.size))
        headers = [*_validators(found), ("content-type", found.media_type), length, *limits]
        return Response(200, headers)

    async def put(self, request: Request, name: RepositoryName, reference: str) -> Response:
        """Store a manifest under a tag, or under its digest with as many tags as `tag=` names."""
        admission = await self._gate.admit(request, name, Action.PUSH)
        self._rates.push(admission.identity, request.address)
        digest, tags = _digest_and_tags(request, parse_reference(reference))
        body = await read_limited(request, MAX_SIZE)
        pushed = await self._manifests.put(
            admission.target,
            body,
            request.header("content-type"),
            digest=digest,
            tags=tags,
            by=admission.identity.account_id,
            condition=conditions_of(request),
        )
        known = admission.rights.repository
        if known is not None:
            self._pulls.take_back(known.id, str(pushed.digest), admission.identity.name)
        headers = [
            ("location", f"/v2/{name}/manifests/{pushed.digest}"),
            ("docker-content-digest", str(pushed.digest)),
        ]
        if pushed.subject is not None:
            headers.append(("oci-subject", str(pushed.subject)))
        if request.query("tag") is not None:
            headers += [("oci-tag", tag.text) for tag in pushed.tags]
        return empty(201, headers)

    async def delete(self, request: Request, name: RepositoryName, reference: str) -> Response:
        """Remove a tag alone, or a manifest with every tag on it."""
        admission = await self._gate.admit(request, name, Action.DELETE)
        parsed = _reference_to_read(reference)
        repository, by = admission.repository, admission.identity.account_id
        condition = conditions_of(request)
        if isinstance(parsed, Tag):
            await self._manifests.untag(repository, parsed, by, admission.witness, condition)
        else:
            await self._manifests.delete(repository, parsed, by, admission.witness, condition)
        return empty(202)


async def read_limited(request: Request, limit: int) -> bytes:
    """The whole body; raise `ManifestTooLarge` when more than `limit` bytes are said or come."""
    if (request.content_length or 0) > limit:
        raise ManifestTooLarge(detail={"limit": limit})
    runs = bytearray()
    async for run in request.body:
        runs += run
        if len(runs) > limit:
            raise ManifestTooLarge(detail={"limit": limit})
    return bytes(runs)


def _is_step_of_push(admission: Admission) -> bool:
    """Whether the manifest is read by a token that was asked for in order to push here.

    `helm push`, `crane tag` and others read a manifest on the way to tagging it; whoever pulls
    asks for a token to pull with.
    """
    return admission.identity.grants is not None and Action.PUSH in admission.actions


def _reference_to_read(text: str) -> Reference:
    try:
        return parse_reference(text)
    except InvalidTag as error:
        # What cannot be a tag is not there; only a malformed digest is the client's mistake.
        raise ManifestUnknown(detail={"reference": text[:200]}) from error


def _digest_and_tags(request: Request, reference: Reference) -> tuple[Digest | None, list[Tag]]:
    asked = [Tag(text) for text in request.query_all("tag")]
    if isinstance(reference, Digest):
        return reference, list(dict.fromkeys(asked))
    # regctl may name the digest of what it pushes to a tag.
    digest = request.query("digest")
    return (Digest.parse(digest) if digest else None), [reference]


def _manifest_response(request: Request, found: StoredManifest) -> Response:
    if _is_known(request, found.digest):
        return empty(304, _validators(found))
    return content(200, found.media_type, found.content, _validators(found))


def _validators(found: ManifestFacts) -> list[tuple[str, str]]:
    return [("docker-content-digest", found.digest), ("etag", f'"{found.digest}"')]


def _is_known(request: Request, digest: str) -> bool:
    return matches_etag(request, digest)


def matches_etag(request: Request, digest: str) -> bool:
    """Say whether a line of `If-None-Match` names the digest, quoted or not, weak or strong."""
    if request.header("if-none-match") is None:
        return False
    header = ",".join(request.headers.get_all("if-none-match"))
    candidates = (part.strip().removeprefix("W/").strip('"') for part in header.split(","))
    return any(candidate in (digest, "*") for candidate in candidates)
