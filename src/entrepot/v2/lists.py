"""Lists: tags of a repository, the catalog, referrers of a digest."""

import json

from entrepot.http.gate import Gate
from entrepot.http.messages import Request, Response, content
from entrepot.http.pages import cut, next_link, page_size
from entrepot.hub.permissions import Action
from entrepot.metadata.engine import Reader
from entrepot.metadata.repositories import list_all_names, list_names_of
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_INDEX
from entrepot.oci.names import RepositoryName
from entrepot.registry.manifests import Manifests
from entrepot.registry.referrers import Referrers

_JSON = "application/json"


class ListDoor:
    """Everything that comes in pages."""

    def __init__(
        self, gate: Gate, reader: Reader, manifests: Manifests, referrers: Referrers
    ) -> None:
        self._gate = gate
        self._reader = reader
        self._manifests = manifests
        self._referrers = referrers

    async def tags(self, request: Request, name: RepositoryName, _: str) -> Response:
        """Tags in byte order, those after `last`."""
        admission = await self._gate.admit(request, name, Action.PULL)
        size = page_size(request)
        last = _last(request)
        found = await self._manifests.list_tags(admission.repository, last, size + 1)
        page, more = cut(found, size)
        links = [next_link(f"/v2/{name}/tags/list", n=size, last=page[-1])] if more else []
        return _listed({"name": name.text, "tags": list(page)}, links)

    async def catalog(self, request: Request, _: RepositoryName, __: str) -> Response:
        """Names of the repositories that the caller may pull from, in byte order."""
        namespaces = await self._gate.admit_to_catalog(request)
        size = page_size(request)
        last = _last(request)
        if namespaces is None:
            found = await list_all_names(self._reader, last, size + 1)
        else:
            found = await list_names_of(self._reader, namespaces, last, size + 1)
        page, more = cut(found, size)
        links = [next_link("/v2/_catalog", n=size, last=page[-1])] if more else []
        return _listed({"repositories": list(page)}, links)

    async def referrers(self, request: Request, name: RepositoryName, reference: str) -> Response:
        """What refers to a digest. Never 404: clients would take that for a missing API."""
        admission = await self._gate.admit(request, name, Action.PULL)
        subject = Digest.parse(reference)
        wanted = frozenset(filter(None, request.query_all("artifactType")))
        headers = [("oci-filters-applied", "artifactType")] if wanted else []
        descriptors: list[str] = []
        repository = admission.rights.repository
        if repository is not None:
            after = request.query("after") or ""
            start = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
            page = await self._referrers.list_page(repository, subject, wanted, start)
            descriptors = page.descriptors
            if page.next_after is not None:
                headers.append(_more_referrers(name, subject, wanted, page.next_after))
        head = f'{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":['
        body = f"{head}{','.join(descriptors)}]}}".encode()
        return content(200, OCI_INDEX, body, headers)


def _more_referrers(
    name: RepositoryName, subject: Digest, wanted: frozenset[str], after: int
) -> tuple[str, str]:
    path = f"/v2/{name}/referrers/{subject}"
    return next_link(path, after=after, artifactType=sorted(wanted))


def _last(request: Request) -> str:
    # PostgreSQL cannot hold a NUL, and no name or tag begins with what follows one.
    return (request.query("last") or "").partition("\0")[0]


def _listed(document: dict[str, object], links: list[tuple[str, str]]) -> Response:
    body = json.dumps(document, separators=(",", ":")).encode()
    return content(200, _JSON, body, links)
