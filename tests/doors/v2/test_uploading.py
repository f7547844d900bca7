"""Files that a browser sends become artifacts, whatever they are called and however they come."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from entrepot.errors import BodyCut
from entrepot.http.forms import form_token
from entrepot.http.messages import PlainHeaders, Request
from entrepot.hub.contents.chart_packages import manifest_of, read_package
from entrepot.metadata.repositories import find_repository
from entrepot.metadata.repository_settings import set_archived
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from entrepot.web.contents.browser_upload import safe_title
from tests.doors.browsers import FORM_SECRET, ORIGIN, Browser
from tests.doors.conftest import Town
from tests.doors.doors import Answer
from tests.hub.shelves import chart_archive, tar_gz
from tests.metadata.clocks import START

BOUNDARY = "----a-boundary"
TITLE = "org.opencontainers.image.title"
File = tuple[str, bytes]


def form(files: Sequence[File], **fields: str) -> bytes:
    """A form as a browser sends it."""
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value.encode()
        for name, value in fields.items()
    ]
    parts += [
        f'Content-Disposition: form-data; name="files"; filename="{name}"\r\n'.encode()
        + b"Content-Type: application/octet-stream\r\n\r\n"
        + content
        for name, content in files
    ]
    start = f"--{BOUNDARY}\r\n".encode()
    return b"".join(start + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()


@dataclass(frozen=True, slots=True)
class Desk:
    """The upload page of one repository in an editor's browser."""

    town: Town
    browser: Browser
    name: str

    @property
    def token(self) -> str:
        """What the page's form carries."""
        return form_token(FORM_SECRET, self.browser.session)

    async def send(self, body: bytes, *, token: str | None = None, **headers: str) -> Answer:
        """Send a form."""
        target = f"/r/{self.name}/-/upload?token={self.token if token is None else token}"
        sent = {"origin": ORIGIN, "content_type": f"multipart/form-data; boundary={BOUNDARY}"}
        given = {**sent, **headers, "cookie": self.browser.cookies}
        return await self.town.doors.ask_with("POST", target, body, given)

    async def upload(self, *files: File, **fields: str) -> Answer:
        """Send files with the page's form."""
        return await self.send(form(files, **fields))

    async def send_file(self, file: File, **headers: str) -> Answer:
        """Send one file of a queue."""
        target = f"/r/{self.name}/-/upload/file?token={self.token}"
        given = {"content_type": f"multipart/form-data; boundary={BOUNDARY}", **headers}
        given |= {"origin": ORIGIN, "cookie": self.browser.cookies, "accept": "application/json"}
        return await self.town.doors.ask_with("POST", target, form([file]), given)

    async def send_one_by_one(self, *files: File, **fields: str) -> Answer:
        """Send files as the page's script does, then have them tagged."""
        said = [(await self.send_file(each)).json() for each in files]
        return await self.finish(*((each["title"], each["digest"]) for each in said), **fields)

    async def finish(self, *files: tuple[object, object], **fields: str) -> Answer:
        """Have files tagged that were sent before: their titles and digests."""
        named = json.dumps([{"title": title, "digest": digest} for title, digest in files])
        return await self.browser.post(f"/r/{self.name}/-/upload/finish", files=named, **fields)

    async def manifest(self, tag: str = "latest") -> dict[str, object]:
        """The manifest that a tag points at."""
        auth = self.town.auth["editor"]
        bearer = await self.town.doors.bearer(auth, f"repository:{self.name}:pull")
        answer = await self.town.doors.ask("GET", f"/v2/{self.name}/manifests/{tag}", auth=bearer)
        assert answer.status == 200, answer.body
        return answer.json()

    async def files(self, tag: str = "latest") -> dict[str, bytes]:
        """What a client restores from the artifact."""
        layers = (await self.manifest(tag))["layers"]
        assert isinstance(layers, list)
        found = {}
        for layer in layers:
            title = layer.get("annotations", {}).get(TITLE, "")
            address = f"/r/{self.name}/-/blob/{layer['digest']}"
            found[title] = (await self.browser.get(address)).body
            assert len(found[title]) == layer["size"]
        return found

    async def tags(self) -> list[str]:
        """Which tags there are."""
        found = await find_repository(self.town.metadata.reader, RepositoryName(self.name))
        assert found is not None
        return await self.town.doors.app.manifests.list_tags(found, "", 100)


