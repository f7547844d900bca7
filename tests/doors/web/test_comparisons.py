"""Comparing two artifacts: by the API, and on the page, for those who may read both."""

import json
from dataclasses import dataclass

import msgspec
import pytest

from entrepot.extract import findings
from entrepot.extract.findings import Findings, Package, Vulnerability
from entrepot.metadata.contents import artifacts
from entrepot.metadata.registry.manifests import find_manifest
from entrepot.metadata.repositories import find_repository
from entrepot.model.artifacts import StoredDocument
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, parse_reference
from tests.doors.conftest import LAYER, Town
from tests.doors.programs import Program
from tests.wire.content import CONFIG, INDEX, descriptor, image, index

LAYERS = (LAYER, b"second layer", b"another second layer")
OLD = Findings(
    packages=[Package("openssl", "3.0.1", "pkg:deb/debian/openssl@3.0.1"), Package("gone", "1")],
    vulnerabilities=[Vulnerability("CVE-2024-1", "high", "openssl", "3.0.1", "3.0.2")],
    files=[findings.File("bin/app", 7)],
    dependencies=[{"name": "redis", "version": "1.0"}],
)
NEW = Findings(
    packages=[Package("openssl", "3.0.2", "pkg:deb/debian/openssl@3.0.2"), Package("new", "1")],
    vulnerabilities=[Vulnerability("CVE-2024-2", "low", "openssl", "3.0.2")],
    files=[findings.File("bin/app", 9)],
    dependencies=[{"name": "redis", "version": "2.0"}],
)
VALUES = {"1.0": "image:\n  tag: '1'\n", "2.0": "image:\n  tag: '2'\n"}


def config_of(tag: str) -> bytes:
    """The config of an image whose environment holds its tag."""
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": [f"VERSION={tag}", "SAME=1"], "Cmd": ["run"], "User": tag},
            "history": [{"created_by": "/bin/sh -c base"}, {"created_by": f"COPY {tag} /"}],
        }
    ).encode()


@dataclass(frozen=True, slots=True)
class Shop:
    """A repository of two images, and those who ask for it."""

    town: Town
    name: str

    async def push(self, tag: str, layers: tuple[bytes, ...], found: Findings) -> bytes:
        """Push an image and write down what was found in it."""
        owner = str(self.town.auth["owner"])
        config = config_of(tag)
        for blob in (*layers, config):
            await self.town.doors.push(self.name, blob, str(Digest.of(blob)), owner)
        content = image(*layers, config=descriptor(config, CONFIG))
        await self.put(tag, content)
        await self.write_down(tag, found, VALUES.get(tag, ""))
        return content

    async def put(self, tag: str, content: bytes, media_type: str = "") -> None:
        """Push a manifest."""
        target = f"/v2/{self.name}/manifests/{tag}"
        headers = {"content_type": media_type} if media_type else {}
        owner = self.town.auth["owner"]
        answer = await self.town.doors.ask("PUT", target, content, auth=owner, **headers)
        assert answer.status == 201, answer.body

    async def write_down(self, tag: str, found: Findings, values: str) -> None:
        """Do what the indexing does after a push."""
        app = self.town.doors.app
        repository = await find_repository(app.metadata.reader, RepositoryName(self.name))
        assert repository is not None
        stored = await find_manifest(app.metadata.reader, repository.id, parse_reference(tag))
        assert stored is not None
        described = await app.artifacts.describe(repository.id, stored)
        text = msgspec.json.encode(found).decode()
        texts = [StoredDocument("findings", "application/json", text, False)]
        texts += [StoredDocument("values", "text/yaml", values, False)] if values else []
        async with app.metadata.begin() as tx:
            await artifacts.write_artifact(tx, described.artifact)
            await artifacts.write_documents(tx, stored.id, artifacts.pack(texts))


@pytest.fixture
async def shop(town: Town) -> Shop:
    """A private repository with `1.0` and `2.0`."""
    made = Shop(town, await town.build(Visibility.PRIVATE))
    await made.push("1.0", LAYERS[:2], OLD)
    await made.push("2.0", (LAYERS[0], LAYERS[2]), NEW)
    return made


async def test_every_section_says_what_differs(shop: Shop) -> None:
    member = Program(shop.town.doors, shop.town.auth["member"])
    seen = await member.get(f"/repositories/{shop.name}/-/compare?from=1.0&to=2.0")
    assert {each["name"]: (each["before"], each["after"]) for each in seen["config"]} == {
        "$VERSION": ("1.0", "2.0"),
        "User": ("1.0", "2.0"),
    }
    layers = seen["layers"]
    assert layers["shared"] == 1
    assert [each["instruction"] for each in layers["removed"]] == ["COPY 1.0 /"]
    assert [each["size"] for each in layers["added"]] == [len(LAYERS[2])]
    assert layers["bytes_to_pull"] == len(LAYERS[2]) + len(config_of("2.0"))
    changes = {each["name"]: each["change"] for each in seen["packages"]}
    assert changes == {"gone": "removed", "new": "added", "openssl": "upgraded"}
    assert seen["package_counts"] == {"added": 1, "removed": 1, "upgraded": 1}
    found = seen["vulnerabilities"]
    assert [[each["id"] for each in found[name]] for name in ("new", "fixed", "still")] == [
        ["CVE-2024-2"],
        ["CVE-2024-1"],
        [],
    ]
    assert seen["files"] == [{"path": "bin/app", "before": 7, "after": 9}]
    assert seen["values"] == [{"name": "image.tag", "before": "'1'", "after": "'2'"}]
    assert seen["dependencies"] == [{"name": "redis", "before": "1.0", "after": "2.0"}]
    assert (seen["attachments"], seen["missing"], seen["left_out"]) == ([], [], {})
    assert (seen["before"]["reference"], seen["after"]["repository"]) == ("1.0", shop.name)


