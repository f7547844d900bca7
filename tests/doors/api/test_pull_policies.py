"""Rules about pulls by the API, and what clients are then told."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from entrepot.jobs.handlers import job_handlers
from entrepot.jobs.worker import JobWorker
from entrepot.metadata import repositories
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.model.repositories import Visibility
from entrepot.oci.media_types import OCI_INDEX
from entrepot.oci.names import RepositoryName
from tests.doors.api.test_api_repositories import programs
from tests.doors.conftest import INDEX, INDEX_DIGEST, Town
from tests.doors.v2.test_push_costs import counted
from tests.wire.content import index

RULE = {"name": "prod", "mode": "enforce", "require": [{"signed": {}}]}
POLICY = {"rules": [RULE]}
WARNING = {"rules": [{**RULE, "mode": "warn"}]}


async def settle(town: Town) -> None:
    """Do the jobs that are due."""
    app = town.doors.app
    await JobWorker(app.metadata, job_handlers(app), app.now).drain()


@pytest.fixture
async def name(town: Town) -> str:
    """A public repository with a tag, and a rule that refuses it."""
    name = await town.build(Visibility.PUBLIC)
    owner = programs(town)["owner"]
    answer = await owner.ask("PUT", f"/repositories/{name}/-/pull-policy", POLICY)
    assert answer.status == 200, answer.body
    return name


@pytest.mark.parametrize("who", ["nobody", "member", "owner", "admin"])
@pytest.mark.parametrize("reference", ["v1", str(INDEX_DIGEST)])
async def test_a_refusal_says_why_and_where(
    town: Town, name: str, who: str, reference: str
) -> None:
    target = f"/v2/{name}/manifests/{reference}"
    auth = town.auth[who]
    answer = await town.doors.ask("GET", target, auth=auth)
    at = f"{name}:v1" if reference == "v1" else f"{name}@{reference}"
    message = f'blocked by policy "prod" of {name}: it is not signed; http://hub.test/r/{at}/policy'
    assert (answer.status, answer.codes) == (403, ["DENIED"])
    assert json.loads(answer.body)["errors"][0]["message"] == message
    warning = f"""299 - "{message.replace('"', "'")}\""""
    assert answer.header("warning") == warning
    answer = await town.doors.ask("HEAD", target, auth=auth)
    assert (answer.status, answer.body, answer.header("warning")) == (403, b"", warning)
    # What the client has already is refused too.
    answer = await town.doors.ask("GET", target, auth=auth, if_none_match=f'"{INDEX_DIGEST}"')
    assert answer.status == 403


async def test_a_warning_lets_it_pass(town: Town, name: str) -> None:
    owner = programs(town)["owner"]
    await owner.ask("PUT", f"/repositories/{name}/-/pull-policy", WARNING)
    for method in ("GET", "HEAD"):
        answer = await town.doors.ask(method, f"/v2/{name}/manifests/v1")
        assert answer.status == 200
        said = answer.header("warning") or ""
        assert said.startswith(f"299 - \"does not meet policy 'prod' of {name}: it is not signed; ")
    await owner.ask("PUT", f"/repositories/{name}/-/pull-policy", {"rules": []})
    answer = await town.doors.ask("GET", f"/v2/{name}/manifests/v1")
    assert (answer.status, answer.header("warning")) == (200, None)


async def test_who_brings_a_signature_may_read_what_they_sign(town: Town, name: str) -> None:
    by_tag, by_digest = f"/v2/{name}/manifests/v1", f"/v2/{name}/manifests/{INDEX_DIGEST}"
    for who, status in (("owner", 200), ("member", 403), ("nobody", 403)):
        for agent in ("cosign/v3.1.3 (linux; amd64)", "notation/1.3"):
            answer = await town.doors.ask("GET", by_tag, auth=town.auth[who], user_agent=agent)
            assert answer.status == status, who
    push = await town.doors.bearer(town.auth["owner"], f"repository:{name}:pull,push")
    pull = await town.doors.bearer(town.auth["owner"], f"repository:{name}:pull")
    for method, target, auth, status in (
        ("HEAD", by_tag, push, 200),
        ("GET", by_digest, push, 200),
        ("GET", by_tag, push, 403),
        ("HEAD", by_tag, pull, 403),
        ("GET", by_digest, pull, 403),
    ):
        assert (await town.doors.ask(method, target, auth=auth)).status == status, target


