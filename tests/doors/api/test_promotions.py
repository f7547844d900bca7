"""Promotions: an artifact with all that is attached goes to another repository, or nothing."""

import json
import time

import pytest

from entrepot.errors import EntrepotError
from entrepot.hub.people.actors import OPERATOR
from entrepot.metadata.registry import policies
from entrepot.model.people.tokens import TokenScope
from entrepot.model.policies import Policy
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag
from tests.doors.browsers import Browser
from tests.doors.conftest import Town
from tests.doors.doors import basic
from tests.doors.programs import Program
from tests.support.artifacts import Shelf

DEV, PROD = "acme/dev", "acme/prod"
PATH = f"/repositories/{PROD}/-/promote"
ORDER = {"from": DEV, "reference": "1.4-rc3", "tags": ["1.4"]}


@pytest.fixture
def dev(town: Town) -> Shelf:
    """A repository to promote from."""
    return Shelf(town.doors.app, DEV)


@pytest.fixture
def prod(town: Town) -> Shelf:
    """A repository to promote to, which does not exist yet."""
    return Shelf(town.doors.app, PROD)


@pytest.fixture
def editor(town: Town) -> Program:
    """A program of somebody who may push to both."""
    return Program(town.doors, town.auth["editor"])


async def stock(dev: Shelf) -> Digest:
    """An index of two images, with attachments of each kind, and attachments of those."""
    one, two = await dev.image(b"one"), await dev.image(b"two")
    root = await dev.index(one, two, tag="1.4-rc3")
    sbom = await dev.attach(root, "sbom")
    await dev.attach(sbom, "signature of the sbom")
    await dev.attach(one, "of a child")
    await dev.sign(root, b"signature")
    return root


async def test_everything_that_belongs_to_it_comes_along(
    town: Town, dev: Shelf, prod: Shelf, editor: Program
) -> None:
    root = await stock(dev)
    held = len(town.storage.blobs)
    answer = await editor.do("POST", PATH, ORDER)
    assert answer == {
        "digest": str(root),
        "tags": ["1.4"],
        "copied": {"manifests": 3, "attachments": 4, "blobs": 5},
        "kept": [],
    }
    signature = f"sha256-{root.hex}.sig"
    assert set(await prod.tags()) == {"1.4", signature}
    assert (await prod.tags())["1.4"] == str(root)
    assert (await prod.tags())[signature] == (await dev.tags())[signature]
    assert await prod.referrers(root) == 1
    assert len(town.storage.blobs) == held
    again = await editor.do("POST", PATH, ORDER)
    assert again["copied"] == {"manifests": 0, "attachments": 0, "blobs": 0}


async def test_a_dry_run_changes_nothing(
    town: Town, dev: Shelf, prod: Shelf, editor: Program
) -> None:
    await stock(dev)
    answer = await editor.do("POST", PATH, {**ORDER, "dry_run": True})
    assert answer["copied"] == {"manifests": 3, "attachments": 4, "blobs": 5}
    assert (await editor.ask("GET", f"/repositories/{PROD}")).status == 404


async def test_attachments_may_stay_behind(dev: Shelf, prod: Shelf, editor: Program) -> None:
    root = await stock(dev)
    answer = await editor.do("POST", PATH, {**ORDER, "attachments": False})
    assert answer["copied"]["attachments"] == 0
    assert await prod.tags() == {"1.4": str(root)}
    assert await prod.referrers(root) == 0


async def test_what_was_attached_later_follows(dev: Shelf, prod: Shelf, editor: Program) -> None:
    root = await stock(dev)
    await editor.do("POST", PATH, ORDER)
    await dev.attach(root, "later")
    await dev.sign(root, b"signature", b"another")
    answer = await editor.do("POST", PATH, ORDER)
    assert answer["copied"] == {"manifests": 0, "attachments": 2, "blobs": 1}
    assert await prod.referrers(root) == 2
    signature = f"sha256-{root.hex}.sig"
    assert (await prod.tags())[signature] == (await dev.tags())[signature]


