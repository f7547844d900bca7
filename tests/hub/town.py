"""Somebody of each kind, around the organization `acme`, and who of them may do something."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from entrepot.errors import Denied, NotFound
from entrepot.hub.people.actors import ANONYMOUS, OPERATOR, PULL, WRITE, Actor, Identity, actor_of
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import accounts
from entrepot.model.people.accounts import Account, Role
from tests.metadata.rows import add_account, add_organization

OWNERS: Final = frozenset({"owner", "admin", "operator"})
EDITORS: Final = OWNERS | {"editor"}
MEMBERS: Final = EDITORS | {"member"}
ADMINISTRATORS: Final = frozenset({"admin", "operator"})


@dataclass(frozen=True, slots=True)
class Town:
    """The organization, and who acts: by name, accounts and what is none."""

    acme: int
    accounts: dict[str, Account]
    actors: dict[str, Actor]


async def found_town(metadata: Metadata) -> Town:
    """Make `acme` with one member of each role, a stranger, an administrator and their tokens."""
    acme = await add_organization(metadata, "acme")
    names = ("stranger", "member", "editor", "owner", "admin")
    people = {name: await add_account(metadata, name, is_admin=name == "admin") for name in names}
    async with metadata.begin() as tx:
        for role in Role:
            await accounts.set_role(tx, acme, people[role.value].id, role)
    actors = {name: actor_of(account, "192.0.2.1", "r1") for name, account in people.items()}
    actors |= {
        "nobody": Actor(ANONYMOUS),
        "operator": OPERATOR,
        "owner's reader": Actor(Identity(people["owner"], PULL)),
        "owner's writer": Actor(Identity(people["owner"], WRITE)),
        "owner's other": Actor(Identity(people["owner"], patterns=("zoo/*",))),
        "admin's reader": Actor(Identity(people["admin"], PULL)),
    }
    return Town(acme, people, actors)


async def allowed(town: Town, work: Callable[[Actor], Awaitable[object]]) -> set[str]:
    """Who may do that: the others are refused by a name, and told nothing else."""
    found = set()
    for name, actor in town.actors.items():
        try:
            await work(actor)
        except (Denied, NotFound):
            continue
        found.add(name)
    return found
