"""Lists: tags of a repository, the catalog, referrers of a digest."""

import json

from entrepot.http.messages import Request, Response, content
from entrepot.http.paging import next_link, page_size, split_page
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_INDEX
from entrepot.oci.names import RepositoryName
from entrepot.registry.referrers import ReferrersPage
from entrepot.v2.requests import RegistryRequest

_JSON = "application/json"


async def ping(request: RegistryRequest) -> Response:
    """Clients learn the scheme here only, so nobody is let in who presents nothing."""
    return content(200, _JSON, b"{}")


async def tags(request: RegistryRequest) -> Response:
    """Tags in byte order, those after `last`."""
    size = page_size(request.http)
    last = _last(request.http)
    found = await request.app.manifests.list_tags(request.repository, last, size + 1)
    page, more = split_page(found, size)
    links = (
        [next_link(f"/v2/{request.name}/tags/list", [("n", size), ("last", page[-1])])]
        if more
        else []
    )
    return respond({"name": request.name.text, "tags": page}, links)


async def catalog(request: RegistryRequest) -> Response:
    """Names of the repositories that the caller may pull from, in byte order."""
    size, last = page_size(request.http), _last(request.http)
    found = await request.app.repositories.list_names(request.identity, last, size + 1)
    page, more = split_page(found, size)
    links = [next_link("/v2/_catalog", [("n", size), ("last", page[-1])])] if more else []
    return respond({"repositories": page}, links)


async def referrers(request: RegistryRequest) -> Response:
    """List the referrers of a digest. Never 404: clients would take that for a missing API."""
    subject = Digest.parse(request.reference)
    wanted = frozenset(filter(None, request.http.query_all("artifactType")))
    headers = [("oci-filters-applied", "artifactType")] if wanted else []
    page = await find_referrers(request, subject, wanted)
    if page.next_after is not None:
        headers.append(more_referrers(request.name, subject, wanted, page.next_after))
    return respond_with_index(page.descriptors, headers)


async def find_referrers(
    request: RegistryRequest, subject: Digest, wanted: frozenset[str]
) -> ReferrersPage:
    """The page of the referrers that are here; an empty one where there is no repository."""
    repository = request.rights.repository
    if repository is None:
        return ReferrersPage([], None)
    after = request.http.query("after") or ""
    start = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
    return await request.app.referrers.list_page(repository, subject, wanted, start)


def respond_with_index(descriptors: list[str], headers: list[tuple[str, str]]) -> Response:
    """The answer with an index of these descriptors, which are JSON texts."""
    head = f'{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":['
    body = f"{head}{','.join(descriptors)}]}}".encode()
    return content(200, OCI_INDEX, body, headers)


def more_referrers(
    name: RepositoryName, subject: Digest, wanted: frozenset[str], after: int
) -> tuple[str, str]:
    """The `Link` to the next page of referrers."""
    path = f"/v2/{name}/referrers/{subject}"
    return next_link(path, [("after", after), *(("artifactType", kind) for kind in sorted(wanted))])


def _last(request: Request) -> str:
    # PostgreSQL cannot hold a NUL, and no name or tag begins with what follows one.
    return (request.query("last") or "").partition("\0")[0]


def respond(document: dict[str, object], headers: list[tuple[str, str]]) -> Response:
    """The answer with a list."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return content(200, _JSON, body, headers)
