"""ChartMuseum's API: uploads become what `helm push` makes, by whoever may push."""

import base64
import io
import json
import tarfile
from dataclasses import dataclass
from typing import Any

import pytest

from entrepot.hub.contents.chart_packages import read_package, read_texts
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from tests.doors.charts import ChartShop, chart_archive
from tests.doors.conftest import Town
from tests.doors.doors import Answer
from tests.doors.test_matrix import IDENTITIES, actions_of

SAVED = {"saved": True}


@dataclass(frozen=True, slots=True)
class Museum:
    """Uploads charts to acme's repository."""

    shop: ChartShop

    async def upload(
        self,
        body: bytes,
        who: str = "owner",
        path: str = "/helm/api/acme/charts",
        content_type: str = "application/octet-stream",
    ) -> Answer:
        """Upload one file, and have it read."""
        auth = self.shop.town.auth[who]
        doors = self.shop.town.doors
        return await doors.ask("POST", path, body, auth=auth, content_type=content_type)

    async def form(self, path: str = "/helm/api/acme/charts", **files: bytes) -> Answer:
        """Upload a form of files."""
        parts = [
            f'--x\r\ncontent-disposition: form-data; name="{name}"; filename="f"\r\n\r\n'.encode()
            + content
            + b"\r\n"
            for name, content in files.items()
        ]
        body = b"".join(parts) + b"--x--\r\n"
        return await self.upload(body, path=path, content_type="multipart/form-data; boundary=x")

    async def manifest(self, name: str, tag: str) -> tuple[bytes, dict[str, Any]]:
        """The manifest of an uploaded chart, which is read then."""
        auth = self.shop.town.auth["owner"]
        target = f"/v2/acme/{name}/manifests/{tag}"
        answer = await self.shop.town.doors.ask("GET", target, auth=auth)
        assert answer.status == 200, answer.body
        await self.shop.read(f"acme/{name}", Digest.of(answer.body))
        return answer.body, json.loads(answer.body)

    async def blob(self, name: str, digest: str) -> bytes:
        """A blob of the repository."""
        auth = self.shop.town.auth["owner"]
        answer = await self.shop.town.doors.ask("GET", f"/v2/acme/{name}/blobs/{digest}", auth=auth)
        return answer.body


@pytest.fixture
def museum(town: Town) -> Museum:
    """An empty museum."""
    return Museum(ChartShop(town))


def provenance_of(file: str, archive: bytes) -> bytes:
    """A provenance file as far as it is read."""
    return f"...\nfiles:\n  {file}: sha256:{Digest.of(archive).hex}\n".encode()


async def test_an_upload_is_a_chart_for_every_client(museum: Museum) -> None:
    archive = chart_archive(
        "demo",
        "1.0.0+b.1",
        description="<b> & é",
        home="http://h",
        sources=["http://s", "http://t"],
        maintainers=[{"name": "Ann", "email": "a@b.c"}, {"name": "Bob"}],
        annotations={"z": "1", "a": "2", "org.opencontainers.image.title": "evil"},
        appVersion=1.0,
    )
    answer = await museum.upload(archive)
    assert (answer.status, answer.json()) == (201, SAVED)
    content, manifest = await museum.manifest("demo", "1.0.0_b.1")
    config = await museum.blob("demo", manifest["config"]["digest"])
    assert config.decode() == (
        '{"name":"demo","home":"http://h","sources":["http://s","http://t"],"version":"1.0.0+b.1",'
        '"description":"\\u003cb\\u003e \\u0026 é","maintainers":[{"name":"Ann","email":"a@b.c"},'
        '{"name":"Bob"}],"apiVersion":"v2","appVersion":"1","annotations":{"a":"2",'
        '"org.opencontainers.image.title":"evil","z":"1"}}'
    )
    assert content.startswith(b'{"schemaVersion":2,"config":{"mediaType":')
    assert list(manifest["annotations"].items()) == [
        ("a", "2"),
        ("org.opencontainers.image.authors", "Ann (a@b.c), Bob"),
        ("org.opencontainers.image.created", "2023-11-14T22:13:20Z"),
        ("org.opencontainers.image.description", "<b> & é"),
        ("org.opencontainers.image.source", "http://s"),
        ("org.opencontainers.image.title", "demo"),
        ("org.opencontainers.image.url", "http://h"),
        ("org.opencontainers.image.version", "1.0.0+b.1"),
        ("z", "1"),
    ]
    assert (await museum.shop.versions())["demo"] == ["1.0.0+b.1"]
    got = await museum.shop.ask("/helm/acme/charts/demo-1.0.0+b.1.tgz")
    assert got.body == archive


