"""Repositories and tags by the API, for strangers, members, editors and owners."""

import pytest

from entrepot.metadata.registry import manifests as manifest_rows
from entrepot.metadata.repositories import find_repository
from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName, Tag
from tests.doors.conftest import INDEX_DIGEST, Town
from tests.doors.programs import PREFIX, Program
from tests.metadata.clocks import START

DIGEST = str(INDEX_DIGEST)
WHO = ("nobody", "stranger", "member", "editor", "owner", "admin")


def programs(town: Town) -> dict[str, Program]:
    """A program of everybody's."""
    return {who: Program(town.doors, town.auth[who]) for who in WHO}


async def statuses(town: Town, method: str, path: str, body: object = None) -> dict[str, int]:
    """What each gets, the least first; the first who may do it has done it."""
    found = {}
    for who, program in programs(town).items():
        found[who] = (await program.ask(method, path, body)).status
    return found


async def test_a_private_repository_is_there_for_those_who_may_pull(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    for path in (name, f"{name}/-/tags", f"{name}/-/history", f"{name}/-/tags/v1"):
        assert await statuses(town, "GET", f"/repositories/{path}") == {
            "nobody": 404,
            "stranger": 404,
            "member": 200,
            "editor": 200,
            "owner": 200,
            "admin": 200,
        }


async def test_a_public_repository_says_what_may_be_done_with_it(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    said = {who: await each.get(f"/repositories/{name}") for who, each in programs(town).items()}
    assert {who: each["actions"] for who, each in said.items()} == {
        **{who: ["pull"] for who in WHO[:3]},
        **{who: ["delete", "pull", "push"] for who in WHO[3:]},
    }
    assert [who for who, each in said.items() if each["may_administer"]] == list(WHO[3:])
    assert said["nobody"]["visibility"] == "public"
    assert said["nobody"]["recommended"] == "v1"


async def test_only_who_may_create_creates(town: Town) -> None:
    for who, program in programs(town).items():
        body = {"name": f"acme/made-by-{who}", "description": "new"}
        answer = await program.ask("POST", "/repositories", body)
        due = {"nobody": 401, "stranger": 403, "member": 403}.get(who, 201)
        assert answer.status == due, who
        if due == 201:
            assert answer.header("location") == f"{PREFIX}/repositories/acme/made-by-{who}"
            assert answer.json()["description"] == "new"
            assert answer.json()["recommended"] is None
    again = await programs(town)["owner"].do(
        "POST", "/repositories", {"name": "acme/made-by-owner"}, status=409
    )
    assert again["code"] == "name_taken"


async def test_a_readme_of_a_megabyte_is_taken_and_a_longer_one_refused(town: Town) -> None:
    path = f"/repositories/{await town.build(Visibility.PRIVATE)}"
    owner = programs(town)["owner"]
    long = "\u540d" * 333_333
    assert (await owner.do("PATCH", path, {"readme": long}))["readme"] == long
    for longer in (f"{long}\u540d", "x" * 1_000_001):
        refused = await owner.ask("PATCH", path, {"readme": longer})
        assert refused.status == 400
    # Other calls take no more than they did.
    body = {"name": "acme/x", "description": "x" * 600_000}
    assert (await owner.ask("POST", "/repositories", body)).status == 413
    await town.doors.app.close()


async def test_settings_change_one_by_one(town: Town) -> None:
    path = f"/repositories/{await town.build(Visibility.PRIVATE)}"
    owner = programs(town)["owner"]
    await owner.do("PATCH", path, {"description": "one line", "readme": "# More"})
    changed = await owner.do("PATCH", path, {"readme": "# Less", "visibility": "public"})
    assert (changed["description"], changed["readme"]) == ("one line", "# Less")
    assert changed["visibility"] == "public"
    assert (await owner.do("PATCH", path, {"archived": True}))["archived_at"]
    assert (await owner.do("PATCH", path, {"archived": False}))["archived_at"] is None
    assert await owner.do("PATCH", path, {}) == await owner.get(path)


async def test_only_administrators_change_settings(town: Town) -> None:
    for visibility, strangers in ((Visibility.PRIVATE, 404), (Visibility.PUBLIC, 403)):
        path = f"/repositories/{await town.build(visibility)}"
        assert await statuses(town, "PATCH", path, {"description": "x"}) == {
            "nobody": 401,
            "stranger": strangers,
            "member": 403,
            "editor": 200,
            "owner": 200,
            "admin": 200,
        }


async def test_a_token_does_no_more_than_its_scope(town: Town) -> None:
    path = f"/repositories/{await town.build(Visibility.PRIVATE)}"
    for scope, due in ((TokenScope.READ, 403), (TokenScope.WRITE, 403), (TokenScope.ADMIN, 200)):
        program = Program(town.doors, town.auth[f"owner {scope}"])
        assert (await program.ask("PATCH", path, {"description": "x"})).status == due
        assert (await program.ask("GET", path)).status == 200


async def test_a_repository_moves_and_its_old_name_leads_to_it(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    owner = programs(town)["owner"]
    moved = await owner.do("POST", f"/repositories/{name}/-/move", {"name": "acme/renamed"})
    assert moved["name"] == "acme/renamed"
    assert (await owner.get(f"/repositories/{name}"))["name"] == "acme/renamed"
    given = await owner.do("POST", "/repositories/acme/renamed/-/move", {"name": "owner/mine"})
    assert given["name"] == "owner/mine"


async def test_a_deleted_repository_is_gone(town: Town) -> None:
    path = f"/repositories/{await town.build(Visibility.PUBLIC)}"
    assert await statuses(town, "DELETE", path) == {
        "nobody": 401,
        "stranger": 403,
        "member": 403,
        "editor": 204,
        "owner": 404,
        "admin": 404,
    }


async def test_stars_are_given_by_whoever_sees_the_repository(town: Town) -> None:
    path = f"/repositories/{await town.build(Visibility.PRIVATE)}"
    assert await statuses(town, "PUT", f"{path}/-/star") == {
        "nobody": 401,
        "stranger": 404,
        "member": 204,
        "editor": 204,
        "owner": 204,
        "admin": 204,
    }
    member = programs(town)["member"]
    assert (await member.get(path))["stars"] == 4
    assert await member.get(f"{path}/-/star") == {"is_starred": True}
    assert len((await member.get("/me/stars"))["items"]) == 1
    await member.do("DELETE", f"{path}/-/star", status=204)
    assert not (await member.get(path))["is_starred"]


async def test_a_tag_is_removed_and_comes_back(town: Town) -> None:
    path = f"/repositories/{await town.build(Visibility.PUBLIC)}/-"
    assert await statuses(town, "DELETE", f"{path}/tags/v1") == {
        "nobody": 401,
        "stranger": 403,
        "member": 403,
        "editor": 204,
        "owner": 404,
        "admin": 404,
    }
    owner = programs(town)["owner"]
    (event,) = (await owner.get(f"{path}/history?tag=v1"))["items"]
    assert (event["action"], event["by"], event["digest"]) == ("deleted", "editor", DIGEST)
    assert (await programs(town)["member"].ask("POST", f"{path}/undo", {"event": 1})).status == 403
    await owner.do("POST", f"{path}/undo", {"event": event["id"]})
    assert (await owner.get(f"{path}/tags/v1"))["digest"] == DIGEST
    assert (await owner.do("POST", f"{path}/undo", {"event": 999}, status=404))["detail"]


async def test_what_goes_is_shown_before_it_goes(town: Town) -> None:
    path = f"/repositories/{await town.build(Visibility.PRIVATE)}/-"
    owner = programs(town)["owner"]
    shown = await owner.get(f"{path}/delete?tag=v1&tag=none&whole=true")
    assert shown["going"] == [{"tag": "v1", "digest": DIGEST, "others": []}]
    assert shown["manifests"] == [DIGEST]
    moved = {"tags": [{"tag": "v1", "digest": "sha256:" + "0" * 64}], "whole": True}
    await owner.do("POST", f"{path}/delete", moved, status=204)
    assert len((await owner.get(f"{path}/tags"))["items"]) == 1
    chosen = {"tags": [{"tag": "v1", "digest": DIGEST}], "whole": True}
    assert (await programs(town)["member"].ask("POST", f"{path}/delete", chosen)).status == 403
    await owner.do("POST", f"{path}/delete", chosen, status=204)
    assert (await owner.get(f"{path}/tags"))["items"] == []


async def test_a_manifest_with_a_tag_that_nobody_named_stays(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    path, owner = f"/repositories/{name}/-", programs(town)["owner"]
    found = await find_repository(town.metadata.reader, RepositoryName(name))
    assert found is not None
    facts = await manifest_rows.find_facts(town.metadata.reader, found.id, Tag("v1"))
    assert facts is not None
    async with town.metadata.begin() as tx:
        await manifest_rows.move_tag(tx, found.id, Tag("latest"), facts.id, None, START)
    chosen = {"tags": [{"tag": "v1", "digest": DIGEST}], "whole": True}
    refused = await owner.do("POST", f"{path}/delete", chosen, status=409)
    assert "latest" in refused["detail"]
    assert len((await owner.get(f"{path}/tags"))["items"]) == 2
    await owner.do("POST", f"{path}/delete", chosen | {"others": ["latest"]}, status=204)
    assert (await owner.get(f"{path}/tags"))["items"] == []


@pytest.mark.parametrize("path", ["tags/v1", "undo", "delete", f"manifests/{DIGEST}"])
async def test_an_archived_repository_keeps_what_it_has(town: Town, path: str) -> None:
    name = await town.build(Visibility.PRIVATE)
    owner = programs(town)["owner"]
    await owner.do("PATCH", f"/repositories/{name}", {"archived": True})
    method = "POST" if path in ("undo", "delete") else "DELETE"
    answer = await owner.ask(method, f"/repositories/{name}/-/{path}", {})
    assert answer.status == 403
    assert "archived" in str(answer.json()["detail"])


async def test_lists_go_on_behind_a_cursor(town: Town) -> None:
    names = [await town.build(Visibility.PUBLIC) for _ in range(5)]
    nobody = programs(town)["nobody"]
    target, seen = "/repositories?sort=name&limit=2", []
    while target:
        answer = await nobody.ask("GET", target)
        page = answer.json()
        seen += [each["name"] for each in page["items"]]  # type: ignore[attr-defined]
        link = answer.header("link") or ""
        assert bool(link) == (page["next"] is not None)
        target = link.partition(">")[0].removeprefix(f"<{PREFIX}")
    assert seen == sorted(names)


async def test_only_visible_repositories_are_listed(town: Town) -> None:
    await town.build(Visibility.PRIVATE)
    listed = {who: await each.get("/repositories") for who, each in programs(town).items()}
    assert {who: len(each["items"]) for who, each in listed.items()} == {
        "nobody": 0,
        "stranger": 0,
        **dict.fromkeys(WHO[2:], 1),
    }
