"""Who has a vulnerability: by the API, on pages, as CSV; and what administrators import."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from entrepot.http.forms import form_token
from entrepot.jobs.handlers import job_handlers
from entrepot.jobs.worker import JobWorker
from entrepot.metadata.contents import artifacts
from entrepot.metadata.contents.packages import add_packages
from entrepot.metadata.registry.manifests import find_manifest
from entrepot.metadata.repositories import find_repository
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName, Tag
from tests.doors.browsers import FORM_SECRET, ORIGIN, Browser
from tests.doors.conftest import Town
from tests.doors.doors import Answer
from tests.metadata.clocks import START
from tests.support.osv import document, fixed, since, write_zip

CVE = "CVE-2023-32681"
ADVISORY = document(
    "GHSA-aaaa-bbbb-cccc",
    "PyPI",
    "requests",
    since(),
    fixed("2.31.0"),
    aliases=[CVE],
    database_specific={"severity": "HIGH"},
)
API = f"/api/v1/vulnerabilities?id={CVE}"


@dataclass(frozen=True, slots=True)
class Shop:
    """A hub with a private and a public repository that ship the package."""

    town: Town
    private: str
    public: str

    async def settle(self) -> None:
        """Do the jobs that are due."""
        app = self.town.doors.app
        await JobWorker(app.metadata, job_handlers(app), app.now).drain()

    async def browser(self, who: str) -> Browser:
        """A browser in which that person is signed in."""
        sessions = self.town.doors.app.sessions
        secret = await sessions.begin(self.town.people[who], address="", client="")
        return Browser(self.town.doors, secret)

    async def upload(self, who: str, name: str, content: bytes) -> Answer:
        """Import a file as the administration's page does."""
        browser = await self.browser(who)
        body = (
            (
                f'--x\r\ncontent-disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
            ).encode()
            + content
            + b"\r\n--x--\r\n"
        )
        token = form_token(FORM_SECRET, browser.session)
        headers = {"cookie": browser.cookies, "origin": ORIGIN}
        headers["content_type"] = "multipart/form-data; boundary=x"
        target = f"/admin/vulnerabilities?token={token}"
        return await self.town.doors.ask_with("POST", target, body, headers)


async def _ship(town: Town, name: str) -> None:
    """Write down what an SBOM in the tagged manifest says."""
    app = town.doors.app
    repository = await find_repository(app.metadata.reader, RepositoryName(name))
    assert repository is not None
    manifest = await find_manifest(app.metadata.reader, repository.id, Tag("v1"))
    assert manifest is not None
    described = await app.artifacts.describe(repository.id, manifest)
    listed = [("requests", "2.30.0", "pkg:pypi/requests@2.30.0", "")]
    async with app.metadata.begin() as tx:
        await artifacts.write_artifact(tx, described.artifact)
        await add_packages(tx, manifest.id, repository.id, listed)


@pytest.fixture
async def shop(town: Town, tmp_path: Path) -> Shop:
    """The package in both repositories, and the advisory."""
    private, public = [
        await town.build(visibility) for visibility in (Visibility.PRIVATE, Visibility.PUBLIC)
    ]
    for name in (private, public):
        await _ship(town, name)
    made = Shop(town, private, public)
    path = write_zip(tmp_path / "all.zip", ADVISORY)
    await town.doors.app.advisories.import_file(path, "all.zip")
    await made.settle()
    return made


async def test_everybody_finds_what_they_may_pull(shop: Shop) -> None:
    for who, expected in (("owner", {shop.private, shop.public}), ("nobody", {shop.public})):
        answer = await shop.town.doors.ask("GET", API, auth=shop.town.auth[who])
        found = answer.json()
        assert found["total"] == len(expected)
        assert {each["repository"] for each in json.loads(answer.body)["items"]} == expected
    (item,) = json.loads(answer.body)["items"]
    assert item.pop("first_seen") > f"{START.year}"
    assert item.pop("digest").startswith("sha256:")
    assert item == {
        "id": CVE,
        "aliases": ["GHSA-aaaa-bbbb-cccc"],
        "repository": shop.public,
        "tag": "v1",
        "package": "requests",
        "version": "2.30.0",
        "fixed": "2.31.0",
        "severity": "high",
        "state": "affected",
        "source": "hub",
    }