async def test_values_and_templates_are_read_from_the_archive(museum: Museum) -> None:
    files = {
        "Chart.yaml": b'{"apiVersion":"v2","name":"demo","version":"1.0.0"}',
        "values.yaml": b"a: 1\n",
        "templates/one.yaml": b"kind: One\n",
        "templates/_help.tpl": b"{{ }}",
        "charts/sub/templates/x.yaml": b"no",
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"demo/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    assert (await museum.upload(packed.getvalue())).status == 201
    path = "/helm/api/acme/charts/demo/1.0.0"
    values = await museum.shop.ask(f"{path}/values")
    assert (values.body, values.header("content-type")) == (b"a: 1\n", "application/yaml")
    templates = json.loads((await museum.shop.ask(f"{path}/templates")).body)
    assert {each["name"]: base64.b64decode(each["data"]) for each in templates} == {
        "templates/one.yaml": b"kind: One\n",
        "templates/_help.tpl": b"{{ }}",
    }
    for part in ("values", "templates"):
        assert (await museum.shop.ask(f"{path}/{part}", "stranger")).status == 404
        assert (await museum.shop.ask(f"{path}/{part}", "nobody")).status == 401
        assert (await museum.shop.ask(f"{path}/{part}", method="DELETE")).status == 405
    assert read_texts(b"\x1f\x8bnot an archive") == {}


async def test_a_version_that_is_there_is_replaced_by_force_only(museum: Museum) -> None:
    first = chart_archive("demo", "1.0.0")
    again = chart_archive("demo", "1.0.0", description="again")
    assert (await museum.upload(first)).status == 201
    refused = await museum.upload(again)
    assert (refused.status, refused.json()) == (409, {"error": "demo-1.0.0.tgz already exists"})
    assert (await museum.upload(again, path="/helm/api/acme/charts?force")).status == 201
    await museum.manifest("demo", "1.0.0")
    assert (await museum.shop.ask("/helm/acme/charts/demo-1.0.0.tgz")).body == again


async def test_a_provenance_file_comes_with_its_chart_or_after_it(museum: Museum) -> None:
    one, two = chart_archive("one", "1.0.0"), chart_archive("two", "1.0.0")
    proof = provenance_of("one-1.0.0.tgz", one)
    assert (await museum.form(chart=one, prov=proof)).json() == SAVED
    await museum.manifest("one", "1.0.0")
    assert (await museum.shop.ask("/helm/acme/charts/one-1.0.0.tgz.prov")).body == proof

    proof = provenance_of("two-1.0.0.tgz", two)
    path = "/helm/api/acme/prov"
    assert (await museum.upload(proof, path=path)).status == 404
    together = await museum.form(chart=two, prov=proof)
    assert together.status == 201
    expected, _ = await museum.manifest("two", "1.0.0")
    await museum.upload(two, path="/helm/api/acme/charts?force")
    await museum.manifest("two", "1.0.0")
    wrong = await museum.upload(provenance_of("two-1.0.0.tgz", one), path=path)
    assert (wrong.status, wrong.json()["error"]) == (
        400,
        "the provenance file is of another two-1.0.0.tgz",
    )
    assert (await museum.form(path, prov=proof)).json() == SAVED
    assert (await museum.manifest("two", "1.0.0"))[0] == expected
    assert (await museum.upload(proof, path=path)).status == 409


async def test_what_was_uploaded_is_there_before_any_index_lists_it(museum: Museum) -> None:
    archive = chart_archive("my-app", "1.0.0-rc.1+b.2")
    proof = provenance_of("my-app-1.0.0-rc.1+b.2.tgz", archive)
    api, files = "/helm/api/acme", "/helm/acme/charts/my-app-1.0.0-rc.1+b.2.tgz"
    assert (await museum.upload(archive)).status == 201
    assert await museum.shop.versions() == {}
    assert (await museum.shop.ask(files)).body == archive
    assert (await museum.shop.ask(f"{files}.prov")).status == 404
    assert (await museum.upload(proof, path=f"{api}/prov")).json() == SAVED
    assert (await museum.shop.ask(f"{files}.prov")).body == proof
    for path in (files, f"{files}.prov"):
        assert (await museum.shop.ask(path, "stranger")).status == 404
        assert (await museum.shop.ask(path, "nobody")).status == 401
    assert (await museum.shop.ask("/helm/acme/charts/my-app-1.0.0.tgz")).status == 404
    # A repository named like the version of another chart is none of it.
    assert (await museum.shop.ask("/helm/acme/my-app/charts/app-1.0.0-rc.1+b.2.tgz")).status == 404
    assert (await museum.shop.ask("/helm/acme/my-app/charts/my-app-1.0.0-rc.1+b.2.tgz")).body
    gone = await museum.shop.ask(f"{api}/charts/my-app/1.0.0-rc.1+b.2", method="DELETE")
    assert gone.json() == {"deleted": True}
    assert (await museum.shop.ask(files)).status == 404


@pytest.mark.parametrize("identity", IDENTITIES)
async def test_only_those_who_may_push_upload_and_only_those_who_may_delete_do(
    museum: Museum, identity: str
) -> None:
    shop = museum.shop
    await shop.open("acme/demo", Visibility.PUBLIC)
    await shop.push("acme/demo", "1.0.0")
    actions = actions_of(identity, Visibility.PUBLIC)
    refusal = 401 if identity == "nobody" or identity.startswith("disabled") else 403
    uploaded = await museum.upload(chart_archive("demo", "2.0.0"), identity)
    assert uploaded.status == (201 if "push" in actions else refusal)
    created = await museum.upload(chart_archive("new", "1.0.0"), identity)
    assert created.status == (201 if "push" in actions else refusal)
    proof = provenance_of("demo-1.0.0.tgz", b"")
    attached = await museum.upload(proof, identity, "/helm/api/acme/prov")
    assert attached.status == (401 if identity.startswith("disabled") else 400)
    deleted = await shop.ask("/helm/api/acme/charts/demo/1.0.0", identity, "DELETE")
    assert deleted.status == (200 if "delete" in actions else refusal)


async def test_a_delete_is_that_of_the_manifest_and_can_be_undone(museum: Museum) -> None:
    shop = museum.shop
    await shop.push("acme/demo", "1.0.0")
    answer = await shop.ask("/helm/api/acme/charts/demo/1.0.0", method="DELETE")
    assert (answer.status, answer.json()) == (200, {"deleted": True})
    assert await shop.versions() == {}
    assert (await shop.ask("/helm/api/acme/charts/demo/1.0.0", method="DELETE")).status == 404
    app = shop.town.doors.app
    repository = await app.repositories.get(RepositoryName("acme/demo"))
    events = await app.history.list_events(repository, None, 2**40, limit=2)
    assert events[0].action == "deleted"


async def test_charts_are_listed_whole_by_name_and_by_version(museum: Museum) -> None:
    shop = museum.shop
    for version in ("1.0.0", "1.1.0"):
        await shop.push("acme/demo", version)
    entries = await shop.entries()
    path = "/helm/api/acme/charts"
    assert json.loads((await shop.ask(path)).body) == entries
    assert json.loads((await shop.ask(f"{path}/demo")).body) == entries["demo"]
    assert json.loads((await shop.ask(f"{path}/demo/1.0.0")).body) == entries["demo"][1]
    for method in ("GET", "HEAD"):
        assert (await shop.ask(f"{path}/demo/9.0.0", method=method)).status == 404
        assert (await shop.ask(f"{path}/demo", "stranger", method)).status == 404
        assert (await shop.ask(path, "nobody", method)).status == 401
    assert json.loads((await shop.ask("/helm/health", "nobody")).body) == {"healthy": True}
    assert "version" in json.loads((await shop.ask("/helm/info", "nobody")).body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no archive",
        b"\x1f\x8b",
        chart_archive("demo", "1.0"),
        chart_archive("../up", "1.0.0"),
        chart_archive("a/b", "1.0.0"),
        chart_archive("", "1.0.0"),
    ],
)
async def test_what_is_no_chart_is_refused_and_leaves_nothing(museum: Museum, body: bytes) -> None:
    assert read_package(body) is None
    assert (await museum.upload(body)).status == 400
    assert await museum.shop.versions() == {}


async def test_uploads_are_bounded_and_go_where_there_is_a_namespace(museum: Museum) -> None:
    assert (await museum.upload(bytes(20 * 1024 * 1024 + 1))).status == 413
    demo = chart_archive("demo", "1.0.0")
    nowhere = await museum.upload(demo, path="/helm/api/missing/charts")
    assert nowhere.status == 403
    assert 'namespace "missing" does not exist' in str(nowhere.json()["error"])
    assert (await museum.upload(demo, path="/helm/api/acme/infra/charts")).status == 201
    await museum.manifest("infra/demo", "1.0.0")
    assert list(await museum.shop.versions("/helm/acme/infra")) == ["demo"]
    assert (await museum.form(other=demo)).status == 400