async def test_what_is_equal_has_no_entries(shop: Shop) -> None:
    member = Program(shop.town.doors, shop.town.auth["member"])
    digest = str(Digest.of(image(*LAYERS[:2], config=descriptor(config_of("1.0"), CONFIG))))
    seen = await member.get(f"/repositories/{shop.name}/-/compare?from=1.0&to={digest}")
    assert seen["before"]["digest"] == seen["after"]["digest"] == digest
    for section in ("facts", "config", "packages", "files", "values", "dependencies"):
        assert seen[section] == []
    assert seen["layers"]["bytes_to_pull"] == 0
    auth = shop.town.auth["member"]
    page = await shop.town.doors.ask("GET", f"/r/{shop.name}/-/compare/1.0...{digest}", auth=auth)
    assert b"Both are the same manifest." in page.body


async def test_what_only_one_says_is_not_compared(shop: Shop) -> None:
    await shop.push("3.0", LAYERS[:1], Findings())
    member = Program(shop.town.doors, shop.town.auth["member"])
    seen = await member.get(f"/repositories/{shop.name}/-/compare?from=2.0&to=3.0")
    assert set(seen["missing"]) == {"packages", "vulnerabilities", "values", "files"}
    assert seen["packages"] == seen["vulnerabilities"]["fixed"] == []
    auth = shop.town.auth["member"]
    page = await shop.town.doors.ask("GET", f"/r/{shop.name}/-/compare/2.0...3.0", auth=auth)
    assert b"Only one of the two has an SBOM" in page.body
    assert b"Only one of the two has a report" in page.body


async def test_indexes_are_compared_by_platform(shop: Shop) -> None:
    arm = await shop.push("arm", LAYERS[:1], OLD)
    for tag, amd in (("i1", "1.0"), ("i2", "2.0")):
        layers = LAYERS[:2] if amd == "1.0" else (LAYERS[0], LAYERS[2])
        child = image(*layers, config=descriptor(config_of(amd), CONFIG))
        children = [
            {
                **descriptor(arm, "application/vnd.oci.image.manifest.v1+json"),
                "platform": {"os": "linux", "architecture": "arm64"},
            },
            {
                **descriptor(child, "application/vnd.oci.image.manifest.v1+json"),
                "platform": {"os": "linux", "architecture": "amd64"},
            },
        ]
        await shop.put(tag, index(*children), INDEX)
        await shop.write_down(tag, Findings(), "")
    member = Program(shop.town.doors, shop.town.auth["member"])
    path = f"/repositories/{shop.name}/-/compare?from=i1&to=i2"
    seen = await member.get(path)
    assert seen["platforms"] == ["linux/arm64", "linux/amd64"]
    assert seen["after"]["platform"] == "linux/amd64"
    assert {each["name"] for each in seen["config"]} == {"$VERSION", "User"}
    other = await member.get(f"{path}&platform=linux/arm64")
    assert (other["config"], other["packages"]) == ([], [])
    mixed = await member.get(f"/repositories/{shop.name}/-/compare?from=2.0&to=i2")
    assert mixed["after"]["manifest"] != mixed["after"]["digest"]


async def test_another_repository_is_compared_by_those_who_may_read_it(shop: Shop) -> None:
    public = Shop(shop.town, await shop.town.build(Visibility.PUBLIC))
    await public.push("1.0", LAYERS[:1], OLD)
    path = f"/repositories/{public.name}/-/compare?from=1.0&to={shop.name}:2.0"
    for who, status in (("nobody", 404), ("stranger", 404), ("member", 200), ("admin", 200)):
        program = Program(shop.town.doors, shop.town.auth[who])
        answer = await program.ask("GET", path)
        assert answer.status == status, who
        page = await shop.town.doors.ask(
            "GET", f"/r/{public.name}/-/compare/1.0...{shop.name}:2.0", auth=shop.town.auth[who]
        )
        assert page.status == status, who
        absent = await program.ask("GET", path.replace(shop.name, "acme/absent"))
        assert absent.status == 404
        if status == 404:
            details = [str(each.json()["detail"]) for each in (answer, absent)]
            assert details[0].replace(shop.name, "acme/absent") == details[1]


@pytest.mark.parametrize(
    "rest", ["1.0", "1.0...", "...2.0", "1.0...absent", "1.0...a b", "1.0...acme/x@sha256:1"]
)
async def test_what_is_not_there_is_not_compared(shop: Shop, rest: str) -> None:
    auth = shop.town.auth["owner"]
    target = f"/r/{shop.name}/-/compare/{rest.replace(' ', '%20')}"
    page = await shop.town.doors.ask("GET", target, auth=auth)
    assert page.status == 404


async def test_the_form_and_two_boxes_lead_to_the_comparison(shop: Shop) -> None:
    auth, path = shop.town.auth["member"], f"/r/{shop.name}/-/compare"
    for query in ("from=1.0&to=2.0", "select=2.0&select=1.0"):
        answer = await shop.town.doors.ask("GET", f"{path}?{query}", auth=auth)
        assert answer.status == 303
        assert answer.header("location") == f"{path}/1.0...2.0"
    form = await shop.town.doors.ask("GET", f"{path}?select=1.0", auth=auth)
    assert form.status == 200
    assert b'name="from" value="1.0"' in form.body
    assert b'<option value="2.0">' in form.body
    tags = await shop.town.doors.ask("GET", f"/r/{shop.name}/-/tags", auth=auth)
    assert path.encode() in tags.body
