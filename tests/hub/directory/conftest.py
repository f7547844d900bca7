"""The ways in of a hub with a directory, a real `slapd`."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from entrepot.hub.directory.directory import Directory
from entrepot.hub.directory.ldap_client import LdapClient
from entrepot.hub.directory.people import DirectoryPeople
from entrepot.hub.identity.authentication import Authentication
from entrepot.hub.identity.login_throttle import LoginThrottle
from entrepot.hub.identity.passwords import Passwords
from entrepot.hub.identity.registry_tokens import RegistryTokens
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import OPERATOR
from entrepot.hub.people.groups import Groups, HubGroups, fold_directory_group
from entrepot.hub.people.organizations import Organizations
from entrepot.hub.permissions import Permissions
from entrepot.hub.workloads.id_tokens import IdTokens
from entrepot.hub.workloads.workloads import Workloads
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.people.accounts import Account
from entrepot.model.people.groups import GroupSource
from entrepot.model.repositories import Visibility
from tests.metadata.clocks import MovableClock
from tests.support.directory import GROUPS, PEOPLE, LdapServer, serving

FROM = "192.0.2.7"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapServer]:
    """A directory with three people and two groups."""
    with serving(tmp_path_factory.mktemp("slapd")) as server:
        alice = server.add_person("alice", "alice's", mail="alice@example.org")
        server.add_person("bob", "bob's")
        server.add_person("Carol.C", "carol's", displayName="Carol C")
        devs = server.add_group("devs", alice)
        server.add_group("staff", devs, f"uid=bob,{PEOPLE}")
        yield server


@pytest.fixture
def server(running: LdapServer) -> Iterator[LdapServer]:
    """The directory, which runs again after the test."""
    yield running
    if running.process is None:
        running.start()


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways in of a hub with a directory."""

    accounts: Accounts
    authentication: Authentication
    people: DirectoryPeople
    directory: Directory

    async def sign_in(self, name: str, password: str) -> Account:
        """As a form of the sign-in page."""
        return await self.authentication.by_password(name, password, FROM)


@pytest.fixture
async def ways(
    server: LdapServer,
    metadata: Metadata,
    permissions: Permissions,
    passwords: Passwords,
    registry_tokens: RegistryTokens,
    login_throttle: LoginThrottle,
    clock: MovableClock,
) -> AsyncIterator[Ways]:
    """A hub whose directory this is; everybody may sign in."""
    made = make(server, metadata, permissions, passwords, registry_tokens, login_throttle, clock)
    yield made
    await made.directory.client.close()


def make(
    server: LdapServer,
    metadata: Metadata,
    permissions: Permissions,
    passwords: Passwords,
    registry_tokens: RegistryTokens,
    throttle: LoginThrottle,
    clock: MovableClock,
    *,
    sign_in_groups: tuple[str, ...] = (),
    may_sign_up: bool = True,
) -> Ways:
    """A hub's ways in, by these settings."""
    directory = Directory(
        metadata.reader, LdapClient(server.settings), throttle, clock, may_sign_up=may_sign_up
    )
    private = Visibility.PRIVATE
    accounts = Accounts(
        metadata, passwords, default_visibility=private, now=clock, directory=directory
    )
    of_hub = HubGroups(
        frozenset(map(fold_directory_group, sign_in_groups)), frozenset({f"cn=admins,{GROUPS}"})
    )
    groups = Groups(metadata, permissions, clock, {GroupSource.LDAP: of_hub})
    people = DirectoryPeople(metadata, directory, accounts, passwords, groups, clock)
    workloads = Workloads(metadata, IdTokens(metadata.reader, clock, ()), throttle, clock)
    authentication = Authentication(
        metadata.reader, passwords, registry_tokens, throttle, workloads, clock, people
    )
    return Ways(accounts, authentication, people, directory)


async def role_of(organizations: Organizations, name: str) -> str:
    """The account's role in acme; empty without one."""
    return dict(await organizations.list_members("acme", OPERATOR)).get(name, "")
