"""The routes that Hugging Face's clients read from: `HF_ENDPOINT=https://HUB/hf`."""

import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from entrepot.app import App
from entrepot.context import RequestContext
from entrepot.errors import (
    EntrepotError,
    Invalid,
    ManifestUnknown,
    NotFound,
    RepositoryUnknown,
    Unauthenticated,
)
from entrepot.hf.files import COMMIT, ModelFile, directories_of, list_files
from entrepot.hf.responses import file_response
from entrepot.http.authorize import AccessRule
from entrepot.http.bodies import read_body
from entrepot.http.errors import error_headers, status_of
from entrepot.http.forms import FORM, media_type, read_form
from entrepot.http.messages import Request, Response, content
from entrepot.http.router import Route, Router
from entrepot.model.manifests import StoredManifest
from entrepot.model.repositories import Repository, Visibility
from entrepot.model.tags import Filters, TagOrder
from entrepot.oci.manifests import read_manifest
from entrepot.oci.names import Tag, parse_reference

Handler = Callable[[RequestContext], Awaitable[Response]]

_JSON: Final = "application/json"
_MAX_BODY: Final = 512 * 1024
_MAIN: Final = "main"
_MOST_FOUND: Final = 100
_REMEMBERED: Final = 50_000
"""Files of artifacts that are kept in memory, in all."""


class EntryUnknown(NotFound):
    """The revision has no file of that path."""


_CODES: Final = (
    (RepositoryUnknown, "RepoNotFound"),
    (ManifestUnknown, "RevisionNotFound"),
    (EntryUnknown, "EntryNotFound"),
)


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision of a model: an artifact, the tag it was asked by, and its files."""

    repository: Repository
    stored: StoredManifest
    tag: str
    files: list[ModelFile]

    @property
    def commit(self) -> str:
        """The revision as clients name it: the beginning of the manifest's digest."""
        return commit_of(self.stored.digest)


def commit_of(digest: str) -> str:
    """Return the digits of a digest that stand for a commit."""
    return digest.partition(":")[2][:COMMIT]


