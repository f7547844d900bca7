"""Every route by every method, for everybody, on what is private, public and not there."""

from dataclasses import replace
from itertools import product

import pytest

from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from entrepot.oci.media_types import OCI_INDEX
from tests.doors.conftest import INDEX, INDEX_DIGEST, LAYER, LAYER_DIGEST, Open, Town
from tests.doors.doors import Answer

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "PROPFIND")
ROUTES = {
    "tags": "/v2/{name}/tags/list",
    "tag": "/v2/{name}/manifests/v1",
    "manifest": f"/v2/{{name}}/manifests/{INDEX_DIGEST}",
    "blob": f"/v2/{{name}}/blobs/{LAYER_DIGEST}",
    "uploads": "/v2/{name}/blobs/uploads/",
    "whole": f"/v2/{{name}}/blobs/uploads/?digest={LAYER_DIGEST}",
    "upload": f"/v2/{{name}}/blobs/uploads/{{upload}}?digest={LAYER_DIGEST}",
    "referrers": f"/v2/{{name}}/referrers/{INDEX_DIGEST}",
}
PULL = {
    **dict.fromkeys(product(("tags", "tag", "manifest", "blob"), ("GET", "HEAD")), (200, 404)),
    **dict.fromkeys(product(("referrers",), ("GET", "HEAD")), (200, 200)),
}
PUSH = {
    ("uploads", "POST"): (202, 202),
    ("whole", "POST"): (201, 201),
    ("upload", "GET"): (204, 404),
    ("upload", "HEAD"): (204, 404),
    ("upload", "PATCH"): (202, 404),
    ("upload", "PUT"): (201, 404),
    ("upload", "DELETE"): (204, 404),
    ("tag", "PUT"): (201, 201),
    ("manifest", "PUT"): (201, 201),
}
DELETE = {(route, "DELETE"): (202, 404) for route in ("tag", "manifest", "blob")}
"""The status for whoever may: where the repository is there, and where it is not."""

ACTIONS = {"pull": PULL, "push": PUSH, "delete": DELETE}
MAY = {
    "nobody": (),
    "stranger": (),
    "member": ("pull",),
    "editor": ("pull", "push", "delete"),
    "owner": ("pull", "push", "delete"),
    "admin": ("pull", "push", "delete"),
    "disabled": (),
}
ALLOWED_BY = {
    TokenScope.READ: ("pull",),
    TokenScope.WRITE: ("pull", "push"),
    TokenScope.ADMIN: ("pull", "push", "delete"),
}
IDENTITIES = ["nobody", *(f"{who} {scope}" for who in list(MAY)[1:] for scope in TokenScope)]
VISIBILITIES = (None, Visibility.PRIVATE, Visibility.PUBLIC)


def actions_of(identity: str, visibility: Visibility | None) -> set[str]:
    """What somebody may do with a repository of acme's."""
    who, _, scope = identity.partition(" ")
    if who == "disabled":
        return set()
    public = {"pull"} if visibility is Visibility.PUBLIC else set()
    held = set(MAY[who]) | public
    return held & set(ALLOWED_BY[TokenScope(scope)]) if scope else held


def expected(route: str, method: str, identity: str, visibility: Visibility | None) -> int:
    """The status that the tables above say."""
    for action, statuses in ACTIONS.items():
        if (route, method) in statuses:
            if action not in actions_of(identity, visibility):
                return 401
            there, absent = statuses[route, method]
            return absent if visibility is None else there
    return 405


async def ask(town: Town, route: str, method: str, identity: str, name: str) -> Answer:
    """Ask with a body that would be taken."""
    upload = await town.begin_upload(name, identity) if route == "upload" else ""
    target = ROUTES[route].format(name=name, upload=upload)
    is_manifest = route in ("tag", "manifest")
    body = INDEX if is_manifest else LAYER
    kind = OCI_INDEX if is_manifest else "application/octet-stream"
    return await town.doors.ask(method, target, body, auth=town.auth[identity], content_type=kind)


