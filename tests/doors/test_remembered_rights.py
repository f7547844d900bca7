"""All that decides who may pull and push is watched: a change ends what was remembered."""

import json
import re
from collections import defaultdict
from dataclasses import replace

from joserfc.jwk import ECKey

from entrepot.hub.identity.tokens import Tokens
from entrepot.hub.workloads.trusts import TrustRules
from entrepot.metadata import redirects
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.metadata.people import accounts, teams
from entrepot.metadata.registry import mirrors
from entrepot.metadata.repositories import find_repository
from entrepot.model.mirrors import Mirror, MirrorVisibility
from entrepot.model.people.accounts import NamespaceKind
from entrepot.model.people.organizations import Permission, TeamRight
from entrepot.model.people.tokens import TokenScope
from entrepot.model.people.workloads import Condition
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from tests.doors.conftest import Town
from tests.doors.doors import basic
from tests.metadata.clocks import START
from tests.support.job_tokens import sign

READ = 20
"""SQLITE_READ: a statement reads a column."""
SHOWN = {
    "repositories": {
        *("created_at", "pulls", "description", "pushed_at", "stars", "kind", "size", "tag_count")
    },
    # A secret is given to a grant once, and has opened nothing before.
    "grants": {
        *("created_at", "last_used_at", "issuer", "subject", "claims", "address", "secret_hash")
    },
    "tokens": {"hint", "created_at", "last_used_at", "last_used_from"},
}
"""Columns that are read with the others, and that no decision looks at."""


async def test_every_column_that_decides_is_watched(town: Town, metadata: SqliteMetadata) -> None:
    name = await town.build(Visibility.PRIVATE)
    await _add_team_and_old_name(town, metadata, name)
    auth = dict(town.auth)
    tokens: Tokens = town.doors.app.tokens
    _, secret = await tokens.add_personal(town.people["editor"], "some", TokenScope.WRITE, None)
    auth["some"] = basic("editor", secret)
    _, secret = await tokens.add_organization("acme", "deploy", TokenScope.WRITE)
    auth["organization"] = basic("acme", secret)
    auth["job"] = await _add_job(town)
    read = defaultdict[str, set[str]](set)

    def note(action: int, table: str | None, column: str | None, *_: object) -> int:
        if action == READ and table and column:
            read[table].add(column)
        return 0

    bearers = [
        await town.doors.bearer(auth[who], f"repository:{name}:pull,push")
        for who in ("nobody", "member", "editor", "admin", "job")
    ]
    metadata._read_connection.set_authorizer(note)
    for target in (name, "acme/former", "acme/absent", "absent/absent", "mirrored/absent"):
        for given in (*auth.values(), *bearers):
            for method in ("HEAD", "GET"):
                await town.doors.ask(method, f"/v2/{target}/tags/list", auth=given)
    metadata._read_connection.set_authorizer(None)
    tables = {"accounts", "tokens", "members", "teams", "team_members", "team_rights"}
    tables |= {"grants", "grant_trusts", "trusts"}
    assert tables | {"namespaces", "repositories", "redirects", "mirrors"} <= set(read)
    watched = _watched(metadata)
    answered = {"tags", "rights_revision", "signing_keys", "manifests"}
    unwatched = {
        (table, column)
        for table, columns in read.items()
        if table not in answered and not table.startswith("sqlite_")
        for column in columns - watched[table] - SHOWN.get(table, set())
        if "*" not in watched[table]
    }
    assert unwatched == set()


async def _add_job(town: Town) -> str:
    """The `Authorization` of a job that signed in."""
    app, key = town.doors.app, ECKey.generate_key("P-256", {"kid": "k"})
    keys = json.dumps({"keys": [key.as_dict(private=False)]})
    await app.issuers.add("ci", "https://ci.test", audiences=("hub",), keys=keys)
    rules = TrustRules("ci", (Condition("sub", ("job",)),), ("*",))
    await app.trusts.add("acme", "main", rules)
    now = int(app.now().timestamp())
    claims: dict[str, object] = {"iss": "https://ci.test", "aud": "hub", "sub": "job"}
    token = sign({**claims, "iat": now, "exp": now + 600}, key, alg="ES256", kid="k")
    identity = await app.workloads.sign_in("acme", token, "127.0.0.1")
    assert identity.job is not None
    return basic("acme", await app.workloads.add_secret(identity.job.id))


def _watched(metadata: SqliteMetadata) -> dict[str, set[str]]:
    """The columns whose change a trigger counts, by table; `*` is all."""
    query = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name GLOB 'rights_*'"
    found = defaultdict[str, set[str]](set)
    for (sql,) in metadata._read_connection.execute(query):
        told = re.search(r"AFTER UPDATE(?: OF ([\w, ]+?))? ON (\w+)", sql)
        if told:
            found[told[2]] |= set(told[1].split(", ")) if told[1] else {"*"}
    return found


async def _add_team_and_old_name(town: Town, metadata: SqliteMetadata, name: str) -> None:
    found = await find_repository(metadata.reader, RepositoryName(name))
    assert found is not None
    async with metadata.begin() as tx:
        mirrored = await accounts.insert_namespace(
            tx, "mirrored", NamespaceKind.MIRROR, Visibility.PUBLIC, START
        )
        assert mirrored is not None
        mirror = Mirror(
            mirrored, "mirrored", "https://registry.test", MirrorVisibility.SIGNED_IN, START
        )
        await mirrors.save_mirror(tx, replace(mirror, is_offline=True))
        team = await teams.insert_team(tx, town.acme, "crew", "", START)
        assert team is not None
        await teams.add_team_member(tx, team, town.people["member"].id)
        await teams.set_right(tx, team, TeamRight("*", Permission.WRITE))
        await redirects.set_redirect(tx, RepositoryName("acme/former"), found.id, START)
