"""Artifacts and searches by the API."""

from datetime import UTC, datetime

import pytest
from msgspec import json

from entrepot.extract import findings
from entrepot.extract.findings import Findings
from entrepot.metadata.contents import artifacts, packages
from entrepot.metadata.events import jobs
from entrepot.metadata.registry.manifests import find_manifest
from entrepot.model.artifacts import StoredDocument
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.names import parse_reference
from tests.doors.conftest import INDEX, INDEX_DIGEST, LAYER, LAYER_DIGEST, Town
from tests.doors.programs import Program
from tests.wire.content import descriptor, image

IMAGE = image(LAYER, annotations={"org.opencontainers.image.title": "An image"})
DIGEST = str(Digest.of(IMAGE))
FOUND = Findings(
    facts={"Made by": "hand"},
    files=[findings.File("bin/app", 7), findings.File("etc", type="directory")],
    packages=[findings.Package("openssl", "3.0.1"), findings.Package("zlib", "1.3")],
    vulnerabilities=[findings.Vulnerability("CVE-2024-1", "high", "openssl")],
    statements=[findings.InTotoStatement("https://slsa.dev/provenance/v1")],
    signatures=[findings.Signature("cosign", identity="somebody")],
)


@pytest.fixture
async def path(town: Town) -> str:
    """The manifest `app` of a private repository, read, with something attached to it."""
    name = await town.build(Visibility.PRIVATE)
    owner = str(town.auth["owner"])
    attached = image(LAYER, subject=descriptor(IMAGE), artifactType="application/spdx+json")
    await town.doors.push(name, b"{}", str(Digest.of(b"{}")), owner)
    for reference, content in (("app", IMAGE), (str(Digest.of(attached)), attached)):
        target = f"/v2/{name}/manifests/{reference}"
        answer = await town.doors.ask("PUT", target, content, auth=owner)
        assert answer.status == 201, answer.body
        await write_down(town, name, reference)
    return f"/repositories/{name}/-/manifests"


async def write_down(town: Town, name: str, reference: str) -> None:
    """Do what the indexing does after a push."""
    app = town.doors.app
    found = await app.repositories.list_all()
    (repository,) = (each for each in found if each.name.text == name)
    reader = app.metadata.reader
    stored = await find_manifest(reader, repository.id, parse_reference(reference))
    assert stored is not None
    described = await app.artifacts.describe(repository.id, stored)
    texts = [
        StoredDocument("findings", "application/json", json.encode(FOUND).decode(), False),
        StoredDocument("template:deep/down.yaml", "text/plain", "kind: Pod", False),
    ]
    async with app.metadata.begin() as tx:
        await artifacts.write_artifact(tx, described.artifact)
        await artifacts.write_documents(tx, stored.id, artifacts.pack(texts))


@pytest.mark.parametrize("reference", ["app", DIGEST])
async def test_a_manifest_is_seen_with_its_kind(town: Town, path: str, reference: str) -> None:
    member = Program(town.doors, town.auth["member"])
    seen = await member.get(f"{path}/{reference}")
    assert (seen["digest"], seen["tags"]) == (DIGEST, ["app"])
    assert seen["kind"] == seen["artifact"]["kind"]
    assert seen["description"]["title"] == "An image"
    assert [each["digest"] for each in seen["layers"]] == [str(LAYER_DIGEST)]
    assert {"label": "Made by", "value": "hand"} in seen["facts"]
    assert any("hub.test/acme/" in each["text"] for each in seen["commands"])
    assert seen["documents"] == ["template:deep/down.yaml"]