@pytest.mark.parametrize("route", ROUTES)
async def test_everybody_gets_the_status_that_the_tables_say(town: Town, route: str) -> None:
    wrong = []
    for method, visibility in product(METHODS, VISIBILITIES):
        changes = (route, method) in PUSH or (route, method) in DELETE
        name = await town.build(visibility)
        for identity in IDENTITIES:
            if changes:
                name = await town.build(visibility)
            answer = await ask(town, route, method, identity, name)
            due = expected(route, method, identity, visibility)
            if answer.status != due:
                wrong.append((method, visibility, identity, answer.status, due))
    assert wrong == []


@pytest.mark.parametrize("route", ROUTES)
async def test_a_registry_token_opens_what_it_lists_and_nothing_else(
    town: Town, route: str
) -> None:
    """The owner may do everything; tokens of theirs list less."""
    wrong = []
    other = await town.build(Visibility.PRIVATE)
    for listed in ("", "pull", "push", "delete", "pull,push", "*", "other", "upper"):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            name = await town.build(Visibility.PRIVATE)
            scope = f"repository:{name}:{listed}" if listed != "other" else f"repository:{other}:*"
            if listed == "upper":
                scope = f"repository:{name}:PULL,Push"
            held = set(ACTIONS) if listed == "*" else set(listed.split(","))
            town.auth["owner bearer"] = await town.doors.bearer(town.auth["owner"], scope)
            answer = await ask(town, route, method, "owner bearer", name)
            due = expected(route, method, "owner", Visibility.PRIVATE)
            action = next((a for a, table in ACTIONS.items() if (route, method) in table), None)
            if action is not None and action not in held:
                due = 401
            if answer.status != due:
                wrong.append((listed, method, answer.status, due))
            elif due == 401:
                assert 'error="insufficient_scope"' in (answer.header("www-authenticate") or "")
    assert wrong == []


BARE = {
    "/v2/": {"nobody": 401, "disabled": 401},
    "/v2": {"nobody": 401, "disabled": 401},
    "/v2/_catalog": {"nobody": 401, "disabled": 401},
    "/token": {"disabled": 401},
    "/healthz": {},
    "/readyz": {},
    "/metrics": {},
    "/": {"disabled": 401},
    "/static/style.css": {},
}
"""Who does not get a 200."""


@pytest.mark.parametrize("path", BARE)
async def test_paths_without_a_repository_answer_everybody_as_the_table_says(
    town: Town, path: str
) -> None:
    for identity in IDENTITIES:
        due = BARE[path].get(identity.partition(" ")[0], 200)
        for method in METHODS:
            answer = await town.doors.ask(method, path, auth=town.auth[identity])
            if method in ("GET", "HEAD"):
                assert answer.status == due, (method, identity)
            else:
                assert answer.status == (400 if (path, method) == ("/token", "POST") else 405)


NOTHING = [
    *("/v2/x", "/v2//", "/v2/_catalog/", "/v2/a/b/tags", "/v2/a/b/tags/list/", "/v2/a/manifests/"),
    *("/v2/a/blobs/", "/v2/a/b", "/v2/_other", "/v2/v1", "/v2/a/unknown/v1", "/v2/a/blobs/x/y/z"),
]


@pytest.mark.parametrize("path", NOTHING)
async def test_paths_that_are_nothing_are_nothing_to_everybody(town: Town, path: str) -> None:
    for identity, method in product(("nobody", "admin", "disabled"), METHODS):
        answer = await town.doors.ask(method, path, auth=town.auth[identity])
        assert answer.status == 404


async def test_on_an_open_hub_nobody_is_asked_for_anything(town: Town, open_doors: Open) -> None:
    doors = open_doors(open=True)
    table = PULL | PUSH | DELETE
    for route, method in table:
        name = await town.build(Visibility.PRIVATE)
        answer = await ask(replace(town, doors=doors), route, method, "nobody", name)
        assert answer.status == table[route, method][0], (route, method)
