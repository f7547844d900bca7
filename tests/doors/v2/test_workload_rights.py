"""Jobs that signed in with ID tokens: what they may do to which repositories and tags."""

import pytest

from entrepot.hub.people.actors import OPERATOR
from entrepot.model.audit import AuditQuery
from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from entrepot.oci.media_types import OCI_INDEX
from tests.doors.conftest import INDEX, INDEX_DIGEST, Town
from tests.doors.doors import basic
from tests.doors.jobs import Ci, ci, provider

__all__ = ["ci", "provider"]

ACTIONS = ("pull", "push", "delete")

pytestmark = pytest.mark.usefixtures("town")

RIGHTS = {
    ("all", "app"): {"pull", "push", "delete"},
    ("all", "lib/x"): {"pull", "push", "delete"},
    ("write", "app"): {"pull", "push"},
    ("write", "lib/x"): set[str](),
    ("read", "app"): {"pull"},
    ("read", "lib/x"): {"pull"},
    ("below", "app"): set[str](),
    ("below", "lib/x"): {"pull", "push"},
    ("elsewhere", "app"): set[str](),
    ("elsewhere", "lib/x"): set[str](),
    ("write and below", "app"): {"pull", "push"},
    ("write and below", "lib/x"): {"pull", "push"},
    ("read and write", "app"): {"pull", "push"},
    ("read and write", "lib/x"): {"pull"},
    ("disabled", "app"): set[str](),
    ("disabled", "lib/x"): set[str](),
}
TRUSTS: dict[str, tuple[tuple[str, ...], TokenScope]] = {
    "all": (("*",), TokenScope.ADMIN),
    "write": (("app",), TokenScope.WRITE),
    "read": (("*",), TokenScope.READ),
    "below": (("lib/*",), TokenScope.WRITE),
}


@pytest.mark.parametrize("which", sorted({trust for trust, _ in RIGHTS}))
async def test_rights_are_those_of_the_trusts_by_repository_and_action(
    ci: Ci, town: Town, which: str
) -> None:
    for name in which.split(" and "):
        repositories, scope = TRUSTS.get(name, TRUSTS["all"])
        namespace = "stranger" if name == "elsewhere" else "acme"
        is_enabled = name != "disabled"
        rules = {"repositories": repositories, "scope": scope, "is_enabled": is_enabled}
        await ci.trust(name, namespace=namespace, **rules)
    auth = basic("job", ci.token())
    for repository in ("app", "lib/x"):
        owner = await town.doors.bearer(town.auth["owner"], f"repository:acme/{repository}:*")
        pushed = await ci.put(f"/v2/acme/{repository}/manifests/v1", owner)
        assert pushed.status == 201
        for action in ACTIONS:
            may = action in RIGHTS[which, repository]
            target = f"/v2/acme/{repository}/manifests/v1"
            method = {"pull": "GET", "push": "PUT", "delete": "DELETE"}[action]
            wanted = f"repository:acme/{repository}:{action}"
            credentials = [auth]
            answer = await ci.doors.ask("GET", f"/token?scope={wanted}", auth=auth)
            if answer.status == 200:
                credentials.append(f"Bearer {answer.json()['token']}")
            for given in credentials[:1] if action == "delete" else credentials:
                body = INDEX if action == "push" else b""
                answer = await ci.doors.ask(
                    method, target, body, auth=given, content_type=OCI_INDEX
                )
                assert (answer.status < 300) == may, (repository, action, answer.body)


@pytest.mark.parametrize(
    ("tags", "allowed", "refused"),
    [
        (("dev-*",), ("dev-1", "dev-"), ("latest", "dev", "xdev-1")),
        (("v*", "!v0*"), ("v1",), ("v0.1", "latest")),
        ((), ("latest", "v1"), ()),
    ],
)
async def test_a_job_writes_only_the_tags_of_its_trust_in_every_way(
    ci: Ci, town: Town, tags: tuple[str, ...], allowed: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    name = await town.build(Visibility.PRIVATE)
    await ci.trust("dev", tags=tags, scope=TokenScope.ADMIN)
    auth = basic("job", ci.token())
    for tag in allowed:
        assert (await ci.put(f"/v2/{name}/manifests/{tag}", auth)).status == 201
        by_digest = f"/v2/{name}/manifests/{INDEX_DIGEST}?tag={tag}"
        assert (await ci.put(by_digest, auth)).status == 201
        deleted = await ci.doors.ask("DELETE", f"/v2/{name}/manifests/{tag}", auth=auth)
        assert deleted.status == 202
    assert (await ci.put(f"/v2/{name}/manifests/{INDEX_DIGEST}", auth)).status == 201
    api = f"/api/v1/repositories/{name}/-/tags"
    for tag in refused:
        answers = [
            await ci.put(f"/v2/{name}/manifests/{tag}", auth),
            await ci.put(f"/v2/{name}/manifests/{INDEX_DIGEST}?tag={tag}", auth),
        ]
        assert [each.status for each in answers] == [403, 403]
        assert f"do not allow it to write the tag {tag}" in answers[0].text
    if tags:
        # v1 is the town's: neither its tag nor its manifest goes where that tag is not the job's.
        gone = await ci.doors.ask("DELETE", f"/v2/{name}/manifests/{INDEX_DIGEST}", auth=auth)
        assert gone.status == 403
        if "v*" not in tags:
            assert (await ci.doors.ask("DELETE", f"{api}/v1", auth=auth)).status == 403
            assert (await ci.doors.ask("GET", f"{api}/v1", auth=auth)).status == 200


async def test_several_trusts_give_the_union_and_each_is_named(ci: Ci, town: Town) -> None:
    await ci.trust("apps", repositories=("app",))
    await ci.trust("libs", "repository_owner_id = 11", repositories=("lib/*",))
    await ci.trust("own", namespace="stranger", repositories=("*",))
    for name in ("acme/app", "acme/lib/x", "stranger/thing"):
        auth = basic("job", ci.token())
        assert (await ci.put(f"/v2/{name}/manifests/v1", auth)).status == 201, name
    # A user name that is a namespace with such a trust chooses those.
    auth = basic("stranger", ci.token())
    assert (await ci.put("/v2/stranger/thing/manifests/v2", auth)).status == 201
    assert (await ci.put("/v2/acme/app/manifests/v2", auth)).status == 401
    rows = (await ci.doors.app.audit.list_all(OPERATOR, AuditQuery(action="grant"))).rows
    assert [row.target for row in rows] == [
        "stranger/own",
        "stranger/own",
        "acme/libs",
        "acme/apps",
    ]