async def test_an_index_tells_its_platforms(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    seen = await Program(town.doors).get(f"/repositories/{name}/-/manifests/v1")
    assert (seen["digest"], seen["size"]) == (str(INDEX_DIGEST), len(INDEX))
    assert (seen["platforms"], seen["subject"]) == ([], None)


async def test_what_was_found_comes_in_lists(town: Town, path: str) -> None:
    member = Program(town.doors, town.auth["member"])

    async def items(of: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = (await member.get(f"{path}/app/{of}"))["items"]
        return found

    assert [each["name"] for each in await items("packages")] == ["openssl", "zlib"]
    assert [each["name"] for each in await items("packages?q=OPENSSL")] == ["openssl"]
    assert [each["id"] for each in await items("vulnerabilities")] == ["CVE-2024-1"]
    # Both the image and what is attached to it say so.
    assert [each["identity"] for each in await items("signatures")] == ["somebody"] * 2
    # Nothing tells whether it names the image; what is attached and does not is none of its own.
    assert {str(each["check"]) for each in await items("signatures")} == {"not checked", "invalid"}
    assert len(await items("statements")) == 2
    assert [each["path"] for each in await items("files")] == ["bin/app", "etc"]
    assert len(await items("files?limit=1")) == 1
    page = await member.get(f"{path}/app/packages?limit=1")
    assert (len(page["items"]), page["total"], page["left_out"]) == (1, 2, 0)


async def test_what_is_attached_comes_with_what_is_attached_to_it(town: Town, path: str) -> None:
    member = Program(town.doors, town.auth["member"])
    (attached,) = (await member.get(f"{path}/app/attached"))["items"]
    assert (attached["how"], attached["attached"]) == ("subject", [])
    assert attached["artifact"]["kind"]


async def test_a_document_is_had_by_its_name(town: Town, path: str) -> None:
    member = Program(town.doors, town.auth["member"])
    assert (await member.get(f"{path}/app/documents"))["items"] == ["template:deep/down.yaml"]
    document = await member.get(f"{path}/app/documents/template:deep/down.yaml")
    assert document["text"] == "kind: Pod"
    for name in ("findings", "none"):
        assert (await member.ask("GET", f"{path}/app/documents/{name}")).status == 404


async def test_what_is_not_there_is_not_found(town: Town, path: str) -> None:
    member = Program(town.doors, town.auth["member"])
    unknown = ("none", "sha256:" + "0" * 64, "sha256:short", "-bad")
    asked = [("GET", f"{path}/{each}") for each in unknown]
    asked += [("GET", f"{path}/none/{each}") for each in ("attached", "packages", "files")]
    assert await member.statuses(*asked) == [404] * len(asked)


async def test_a_manifest_goes_by_digest_and_a_tag_by_its_name(town: Town, path: str) -> None:
    editor = Program(town.doors, town.auth["editor"])
    await editor.do("DELETE", f"{path}/app", status=204)
    assert await editor.statuses(("GET", f"{path}/app"), ("GET", f"{path}/{DIGEST}")) == [404, 200]
    await editor.do("DELETE", f"{path}/{DIGEST}", status=204)
    assert await editor.statuses(("GET", f"{path}/{DIGEST}")) == [404]


async def test_searches_find_what_may_be_seen(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    app = town.doors.app
    (repository,) = await app.repositories.list_all()
    await app.summaries.summarize(repository.id)
    member, nobody = Program(town.doors, town.auth["member"]), Program(town.doors)
    last = name.partition("/")[2]
    found = await member.get(f"/search?q={last}&sort=name")
    assert [each["name"] for each in found["items"]] == [name]
    assert found["total"] == 1
    assert found["facets"]["namespace"] == [{"value": "acme", "count": 1}]
    assert (await member.get(f"/search?q=hub.test/{name}:v1"))["place"] == {
        "repository": name,
        "reference": "v1",
    }
    assert (await nobody.get(f"/search?q={last}"))["items"] == []
    listed = await member.get("/repositories?namespace=acme")
    assert [each["name"] for each in listed["items"]] == [name]
    assert (await member.get("/repositories?namespace=owner"))["items"] == []


async def test_who_ships_a_package_is_told_to_those_who_may_see_it(town: Town, path: str) -> None:
    app = town.doors.app
    (repository,) = await app.repositories.list_all()
    stored = await find_manifest(app.metadata.reader, repository.id, Digest.parse(DIGEST))
    assert stored is not None
    async with app.metadata.begin() as tx:
        found = [("openssl", "3.0.1", "", "Apache-2.0")]
        await packages.add_packages(tx, stored.id, repository.id, found)
    member, nobody = Program(town.doors, town.auth["member"]), Program(town.doors)
    (shipped,) = (await member.get("/packages?name=openssl@3.*"))["items"]
    assert (shipped["digest"], shipped["tags"]) == (DIGEST, ["app"])
    assert (await nobody.get("/packages?name=openssl"))["items"] == []
    assert (await nobody.ask("GET", "/packages")).status == 400


async def test_work_that_was_given_up_is_tried_again(town: Town) -> None:
    admin, now = Program(town.doors, town.auth["admin"]), datetime.now(UTC)
    async with town.metadata.begin() as tx:
        await jobs.add_job(tx, "index", "7", now)
        (job,) = await jobs.take_jobs(tx, now + jobs.LEASE, now, 1)
        await jobs.put_back(tx, job, now + jobs.LEASE, None, "it broke")
    assert (await admin.get("/admin/health"))["failed"] == 1
    (failed,) = (await admin.get("/admin/jobs/failed"))["items"]
    assert (failed["subject"], failed["error"]) == ("7", "it broke")
    await admin.do("POST", f"/admin/jobs/{failed['id']}/retry", status=204)
    counts = (await admin.get("/admin/jobs"))["items"]
    assert counts == [{"kind": "index", "state": "queued", "count": 1}]
    await admin.do("POST", "/admin/jobs/999/retry", status=404)
