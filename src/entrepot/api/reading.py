"""Reading of a request's path values, parameters and body."""

from typing import Final, get_args, get_origin

from msgspec import DecodeError, Struct, ValidationError, convert, json
from msgspec.structs import fields

from entrepot.api.fields import PLACES
from entrepot.api.requests import Operation
from entrepot.errors import Invalid, NotFound, UnsupportedForm
from entrepot.http.bodies import read_body
from entrepot.http.forms import media_type
from entrepot.http.messages import Request

MAX_BODY: Final = 512 * 1024


def check_places(values: dict[str, str]) -> None:
    """Raise `NotFound` where a place of the address holds what cannot be there."""
    for name, text in values.items():
        try:
            convert(text, PLACES[name], strict=False)
        except ValidationError as error:
            raise NotFound from error


async def read_arguments(
    operation: Operation, request: Request, most: int = MAX_BODY
) -> dict[str, Struct]:
    """The handler's `query` and `body`; raises `Invalid` for what does not fit them."""
    arguments: dict[str, Struct] = {}
    if operation.query is not None:
        arguments["query"] = read_query(operation.query, request)
    if operation.body is not None:
        arguments["body"] = await read_document(operation.body, request, most)
    return arguments


def read_query(kind: type[Struct], request: Request) -> Struct:
    """The parameters of the address; lists take every value, the others one."""
    lists = {each.encode_name for each in fields(kind) if get_origin(_bare(each.type)) is list}
    given: dict[str, str | list[str]] = {}
    for name in request.query_names():
        values = request.query_all(name)
        if name not in lists and len(values) > 1:
            raise Invalid(f"the parameter {name[:40]} is given more than once")
        given[name] = values if name in lists else values[0]
    try:
        return convert(given, kind, strict=False)
    except ValidationError as error:
        raise Invalid(str(error)) from error


async def read_document(kind: type[Struct], request: Request, most: int = MAX_BODY) -> Struct:
    """Read the JSON body, of at most that many bytes."""
    if media_type(request) != "application/json":
        raise UnsupportedForm("the body must be JSON: set Content-Type to application/json")
    content = await read_body(request, most)
    try:
        return json.decode(content, type=kind)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(_said(error)) from error


def _bare(kind: object) -> object:
    """The type without its annotations."""
    return get_args(kind)[0] if hasattr(kind, "__metadata__") else kind


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, DecodeError) else "the body is not JSON"
