"""Who may mount what: every kind of credential, on what is private, public and not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, product

import pytest

from entrepot.hub.people.actors import Actor, Identity
from entrepot.metadata import repositories
from entrepot.metadata.people import accounts
from entrepot.metadata.registry import blobs
from entrepot.model.people.accounts import Role
from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from entrepot.storage.protocols import BlobKey
from tests.doors.conftest import Town
from tests.doors.doors import basic
from tests.metadata.clocks import START
from tests.metadata.rows import add_organization

PASSWORD = "a long enough password"
TARGET, SOURCE = "acme/target", "acme/source"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class May:
    """What somebody may do by a credential: push to the target, pull a private source."""

    push: bool
    pull: bool


NEITHER, PUSH_ONLY, BOTH, PULL_ONLY = (
    May(False, False),
    May(True, False),
    May(True, True),
    May(False, True),
)
CREDENTIALS = {
    "nobody": NEITHER,
    "stranger": NEITHER,
    "member": PULL_ONLY,
    "editor": BOTH,
    "owner": BOTH,
    "admin": BOTH,
    "owner's password": BOTH,
    "stranger's password": NEITHER,
    "owner repo:read": PULL_ONLY,
    "owner repo:write": BOTH,
    "owner's bearer": BOTH,
    "limited to the target": PUSH_ONLY,
    "limited to the source": PULL_ONLY,
    "limited to both": BOTH,
    "limited to acme/*": BOTH,
    "limited to zoo/*": NEITHER,
    "acme's token": BOTH,
    "acme's reading token": PULL_ONLY,
    "acme's limited token": PUSH_ONLY,
    "zoo's token": NEITHER,
    "lists nothing": NEITHER,
    "lists the target": PUSH_ONLY,
    "lists the source": PULL_ONLY,
    "lists both": BOTH,
    "lists the source for pushing": PUSH_ONLY,
    "lists all of both": BOTH,
    "limited, lists both": PUSH_ONLY,
    "acme's, lists both": BOTH,
    "acme's, lists the target": PUSH_ONLY,
    "acme's limited, lists both": PUSH_ONLY,
    "stranger's, lists both": NEITHER,
    "nobody's, lists both": NEITHER,
    "admin's, lists the target": PUSH_ONLY,
}
LISTED: dict[str, tuple[str, Sequence[str]]] = {
    "lists nothing": ("owner's password", ()),
    "lists the target": ("owner's password", (f"{TARGET}:pull,push",)),
    "lists the source": ("owner's password", (f"{SOURCE}:pull",)),
    "lists both": ("owner's password", (f"{TARGET}:pull,push", f"{SOURCE}:pull")),
    "lists the source for pushing": ("owner", (f"{TARGET}:pull,push", f"{SOURCE}:push")),
    "lists all of both": ("owner", (f"{TARGET}:*", f"{SOURCE}:*")),
    "limited, lists both": ("limited to the target", (f"{TARGET}:*", f"{SOURCE}:*")),
    "acme's, lists both": ("acme's token", (f"{TARGET}:*", f"{SOURCE}:*")),
    "acme's, lists the target": ("acme's token", (f"{TARGET}:*",)),
    "acme's limited, lists both": ("acme's limited token", (f"{TARGET}:*", f"{SOURCE}:*")),
    "stranger's, lists both": ("stranger's password", (f"{TARGET}:*", f"{SOURCE}:*")),
    "nobody's, lists both": ("nobody", (f"{TARGET}:*", f"{SOURCE}:*")),
    "admin's, lists the target": ("admin", (f"{TARGET}:*",)),
}
SOURCES = (Visibility.PRIVATE, Visibility.PUBLIC, None)
FROM = ("", f"&from={SOURCE}", "&from=zoo/secret", "&from=acme/absent", "&from=NOT/a/name")


async def stock(town: Town, visibility: Visibility | None) -> Digest:
    """The digest of a blob that only the source holds, or nothing does (`None`)."""
    content = f"blob {next(_numbers)}".encode()
    digest, key = Digest.of(content), BlobKey(f"key {next(_numbers)}")
    if visibility is None:
        return digest
    town.storage.blobs[key] = content
    async with town.metadata.begin() as tx:
        made = await repositories.ensure_repository(
            tx, RepositoryName(SOURCE), town.acme, visibility, START
        )
        await repositories.set_visibility(tx, made.id, visibility)
        await blobs.insert_blob(tx, digest, len(content), key, START)
        await blobs.link_blob(tx, made.id, digest, START)
    return digest


async def give_credentials(town: Town) -> None:
    """Passwords, limited tokens, tokens of organizations, and registry tokens got with them."""
    app, owner = town.doors.app, town.people["owner"]
    by = Actor(Identity(owner))
    hashed = await app.passwords.hash(PASSWORD)
    async with town.metadata.begin() as tx:
        for who in ("owner", "stranger"):
            await accounts.set_password(tx, town.people[who].id, hashed)
    for who in ("owner", "stranger"):
        town.auth[f"{who}'s password"] = basic(who, PASSWORD)
    limits = {
        "limited to the target": [TARGET],
        "limited to the source": [SOURCE],
        "limited to both": [TARGET, SOURCE],
        "limited to acme/*": ["acme/*"],
        "limited to zoo/*": ["zoo/*"],
    }
    for label, patterns in limits.items():
        made = await app.tokens.add_personal(
            owner, label, TokenScope.ADMIN, None, patterns, Actor(Identity(owner))
        )
        town.auth[label] = basic("owner", made[1])
    _, secret = await app.tokens.add_personal(owner, "bearer", TokenScope.WRITE, None, None, by)
    town.auth["owner's bearer"] = f"Bearer {secret}"
    zoo = await add_organization(town.metadata, "zoo")
    async with town.metadata.begin() as tx:
        await repositories.ensure_repository(
            tx, RepositoryName("zoo/secret"), zoo, Visibility.PRIVATE, START
        )
        await accounts.set_role(tx, zoo, town.people["admin"].id, Role.OWNER)
    organizations = app.tokens.add_organization
    for label, name, scope, limited in (
        ("acme's token", "acme", TokenScope.WRITE, None),
        ("acme's reading token", "acme", TokenScope.READ, None),
        ("acme's limited token", "acme", TokenScope.WRITE, [TARGET]),
        ("zoo's token", "zoo", TokenScope.ADMIN, None),
    ):
        _, secret = await organizations(name, label, scope, None, limited)
        town.auth[label] = basic(name, secret)


async def give_registry_tokens(town: Town) -> None:
    """Tokens that list some of what the credentials they were got with allow."""
    for label, (credential, listed) in LISTED.items():
        scopes = [f"repository:{each}" for each in listed]
        town.auth[label] = await town.doors.bearer(town.auth[credential], *scopes)


def expected(may: May, visibility: Visibility | None) -> int:
    """201 where the credential opens both sides, 202 where the target only, 401 else."""
    if not may.push:
        return 401
    mountable = visibility is Visibility.PUBLIC or (visibility is not None and may.pull)
    return 201 if mountable else 202


@pytest.mark.parametrize("visibility", SOURCES)
async def test_a_mount_needs_the_right_to_push_here_and_to_pull_there(
    town: Town, visibility: Visibility | None
) -> None:
    await give_credentials(town)
    await stock(town, visibility)
    await give_registry_tokens(town)
    wrong = []
    for (who, may), source in product(CREDENTIALS.items(), FROM):
        digest = await stock(town, visibility)
        path = f"/v2/{TARGET}/blobs/uploads/?mount={digest}{source}"
        answer = await town.doors.ask("POST", path, auth=town.auth[who])
        seen = await town.doors.ask(
            "GET", f"/v2/{TARGET}/blobs/{digest}", auth=town.auth["owner's password"]
        )
        due = expected(may, visibility)
        if answer.status != due or (seen.status == 200) is not (due == 201):
            wrong.append((who, source, answer.status, due, seen.status))
    assert wrong == []


@pytest.mark.parametrize("visibility", SOURCES[:2])
async def test_nobody_signed_in_reads_less_than_a_stranger(
    town: Town, visibility: Visibility
) -> None:
    """By manifest, blob, tags and referrers, whatever the token lists."""
    name = await town.build(visibility)
    await give_credentials(town)
    await give_registry_tokens(town)
    paths = ("manifests/v1", "tags/list", f"blobs/{Digest.of(b'a layer')}")
    referrers = f"referrers/{Digest.of(b'a layer')}"
    pulls = {who for who, may in CREDENTIALS.items() if may.pull and who not in LISTED}
    pulls -= {"limited to the source", "limited to both"}
    wrong = []
    for who, path, method in product(CREDENTIALS, (*paths, referrers), ("GET", "HEAD")):
        answer = await town.doors.ask(method, f"/v2/{name}/{path}", auth=town.auth[who])
        due = 200 if visibility is Visibility.PUBLIC or who in pulls else 401
        if answer.status != due:
            wrong.append((who, method, path, answer.status, due))
    assert wrong == []


async def test_a_catalog_for_a_limited_token_has_what_a_stranger_sees(town: Town) -> None:
    public = await town.build(Visibility.PUBLIC)
    private = await town.build(Visibility.PRIVATE)
    await give_credentials(town)
    seen = {}
    for who in ("nobody", "limited to zoo/*", "zoo's token", "stranger", "owner"):
        bearer = await town.doors.bearer(town.auth[who], "registry:catalog:*")
        answer = await town.doors.ask("GET", "/v2/_catalog", auth=bearer)
        seen[who] = set(answer.texts("repositories"))
    assert seen.pop("owner") == {public, private}
    assert set(map(frozenset, seen.values())) == {frozenset({public})}


async def test_a_public_holder_is_found_among_many_private_ones(town: Town) -> None:
    """So many others hold the blob that not all of them are asked about."""
    await give_credentials(town)
    digest = await stock(town, Visibility.PUBLIC)
    zoo = await accounts.find_namespace(town.metadata.reader, "zoo")
    assert zoo is not None
    async with town.metadata.begin() as tx:
        for number in range(150):
            made = await repositories.ensure_repository(
                tx, RepositoryName(f"zoo/{number}"), zoo.id, Visibility.PRIVATE, START
            )
            await blobs.link_blob(tx, made.id, digest, START)
    path = f"/v2/{TARGET}/blobs/uploads/?mount={digest}"
    assert (await town.doors.ask("POST", path, auth=town.auth["acme's token"])).status == 201