async def test_a_push_is_never_refused_and_its_pull_is_at_once(town: Town, name: str) -> None:
    content = index(annotations={"a": "b"})
    target = f"/v2/{name}/manifests/v2"
    answer = await town.doors.ask(
        "PUT", target, content, auth=town.auth["owner"], content_type=OCI_INDEX
    )
    assert answer.status == 201
    assert (await town.doors.ask("GET", target)).status == 403
    await settle(town)
    assert (await town.doors.ask("GET", target)).status == 403


async def test_the_artifacts_policy_tells_each_rule(town: Town, name: str) -> None:
    path = f"/repositories/{name}/-/manifests/v1/policy"
    found = await programs(town)["member"].get(path)
    assert found == {
        "verdict": "refuse",
        "message": f'blocked by policy "prod" of {name}: it is not signed',
        "rules": [
            {"name": "prod", "of": name, "mode": "enforce", "met": False, "why": "it is not signed"}
        ],
        "exemption": "",
    }
    owner = programs(town)["owner"]
    await owner.ask("PUT", f"/repositories/{name}/-/pull-policy", WARNING)
    assert (await owner.get(path))["verdict"] == "warn"
    await owner.ask("PUT", f"/repositories/{name}/-/pull-policy", {"rules": []})
    found = await owner.get(path)
    assert (found["verdict"], found["rules"]) == ("allow", [])
    answer = await town.doors.ask("GET", f"/api/v1/repositories/{name}/-/manifests/v9/policy")
    assert answer.status == 404


async def test_rules_are_told_as_they_were_set(town: Town, name: str) -> None:
    owner = programs(town)["owner"]
    full = {
        "rules": [
            {
                "name": "all",
                "applies": {"tags": ["v*", "!v*-rc"], "kinds": ["image"]},
                "mode": "enforce",
                "require": [
                    {"vulnerabilities": {"none_at_or_above": "high", "grace_days": 7}},
                    {"signed": {"all": [{"key": "ci"}]}},
                ],
            }
        ]
    }
    for path in (f"/repositories/{name}/-/pull-policy", "/namespaces/acme/pull-policy"):
        answer = await owner.ask("PUT", path, full)
        assert (answer.status, answer.json()) == (200, full)
        assert await owner.get(path) == full
        wrong = {"rules": [{**RULE, "require": [{"sealed": {}}]}]}
        assert (await owner.ask("PUT", path, wrong)).status == 400
    # Rules about tags and retention are others, and stay.
    assert await owner.get("/namespaces/acme/policies") == {"immutable": [], "retention": None}
    editor = programs(town)["editor"]
    assert (await editor.ask("GET", "/namespaces/acme/pull-policy")).status in (403, 404)


