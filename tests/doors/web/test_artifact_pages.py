"""The page of an artifact: an image's layers and config, a chart's images, whoever looks."""

import json
from dataclasses import replace

import msgspec
import pytest

from entrepot.extract.findings import Findings, InTotoStatement, Signature
from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.sqlite import SqliteReader
from entrepot.metadata.registry.manifests import find_manifest
from entrepot.metadata.repositories import find_repository
from entrepot.model.artifacts import StoredDocument
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from tests.doors.conftest import LAYER, Town
from tests.doors.doors import Answer
from tests.doors.web.test_comparisons import Shop
from tests.wire.content import CONFIG, INDEX, descriptor, image, index

BASE = b"the system of the base image"


def config_of(architecture: str) -> bytes:
    """The config of an image on a base: the base's own build ended with a CMD."""
    return json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": ["sha256:1", "sha256:2"]},
            "config": {
                "Env": ["PATH=/bin", f"ARCH={architecture}", "ODD"],
                "Entrypoint": ["/app"],
                "User": "10001",
                "ExposedPorts": {"8080/tcp": {}},
                "Labels": {"org.opencontainers.image.base.name": "debian:12", "team": "shop"},
            },
            "history": [
                {"created_by": "/bin/sh -c #(nop) ADD file:root in /"},
                {"created_by": 'CMD ["bash"]', "empty_layer": True},
                {"created_by": "RUN /bin/sh -c make install # buildkit"},
                {"created_by": "ENTRYPOINT /app", "empty_layer": True},
            ],
        }
    ).encode()


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every statement that is asked of the database."""
    asked: list[object] = []
    query = SqliteReader._query

    def count(self: SqliteReader, statement: object, values: object) -> object:
        asked.append(statement)
        return query(self, statement, values)  # type: ignore[arg-type]

    monkeypatch.setattr(SqliteReader, "_query", count)
    return asked


@pytest.fixture
async def shop(town: Town) -> Shop:
    """A private repository whose tag `1.0` is an image for two platforms."""
    made = Shop(town, await town.build(Visibility.PRIVATE))
    await push_index(made, "1.0")
    return made


async def push_index(shop: Shop, tag: str) -> None:
    """Push an image for two platforms."""
    owner = str(shop.town.auth["owner"])
    children = []
    for architecture in ("arm64", "amd64"):
        config = config_of(architecture)
        for blob in (BASE, LAYER, config):
            await shop.town.doors.push(shop.name, blob, str(Digest.of(blob)), owner)
        content = image(BASE, LAYER, config=descriptor(config, CONFIG))
        digest = str(Digest.of(content))
        await shop.put(digest, content)
        await write_down(shop, digest, Findings(facts={"System": "Debian 12"}))
        platform = {"os": "linux", "architecture": architecture}
        media_type = "application/vnd.oci.image.manifest.v1+json"
        children.append(descriptor(content, media_type, platform=platform))
    await shop.put(tag, index(*children, annotations={"tag": tag}), INDEX)
    await shop.write_down(tag, Findings(), "")


async def write_down(shop: Shop, digest: str, found: Findings) -> None:
    """Do what the indexing does after a push of what has no tag."""
    app = shop.town.doors.app
    repository = await find_repository(app.metadata.reader, RepositoryName(shop.name))
    assert repository is not None
    stored = await find_manifest(app.metadata.reader, repository.id, Digest.parse(digest))
    assert stored is not None
    described = await app.artifacts.describe(repository.id, stored)
    text = msgspec.json.encode(found).decode()
    document = StoredDocument("findings", "application/json", text, is_cut=False)
    async with app.metadata.begin() as tx:
        await artifacts.write_artifact(tx, described.artifact)
        await artifacts.write_documents(tx, stored.id, artifacts.pack([document]))


async def look(shop: Shop, path: str, who: str = "member", **headers: str) -> Answer:
    """A page of the repository."""
    told = {**headers, "authorization": str(shop.town.auth[who])}
    answer = await shop.town.doors.ask_with("GET", f"/r/{shop.name}{path}", b"", told)
    assert answer.status == 200, answer.body
    return answer


async def test_an_index_shows_the_image_of_one_platform(shop: Shop) -> None:
    for query, platform in (
        ("", "linux/amd64"),
        ("?platform=linux/arm64", "linux/arm64"),
        ("?platform=none/such", "linux/amd64"),
    ):
        page = (await look(shop, f":1.0{query}", accept="application/json")).json()
        shown = page["image"]
        assert isinstance(shown, dict)
        assert shown["platform"] == platform
        assert ["ARCH", platform.partition("/")[2]] in shown["environment"]
        assert {each["label"]: each["value"] for each in shown["facts"]} == {
            "Entrypoint": "/app",
            "User": "10001",
            "Ports": "8080/tcp",
            "System": "Debian 12",
        }


async def test_layers_are_told_by_their_steps_and_where_the_base_ends(shop: Shop) -> None:
    page = (await look(shop, ":1.0", accept="application/json")).json()
    shown = page["image"]
    assert isinstance(shown, dict)
    bars = [(each["keyword"], each["text"], each["is_base"]) for each in shown["bars"]]
    assert bars == [("ADD", "file:root in /", True), ("RUN", "make install", False)]
    assert shown["steps"] == ['CMD ["bash"]', "ENTRYPOINT /app"]
    assert (shown["base_size"], shown["own_size"]) == (len(BASE), len(LAYER))
    assert next(each["width"] for each in shown["bars"]) == 100
    assert sum(each["share"] for each in shown["bars"]) == pytest.approx(100, abs=0.1)


async def test_the_page_names_the_repository_its_version_and_others(shop: Shop) -> None:
    await push_index(shop, "1.1")
    page = (await look(shop, ":1.0", accept="text/html")).body.decode()
    heading = page[page.index("<h1>") : page.index("</h1>")]
    assert shop.name.partition("/")[2] in heading
    assert "1.0" in heading
    assert f'href="/r/{shop.name}:1.1"' in page
    assert "?platform=linux/arm64" in page.replace("%2F", "/")


async def test_a_page_of_a_platform_says_which_one_it_is(shop: Shop) -> None:
    page = (await look(shop, ":1.0", accept="application/json")).json()
    shown = page["image"]
    assert isinstance(shown, dict)
    answer = await look(shop, f"@{shown['digest']}", accept="text/html")
    heading = answer.body.decode().partition("</h1>")[0]
    assert "linux/amd64" in heading


async def test_who_built_and_who_signed_is_a_story(shop: Shop) -> None:
    subject = await find_digest(shop, "1.0")
    built = InTotoStatement(
        "https://slsa.dev/provenance/v1", builder="ci", source="https://git.test/shop"
    )
    wanted = {
        "application/vnd.in-toto+json": Findings(statements=[built]),
        "application/vnd.dev.cosign.artifact.sig.v1+json": Findings(
            signatures=[
                Signature("cosign", subject, check="not checked", identity="nobody"),
                Signature("cosign", subject, check="verified", identity="release@acme"),
            ]
        ),
    }
    for artifact_type, found in wanted.items():
        content = image(artifactType=artifact_type, subject={**await descriptor_of(shop, subject)})
        await shop.town.doors.push(
            shop.name, b"{}", str(Digest.of(b"{}")), str(shop.town.auth["owner"])
        )
        await shop.put(str(Digest.of(content)), content)
        await write_down(shop, str(Digest.of(content)), found)
    await count(shop, "1.0")
    page = (await look(shop, ":1.0", accept="application/json")).json()
    origin = page["origin"]
    assert isinstance(origin, dict)
    assert [each["source"] for each in origin["statements"]] == ["https://git.test/shop"]
    assert [each["check"] for each in origin["signatures"]] == ["verified", "not checked"]
    html = (await look(shop, ":1.0", accept="text/html")).body.decode()
    assert "Signed with a trusted key" in html
    assert "git.test/shop" in html


async def find_digest(shop: Shop, tag: str) -> str:
    """The digest that a tag points at."""
    page = (await look(shop, f":{tag}", accept="application/json")).json()
    return str(page["digest"])


async def descriptor_of(shop: Shop, digest: str) -> dict[str, object]:
    """The descriptor of a manifest."""
    answer = await shop.town.doors.ask(
        "GET", f"/v2/{shop.name}/manifests/{digest}", auth=shop.town.auth["owner"]
    )
    return {"mediaType": INDEX, "digest": digest, "size": len(answer.body)}


async def count(shop: Shop, tag: str) -> None:
    """Count a signature and an attestation of the tag's artifact, as the indexing does."""
    app = shop.town.doors.app
    repository = await find_repository(app.metadata.reader, RepositoryName(shop.name))
    assert repository is not None
    row = await app.tags.find(repository, tag)
    assert row is not None
    assert row.artifact is not None
    counted = replace(row.artifact.marks, signatures=2, attestations=1)
    async with app.metadata.begin() as tx:
        await artifacts.set_marks(tx, row.manifest_id, counted)