class ModelDoor:
    """Everything below `/hf/`."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._files: OrderedDict[tuple[int, str], list[ModelFile]] = OrderedDict()
        self._router: Router[Handler] = Router(self._routes())

    def _routes(self) -> list[Route[Handler]]:
        # Rights are those of the repository, which every handler opens.
        found: list[tuple[str, str, Handler]] = [
            ("GET", "/hf/api/whoami-v2", self._show_account),
            ("GET", "/hf/datasets/{owner}/{model}/resolve/{revision}/{rest}", self._download),
        ]
        for kind in ("models", "datasets"):
            api = f"/hf/api/{kind}"
            one = f"{api}/{{owner}}/{{model}}"
            found += [
                ("GET", api, self._list_models),
                ("GET", one, self._show_model),
                ("GET", f"{one}/revision/{{revision}}", self._show_model),
                ("GET", f"{one}/refs", self._list_refs),
                ("GET", f"{one}/tree/{{revision}}", self._list_tree),
                ("GET", f"{one}/tree/{{revision}}/{{rest}}", self._list_tree),
                ("POST", f"{one}/paths-info/{{revision}}", self._list_paths),
            ]
        found.append(("GET", "/hf/{owner}/{model}/resolve/{revision}/{rest}", self._download))
        return [Route(*each[:2], AccessRule.ANYONE, each[2]) for each in found]

    async def answer(self, http: Request) -> Response:
        """Answer a request of a model library; raises nothing that has a name."""
        http.facts["endpoint"] = "models"
        request = RequestContext(self._app, http)
        try:
            route, request.values = self._router.find(http.method, http.path)
            identity = request.identity = await self._app.authenticator.identify_caller(http)
            http.facts["account"] = identity.name
            response = await route.handler(request)
        except EntrepotError as error:
            response = _refuse(request, error)
        response.headers += [("cache-control", "private, no-cache"), ("vary", "authorization")]
        return response

    async def _show_account(self, request: RequestContext) -> Response:
        """Whose token it is, for `hf auth login`."""
        if not request.identity.is_authenticated:
            raise Unauthenticated
        name = request.identity.name
        token = {"displayName": name, "role": "read"}
        auth = {"type": "access_token", "accessToken": token}
        return _written({"type": "user", "name": name, "fullname": name, "orgs": [], "auth": auth})

    async def _list_models(self, request: RequestContext) -> Response:
        """The models that match and that the caller may see."""
        http = request.http
        limit = http.query("limit") or ""
        most = min(int(limit), _MOST_FOUND) if limit.isascii() and limit.isdigit() else _MOST_FOUND
        author = (http.query("author") or "").replace('"', "")
        words = ["kind:model", *([f'namespace:"{author}"'] if author else [])]
        text = " ".join([*words, http.query("search") or ""])
        results = await request.app.search.find(request.identity, text, limit=max(1, most))
        return _written(
            [
                {
                    "id": hit.name,
                    "modelId": hit.name,
                    "private": hit.visibility is Visibility.PRIVATE,
                    "likes": hit.stars,
                    "downloads": hit.pulls,
                    "tags": [hit.kind],
                }
                for hit in results.found.hits
            ]
        )

    async def _show_model(self, request: RequestContext) -> Response:
        """A revision and its files; counts as a pull, of which the downloads are parts."""
        limits = request.app.rates.pull(request.identity, request.http.address)
        found = await self._open(request)
        repository = found.repository
        if request.http.method == "GET":
            who = request.identity.name
            stored = found.stored
            request.app.pulls.count(repository.id, stored.id, stored.digest, who, found.tag)
        return _written(_model_of(found, request.http.query("blobs")), limits)

    async def _list_refs(self, request: RequestContext) -> Response:
        repository = await self._open_repository(request)
        recommended = await request.app.repository_views.find_recommended(repository)
        rows = await request.app.tags.list_rows(repository, TagOrder.NEWEST, Filters(), _MOST_FOUND)
        main = [_ref(_MAIN, recommended.digest, "heads")] if recommended else []
        tags = [_ref(row.tag, row.digest, "tags") for row in rows]
        return _written({"branches": main, "tags": tags, "converts": [], "pullRequests": []})

    async def _list_tree(self, request: RequestContext) -> Response:
        """Files, and directories where they are asked for; below a path or all."""
        found = await self._open(request)
        below = request.values.get("rest", "").strip("/")
        prefix = f"{below}/" if below else ""
        is_deep = (request.http.query("recursive") or "").lower() in ("1", "true")
        entries = [_directory(path) for path in directories_of(found.files)]
        entries += [_entry(file) for file in found.files]
        inside = [each for each in entries if str(each["path"]).startswith(prefix)]
        if below and not inside:
            raise EntryUnknown(f"{below} is not in this revision")
        if not is_deep:
            inside = [each for each in inside if "/" not in str(each["path"])[len(prefix) :]]
        return _written(sorted(inside, key=lambda each: str(each["path"])))

    async def _list_paths(self, request: RequestContext) -> Response:
        """Those of the paths that there are, as the tree has them."""
        found = await self._open(request)
        wanted = await _read_paths(request.http)
        entries = [_directory(path) for path in directories_of(found.files)]
        entries += [_entry(file) for file in found.files]
        return _written([each for each in entries if each["path"] in wanted])

    async def _download(self, request: RequestContext) -> Response:
        found = await self._open(request)
        path = request.values["rest"]
        file = next((each for each in found.files if each.path == path), None)
        if file is None:
            raise EntryUnknown(f"{path[:200]} is not in this revision")
        response = await file_response(request, found.repository, file)
        response.headers.append(("x-repo-commit", found.commit))
        return response

    async def _open(self, request: RequestContext) -> Revision:
        """The revision in the address, `main` without one; raise `ManifestUnknown`."""
        repository = await self._open_repository(request)
        text = request.values.get("revision", _MAIN)
        stored, tag = await self._find(request, repository, text)
        await request.app.pull_verdicts.check(repository.id, stored, tag or None)
        key = (repository.id, stored.digest)
        files = self._files.get(key)
        if files is None:
            manifest = await read_manifest(stored.content, stored.media_type)
            files = self._files[key] = await list_files(request.app, repository, manifest)
            while len(self._files) > 1 and sum(map(len, self._files.values())) > _REMEMBERED:
                self._files.popitem(last=False)
        return Revision(repository, stored, tag, files)

    async def _open_repository(self, request: RequestContext) -> Repository:
        name = f"{request.values['owner']}/{request.values['model']}"
        request.http.facts["repository"] = name
        request.authorized = await request.app.authorizer.authorize(
            request.identity, AccessRule.PULL, {"repository": name}, is_unsafe=False
        )
        return request.repository

    async def _find(
        self, request: RequestContext, repository: Repository, text: str
    ) -> tuple[StoredManifest, str]:
        """The manifest of a tag, a digest, the beginning of one, or `main`; and the tag."""
        manifests = request.app.manifests
        try:
            reference = parse_reference(text)
            tag = reference.text if isinstance(reference, Tag) else ""
            return await manifests.get(repository, reference), tag
        except (ManifestUnknown, Invalid):
            if text == _MAIN:
                row = await request.app.repository_views.find_recommended(repository)
                if row is not None:
                    return await manifests.get(repository, Tag(row.tag)), row.tag
            stored = await manifests.find_by_prefix(repository, text)
            if stored is None:
                raise ManifestUnknown(f"{repository.name} has no {text[:100]}") from None
            return stored, ""


def _model_of(found: Revision, blobs: str | None) -> dict[str, object]:
    """A revision; with `blobs` the sizes of its files too."""
    repository = found.repository
    is_whole = (blobs or "").lower() in ("1", "true")
    files = [
        {"rfilename": file.path, **(_size_of(file) if is_whole else {})} for file in found.files
    ]
    moment = (repository.pushed_at or repository.created_at).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {
        "_id": found.commit[:24],
        "id": repository.name.text,
        "modelId": repository.name.text,
        "author": repository.name.namespace or "",
        "sha": found.commit,
        "lastModified": moment,
        "private": repository.visibility is Visibility.PRIVATE,
        "gated": False,
        "disabled": False,
        "downloads": repository.pulls,
        "likes": repository.stars,
        "tags": [repository.kind] if repository.kind else [],
        "siblings": files,
    }


def _ref(name: str, digest: str, kind: str) -> dict[str, str]:
    return {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": commit_of(digest)}


def _directory(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "size": 0, "oid": "0" * COMMIT}


def _entry(file: ModelFile) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "file", "path": file.path, **_size_of(file)}
    found["oid"] = found.pop("blobId")
    if "lfs" in found:
        found["lfs"]["oid"] = found["lfs"].pop("sha256")
    return found


def _size_of(file: ModelFile) -> dict[str, Any]:
    """What is known of a file; the SHA-256 stands where Git LFS has it."""
    found: dict[str, Any] = {"size": file.size, "blobId": file.etag[:COMMIT]}
    if file.is_whole:
        found["lfs"] = {"sha256": file.etag, "size": file.size, "pointerSize": 134}
    return found


async def _read_paths(http: Request) -> frozenset[str]:
    if media_type(http) == FORM:
        form = await read_form(http, _MAX_BODY)
        return frozenset(path.strip("/") for path in form.get_all("paths"))
    body = await read_body(http, _MAX_BODY)
    try:
        paths = json.loads(body)["paths"]
        return frozenset(str(path).strip("/") for path in paths)
    except (ValueError, LookupError, TypeError) as error:
        raise Invalid("send the field `paths`") from error


def _written(value: object, headers: Sequence[tuple[str, str]] = ()) -> Response:
    body = json.dumps(value, separators=(",", ":")).encode()
    return content(200, _JSON, body, headers)


def _refuse(request: RequestContext, error: EntrepotError) -> Response:
    """Errors as clients tell them apart: by `X-Error-Code`."""
    status, message = status_of(error), error.message
    if isinstance(error, RepositoryUnknown) and not request.identity.is_authenticated:
        status = 401  # clients then say that the model may be private
    code = next((code for kind, code in _CODES if isinstance(error, kind)), None)
    headers = [*error_headers(error, status), ("x-error-message", quote(message, safe=" :,'/"))]
    if code is not None:
        headers.append(("x-error-code", code))
    if status == 401:
        headers.append(("www-authenticate", 'Bearer realm="entrepot"'))
    body = json.dumps({"error": message}).encode()
    return content(status, _JSON, body, headers)
