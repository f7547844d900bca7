"""Repositories of Helm charts: the index and the archives, for each caller what they may pull."""

import gzip
import json

import pytest

from entrepot.hub.mirrors import MirrorSettings
from entrepot.hub.people.actors import Actor, Identity
from entrepot.metadata.contents.charts import write_chart
from entrepot.metadata.registry import manifests
from entrepot.metadata.repositories import PushTarget
from entrepot.model.charts import NewChart
from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag
from entrepot.versions import semver
from tests.doors.charts import ChartShop
from tests.doors.conftest import Open, Town
from tests.doors.doors import basic
from tests.doors.test_matrix import IDENTITIES, actions_of
from tests.metadata.clocks import START
from tests.metadata.rows import new_manifest
from tests.wire.content import descriptor, image


@pytest.fixture
async def shop(town: Town) -> ChartShop:
    """Two charts of acme's: `open` for everybody, `inner` for its members."""
    shop = ChartShop(town)
    await shop.open("acme/open", Visibility.PUBLIC)
    await shop.open("acme/inner", Visibility.PRIVATE)
    await shop.push("acme/open", "0.9.0")
    await shop.push(
        "acme/open", "0.10.0", appVersion="1.16", description="A chart", home="http://h"
    )
    await shop.push("acme/inner", "1.0.0", provenance=b"signed")
    return shop


async def test_an_index_lists_charts_as_helm_reads_them(shop: ChartShop) -> None:
    entries = await shop.entries()
    assert list(entries) == ["inner", "open"]
    newest, oldest = entries["open"]
    archive = (await shop.ask("/helm/acme/charts/open-0.10.0.tgz")).body
    assert newest.pop("created").startswith("20")
    assert newest == {
        "apiVersion": "v2",
        "name": "open",
        "version": "0.10.0",
        "appVersion": "1.16",
        "description": "A chart",
        "home": "http://h",
        "urls": ["charts/open-0.10.0.tgz"],
        "digest": Digest.of(archive).hex,
    }
    assert oldest["version"] == "0.9.0"


async def test_an_index_gives_addresses_of_oci_where_they_are_asked_for(shop: ChartShop) -> None:
    await shop.push("acme/open", "1.0.0+b.1")
    plain = await shop.ask("/helm/acme/index.yaml")
    for path in ("/helm/acme/index.yaml", "/helm/index.yaml"):
        answer = await shop.ask(f"{path}?urls=oci")
        assert answer.header("etag") != plain.header("etag")
        found = [each for listed in json.loads(answer.body)["entries"].values() for each in listed]
        addresses = {each["urls"][0] for each in found}
        assert "oci://hub.test/acme/open:1.0.0_b.1" in addresses
        assert "oci://hub.test/acme/inner:1.0.0" in addresses
    assert (await shop.ask("/helm/acme/index.yaml?urls=http")).body == plain.body
    assert (await shop.ask("/helm/acme/index.yaml?urls=ftp")).status == 400


@pytest.mark.parametrize("identity", IDENTITIES)
async def test_everybody_gets_the_charts_that_they_may_pull(shop: ChartShop, identity: str) -> None:
    if identity.startswith("disabled"):
        assert (await shop.ask("/helm/acme/index.yaml", identity)).status == 401
        assert (await shop.ask("/helm/acme/charts/open-0.9.0.tgz", identity)).status == 401
        return
    may = "pull" in actions_of(identity, Visibility.PRIVATE)
    for path in ("/helm/acme", "/helm"):
        names = {name.rpartition("/")[2] for name in await shop.versions(path, identity)}
        assert names == ({"open", "inner"} if may else {"open"})
    refusal = 401 if identity == "nobody" else 404
    for path, due in (
        ("/helm/acme/inner/index.yaml", 200 if may or identity != "nobody" else 401),
        ("/helm/acme/charts/open-0.9.0.tgz", 200),
        ("/helm/acme/charts/inner-1.0.0.tgz", 200 if may else refusal),
        ("/helm/acme/charts/inner-1.0.0.tgz.prov", 200 if may else refusal),
        ("/helm/acme/charts/missing-1.0.0.tgz", refusal),
        ("/helm/acme/charts/missing", refusal),
    ):
        for method in ("GET", "HEAD"):
            answer = await shop.ask(path, identity, method)
            assert answer.status == due, (path, method, answer.body)
            if due == 401:
                assert answer.header("www-authenticate") == 'Basic realm="entrepot"'
        assert (await shop.ask(path, identity, "PUT")).status == 405