async def test_a_chart_s_images_are_linked_for_those_who_may_see_them(shop: Shop) -> None:
    town = shop.town
    public = Shop(town, await town.build(Visibility.PUBLIC))
    used = [
        f"hub.test/{shop.name}:1.0",
        f"hub.test/{shop.name}:gone",
        "hub.test/acme/absent:1",
        "hub.test/not a name:1",
        "docker.io/library/redis:7",
    ]
    said = Findings(
        images=used,
        dependencies=[
            {"name": "redis", "version": "^1", "repository": "oci://hub.test/acme/charts"},
            {"name": "other", "version": "2", "repository": "https://charts.test"},
        ],
        facts={"Changes": "added: a probe; more memory"},
    )
    await public.write_down("v1", said, "")
    for who, known in (("member", [True]), ("stranger", [False])):
        page = (await look(public, ":v1", who, accept="application/json", host="hub.test")).json()
        found = page["images"]
        assert isinstance(found, list)
        assert [each["artifact"] is not None for each in found] == [*known, *[False] * 4]
        assert [each["address"] for each in found[-2:]] == ["/r/not a name:1", ""]
    dependencies = page["dependencies"]
    assert isinstance(dependencies, list)
    assert [each["address"] for each in dependencies] == ["/r/acme/charts/redis", ""]
    assert page["changes"] == ["added: a probe", "more memory"]


