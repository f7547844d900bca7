"""Files that the upload page's script sends one by one, and then has tagged."""

from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from tests.doors.browsers import Browser
from tests.doors.v2.test_uploading import Desk, desk

__all__ = ["desk"]


async def test_files_of_a_queue_are_one_artifact(desk: Desk) -> None:
    files = {"site/index.html": b"<h1>", "notes.txt": b"notes"}
    answer = await desk.send_one_by_one(*files.items(), tag="v2", kind="files")
    assert answer.status == 201, answer.body
    assert answer.json() == {"tag": "v2", "address": f"/r/{desk.name}:v2?said=uploaded"}
    assert await desk.files("v2") == files


async def test_a_queue_names_only_files_that_the_repository_holds(desk: Desk) -> None:
    await desk.send_file(("a", b"a"))
    digest = str(Digest.of(b"a"))
    told = {
        "absent": await desk.finish(("x", str(Digest.of(b"elsewhere")))),
        "no digest": await desk.finish(("x", "sha256:x")),
        "no title": await desk.finish((None, digest)),
        "twice": await desk.finish(("x", digest), ("../x", digest)),
        "nothing": await desk.finish(tag="v9"),
        "a bad tag": await desk.finish(("x", digest), tag="../x"),
        "many": await desk.finish(*[("x", digest)] * 1001),
    }
    assert {name: answer.status for name, answer in told.items()} == {
        "absent": 404,
        "no digest": 400,
        "no title": 400,
        "twice": 400,
        "nothing": 400,
        "a bad tag": 400,
        "many": 413,
    }
    assert await desk.tags() == ["v1"]


async def test_the_tag_is_checked_before_anything_is_sent(desk: Desk) -> None:
    path, name = f"/r/{desk.name}/-/upload/check", RepositoryName(desk.name)
    assert (await desk.browser.post(path, tag="v2")).json() == {"tag": "v2", "moves": False}
    assert (await desk.browser.post(path, tag="v1")).json() == {"tag": "v1", "moves": True}
    assert (await desk.browser.post(path, tag=" ")).json()["tag"] == "latest"
    assert (await desk.browser.post(path, tag="a b")).status == 400
    policies = desk.town.doors.app.policies
    await policies.set_of_repository(name, "v*", None)
    assert (await desk.browser.post(path, tag="v2")).status == 200
    answer = await desk.browser.post(path, tag="v1")
    assert answer.status == 403
    assert "immutable" in answer.body.decode()


async def test_a_queue_takes_files_of_those_who_may_push(desk: Desk) -> None:
    for who in ("member", "stranger"):
        app = desk.town.doors.app
        session = await app.sessions.begin(desk.town.people[who], address="", client="")
        other = Desk(desk.town, Browser(desk.town.doors, session), desk.name)
        assert (await other.send_file(("a", b"a"))).status == 403
        path = f"/r/{desk.name}/-/upload"
        for step in ("check", "finish"):
            assert (await other.browser.post(f"{path}/{step}", tag="v2")).status == 403
