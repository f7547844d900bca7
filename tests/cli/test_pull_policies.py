"""`entrepot policy` and `entrepot exempt`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from entrepot.app import App
from entrepot.cli.main import app
from entrepot.metadata.people import accounts
from entrepot.metadata.registry import manifests
from entrepot.model.people.accounts import NamespaceKind
from entrepot.model.repositories import Visibility
from entrepot.oci.names import Tag
from tests.cli.conftest import Run
from tests.cli.test_reindex import on
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest, add_repository

RULES = {
    "rules": [
        {
            "name": "prod",
            "applies": {"tags": ["*"]},
            "mode": "enforce",
            "require": [{"vulnerabilities": {"none_at_or_above": "critical"}}, {"signed": {}}],
        }
    ]
}


async def ship(app: App) -> None:
    """A namespace with a tagged artifact."""
    async with app.metadata.begin() as tx:
        shop = await accounts.insert_namespace(
            tx, "shop", NamespaceKind.ORGANIZATION, Visibility.PRIVATE, START
        )
    repository = await add_repository(app.metadata, "shop/app", namespace_id=shop)
    manifest = await add_manifest(app.metadata, repository)
    async with app.metadata.begin() as tx:
        await manifests.move_tag(tx, repository.id, Tag("1.0"), manifest, None, START)


@pytest.fixture
def rules(tmp_path: Path, data: Path) -> Path:
    """A file of rules, and something that they are about."""
    on(data, ship)
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(RULES))
    return path


@pytest.mark.parametrize("name", ["shop", "shop/app"])
def test_rules_are_set_and_shown(run: Run, rules: Path, name: str) -> None:
    assert json.loads(run("policy", "show", name).stdout) == {"rules": []}
    done = run("policy", "set", name, str(rules))
    assert (done.exit_code, done.stdout) == (0, f"{name} has 1 rule about pulls.\n"), done.output
    (shown,) = json.loads(run("policy", "show", name).stdout)["rules"]
    assert (shown["name"], shown["mode"]) == ("prod", "enforce")
    table = run("policy", "preview", "shop/app").stdout
    assert "refuse" in table
    assert "it is not signed" in table
    end = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    options = ("--what", "tag:1.0", "--reason", "it is old", "--until", end)
    exempted = run("exempt", "shop/app", *options)
    assert exempted.exit_code == 0, exempted.output
    assert "Every tag may be pulled." in run("policy", "preview", "shop/app").stdout
    (listed,) = json.loads(run("policy", "exemptions", "shop", "--json").stdout)
    assert listed["until"].startswith(f"{end}T23:59:59")
    assert "it is old" in run("policy", "exemptions", "shop").stdout
    assert run("policy", "unexempt", "shop", str(listed["id"])).exit_code == 0
    found = json.loads(run("policy", "preview", "shop/app", "--json").stdout)
    assert [each["tag"] for each in found["items"]] == ["1.0"]


def test_what_is_no_policy_is_refused(run: Run, rules: Path) -> None:
    rules.write_text('{"rules": [{"name": "x", "require": [{"signd": {}}]}]}')
    done = run("policy", "set", "shop", str(rules))
    assert done.exit_code == 1
    assert "invalid pull policy" in done.stderr
    options = ("--what", "CVE-2024-3094", "--reason", "why", "--until", "some day")
    assert run("exempt", "shop", *options).exit_code == 2


def test_the_schema_is_printed() -> None:
    schema = json.loads(CliRunner().invoke(app, ["policy", "schema"]).stdout)
    assert schema["$ref"] == "#/$defs/PullPolicy"
    assert schema["$defs"]["Requirement"]["maxProperties"] == 1