@pytest.fixture
async def desk(town: Town) -> Desk:
    """The upload page of a repository that holds one tag, `v1`."""
    sessions = town.doors.app.sessions
    secret = await sessions.begin(town.people["editor"], address="127.0.0.1", client="test")
    name = await town.build(Visibility.PUBLIC)
    return Desk(town, Browser(town.doors, secret), name)


async def test_the_page_is_shown_to_whoever_may_push(desk: Desk) -> None:
    address = f"/r/{desk.name}/-/upload"
    shown = await desk.browser.get(address)
    assert shown.status == 200
    assert b"multipart/form-data" in shown.body
    assert (await Browser(desk.town.doors).get(address)).status == 303


async def test_files_become_an_artifact(desk: Desk) -> None:
    files = {
        "a.txt": b"text",
        "b.json": b"{}",
        "nothing": b"",
        "ünï 名.bin": bytes(range(256)) * 99,
    }
    answer = await desk.upload(*files.items(), tag="v2", kind="files")
    assert (answer.status, answer.header("location")) == (303, f"/r/{desk.name}:v2?said=uploaded")
    assert await desk.files("v2") == files
    manifest = await desk.manifest("v2")
    assert manifest["artifactType"] == "application/vnd.unknown.artifact.v1"
    layers = manifest["layers"]
    assert isinstance(layers, list)
    kinds = [each["mediaType"] for each in layers]
    assert kinds[:3] == ["text/plain", "application/json", "application/octet-stream"]


async def test_a_folder_keeps_its_shape(desk: Desk) -> None:
    files = {"site/index.html": b"<h1>", "site/css/a.css": b"h1{}"}
    assert (await desk.upload(*files.items())).status == 303
    assert await desk.files() == files


async def test_a_volume_says_what_it_is(desk: Desk) -> None:
    await desk.upload(("data.tar.gz", tar_gz({"a": b"b"})), kind="volume", tag="backup")
    kind = (await desk.manifest("backup"))["artifactType"]
    assert kind == "application/vnd.docker.volume.v1+tar.gz"


async def test_a_chart_becomes_a_chart_under_its_own_version(desk: Desk) -> None:
    archive = chart_archive("demo", "1.2.3+build.4")
    answer = await desk.upload(("demo-1.2.3.tgz", archive), tag="ignored")
    assert answer.header("location") == f"/r/{desk.name}:1.2.3_build.4?said=uploaded"
    manifest = await desk.manifest("1.2.3_build.4")
    config, layers = manifest["config"], manifest["layers"]
    assert isinstance(config, dict)
    assert isinstance(layers, list)
    assert config["mediaType"] == "application/vnd.cncf.helm.config.v1+json"
    assert [each["digest"] for each in layers] == [str(Digest.of(archive))]
    assert layers[0]["mediaType"] == "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
    address = f"/r/{desk.name}/-/blob/{config['digest']}"
    said = json.loads((await desk.browser.get(address)).body)
    assert (said["name"], said["version"]) == ("demo", "1.2.3+build.4")


async def test_two_charts_are_two_files(desk: Desk) -> None:
    files = {f"{name}.tgz": chart_archive(name, "1.0.0") for name in ("a", "b")}
    await desk.upload(*files.items(), tag="both")
    assert await desk.files("both") == files