async def test_signatures_of_the_target_are_not_lost(
    dev: Shelf, prod: Shelf, editor: Program
) -> None:
    root = await stock(dev)
    await editor.do("POST", PATH, ORDER)
    own = await prod.sign(root, b"their own")
    answer = await editor.do("POST", PATH, ORDER)
    assert answer["kept"] == [f"sha256-{root.hex}.sig"]
    assert (await prod.tags())[f"sha256-{root.hex}.sig"] == str(own)


async def test_an_artifact_is_promoted_by_its_digest(
    dev: Shelf, prod: Shelf, editor: Program
) -> None:
    root = await stock(dev)
    await editor.do("POST", PATH, {"from": DEV, "reference": str(root), "tags": []})
    assert "1.4-rc3" not in await prod.tags()
    await editor.do("POST", PATH, {"from": DEV, "reference": "1.4-rc3"})
    assert (await prod.tags())["1.4-rc3"] == str(root)


async def test_history_audit_and_webhooks_name_the_source(
    town: Town, dev: Shelf, prod: Shelf, editor: Program
) -> None:
    root = await stock(dev)
    app = town.doors.app
    owner = await app.webhooks.of_namespace("acme")
    webhook = await app.webhooks.add(owner, "https://hooks.test/x", ["tag.pushed"], OPERATOR)
    await editor.do("POST", PATH, ORDER)
    events = (await editor.get(f"/repositories/{PROD}/-/history?tag=1.4"))["items"]
    assert [(e["action"], e["by"], e["promoted_from"]) for e in events] == [
        ("pushed", "editor", f"{DEV}:1.4-rc3")
    ]
    # Who may only pull is not told of a repository that they may not know of.
    member = Program(town.doors, town.auth["member"])
    shown = (await member.get(f"/repositories/{PROD}/-/history?tag=1.4"))["items"]
    assert [each["promoted_from"] for each in shown] == [""]
    log = await Program(town.doors, town.auth["owner"]).get("/namespaces/acme/audit")
    entry = next(each for each in log["items"] if each["action"] == "repo.promote")
    assert (entry["actor"], entry["target"]) == ("editor", f"{PROD}:1.4")
    assert entry["details"]["from"] == f"{DEV}:1.4-rc3"
    deliveries = await app.webhooks.list_deliveries(webhook, None, 100)
    told = [json.loads(each.body)["data"] for each in deliveries]
    of_tag = next(each for each in told if each["tag"] == "1.4")
    assert of_tag["promoted_from"] == f"{DEV}:1.4-rc3"
    assert (of_tag["digest"], of_tag["actor"]) == (str(root), "editor")


async def test_history_names_an_organization_s_token(town: Town, dev: Shelf) -> None:
    await stock(dev)
    app = town.doors.app
    _, secret = await app.tokens.add_organization("acme", "release", TokenScope.ADMIN)
    await Program(town.doors, basic("acme", secret)).do("POST", PATH, ORDER)
    owner = Program(town.doors, town.auth["owner"])
    events = (await owner.get(f"/repositories/{PROD}/-/history?tag=1.4"))["items"]
    assert [each["by"] for each in events] == ["acme:release"]


async def test_both_rights_are_needed(town: Town, dev: Shelf, prod: Shelf) -> None:
    await stock(dev)
    told = {}
    for who in ("nobody", "stranger", "member", "editor repo:read", "editor repo:write"):
        answer = await Program(town.doors, town.auth[who]).ask("POST", PATH, ORDER)
        told[who] = answer.status
    assert told == {
        "nobody": 401,
        "stranger": 404,
        "member": 404,
        "editor repo:read": 404,
        "editor repo:write": 200,
    }
    # It is there now: who may see it is told more.
    member = Program(town.doors, town.auth["member"])
    assert (await member.ask("POST", PATH, ORDER)).status == 403
    own = "/repositories/stranger/app/-/promote"
    stranger = Program(town.doors, town.auth["stranger"])
    assert (await stranger.ask("POST", own, ORDER)).status == 404