async def test_a_token_of_some_repositories_lists_those_and_what_is_public(
    shop: ChartShop, town: Town
) -> None:
    owner = town.people["owner"]
    await shop.push("acme/other", "1.0.0")
    _, secret = await town.doors.app.tokens.add_personal(
        owner,
        "ci",
        TokenScope.READ,
        None,
        by=Actor(Identity(owner)),
        repositories=["acme/inner"],
    )
    town.auth["limited"] = basic("owner", secret)
    assert list(await shop.versions("/helm/acme", "limited")) == ["inner", "open"]
    town.auth["registry"] = await town.doors.bearer(
        town.auth["owner"], "repository:acme/other:pull"
    )
    assert list(await shop.versions("/helm/acme", "registry")) == ["open", "other"]
    assert (await shop.ask("/helm/acme/charts/inner-1.0.0.tgz", "registry")).status == 404


async def test_nothing_to_see_is_a_question_to_strangers_and_empty_to_others(
    shop: ChartShop, open_doors: Open
) -> None:
    for path in ("/helm/owner/index.yaml", "/helm/nobody-has-it/index.yaml"):
        assert (await shop.ask(path, "nobody")).status == 401
    assert await shop.versions("/helm/owner", "stranger") == {}
    absent = await shop.ask("/helm/nobody-has-it/index.yaml", "stranger")
    assert (absent.status, absent.json()) == (
        404,
        {"error": "no such user or organization: nobody-has-it"},
    )
    answer = await open_doors(open=True).ask("GET", "/helm/acme/index.yaml")
    assert list(json.loads(answer.body)["entries"]) == ["inner", "open"]


async def test_the_index_of_the_hub_names_charts_by_namespace(shop: ChartShop, town: Town) -> None:
    await shop.open("owner/open", Visibility.PUBLIC)
    await shop.push("owner/open", "9.0.0")
    entries = await shop.entries("/helm", "nobody")
    assert list(entries) == ["acme/open", "owner/open"]
    (url,) = entries["owner/open"][0]["urls"]
    assert url == "owner/charts/open-9.0.0.tgz"
    assert (await shop.ask(f"/helm/{url}", "nobody")).status == 200


async def test_a_path_below_a_namespace_is_a_repository_of_its_own(shop: ChartShop) -> None:
    await shop.push("acme/infra/db", "1.0.0")
    await shop.push("acme/infrared", "1.0.0")
    assert list(await shop.versions("/helm/acme/infra")) == ["db"]
    assert list(await shop.versions("/helm/ACME/infra/db")) == ["db"]
    assert (await shop.ask("/helm/acme/infra/charts/db-1.0.0.tgz")).status == 200
    assert (await shop.ask("/helm/acme/infra/charts/infrared-1.0.0.tgz")).status == 404


async def test_what_is_deleted_hidden_or_moved_leaves_the_index_at_once(
    shop: ChartShop, town: Town
) -> None:
    first = (await shop.ask("/helm/acme/index.yaml")).header("etag")
    for tag in ("0.9.0",):
        await town.doors.ask("DELETE", f"/v2/acme/open/manifests/{tag}", auth=town.auth["owner"])
    answer = await shop.ask("/helm/acme/index.yaml")
    assert answer.header("etag") != first
    assert await shop.versions("/helm/acme", "nobody") == {"open": ["0.10.0"]}
    app = town.doors.app
    await app.repositories.set_visibility(RepositoryName("acme/open"), Visibility.PRIVATE)
    assert (await shop.ask("/helm/acme/index.yaml", "nobody")).status == 401
    await app.repositories.delete(RepositoryName("acme/inner"))
    assert await shop.versions() == {"open": ["0.10.0"]}


async def test_a_chart_with_several_tags_is_listed_once_with_its_own_version(
    shop: ChartShop,
) -> None:
    await shop.push("acme/tagged", "1.0.0+build.5", tag="stable")
    await shop.push("acme/tagged", "1.0.0+build.5", tag="1.0.0_build.5")
    assert (await shop.versions())["tagged"] == ["1.0.0+build.5"]
    path = "/helm/acme/charts/tagged-1.0.0+build.5.tgz"
    assert (await shop.ask(path)).status == 200


