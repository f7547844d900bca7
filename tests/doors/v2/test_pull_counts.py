"""What counts as a pull."""

import pytest

from entrepot.metadata import repositories
from entrepot.metadata.registry import manifests
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName, Tag
from tests.doors.conftest import INDEX, INDEX_DIGEST, Town
from tests.doors.programs import Program


async def pulls(town: Town, name: str) -> int:
    """The pulls of a repository, as they are written down."""
    await town.doors.app.pulls.flush()
    found = await repositories.find_repository(town.metadata.reader, RepositoryName(name))
    assert found is not None
    assert await manifests.find_facts(town.metadata.reader, found.id, Tag("v1"))
    return found.pulls


@pytest.mark.parametrize("scope", ["pull,push", "push,pull", "*", "pull,push,delete"])
@pytest.mark.parametrize("reference", ["v1", INDEX_DIGEST])
async def test_reading_on_the_way_to_a_push_is_no_pull(
    town: Town, scope: str, reference: object
) -> None:
    """As `crane tag` and `helm push` do: read, then put what was read under another tag."""
    name = await town.build(Visibility.PUBLIC)
    auth = await town.doors.bearer(town.auth["owner"], f"repository:{name}:{scope}")
    target = f"/v2/{name}/manifests/{reference}"
    assert (await town.doors.ask("HEAD", target, auth=auth)).status == 200
    read = await town.doors.ask("GET", target, auth=auth)
    kind = read.header("content-type") or ""
    target = f"/v2/{name}/manifests/again"
    put = await town.doors.ask("PUT", target, read.body, auth=auth, content_type=kind)
    assert put.status == 201
    await town.doors.ask("GET", target, auth=auth)
    assert await pulls(town, name) == 0


@pytest.mark.parametrize("who", ["nobody", "member", "owner", "owner repo:read", "stranger"])
async def test_reading_to_pull_is_a_pull(town: Town, who: str) -> None:
    name = await town.build(Visibility.PUBLIC)
    auth = await town.doors.bearer(town.auth[who], f"repository:{name}:pull")
    target = f"/v2/{name}/manifests/v1"
    answer = await town.doors.ask("GET", target, auth=auth)
    assert (answer.status, answer.body) == (200, INDEX)
    assert await pulls(town, name) == 1


async def test_a_token_for_less_than_was_asked_for_pulls(town: Town) -> None:
    """Clients that ask for both and may only pull are pulling."""
    name = await town.build(Visibility.PUBLIC)
    auth = await town.doors.bearer(town.auth["member"], f"repository:{name}:pull,push")
    await town.doors.ask("GET", f"/v2/{name}/manifests/v1", auth=auth)
    assert await pulls(town, name) == 1


async def test_pulls_of_each_day_are_told_and_shown(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    auth = await town.doors.bearer(town.auth["member"], f"repository:{name}:pull")
    for reference in ("v1", "v1", INDEX_DIGEST):
        await town.doors.ask("GET", f"/v2/{name}/manifests/{reference}", auth=auth)
    assert await pulls(town, name) == 3
    program = Program(town.doors, town.auth["nobody"])
    told = await program.get(f"/repositories/{name}/-/pulls?days=2")
    assert [each["pulls"] for each in told["days"]] == [0, 3]
    assert told["total"] == 3
    assert (await program.get(f"/repositories/{name}/-/pulls?tag=v1"))["total"] == 2
    assert len((await program.get(f"/repositories/{name}/-/pulls"))["days"]) == 90
    page = (await town.doors.ask("GET", f"/r/{name}")).body.decode()
    assert "Pulls per day: 3 in 90 days, most on " in page


@pytest.mark.parametrize("query", ["days=0", "days=367", "tag=..", "day=1"])
async def test_only_days_that_are_kept_can_be_asked_for(town: Town, query: str) -> None:
    name = await town.build(Visibility.PUBLIC)
    answer = await Program(town.doors, town.auth["nobody"]).ask(
        "GET", f"/repositories/{name}/-/pulls?{query}"
    )
    assert answer.status == 400


@pytest.mark.parametrize("who", ["nobody", "owner", "member"])
async def test_a_look_is_no_pull(town: Town, who: str) -> None:
    name = await town.build(Visibility.PUBLIC)
    for target in ("manifests/v1", f"manifests/{INDEX_DIGEST}"):
        for auth in (
            town.auth[who],
            await town.doors.bearer(town.auth[who], f"repository:{name}:pull"),
        ):
            await town.doors.ask("HEAD", f"/v2/{name}/{target}", auth=auth)
    await town.doors.ask("GET", f"/v2/{name}/tags/list", auth=town.auth[who])
    assert await pulls(town, name) == 0


@pytest.mark.parametrize("again", [INDEX_DIGEST, "again", "v1"])
async def test_what_is_read_and_pushed_back_was_no_pull(town: Town, again: object) -> None:
    """`crane tag` reads by a token for pulling, and tags by another."""
    name = await town.build(Visibility.PUBLIC)
    target = f"/v2/{name}/manifests"
    reading = await town.doors.bearer(town.auth["owner"], f"repository:{name}:pull")
    others = await town.doors.bearer(town.auth["member"], f"repository:{name}:pull")
    writing = await town.doors.bearer(town.auth["owner"], f"repository:{name}:pull,push")
    for auth in (reading, others, None):
        read = await town.doors.ask("GET", f"{target}/v1", auth=auth)
    kind = read.header("content-type") or ""
    await town.doors.ask("PUT", f"{target}/{again}", read.body, auth=writing, content_type=kind)
    assert await pulls(town, name) == 2
    await town.doors.ask("GET", f"{target}/v1", auth=reading)
    assert await pulls(town, name) == 3
