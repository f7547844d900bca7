"""One request of Harbor's API: the README of a repository, as `docker pushrm` writes it."""

from typing import Final
from urllib.parse import unquote

from msgspec import DecodeError, Struct, ValidationError, json

from entrepot.app import App
from entrepot.context import RequestContext
from entrepot.errors import EntrepotError, Invalid, RepositoryUnknown, Unauthenticated
from entrepot.http.authorize import AccessRule
from entrepot.http.bodies import read_body
from entrepot.http.errors import basic_error_response
from entrepot.http.messages import Request, Response, empty
from entrepot.http.router import Route, Router
from entrepot.hub.repositories import MAX_README

_MOST: Final = 4 * MAX_README
_RULE: Final = AccessRule.REPOSITORY_ADMIN


class _Described(Struct):
    """Harbor's repository, as far as it can be changed."""

    description: str


class HarborDoor:
    """Everything below `/api/v2.0/`."""

    def __init__(self, app: App) -> None:
        self._app = app
        pattern = "/api/v2.0/projects/{project}/repositories/{rest}"
        self._router = Router([Route("PUT", pattern, _RULE, self._describe)])

    async def answer(self, http: Request) -> Response:
        """Answer a request of a client of Harbor; raises nothing that has a name."""
        http.facts["endpoint"] = "harbor"
        request = RequestContext(self._app, http)
        try:
            route, request.values = self._router.find(http.method, http.path)
            identity = request.identity = await self._app.authenticator.identify_caller(http)
            http.facts["account"] = identity.name
            if not identity.is_authenticated:
                raise Unauthenticated
            return await route.handler(request)
        except EntrepotError as error:
            return basic_error_response(error)

    async def _describe(self, request: RequestContext) -> Response:
        """Replace the README; the line that describes the repository stays."""
        # Clients of Harbor encode slashes in names twice.
        name = f"{request.values['project']}/{unquote(request.values['rest'])}"
        request.http.facts["repository"] = name[:255]
        if "/-/" in name:
            raise RepositoryUnknown
        request.authorized = await self._app.authorizer.authorize(
            request.identity, _RULE, {"repository": name}, is_unsafe=True
        )
        body = await read_body(request.http, _MOST)
        try:
            described = json.decode(body, type=_Described)
        except (DecodeError, ValidationError) as error:
            raise Invalid(f"the body is not as Harbor has it: {error}") from error
        repository = request.repository
        readme, line = described.description, repository.description
        await self._app.repositories.describe(repository.name, line, readme, request.actor)
        return empty(200)