@pytest.mark.parametrize("text", ["", "CVE-1", "x" * 300, "%25"])
async def test_an_unknown_vulnerability_is_nobody_s(shop: Shop, text: str) -> None:
    answer = await shop.town.doors.ask("GET", f"/api/v1/vulnerabilities?id={text}")
    assert (answer.status, answer.json()["total"]) == (200, 0)
    page = await shop.town.doors.ask("GET", f"/vulnerabilities?q={text}")
    assert page.status == 200


async def test_an_artifact_shows_the_findings_of_the_hub(shop: Shop) -> None:
    doors = shop.town.doors
    target = f"/api/v1/repositories/{shop.public}/-/manifests/v1/vulnerabilities"
    found = json.loads((await doors.ask("GET", target)).body)
    assert (found["total"], found["counts"]) == (1, {"high": 1})
    (item,) = found["items"]
    assert (item["id"], item["fixed_in"], item["state"]) == (CVE, "2.31.0", "affected")
    assert (item["source"], item["sources"]) == ("hub", ["Entrepot"])
    page = (await doors.ask("GET", f"/r/{shop.public}:v1/vulnerabilities")).body.decode()
    assert "2.31.0" in page
    assert "https://osv.dev/vulnerability/GHSA-aaaa-bbbb-cccc" in page
    assert f'href="/vulnerabilities?q={CVE}"' in page


async def test_the_page_and_its_table_list_the_same(shop: Shop) -> None:
    doors = shop.town.doors
    page = (await doors.ask("GET", f"/vulnerabilities?q={CVE.lower()}")).body.decode()
    assert f'href="/r/{shop.public}:v1/vulnerabilities"' in page
    assert shop.private not in page
    table = await doors.ask("GET", f"/vulnerabilities.csv?q={CVE}")
    first, second = table.body.decode().splitlines()
    assert first.startswith("id,severity,repository,tag,digest")
    assert second.startswith(f"{CVE},high,{shop.public},v1,sha256:")
    assert "attachment" in str(table.header("content-disposition"))


async def test_administrators_see_how_old_the_data_is(shop: Shop) -> None:
    browser = await shop.browser("admin")
    page = (await browser.get("/admin/vulnerabilities")).body.decode()
    for text in ("all.zip", "2026-11-01", "New since last week", f"/r/{shop.private}@", CVE):
        assert text in page
    answer = await shop.town.doors.ask(
        "GET", "/api/v1/admin/vulnerability-data", auth=shop.town.auth["admin"]
    )
    data = json.loads(answer.body)
    assert [each["name"] for each in data["data_sets"]] == ["all.zip"]
    assert {name: data[name] for name in ("advisories", "packages", "matches")} == {
        "advisories": 1,
        "packages": 1,
        "matches": 1,
    }


async def test_an_administrator_imports_in_the_browser(shop: Shop) -> None:
    mended = json.dumps({**ADVISORY, "withdrawn": "2026-11-02T00:00:00Z"}).encode()
    for who in ("owner", "stranger"):
        assert (await shop.upload(who, "new.json", mended)).status in (403, 404)
    answer = await shop.upload("admin", "new.json", mended)
    assert (answer.status, answer.header("location")) == (303, "/admin/vulnerabilities?said=saved")
    await shop.settle()
    found = await shop.town.doors.ask("GET", API, auth=shop.town.auth["owner"])
    assert found.json()["total"] == 0
    assert (await shop.upload("admin", "bad.zip", b"no zip")).status == 400
