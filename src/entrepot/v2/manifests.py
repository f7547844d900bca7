"""`/v2/NAME/manifests/REFERENCE`."""

from collections.abc import Sequence

from entrepot.errors import InvalidTag, ManifestTooLarge, ManifestUnknown
from entrepot.http.bodies import read_body
from entrepot.http.conditions import conditions_of, matches_etag
from entrepot.http.messages import Request, Response, content, empty
from entrepot.hub.permissions import Action
from entrepot.model.manifests import ManifestFacts
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import MAX_SIZE
from entrepot.oci.names import Reference, Tag, parse_reference
from entrepot.registry.replication.arrivals import HEADER, parse_moment
from entrepot.v2.requests import RegistryRequest
from entrepot.v2.verdicts import heed_verdict


async def get(request: RegistryRequest) -> Response:
    """Answer with the bytes; `Accept` is not asked, for a digest names one thing only."""
    repository = request.repository
    limits = request.app.rates.pull(request.identity, request.http.address)
    return await respond(request, repository, reference_to_read(request.reference), limits)


async def respond(
    request: RegistryRequest,
    repository: Repository,
    reference: Reference,
    extra: Sequence[tuple[str, str]],
) -> Response:
    """The answer to a `GET` of a manifest of the repository, which counts as a pull."""
    manifests = request.app.manifests
    if request.http.header("if-none-match") is not None:
        facts = await manifests.get_facts(repository, reference)
        if matches_etag(request.http, facts.digest):
            if facts.verdict:
                extra = [*extra, *await heed_verdict(request, repository, facts)]
            _count_pull(request, repository, facts)
            return empty(304, [*_validators(facts), *extra])
    found = await manifests.get(repository, reference)
    if found.verdict:
        extra = [*extra, *await heed_verdict(request, repository, found)]
    _count_pull(request, repository, found)
    return content(200, found.media_type, found.content, [*_validators(found), *extra])


async def head(request: RegistryRequest) -> Response:
    """Answer as `get` does, without reading the bytes."""
    found = await request.app.manifests.get_facts(
        request.repository, reference_to_read(request.reference)
    )
    # As on Docker Hub, asking is no pull: clients look there what is left.
    limits = request.app.rates.look_at_pulls(request.identity, request.http.address)
    return await respond_to_head(request, request.repository, found, limits)


async def respond_to_head(
    request: RegistryRequest,
    repository: Repository,
    found: ManifestFacts,
    extra: Sequence[tuple[str, str]],
) -> Response:
    """The answer to a `HEAD` of that manifest."""
    if found.verdict:
        extra = [*extra, *await heed_verdict(request, repository, found)]
    if matches_etag(request.http, found.digest):
        return empty(304, [*_validators(found), *extra])
    length = ("content-length", str(found.size))
    headers = [*_validators(found), ("content-type", found.media_type), length, *extra]
    return Response(200, headers)


async def put(request: RegistryRequest) -> Response:
    """Store a manifest under a tag, or under its digest with as many tags as `tag=` names."""
    request.app.rates.push(request.identity, request.http.address)
    digest, tags = _digest_and_tags(request.http, parse_reference(request.reference))
    body = await read_body(request.http, MAX_SIZE, ManifestTooLarge(detail={"limit": MAX_SIZE}))
    pushed = await request.app.manifests.put(
        request.target,
        body,
        request.http.header("content-type"),
        digest=digest,
        tags=tags,
        by=request.identity.author,
        condition=conditions_of(request.http),
        authored_at=parse_moment(request.http.header(HEADER)),
    )
    known = request.rights.repository
    if known is not None:
        request.app.pulls.take_back(known.id, str(pushed.digest), request.identity.name)
    headers = [
        ("location", f"/v2/{request.name}/manifests/{pushed.digest}"),
        ("docker-content-digest", str(pushed.digest)),
    ]
    if pushed.subject is not None:
        headers.append(("oci-subject", str(pushed.subject)))
    if request.http.query("tag") is not None:
        headers += [("oci-tag", tag.text) for tag in pushed.tags]
    return empty(201, headers)


async def delete(request: RegistryRequest) -> Response:
    """Remove a tag alone, or a manifest with every tag on it."""
    parsed = reference_to_read(request.reference)
    repository, by = request.repository, request.identity.author
    condition = conditions_of(request.http)
    if isinstance(parsed, Tag):
        at = parse_moment(request.http.header(HEADER))
        await request.app.manifests.untag(repository, parsed, by, request.listener, condition, at)
    else:
        await request.app.manifests.delete(repository, parsed, by, request.listener, condition)
    return empty(202)


def _count_pull(request: RegistryRequest, repository: Repository, found: ManifestFacts) -> None:
    """Count a pull, unless the token was asked for in order to push here.

    `helm push`, `crane tag` and others read a manifest on the way to tagging it; whoever pulls
    asks for a token to pull with.
    """
    if request.identity.grants is None or Action.PUSH not in request.rights.actions:
        who = request.identity.name
        tag = "" if ":" in request.reference else request.reference
        request.app.pulls.count(repository.id, found.id, found.digest, who, tag)


def reference_to_read(text: str) -> Reference:
    """The tag or digest in a path; `ManifestUnknown` for what could be neither."""
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


def _validators(found: ManifestFacts) -> list[tuple[str, str]]:
    return [("docker-content-digest", found.digest), ("etag", f'"{found.digest}"')]