@pytest.mark.parametrize("path", ["", ":1.0", ":1.0/platforms", "/-/tags"])
async def test_a_page_asks_no_more_however_many_tags_there_are(
    shop: Shop, queries: list[object], path: str
) -> None:
    asked = []
    # The repository's page looks for a README in its seven newest versions.
    for numbers in (range(1, 8), range(8, 16)):
        for number in numbers:
            await push_index(shop, f"1.{number}")
        await look(shop, path, accept="text/html")
        queries.clear()
        await look(shop, path, accept="text/html")
        asked.append(len(queries))
    few, many = asked
    assert many <= few
    assert many <= (12 if path == "/-/tags" else 32), many


async def test_the_changelog_is_of_all_versions_that_say_what_changed(shop: Shop) -> None:
    for tag, changes in (("2.0", "added: a probe; security: less <b>power"), ("3.0", "")):
        await push_index(shop, tag)
        await shop.write_down(tag, Findings(facts={"Changes": changes} if changes else {}), "")
    assert "changelog" not in (await look(shop, ":3.0", accept="application/json")).texts("tabs")
    assert "changelog" in (await look(shop, ":2.0", accept="application/json")).texts("tabs")
    page = (await look(shop, ":2.0/changelog", accept="text/html")).body.decode()
    assert f'href="/r/{shop.name}:2.0"' in page
    assert "a probe" in page
    assert "less &lt;b&gt;power" in page


@pytest.mark.parametrize(
    ("icon", "is_shown"),
    [
        ("data:image/png;base64,iVBORw0KGgo=", True),
        ("https://example.com/icon.svg", False),
        ("data:text/html,<script>", False),
        ('data:image/png;base64," onerror="alert(1)', False),
        ("data:image/png;base64," + "A" * 40_000, False),
        (7, False),
    ],
)
async def test_a_chart_s_icon_is_shown_where_it_brings_it_along(
    shop: Shop, icon: object, is_shown: bool
) -> None:
    config = json.dumps({"name": "demo", "version": "9.0", "icon": icon}).encode()
    owner = str(shop.town.auth["owner"])
    await shop.town.doors.push(shop.name, config, str(Digest.of(config)), owner)
    helm = "application/vnd.cncf.helm"
    layer = descriptor(LAYER, f"{helm}.chart.content.v1.tar+gzip")
    chart = image(config=descriptor(config, f"{helm}.config.v1+json"), layers=[layer])
    await shop.put("9.0", chart)
    page = (await look(shop, ":9.0", accept="text/html")).body.decode()
    assert ('<img class="tile big" src="data:image/png' in page) is is_shown
    assert "onerror" not in page.partition("</h1>")[0]