async def test_a_chart_is_the_artifact_that_helm_push_makes(desk: Desk) -> None:
    archive = chart_archive("demo", "1.2.3")
    package = read_package(archive)
    assert package is not None
    for sent in (desk.upload, desk.send_one_by_one):
        assert (await sent(("demo.tgz", archive))).status in (201, 303)
        said = json.dumps(await desk.manifest("1.2.3"), separators=(",", ":")).encode()
        assert said == manifest_of(package, archive, None)


@pytest.mark.parametrize(
    "said", [b"name: a\nversion:\n", b"name: a/b\nversion: 1.0.0\n", b"[]", b"name: [", b"\xff\xfe"]
)
async def test_a_chart_that_helm_could_not_push_is_a_file(desk: Desk, said: bytes) -> None:
    archive = tar_gz({"a/Chart.yaml": said})
    assert (await desk.upload(("a.tgz", archive))).status == 303
    assert await desk.files() == {"a.tgz": archive}


@pytest.mark.parametrize("archive", [b"", b"\x1f\x8b", b"no archive", tar_gz({"Chart.yaml": b"a"})])
async def test_what_only_looks_like_a_chart_is_a_file(desk: Desk, archive: bytes) -> None:
    assert (await desk.upload(("a.tgz", archive))).status == 303
    assert await desk.files() == {"a.tgz": archive}


HOSTILE = {
    "../../x": "x",
    "/etc/passwd": "etc/passwd",
    "..\\..\\x": "x",
    "C:\\x": "C:/x",
    "a/../../b": "a/b",
    "a/./b//c": "a/b/c",
    ".. /x": "x",
    "...": "file",
    "..": "file",
    "": "file",
    "\0": "_",
    "a\0b\r\n\x1b[2J": "a_b___[2J",
    "\u202etxt.exe": "_txt.exe",
    "x" * 10_000: "x" * 255,
    "a" * 252 + "/..hidden": "a" * 252,
    "a" * 253 + "/.hidden": "a" * 253,
    "-rf": "-rf",
    ".bashrc": ".bashrc",
}


@pytest.mark.parametrize(("name", "expected"), HOSTILE.items(), ids=range(len(HOSTILE)))
def test_a_name_stays_below_the_directory(name: str, expected: str) -> None:
    title = safe_title(name)
    assert title == expected
    assert not title.startswith("/")
    assert not {"", ".", ".."} & set(title.split("/"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../x", "x"),
        ("/etc/passwd", "etc/passwd"),
        ("..\\\\..\\\\b", "b"),
        ("a\tb\0", "a_b_"),
        ("%2e%2e%2fx", "%2e%2e%2fx"),
        ("x" * 999, "x" * 255),
    ],
)
async def test_a_hostile_name_is_made_harmless(desk: Desk, name: str, expected: str) -> None:
    assert (await desk.upload((name, b"bytes"))).status == 303
    (title,) = await desk.files()
    assert title == expected


async def test_names_that_would_replace_each_other_are_refused(desk: Desk) -> None:
    answer = await desk.upload(("../x", b"one"), ("x", b"two"))
    assert answer.status == 400
    assert await desk.tags() == ["v1"]


@pytest.mark.parametrize("tag", ["", " "])
async def test_a_tag_that_is_not_given_is_latest(desk: Desk, tag: str) -> None:
    assert (await desk.upload(("a", b"a"), tag=tag)).status == 303
    assert await desk.tags() == ["latest", "v1"]


@pytest.mark.parametrize("tag", ["../x", "a b", "x" * 129, "a\nb", "名", "-x"])
async def test_a_tag_that_is_none_is_refused(desk: Desk, tag: str) -> None:
    assert (await desk.upload(("a", b"a"), tag=tag)).status == 400
    assert await desk.tags() == ["v1"]


async def test_a_form_without_files_is_refused(desk: Desk) -> None:
    for body in (form([]), form([], tag="v2"), form([("", b"")]), f"--{BOUNDARY}--".encode()):
        assert (await desk.send(body)).status == 400
    assert await desk.tags() == ["v1"]


