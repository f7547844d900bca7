"""The OpenAPI document: well-formed, complete, and the very table that is served."""

import re
from collections.abc import Iterator

import pytest
from jsonschema_rs import Draft202012Validator, meta
from schemathesis.specs.openapi.definitions import OPENAPI_31

from entrepot.api.routes import ROUTES
from entrepot.http.authorize import AccessRule
from tests.doors.doors import Doors
from tests.doors.programs import Program
from tests.house.sources import reference

METHODS = {"get", "put", "post", "patch", "delete"}


@pytest.fixture
async def document(doors: Doors) -> dict[str, object]:
    """The document as a stranger gets it."""
    found: dict[str, object] = await Program(doors).get("/openapi.json")
    return found


def at(value: object, *keys: str) -> dict[str, object]:
    """The object below these keys."""
    for key in keys:
        assert isinstance(value, dict), key
        value = value[key]
    assert isinstance(value, dict)
    return value


def operations(document: dict[str, object]) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Each operation with its path and method."""
    for path, item in at(document, "paths").items():
        for method, operation in at(item).items():
            yield path, method, at(operation)


def references(value: object) -> Iterator[str]:
    """Every `$ref` in a document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield str(inner)
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def schemas(value: object) -> Iterator[object]:
    """Every schema of parameters, bodies and answers."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "schema":
                yield inner
            else:
                yield from schemas(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from schemas(inner)


async def test_the_document_has_the_parts_that_openapi_demands(
    document: dict[str, object],
) -> None:
    assert document["openapi"] == "3.1.0"
    assert {"title", "version"} <= set(at(document, "info"))
    for path, method, operation in operations(document):
        assert path.startswith("/api/v1/")
        assert method in METHODS
        assert operation["summary"], path
        for status, answer in at(operation, "responses").items():
            assert re.fullmatch("[2-5][0-9][0-9]", status)
            assert set(at(answer)) & {"description", "$ref"}


async def test_the_document_is_openapi(document: dict[str, object]) -> None:
    Draft202012Validator(OPENAPI_31).validate(document)


async def test_every_reference_leads_somewhere(document: dict[str, object]) -> None:
    found = set(references(document))
    assert found
    for each in found:
        assert each.startswith("#/components/")
        assert at(document, *each.removeprefix("#/").split("/"))


async def test_every_component_is_needed(document: dict[str, object]) -> None:
    used = {each.rpartition("/")[2] for each in references(document)}
    assert set(at(document, "components", "schemas")) - used == set()
    assert all("." not in name for name in at(document, "components", "schemas"))


async def test_every_schema_is_a_schema(document: dict[str, object]) -> None:
    components = at(document, "components", "schemas")
    for each in [*components.values(), *schemas(at(document, "paths"))]:
        meta.validate(at(each))


async def test_every_route_is_told_of_and_nothing_else(document: dict[str, object]) -> None:
    told = {(method.upper(), path) for path, method, _ in operations(document)}
    assert told == {(each.method, each.pattern) for each in ROUTES}
    assert len(told) == len(ROUTES)


async def test_every_operation_has_a_name_of_its_own(document: dict[str, object]) -> None:
    names = [str(operation["operationId"]) for _, _, operation in operations(document)]
    assert sorted(names) == sorted(set(names))


async def test_every_place_of_an_address_is_told_of(document: dict[str, object]) -> None:
    for path, _, operation in operations(document):
        parameters = operation["parameters"]
        assert isinstance(parameters, list)
        places = [each["name"] for each in parameters if each["in"] == "path"]
        assert places == re.findall(r"\{(\w+)\}", path)


async def test_what_needs_somebody_is_told_so(document: dict[str, object]) -> None:
    policies = {(each.pattern, each.method.lower()): each.rule for each in ROUTES}
    for path, method, operation in operations(document):
        is_optional = {} in list(operation["security"])  # type: ignore[call-overload]
        assert is_optional == (policies[path, method] in (AccessRule.ANYONE, AccessRule.PULL)), path


async def test_lists_take_a_limit_and_a_cursor(document: dict[str, object]) -> None:
    for path, _, operation in operations(document):
        if not str(operation["operationId"]).startswith("list_"):
            continue
        parameters = operation["parameters"]
        assert isinstance(parameters, list)
        assert {"limit", "after"} <= {each["name"] for each in parameters}, path


def test_the_reference_names_every_part_of_every_address() -> None:
    text = reference("api.md")
    parts = {part for each in ROUTES for part in each.pattern.split("/")[3:]}
    assert {part for part in parts if not part.startswith("{") and part not in text} == set()