async def test_versions_are_in_their_order_and_those_that_are_none_are_left_out(
    shop: ChartShop,
) -> None:
    for version in ("1.0.0-rc.1", "1.10.0", "1.2.0", "1.0.0", "v1.3.0"):
        await shop.push("acme/many", version)
    await shop.push("acme/many", "1.2", tag="short")
    listed = ["1.10.0", "v1.3.0", "1.2.0", "1.0.0", "1.0.0-rc.1"]
    assert (await shop.versions())["many"] == listed
    answer = await shop.ask("/helm/acme/index.yaml?versions=2")
    found = json.loads(answer.body)["entries"]["many"]
    assert [each["version"] for each in found] == listed[:2]
    assert answer.header("x-entrepot-dropped") == "3"
    for wrong in ("0", "-1", "x", "10001", "9" * 40):
        assert (await shop.ask(f"/helm/acme/index.yaml?versions={wrong}")).status == 400


async def test_of_equal_versions_the_repository_of_that_name_has_it(shop: ChartShop) -> None:
    mine = await shop.push("acme/db", "1.0.0", description="mine")
    await shop.push("acme/other", "1.0.0", name="db", description="theirs")
    await shop.push("acme/other", "2.0.0", name="db", description="theirs")
    entries = (await shop.entries())["db"]
    assert [(each["version"], each["description"]) for each in entries] == [
        ("2.0.0", "theirs"),
        ("1.0.0", "mine"),
    ]
    assert [each["annotations"] for each in entries] == [
        {"entrepot/repository": "acme/other"},
        {"entrepot/repository": "acme/db"},
    ]
    assert (await shop.ask("/helm/acme/charts/db-1.0.0.tgz")).body == mine


async def test_a_config_that_helm_cannot_read_spoils_no_index(shop: ChartShop) -> None:
    await shop.push(
        "acme/odd",
        "1.0.0",
        config={
            "name": "odd",
            "version": "1.0.0",
            "apiVersion": "v9",
            "type": "virus",
            "keywords": "one",
            "sources": [1],
            "deprecated": "yes",
            "annotations": {"a": 1},
            "maintainers": [{"name": "Ann", "extra": 1}],
            "dependencies": [{"name": "x", "import-values": ["data", {"a": "b"}]}],
            "urls": ["http://elsewhere"],
            "Digest": "x",
        },
    )
    (entry,) = (await shop.entries())["odd"]
    assert {key: value for key, value in entry.items() if key not in ("created", "digest")} == {
        "apiVersion": "v1",
        "name": "odd",
        "version": "1.0.0",
        "maintainers": [{"name": "Ann"}],
        "dependencies": [{"name": "x", "import-values": ["data", {"a": "b"}]}],
        "urls": ["charts/odd-1.0.0.tgz"],
    }
    for name in ("../up", "a/b", "..", "", 7):
        await shop.push("acme/odd", "1.0.1", config={"name": name, "version": "1.0.1"})
        assert (await shop.versions())["odd"] == ["1.0.0"]


async def test_entries_stay_short(shop: ChartShop) -> None:
    await shop.push("acme/long", "1.0.0", annotations={"a": "x" * 5000}, description="kept")
    await shop.push("acme/long", "2.0.0", keywords=["x" * 40_000], description="kept")
    await shop.push("acme/long", "3.0.0", description="x" * 40_000)
    newest, *others = (await shop.entries())["long"]
    assert [each["description"] for each in others] == ["kept", "kept"]
    assert not {"annotations", "keywords", "description"} & {*newest}


async def test_a_chart_is_named_by_its_config_and_nothing_else_is_a_chart(
    shop: ChartShop,
) -> None:
    await shop.put("acme/open", "image", image())
    assert await shop.versions("/helm/acme", "nobody") == {"open": ["0.10.0", "0.9.0"]}


async def test_an_index_that_has_not_changed_is_not_sent_again(shop: ChartShop) -> None:
    answer = await shop.ask("/helm/acme/index.yaml")
    auth, path = shop.town.auth["owner"], "/helm/acme/index.yaml"
    etag = str(answer.header("etag"))
    same = await shop.town.doors.ask("GET", path, auth=auth, if_none_match=etag)
    assert (same.status, same.body) == (304, b"")
    assert (await shop.ask(path, "nobody")).header("etag") != same.header("etag")
    await shop.push("acme/open", "0.11.0")
    changed = await shop.town.doors.ask("GET", path, auth=auth, if_none_match=etag)
    assert changed.status == 200


async def test_an_index_is_compressed_for_those_who_take_it(shop: ChartShop) -> None:
    auth = shop.town.auth["owner"]
    packed = await shop.town.doors.ask(
        "GET", "/helm/acme/index.yaml", auth=auth, accept_encoding="gzip"
    )
    assert packed.header("content-encoding") == "gzip"
    assert gzip.decompress(packed.body) == (await shop.ask("/helm/acme/index.yaml")).body
    assert "accept-encoding" in (packed.header("vary") or "")