async def test_rules_of_the_target_hold(
    town: Town, dev: Shelf, prod: Shelf, editor: Program
) -> None:
    root = await stock(dev)
    other = await prod.image(b"other", "1.4")
    repository = await prod.find()
    async with town.metadata.begin() as tx:
        await policies.set_of_repository(tx, repository.id, Policy(immutable="1.*"))
    answer = await editor.ask("POST", PATH, ORDER)
    assert (answer.status, answer.json()["code"]) == (403, "tag_immutable")
    assert await prod.tags() == {"1.4": str(other)}
    assert await prod.referrers(root) == 0
    async with town.metadata.begin() as tx:
        await policies.set_of_repository(tx, repository.id, Policy())
        await policies.set_quota(tx, town.acme, 1)
    answer = await editor.ask("POST", PATH, ORDER)
    assert (answer.status, answer.json()["code"]) == (403, "quota_exceeded")
    async with town.metadata.begin() as tx:
        await policies.set_quota(tx, town.acme, None)
    await town.doors.app.repositories.archive(RepositoryName(PROD))
    assert (await editor.ask("POST", PATH, ORDER)).status == 403


async def test_what_is_not_there_is_told(dev: Shelf, editor: Program) -> None:
    await stock(dev)
    for changes in ({"reference": "absent"}, {"from": "acme/absent"}):
        answer = await editor.ask("POST", PATH, {**ORDER, **changes})
        assert answer.status == 404, changes
    answer = await editor.ask("POST", "/repositories/acme/UP/-/promote", ORDER)
    assert answer.status == 404


async def test_a_promotion_of_fifty_attachments_is_quick(dev: Shelf, prod: Shelf) -> None:
    root = await dev.image(b"one", "1")
    for number in range(50):
        await dev.attach(root, f"number {number}")
    rules, began = dev.app.promotions, time.process_time()
    copied = await rules.promote(dev.path, Tag("1"), prod.path)
    assert time.process_time() - began < 0.4
    assert (copied.manifests, copied.attachments) == (1, 50)
    assert await prod.referrers(root) == 50


async def test_a_failure_in_the_middle_leaves_nothing(
    dev: Shelf, prod: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise EntrepotError("no")

    await stock(dev)
    monkeypatch.setattr("entrepot.metadata.registry.manifests.move_tag", refuse)
    with pytest.raises(EntrepotError, match="no"):
        await dev.app.promotions.promote(dev.path, Tag("1.4-rc3"), prod.path)
    rights = await dev.app.permissions.rights(OPERATOR.identity, prod.path)
    assert rights.repository is None


async def test_a_page_shows_what_would_be_copied_and_copies(
    town: Town, dev: Shelf, prod: Shelf
) -> None:
    await stock(dev)
    editor = town.people["editor"]
    secret = await town.doors.app.sessions.begin(editor, address="127.0.0.1", client="test")
    browser = Browser(town.doors, secret)
    address = f"/r/{DEV}/-/promote"
    artifact = await browser.get(f"/r/{DEV}:1.4-rc3")
    assert f'href="{address}?reference=1.4-rc3"' in artifact.text
    form = await browser.get(f"{address}?reference=1.4-rc3")
    assert form.status == 200
    fields = {"reference": "1.4-rc3", "to": PROD, "tag": "1.4", "attachments": "on"}
    preview = await browser.post(address, what="preview", **fields)
    assert "manifests: 3, attachments: 4" in preview.text
    done = await browser.post(address, what="promote", **fields)
    assert (done.status, done.header("location")) == (303, f"/r/{PROD}:1.4?said=promoted")
    history = await browser.get(f"/r/{PROD}/-/history")
    assert f"promoted from {DEV}:1.4-rc3" in history.text
    refused = await browser.post(address, what="promote", **{**fields, "to": "stranger/app"})
    assert refused.status == 422
    assert "no such repository: stranger/app" in refused.text