@pytest.mark.parametrize("token", ["", "x", "0" * 64])
async def test_a_form_without_its_token_stores_nothing(desk: Desk, token: str) -> None:
    before = dict(desk.town.storage.blobs)
    assert (await desk.send(form([("a", b"a new file")]), token=token)).status == 403
    assert (await desk.send(form([("a", b"b")]), origin="http://evil.test")).status == 403
    assert (await desk.send(form([("a", b"c")], token=desk.token), token="")).status == 403
    assert desk.town.storage.blobs == before


async def test_nobody_uploads_who_may_not_push(desk: Desk) -> None:
    sessions = desk.town.doors.app.sessions
    for name, expected in (("member", 403), ("stranger", 403)):
        person = desk.town.people[name]
        secret = await sessions.begin(person, address="127.0.0.1", client="test")
        other = Desk(desk.town, Browser(desk.town.doors, secret), desk.name)
        assert (await other.upload(("a", b"a"))).status == expected
    nobody = Desk(desk.town, Browser(desk.town.doors), desk.name)
    assert (await nobody.upload(("a", b"a"))).status == 403
    assert await desk.tags() == ["v1"]


async def test_an_archived_repository_takes_no_upload(desk: Desk) -> None:
    found = await find_repository(desk.town.metadata.reader, RepositoryName(desk.name))
    assert found is not None
    async with desk.town.metadata.begin() as tx:
        await set_archived(tx, found.id, START)
    assert (await desk.upload(("a", b"a"))).status == 403
    assert await desk.tags() == ["v1"]


async def test_too_much_is_refused(desk: Desk) -> None:
    fields = {f"field{number}": "x" for number in range(200)}
    assert (await desk.upload(("a", b"a"), **fields)).status == 413
    assert (await desk.upload(("a", b"a"), tag="x" * 9000)).status == 413
    many = [(str(number), b"") for number in range(1001)]
    assert (await desk.upload(*many)).status == 413
    header = b"X: " + b"x" * 100_000
    body = form([("a", b"a")]).replace(b"Content-Type: application/octet-stream", header)
    assert (await desk.send(body)).status == 400
    assert await desk.tags() == ["v1"]


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
async def test_a_form_that_is_cut_stores_no_artifact(desk: Desk, kept: float) -> None:
    body = form([("a", b"a" * 1000), ("b", b"b" * 1000)], tag="v2")
    assert (await desk.send(body[: int(len(body) * kept)])).status == 400
    assert await desk.tags() == ["v1"]


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b"\0" * 1000, f"--{BOUNDARY}\r\n\r\n\r\n".encode(), b"--\r\n--\r\n"]
)
async def test_what_is_no_form_is_refused(desk: Desk, body: bytes) -> None:
    assert (await desk.send(body)).status == 400


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=" + "x" * 300]
)
async def test_a_form_without_a_boundary_is_refused(desk: Desk, kind: str) -> None:
    assert (await desk.send(form([("a", b"a")]), content_type=kind)).status == 415


async def test_a_connection_that_is_cut_leaves_no_bytes_of_the_file(desk: Desk) -> None:
    before = dict(desk.town.storage.blobs)

    async def cut() -> AsyncIterator[bytes]:
        yield form([("a", b"a" * 5000)])[:3000]
        raise BodyCut

    pairs = [
        ("host", "hub.test"),
        ("origin", ORIGIN),
        ("cookie", desk.browser.cookies),
        ("content-type", f"multipart/form-data; boundary={BOUNDARY}"),
    ]
    path, query = f"/r/{desk.name}/-/upload", f"token={desk.token}"
    request = Request(
        "POST", path, query, PlainHeaders(pairs), cut(), "http", "127.0.0.1", "0123456789"
    )
    answer = await desk.town.doors.hub.answer(request)
    assert answer.status == 400
    assert desk.town.storage.blobs == before
    assert await desk.tags() == ["v1"]
