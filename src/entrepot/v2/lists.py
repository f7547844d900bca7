"""Lists: tags of a repository, the catalog, referrers of a digest."""

import json

from entrepot.http.messages import Request, Response, content
from entrepot.http.paging import next_link, page_size, split_page
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_INDEX
from entrepot.oci.names import RepositoryName
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
    return _listed({"name": request.name.text, "tags": page}, links)


async def catalog(request: RegistryRequest) -> Response:
    """Names of the repositories that the caller may pull from, in byte order."""
    size, last = page_size(request.http), _last(request.http)
    found = await request.app.repositories.list_names(request.identity, last, size + 1)
    page, more = split_page(found, size)
    links = [next_link("/v2/_catalog", [("n", size), ("last", page[-1])])] if more else []
    return _listed({"repositories": page}, links)


async def referrers(request: RegistryRequest) -> Response:
    """List the referrers of a digest. Never 404: clients would take that for a missing API."""
    subject = Digest.parse(request.reference)
    wanted = frozenset(filter(None, request.http.query_all("artifactType")))
    headers = [("oci-filters-applied", "artifactType")] if wanted else []
    descriptors: list[str] = []
    repository = request.rights.repository
    if repository is not None:
        after = request.http.query("after") or ""
        start = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
        page = await request.app.referrers.list_page(repository, subject, wanted, start)
        descriptors = page.descriptors
        if page.next_after is not None:
            headers.append(_more_referrers(request.name, subject, wanted, page.next_after))
    head = f'{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":['
    body = f"{head}{','.join(descriptors)}]}}".encode()
    return content(200, OCI_INDEX, body, headers)


def _more_referrers(
    name: RepositoryName, subject: Digest, wanted: frozenset[str], after: int
) -> tuple[str, str]:
    path = f"/v2/{name}/referrers/{subject}"
    return next_link(path, [("after", after), *(("artifactType", kind) for kind in sorted(wanted))])


def _last(request: Request) -> str:
    # PostgreSQL cannot hold a NUL, and no name or tag begins with what follows one.
    return (request.query("last") or "").partition("\0")[0]


def _listed(document: dict[str, object], links: list[tuple[str, str]]) -> Response:
    body = json.dumps(document, separators=(",", ":")).encode()
    return content(200, _JSON, body, links)