async def test_a_preview_changes_nothing(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    owner = programs(town)["owner"]
    answer = await owner.ask("POST", f"/repositories/{name}/-/pull-policy/preview", POLICY)
    found = answer.json()
    assert (found["looked_at"], found["is_complete"]) == (1, True)
    assert [each["tag"] for each in json.loads(answer.body)["items"]] == ["v1"]
    assert (await town.doors.ask("GET", f"/v2/{name}/manifests/v1")).status == 200


async def test_an_exemption_lets_pass_at_once(town: Town, name: str) -> None:
    owner, editor = programs(town)["owner"], programs(town)["editor"]
    until = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    body = {"what": "tag:v1", "reason": "a hotfix", "until": until}
    within = {**body, "repository": name.partition("/")[2]}
    assert (await editor.ask("POST", "/namespaces/acme/exemptions", within)).status == 403
    answer = await owner.ask("POST", "/namespaces/acme/exemptions", within)
    assert answer.status == 201, answer.body
    assert (await town.doors.ask("GET", f"/v2/{name}/manifests/v1")).status == 200
    found = await owner.get(f"/repositories/{name}/-/manifests/v1/policy")
    assert found["verdict"] == "allow"
    assert "a hotfix" in found["exemption"]
    (listed,) = (await owner.get("/namespaces/acme/exemptions"))["items"]
    assert (listed["what"], listed["repository"]) == ("tag:v1", name)
    assert (await owner.ask("POST", "/namespaces/acme/exemptions", body)).status == 400
    removed = await owner.ask("DELETE", f"/namespaces/acme/exemptions/{listed['id']}")
    assert removed.status == 204
    assert (await town.doors.ask("GET", f"/v2/{name}/manifests/v1")).status == 403
    log = (await owner.get("/namespaces/acme/audit"))["items"]
    actions = [each["action"] for each in log]
    assert actions[:3] == ["exemption.remove", "exemption.add", "repo.pull_policy"]


async def test_pulls_cost_as_many_statements_with_rules_as_without(
    town: Town, metadata: SqliteMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await town.build(Visibility.PUBLIC)
    target, auth = f"/v2/{name}/manifests/v1", town.auth["owner"]
    for _ in range(2):  # the first notes when the token was used
        await town.doors.ask("GET", target, auth=auth)
    with counted(metadata, monkeypatch) as without:
        assert (await town.doors.ask("GET", target, auth=auth)).body == INDEX
    path = f"/repositories/{name}/-/pull-policy"
    allowed = {"rules": [{**RULE, "require": [{"vulnerabilities": {"none_at_or_above": "low"}}]}]}
    assert (await programs(town)["owner"].ask("PUT", path, allowed)).status == 200
    await settle(town)
    await town.doors.ask("GET", target, auth=auth)
    with counted(metadata, monkeypatch) as with_rules:
        assert (await town.doors.ask("GET", target, auth=auth)).body == INDEX
    assert with_rules.statements == without.statements


async def test_judging_costs_one_statement_where_there_are_no_rules(
    town: Town, metadata: SqliteMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = RepositoryName(await town.build(Visibility.PUBLIC))
    repository = await repositories.find_repository(metadata.reader, name)
    assert repository is not None
    with counted(metadata, monkeypatch) as costs:
        await town.doors.app.pull_verdicts.judge_manifest(repository.id, str(INDEX_DIGEST))
    assert len(costs.statements) == 1, costs.statements


async def test_the_schema_is_published(town: Town) -> None:
    answer = await town.doors.ask("GET", "/api/v1/schemas/pull-policy.json")
    assert answer.header("content-type") == "application/json"
    schema = answer.json()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "none_at_or_above" in answer.text


async def test_the_page_that_a_refusal_names_tells_each_rule(town: Town, name: str) -> None:
    for reference in (f"{name}:v1", f"{name}@{INDEX_DIGEST}"):
        answer = await town.doors.ask("GET", f"/r/{reference}/policy")
        assert answer.status == 200
        text = answer.body.decode()
        assert "refused" in text
        assert "it is not signed" in text
    await programs(town)["owner"].ask("PUT", f"/repositories/{name}/-/pull-policy", {"rules": []})
    text = (await town.doors.ask("GET", f"/r/{name}:v1/policy")).body.decode()
    assert "No rule is about this artifact." in text


@pytest.mark.parametrize("target", ["/hf/{}/resolve/v1/a", "/r/{}:v1/files.zip"])
async def test_other_doors_refuse_what_a_pull_is_refused(
    town: Town, name: str, target: str
) -> None:
    answer = await town.doors.ask("GET", target.format(name))
    assert answer.status == 403
    await programs(town)["owner"].ask("PUT", f"/repositories/{name}/-/pull-policy", {"rules": []})
    assert (await town.doors.ask("GET", target.format(name))).status == 404
