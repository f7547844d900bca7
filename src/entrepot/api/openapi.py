"""The API as an OpenAPI 3.1 document, assembled from the table that is served."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct, json

from entrepot.api.fields import PLACES
from entrepot.api.problems import PROBLEM, Problem
from entrepot.api.requests import FOR_STRANGERS, ApiRoute
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response

Schema = dict[str, object]

_REFERENCE: Final = "#/components/schemas/{name}"
_ERRORS: Final = {
    "400": "The request is malformed",
    "401": "Authentication is required, or the credentials are invalid",
    "403": "The caller lacks the permission",
    "404": "Not found, or not visible to the caller",
    "409": "The request conflicts with the current state",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "429": "Too many attempts: wait for `Retry-After` seconds",
    "500": "An internal error: search the log for `request`",
    "503": "Temporarily unavailable: try again later",
}


@lru_cache(maxsize=1)
def document(routes: tuple[ApiRoute, ...], version: str) -> bytes:
    """The document as JSON."""
    from msgspec.json import schema_components

    types = list(_types(routes))
    found, components = schema_components(types, ref_template=_REFERENCE)
    schemas = _Schemas(dict(zip(map(repr, types), found, strict=True)), dict(components))
    paths: dict[str, Schema] = {}
    for each in routes:
        paths.setdefault(each.pattern, {})[each.method.lower()] = _operation(each, schemas)
    queries = {each.handler.query.__name__ for each in routes if each.handler.query is not None}
    kept = {name: schema for name, schema in components.items() if name not in queries}
    return _named(json.encode({**_head(version), "paths": paths, "components": _components(kept)}))


def _named(text: bytes) -> bytes:
    """Two enumerations called `Order` come with their modules: `TagRowsOrder` is enough."""
    return re.sub(
        rb"entrepot\.(?:\w+\.)*(\w+)\.(\w+)",
        lambda found: found[1].title().replace(b"_", b"") + found[2],
        text,
    )


class _Schemas:
    """The schema of each type; those of structs are references."""

    def __init__(
        self, by_type: dict[str, Schema], components: dict[str, dict[str, dict[str, Schema]]]
    ) -> None:
        self._by_type = by_type
        self._components = components

    def of(self, kind: object) -> Schema:
        """The schema of the type."""
        return self._by_type[repr(kind)]

    def parameters_of(self, kind: type[Struct]) -> list[Schema]:
        """A struct's fields as parameters of an address."""
        schema = self._components[kind.__name__]
        properties, required = schema["properties"], schema.get("required", ())
        return [
            {"name": name, "in": "query", "required": name in required, "schema": each}
            for name, each in properties.items()
        ]


def _types(routes: Iterable[ApiRoute]) -> Iterable[object]:
    found: list[object] = [Problem, *PLACES.values()]
    for each in routes:
        operation = each.handler
        found += [operation.query, operation.body, operation.result]
    unique = {repr(each): each for each in found if each not in (None, Response)}
    return unique.values()


def _head(version: str) -> Schema:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Entrepot",
            "version": version,
            "summary": "A hub for every software artifact",
            "description": (
                "The API offers everything that the pages do. Repository names contain "
                "slashes: write them as they are or as `%2F`. A repository's resources "
                "are below `/-/`. Container clients use `/v2/` instead."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
    }


def _components(schemas: dict[str, Schema]) -> Schema:
    problem = {"schema": {"$ref": _REFERENCE.format(name="Problem")}}
    return {
        "schemas": schemas,
        "responses": {
            status: {"description": text, "content": {PROBLEM: problem}}
            for status, text in _ERRORS.items()
        },
        "securitySchemes": {
            "basic": {
                "type": "http",
                "scheme": "basic",
                "description": "A user name with a password or an access token.",
            },
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The access token of an account or an organization.",
            },
        },
    }


def _operation(route: ApiRoute, schemas: _Schemas) -> Schema:
    operation = route.handler
    told: Schema = {
        "operationId": operation.handler.__name__,
        "tags": [operation.handler.__module__.rpartition(".")[2]],
        "summary": operation.summary.rstrip("."),
        "description": _description(route),
        "parameters": [
            *_places(route.pattern, schemas),
            *(schemas.parameters_of(operation.query) if operation.query else ()),
        ],
        "responses": _responses(route, schemas),
        "security": [
            *([{}] if route.rule in FOR_STRANGERS else []),
            {"basic": []},
            {"token": []},
        ],
    }
    if operation.body is not None:
        content = {"application/json": {"schema": schemas.of(operation.body)}}
        told["requestBody"] = {"required": True, "content": content}
    return told


def _description(route: ApiRoute) -> str:
    return f"{route.handler.description}\n\nFor: {route.rule}.".strip()


def _places(pattern: str, schemas: _Schemas) -> Sequence[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "schema": schemas.of(PLACES[name])}
        for name in re.findall(r"\{(\w+)\}", pattern)
    ]


def _responses(route: ApiRoute, schemas: _Schemas) -> Schema:
    operation = route.handler
    success: Schema = {"description": "Done"}
    if operation.result is Response:
        success["content"] = {"application/json": {"schema": {"type": "object"}}}
    elif operation.result is not None:
        success["content"] = {"application/json": {"schema": schemas.of(operation.result)}}
    return {
        str(operation.status): success,
        **{status: {"$ref": f"#/components/responses/{status}"} for status in _failures(route)},
    }


def _failures(route: ApiRoute) -> list[str]:
    """Which ways to fail a caller has to expect."""
    operation = route.handler
    found = ["401", "404", "429", "500", "503"]
    found += ["400"] if operation.query or operation.body else []
    found += ["413", "415"] if operation.body else []
    found += ["400", "403", "409"] if route.is_unsafe else []
    found += ["403"] if route.rule is not AccessRule.ANYONE else []
    return sorted(set(found))
