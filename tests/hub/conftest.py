"""The rules of the hub over facts in a file, with a clock that the test moves."""

import pytest

from entrepot.hub.contents.readmes import Readmes
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.identity.authentication import Authentication
from entrepot.hub.identity.login_throttle import LoginThrottle
from entrepot.hub.identity.passwords import Passwords
from entrepot.hub.identity.registry_tokens import RegistryTokens
from entrepot.hub.identity.second_factors import SecondFactors
from entrepot.hub.identity.sessions import Sessions
from entrepot.hub.identity.sign_in import SignIn
from entrepot.hub.identity.tokens import Tokens
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.groups import Groups, HubGroups
from entrepot.hub.people.organizations import Organizations
from entrepot.hub.permissions import Permissions
from entrepot.hub.repositories import Repositories
from entrepot.hub.workloads.id_tokens import IdTokens
from entrepot.hub.workloads.workloads import Workloads
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.people.groups import GroupSource
from entrepot.model.repositories import Visibility
from entrepot.storage.memory import MemoryStorage
from tests.hub.shelves import HereAndNow, Shelf
from tests.hub.town import Town, found_town
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_organization, add_repository
from tests.support.rendering import Inline


@pytest.fixture
def passwords() -> Passwords:
    """Passwords as a hub hashes them."""
    return Passwords()


@pytest.fixture
def accounts(metadata: Metadata, passwords: Passwords, clock: MovableClock) -> Accounts:
    """Everybody who may sign in."""
    return Accounts(metadata, passwords, default_visibility=Visibility.PRIVATE, now=clock)


@pytest.fixture
def permissions(metadata: Metadata) -> Permissions:
    """Who may do what on a hub that is not open."""
    return Permissions(metadata.reader, is_open=False)


@pytest.fixture
def organizations(
    metadata: Metadata, permissions: Permissions, clock: MovableClock
) -> Organizations:
    """Namespaces that several accounts share."""
    return Organizations(metadata, permissions, default_visibility=Visibility.PRIVATE, now=clock)


@pytest.fixture
def groups(metadata: Metadata, permissions: Permissions, clock: MovableClock) -> Groups:
    """Groups of a provider, of which one makes administrators'."""
    of_hub = HubGroups(admins=frozenset({"admins"}))
    known = {GroupSource.OIDC: of_hub, GroupSource.LDAP: HubGroups()}
    return Groups(metadata, permissions, clock, known)


@pytest.fixture
def registry_tokens(metadata: Metadata) -> RegistryTokens:
    """Registry tokens as one worker reads them."""
    return RegistryTokens(metadata)


@pytest.fixture
def authentication(
    metadata: Metadata,
    passwords: Passwords,
    registry_tokens: RegistryTokens,
    login_throttle: LoginThrottle,
    clock: MovableClock,
) -> Authentication:
    """Who is asking."""
    workloads = Workloads(metadata, IdTokens(metadata.reader, clock, ()), login_throttle, clock)
    return Authentication(
        metadata.reader, passwords, registry_tokens, login_throttle, workloads, clock
    )


@pytest.fixture
def tokens(
    metadata: Metadata,
    permissions: Permissions,
    registry_tokens: RegistryTokens,
    clock: MovableClock,
) -> Tokens:
    """What stands for an account."""
    return Tokens(metadata, permissions, registry_tokens, clock)


@pytest.fixture
def sessions(metadata: Metadata, clock: MovableClock) -> Sessions:
    """Who is signed in with a browser."""
    return Sessions(metadata, clock)


@pytest.fixture
def login_throttle(metadata: Metadata, clock: MovableClock) -> LoginThrottle:
    """How often something may be tried."""
    return LoginThrottle(metadata, clock)


@pytest.fixture
def audit_log(metadata: Metadata, permissions: Permissions, clock: MovableClock) -> AuditLog:
    """What was done."""
    return AuditLog(metadata, permissions, clock)


@pytest.fixture
def repositories(metadata: Metadata, permissions: Permissions, clock: MovableClock) -> Repositories:
    """Repositories as their owners see them."""
    readmes = Readmes(metadata, Inline(), clock)
    return Repositories(metadata, permissions, readmes, clock)


@pytest.fixture
def second_factors(
    metadata: Metadata, accounts: Accounts, login_throttle: LoginThrottle, clock: MovableClock
) -> SecondFactors:
    """Authenticators and recovery codes."""
    return SecondFactors(metadata, accounts, login_throttle, "Entrepot", clock)


@pytest.fixture
def sign_in(
    authentication: Authentication,
    sessions: Sessions,
    second_factors: SecondFactors,
    audit_log: AuditLog,
) -> SignIn:
    """The way to a session."""
    return SignIn(authentication, sessions, second_factors, audit_log)


@pytest.fixture
async def town(metadata: Metadata) -> Town:
    """Somebody of each kind, around `acme`."""
    return await found_town(metadata)


@pytest.fixture
def reader() -> HereAndNow:
    """Reads contents without a process of its own."""
    return HereAndNow()


@pytest.fixture
async def shelf(
    metadata: Metadata, storage: MemoryStorage, clock: MovableClock, reader: HereAndNow
) -> Shelf:
    """A repository of the organization `shop`, empty."""
    namespace_id = await add_organization(metadata, "shop")
    repository = await add_repository(metadata, "shop/shelf", namespace_id=namespace_id)
    return Shelf(metadata, storage, repository, clock, reader)
