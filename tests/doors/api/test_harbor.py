"""`docker pushrm --provider harbor2` writes the README of a repository, for its administrators."""

import json

import pytest

from entrepot.model.repositories import Visibility
from tests.doors.conftest import Open, Town
from tests.doors.doors import Answer
from tests.doors.programs import Program
from tests.doors.test_matrix import IDENTITIES, actions_of

README = "# App\n\nWhat it *is*.\n"


async def push(town: Town, path: str, identity: str, text: object = README) -> Answer:
    """Push a README as `docker pushrm` does."""
    body = json.dumps({"description": text}).encode()
    target = f"/api/v2.0/projects/{path}"
    auth = town.auth[identity]
    return await town.doors.ask("PUT", target, body, auth=auth, content_type="application/json")


@pytest.mark.parametrize("identity", IDENTITIES)
async def test_administrators_of_a_repository_push_its_readme(town: Town, identity: str) -> None:
    for visibility in (Visibility.PRIVATE, Visibility.PUBLIC, None):
        name = await town.build(visibility)
        actions = actions_of(identity, visibility) if visibility else set()
        due = 200 if "delete" in actions else 403 if "pull" in actions else 404
        if identity == "nobody" or identity.startswith("disabled"):
            due = 401
        answer = await push(town, name.replace("/", "/repositories/"), identity)
        assert answer.status == due, (visibility, answer.body)
        if due == 401:
            assert answer.header("www-authenticate") == 'Basic realm="entrepot"'
        if due != 200:
            assert set(answer.json()["errors"][0]) == {"code", "message", "detail"}  # type: ignore[index]
            continue
        assert answer.body == b""
        found = await Program(town.doors, town.auth["owner"]).get(f"/repositories/{name}")
        assert found["readme"] == README


async def test_the_description_stays_and_names_may_be_encoded_twice(town: Town) -> None:
    owner = Program(town.doors, town.auth["owner"])
    name = "acme/team/app"
    await owner.do("POST", "/repositories", {"name": name, "description": "An app"}, status=201)
    answer = await push(town, "acme/repositories/team%2Fapp", "owner")
    assert answer.status == 200
    found = await owner.get(f"/repositories/{name}")
    assert (found["description"], found["readme"]) == ("An app", README)


async def test_what_is_no_readme_is_refused(town: Town, open_doors: Open) -> None:
    name = await town.build(Visibility.PRIVATE)
    path = name.replace("/", "/repositories/")
    assert (await push(town, path, "owner", 7)).status == 400
    assert (await push(town, path, "owner", "x" * 1_000_001)).status == 400
    assert (await push(town, path, "owner", "x" * 4_000_100)).status == 413
    assert (await push(town, f"{path}/-/tags", "owner")).status == 404
    assert (await push(town, "acme/repositories/No", "owner")).status == 404
    target = f"/api/v2.0/projects/{path}"
    for method, status in (("GET", 405), ("DELETE", 405)):
        assert (await town.doors.ask(method, target, auth=town.auth["owner"])).status == status
    assert (await town.doors.ask("GET", "/api/v2.0/systeminfo")).status == 404
    town.auth["registry"] = await town.doors.bearer(town.auth["owner"], f"repository:{name}:*")
    assert (await push(town, path, "registry")).status == 401