async def test_an_archive_is_downloaded_whole_or_in_parts_and_counts_as_a_pull(
    shop: ChartShop, town: Town
) -> None:
    path = "/helm/acme/charts/inner-1.0.0.tgz"
    whole = await shop.ask(path)
    assert whole.header("etag") == f'"{Digest.of(whole.body)}"'
    assert whole.header("content-disposition") == 'attachment; filename="inner-1.0.0.tgz"'
    auth = town.auth["owner"]
    part = await town.doors.ask("GET", path, auth=auth, range="bytes=2-5")
    assert (part.status, part.body) == (206, whole.body[2:6])
    assert (await shop.ask(f"{path}.prov")).body == b"signed"
    assert (await shop.ask("/helm/acme/charts/open-0.9.0.tgz.prov")).status == 404
    await town.doors.app.pulls.flush()
    found = await town.doors.app.repositories.get(RepositoryName("acme/inner"))
    assert found.pulls == 2


async def test_helm_search_hub_finds_what_the_caller_may_see(shop: ChartShop, town: Town) -> None:
    await shop.push("acme/open", "1.0.0-rc.1")
    for name in ("acme/open", "acme/inner"):
        repository = await town.doors.app.repositories.get(RepositoryName(name))
        await town.doors.app.summaries.summarize(repository.id)
    path = "/api/chartsvc/v1/charts/search?q=ope"
    (found,) = json.loads((await shop.ask(path, "nobody")).body)["data"]
    assert found == {
        "id": "acme/open",
        "type": "chart",
        "artifactHub": {"packageUrl": "http://hub.test/r/acme/open"},
        "attributes": {
            "name": "open",
            "description": "A chart",
            "repo": {"name": "acme", "url": "http://hub.test/helm/acme"},
        },
        "relationships": {
            "latestChartVersion": {"data": {"version": "0.10.0", "app_version": "1.16"}}
        },
    }
    path = "/api/chartsvc/v1/charts/search?q="
    for who, count in (("nobody", 1), ("stranger", 1), ("member", 2)):
        assert len(json.loads((await shop.ask(path, who)).body)["data"]) == count
    nothing = "/api/chartsvc/v1/charts/search?q=no-such-chart"
    assert json.loads((await shop.ask(nothing)).body) == {"data": []}


async def test_the_description_for_artifact_hub_is_the_nearest_one(shop: ChartShop) -> None:
    path = "/helm/acme/artifacthub-repo.yml"
    assert (await shop.ask(path)).status == 404
    kind = "application/vnd.cncf.artifacthub.repository-metadata.layer.v1.yaml"
    await shop.push("acme/longer/name", "1.0.0")
    for name in ("acme/inner", "acme/longer/name"):
        text = f"repositoryID: {name}\n".encode()
        owner = str(shop.town.auth["owner"])
        await shop.town.doors.push(name, text, str(Digest.of(text)), owner)
        layers = [descriptor(text, kind)]
        content = json.dumps({**json.loads(image()), "layers": layers}).encode()
        await shop.put(name, "artifacthub.io", content)
    assert (await shop.ask(path)).body == b"repositoryID: acme/inner\n"
    nearer = await shop.ask("/helm/acme/longer/artifacthub-repo.yml", "member")
    assert nearer.body == b"repositoryID: acme/longer/name\n"
    assert (await shop.ask(path, "stranger")).status == 404
    assert (await shop.ask(path, "nobody")).status == 401
    await shop.put("acme/open", "artifacthub.io", image())
    assert (await shop.ask(path, "nobody")).status == 404


async def test_charts_of_a_mirror_are_listed_for_those_who_may_pull_from_it(town: Town) -> None:
    shop, app = ChartShop(town), town.doors.app
    mirror = await app.mirrors.add("up", MirrorSettings("https://registry.example.test"))
    target = PushTarget(
        RepositoryName("up/demo"), mirror.id, mirror.repository_visibility, None, is_mirrored=True
    )
    async with town.metadata.begin() as tx:
        made = await target.ensure(tx, START)
        chart = NewChart("demo", "1.0.0", semver.key("1.0.0"), '{"name":"demo"}', "sha256:x", None)
        manifest = await manifests.insert_manifest(tx, made.id, new_manifest(b"{}"), None, START)
        await manifests.move_tag(tx, made.id, Tag("1.0.0"), manifest, None, START)
        await write_chart(tx, manifest, made.id, chart, START)
    for who in ("stranger", "member", "admin"):
        assert list(await shop.entries("/helm/up", who)) == ["demo"]
    assert (await shop.ask("/helm/up/index.yaml", "nobody")).status == 401
