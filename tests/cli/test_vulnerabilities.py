"""`entrepot vulnerabilities`: advisories are imported, matched, and told of."""

import json
from pathlib import Path

import pytest

from entrepot.app import App
from entrepot.metadata.contents import packages
from tests.cli.conftest import Run
from tests.cli.test_reindex import on
from tests.metadata.rows import add_manifest, add_repository
from tests.support.osv import document, fixed, since, write_zip


async def ship(app: App) -> None:
    """An artifact with a package, as an SBOM lists it."""
    repository = await add_repository(app.metadata, "shop/app")
    manifest = await add_manifest(app.metadata, repository)
    purl = "pkg:golang/golang.org/x/net@v0.1.0"
    async with app.metadata.begin() as tx:
        listed = [("golang.org/x/net", "v0.1.0", purl, ""), ("nowhere", "1", "", "")]
        await packages.add_packages(tx, manifest, repository.id, listed)


@pytest.fixture
def advisories(tmp_path: Path) -> Path:
    """A file of two advisories, one of which is none."""
    net = document("GO-2024-1", "Go", "golang.org/x/net", since(), fixed("0.2.0"))
    return write_zip(tmp_path / "go.zip", net, {"id": "GO-2024-2", "affected": 1})


def test_a_file_is_imported_and_matched(run: Run, data: Path, advisories: Path) -> None:
    on(data, ship)
    done = run("vulnerabilities", "import", str(advisories))
    assert done.exit_code == 0, done.output
    assert "go.zip: 2 advisories, 1 new or changed, 1 skipped.\n" in done.stdout
    assert "GO-2024-2.json: not an OSV document" in done.stdout
    again = json.loads(run("vulnerabilities", "import", str(advisories), "--json").stdout)
    assert [(each["documents"], each["changed"]) for each in again["files"]] == [(2, 0)]
    told = json.loads(run("vulnerabilities", "status", "--json").stdout)
    assert [each["name"] for each in told.pop("data_sets")] == ["go.zip"]
    assert told == {"advisories": 1, "packages": 2, "unplaced": 1, "waiting": 0, "matches": 1}
    told_to_people = run("vulnerabilities", "status").stdout
    assert "1 advisory, 2 packages, 1 match.\nNot matched, of no known" in told_to_people
    assert run("vulnerabilities", "rematch").stdout == "Matched again: 1 match.\n"


def test_what_is_no_file_of_advisories_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    for name in ("notes.txt", "missing.zip"):
        done = run("vulnerabilities", "import", str(tmp_path / name))
        assert done.exit_code == 1
        assert done.stderr.startswith("entrepot: ")
    assert "No advisories. Import a file" in run("vulnerabilities", "status").stdout
