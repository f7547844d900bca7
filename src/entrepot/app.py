"""The rules of a hub as one value, made from its settings: what every door is handed.

Doors and rules never choose what they are made of; this module does, and `bootstrap` opens the
database and the storage that the settings name.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property, partial
from importlib.metadata import version

from entrepot import __version__
from entrepot.bootstrap import (
    hub_groups,
    now,
    open_clock,
    open_directory,
    open_metadata,
    open_storage,
    prepare,
    provider_settings,
)
from entrepot.extract.sandbox.reader import SandboxedReader
from entrepot.extract.sandbox.renderer import Renderer
from entrepot.http.authenticate import Authenticator
from entrepot.http.authorize import Authorizer
from entrepot.http.origin import Origins
from entrepot.http.proxied_files import ProxiedFiles
from entrepot.hub.administration import Administration
from entrepot.hub.badges import Badges
from entrepot.hub.contents.artifact_views import ArtifactViews
from entrepot.hub.contents.artifacts import Artifacts
from entrepot.hub.contents.attachments import Attachments
from entrepot.hub.contents.charts import Charts
from entrepot.hub.contents.comparisons import Comparisons
from entrepot.hub.contents.indexing import Indexing
from entrepot.hub.contents.readmes import Readmes
from entrepot.hub.contents.search import Search
from entrepot.hub.contents.summaries import Summaries
from entrepot.hub.contents.used_images import UsedImages
from entrepot.hub.directory.people import open_people
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.events.webhook_urls import WebhookUrls
from entrepot.hub.events.webhooks import Webhooks
from entrepot.hub.identity.authentication import Authentication
from entrepot.hub.identity.keyring import Keyring
from entrepot.hub.identity.login_throttle import LoginThrottle
from entrepot.hub.identity.oidc import Provider
from entrepot.hub.identity.password_links import PasswordLinks
from entrepot.hub.identity.passwords import Passwords
from entrepot.hub.identity.registry_tokens import RegistryTokens
from entrepot.hub.identity.second_factors import SecondFactors
from entrepot.hub.identity.sessions import Sessions
from entrepot.hub.identity.sign_in import SignIn
from entrepot.hub.identity.sign_up import SignUp
from entrepot.hub.identity.single_sign_on import SingleSignOn
from entrepot.hub.identity.tokens import Tokens
from entrepot.hub.mirroring.pull_rules import PullRules
from entrepot.hub.mirroring.regsync_imports import RegsyncImports
from entrepot.hub.mirroring.rule_runs import RuleRuns, RuleTools
from entrepot.hub.mirrors import Mirrors
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.closing import Closing
from entrepot.hub.people.groups import Groups
from entrepot.hub.people.invitations import Invitations
from entrepot.hub.people.organizations import Organizations
from entrepot.hub.people.teams import Teams
from entrepot.hub.permissions import Permissions
from entrepot.hub.policies import Policies
from entrepot.hub.promotions import Promotions
from entrepot.hub.pull_counts import PullCounts
from entrepot.hub.rate_limits import Limits, RateLimits
from entrepot.hub.replication import Replication
from entrepot.hub.repositories import Repositories
from entrepot.hub.repository_lists import RepositoryLists
from entrepot.hub.repository_views import RepositoryViews
from entrepot.hub.security.advisories import Advisories
from entrepot.hub.security.exemptions import Exemptions
from entrepot.hub.security.findings import FindingsAggregator
from entrepot.hub.security.matching import Matching
from entrepot.hub.security.pull_evidence import PullEvidenceReader
from entrepot.hub.security.pull_policies import PullPolicies
from entrepot.hub.security.pull_verdicts import PullVerdicts
from entrepot.hub.security.trust_roots import TrustRoots
from entrepot.hub.security.trusted_keys import TrustedKeys
from entrepot.hub.security.vulnerabilities import Vulnerabilities
from entrepot.hub.stars import Stars
from entrepot.hub.tags import Tags
from entrepot.hub.workloads.id_tokens import IdTokens
from entrepot.hub.workloads.issuers import Issuers
from entrepot.hub.workloads.trusts import Trusts
from entrepot.hub.workloads.workloads import Workloads
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.registry.blobs import Blobs
from entrepot.registry.copying.copies import Copies
from entrepot.registry.history import History
from entrepot.registry.maintenance.check import IntegrityCheck
from entrepot.registry.maintenance.collector import Collector
from entrepot.registry.maintenance.layouts import Exports, Imports
from entrepot.registry.maintenance.scrub import Scrub
from entrepot.registry.maintenance.storage_migration import StorageMigration
from entrepot.registry.manifests import Manifests
from entrepot.registry.mirroring.evictions import Evictions
from entrepot.registry.mirroring.fetches import FETCHES, Fetches
from entrepot.registry.mirroring.mirrored_blobs import MirroredBlobs
from entrepot.registry.mirroring.mirrored_lists import MirroredLists
from entrepot.registry.mirroring.mirrors import MirroredManifests
from entrepot.registry.mirroring.prefetches import Prefetches
from entrepot.registry.mirroring.upstream_artifacts import UpstreamArtifacts
from entrepot.registry.mirroring.upstreams import Upstreams
from entrepot.registry.pulls import Pulls
from entrepot.registry.quotas import Quotas
from entrepot.registry.referrers import Referrers
from entrepot.registry.removal import Removals
from entrepot.registry.replication.destinations import Destinations
from entrepot.registry.replication.tasks import ReplicationTasks
from entrepot.registry.replication.transfers import Transfers
from entrepot.registry.retention import Retention
from entrepot.registry.tag_rules import find_immutable_tags
from entrepot.registry.uploads import Uploads
from entrepot.settings import Settings
from entrepot.storage.migrating import MovingStorage
from entrepot.storage.protocols import Storage


class App:
    """The rules of a hub over a database and a storage, each set once; make it in an event loop."""

    def __init__(
        self, settings: Settings, metadata: Metadata, storage: Storage, clock: Clock = now
    ) -> None:
        self.now = clock
        self.metadata = metadata
        self.storage = storage
        self.describe_settings = settings.described
        self.security_contact = settings.security_contact
        self.origins = Origins(settings.url, settings.trusted_proxies, settings.other_urls)
        self.proxied_files = ProxiedFiles(settings.blob_sender, self.origins)
        self._add_people(settings, metadata)
        self._add_ways_in(settings, metadata)
        self._add_contents(settings, metadata, storage)
        self._add_mirrors(settings, metadata, storage)
        self._add_replication(metadata, storage)
        self._add_artifacts(settings, metadata, storage)

    def __setattr__(self, name: str, value: object) -> None:
        if name in vars(self):
            raise AttributeError(f"{name} of an App is set already, and never replaced")
        super().__setattr__(name, value)

    @cached_property
    def version(self) -> str:
        """The version of Entrepot that runs."""
        return version("entrepot")

    async def close(self) -> None:
        """Let go of what is held open; closing twice succeeds."""
        if self.directory:
            await self.directory.client.close()
        await self.fetches.close()
        await self.upstreams.close()
        await self.destinations.close()
        await self.reader.close()
        await self.renderer.close()
        await self.metadata.close()

    def _add_people(self, settings: Settings, metadata: Metadata) -> None:
        visibility = settings.default_visibility
        self.passwords = Passwords()
        self.login_throttle = LoginThrottle(metadata, self.now)
        self.rates = RateLimits(
            Limits(
                settings.pulls_per_minute,
                settings.pushes_per_minute,
                settings.requests_per_minute,
                settings.workers,
            ),
            time.monotonic,
        )
        is_open = settings.open
        self.permissions = Permissions(metadata.reader, is_open=is_open, hub_visibility=visibility)
        self.audit = AuditLog(metadata, self.permissions, self.now)
        self.directory = open_directory(settings, metadata, self.now)
        self.accounts = Accounts(
            metadata,
            self.passwords,
            default_visibility=visibility,
            now=self.now,
            directory=self.directory,
        )
        self.organizations = Organizations(
            metadata, self.permissions, default_visibility=visibility, now=self.now
        )
        self.teams = Teams(metadata, self.permissions, self.now)
        self.invitations = Invitations(metadata, self.permissions, self.now)
        self.groups = Groups(metadata, self.permissions, self.now, hub_groups(settings))
        self.directory_people = open_people(
            metadata, self.directory, self.accounts, self.passwords, self.groups, self.now
        )

    def _add_ways_in(self, settings: Settings, metadata: Metadata) -> None:
        self.keyring = Keyring(settings.read_secret_key())
        self.registry_tokens = RegistryTokens(metadata, self.keyring)
        self._add_workloads(settings, metadata)
        self.authentication = Authentication(
            metadata.reader,
            self.passwords,
            self.registry_tokens,
            self.login_throttle,
            self.workloads,
            self.now,
            self.directory_people,
        )
        self.tokens = Tokens(metadata, self.permissions, self.registry_tokens, self.now)
        self.sessions = Sessions(metadata, self.now)
        self.authenticator = Authenticator(
            self.authentication, self.sessions, self.tokens, self.workloads
        )
        self.authorizer = Authorizer(metadata, self.authenticator, self.permissions, self.now)
        self.second_factors = SecondFactors(
            metadata, self.accounts, self.login_throttle, "Entrepot", self.now, self.keyring
        )
        self.sign_in = SignIn(
            self.authentication,
            self.sessions,
            self.second_factors,
            self.audit,
            provider_asks=settings.oidc_second_factor,
        )
        self.single_sign_on = self._single_sign_on(settings, metadata)
        self.password_links = PasswordLinks(metadata, self.passwords, self.now)
        self.sign_up = SignUp(
            metadata,
            self.accounts,
            self.passwords,
            self.invitations,
            self.login_throttle,
            settings.sign_up,
        )

    def _add_workloads(self, settings: Settings, metadata: Metadata) -> None:
        urls = [settings.url, *settings.other_urls] if settings.url else []
        audiences = [text for url in urls for text in (url.rstrip("/"), url.rstrip("/") + "/")]
        id_tokens = IdTokens(metadata.reader, self.now, audiences)
        self.issuers = Issuers(metadata, id_tokens, self.now, has_audience=bool(audiences))
        self.trusts = Trusts(metadata, self.permissions, self.issuers, id_tokens, self.now)
        self.workloads = Workloads(metadata, id_tokens, self.login_throttle, self.now)

    def _single_sign_on(self, settings: Settings, metadata: Metadata) -> SingleSignOn | None:
        provider = provider_settings(settings)
        if provider is None:
            return None
        return SingleSignOn(
            metadata,
            self.accounts,
            self.passwords,
            Provider(provider, self.now, WebhookUrls(settings.oidc_networks)),
            self.registry_tokens,
            self.groups,
            name=settings.oidc_name,
            may_sign_up=settings.oidc_sign_up,
            now=self.now,
        )

    def _add_contents(self, settings: Settings, metadata: Metadata, storage: Storage) -> None:
        self.renderer = Renderer()
        self.readmes = Readmes(metadata, self.renderer, self.now)
        self.repositories = Repositories(metadata, self.permissions, self.readmes, self.now)
        self.closing = Closing(metadata, self.permissions, self.repositories, self.now)
        self.targets = WebhookUrls(settings.webhook_networks)
        self.webhooks = Webhooks(metadata, self.permissions, self.targets, self.now, self.keyring)
        self.stars = Stars(metadata, self.permissions, self.now)
        self.tags = Tags(metadata)
        self.trusted_keys = TrustedKeys(metadata, self.permissions, self.now)
        self.trust_roots = TrustRoots(metadata, self.now)
        self.blobs = Blobs(metadata, storage, self.now, settings.grace)
        self.uploads = Uploads(metadata, storage, self.now)
        self.manifests = Manifests(
            metadata, self.uploads, accept_sparse=settings.accept_sparse, now=self.now
        )
        self.referrers = Referrers(metadata)
        self.exports = Exports(metadata, storage)
        self.imports = Imports(metadata, self.uploads, self.manifests)
        self.pulls = Pulls(metadata, self.now)
        self.pull_counts = PullCounts(metadata, self.now)
        self.check = IntegrityCheck(metadata, storage)
        self.scrub = Scrub(metadata, storage, self.now)
        self.collector = Collector(
            metadata,
            storage,
            self.now,
            grace=settings.grace,
            untagged_after=settings.collect_untagged_after,
        )
        self.history = History(metadata, self.now)
        self.removals = Removals(metadata, self.now)
        self.quotas = Quotas(metadata)
        self.copies = Copies(metadata, self.now)
        self.promotions = Promotions(self.permissions, self.copies, self.now)
        self.retention = Retention(metadata, self.removals, self.now)
        self.policies = Policies(metadata, self.permissions, self.now)
        self.storage_migration = (
            StorageMigration(metadata, storage) if isinstance(storage, MovingStorage) else None
        )

    def _add_mirrors(self, settings: Settings, metadata: Metadata, storage: Storage) -> None:
        self.upstreams = Upstreams(metadata, self.keyring, __version__, self.now)
        self.fetches = Fetches(storage, settings.data / FETCHES)
        fetched = Manifests(
            metadata, self.uploads, accept_sparse=True, now=self.now, are_fetched=True
        )
        self.mirrored_manifests = MirroredManifests(metadata, fetched, self.upstreams, self.now)
        self.mirrored_blobs = MirroredBlobs(
            metadata, self.uploads, self.upstreams, self.fetches, self.now
        )
        self.mirrored_lists = MirroredLists(
            metadata, self.mirrored_manifests, self.upstreams, self.now
        )
        artifacts = UpstreamArtifacts(metadata, self.mirrored_manifests, self.mirrored_lists)
        self.prefetches = Prefetches(metadata, artifacts, self.mirrored_lists, self.mirrored_blobs)
        self.evictions = Evictions(metadata, self.now)
        self.mirrors = Mirrors(metadata, self.keyring, self.upstreams.test, self.closing, self.now)
        self.pull_rules = PullRules(metadata, self.mirrors, self.now)
        self.regsync_imports = RegsyncImports(metadata, self.mirrors, self.pull_rules)
        tools = RuleTools(
            metadata,
            self.mirrors,
            self.promotions,
            self.prefetches,
            self.removals,
            partial(find_immutable_tags, metadata.reader),
            self.now,
        )
        self.rule_runs = RuleRuns(tools)

    def _add_replication(self, metadata: Metadata, storage: Storage) -> None:
        self.destinations = Destinations(self.keyring, __version__)
        self.replication_tasks = ReplicationTasks(
            metadata, Transfers(metadata, storage), self.destinations, self.now
        )
        self.replication = Replication(metadata, self.keyring, self.destinations.test, self.now)

    def _add_artifacts(self, settings: Settings, metadata: Metadata, storage: Storage) -> None:
        self.reader = SandboxedReader()
        self.confinement = self.reader.confinement
        self.administration = Administration(
            metadata, self.now, self.confinement, settings.data, self.directory
        )
        self.artifacts = Artifacts(metadata, storage)
        self.attachments = Attachments(metadata)
        self.matching = Matching(metadata, self.now)
        self.advisories = Advisories(metadata, self.matching, self.now)
        self.findings = FindingsAggregator(metadata, self.attachments, self.matching)
        evidence = PullEvidenceReader(metadata, self.attachments, self.findings)
        self.pull_verdicts = PullVerdicts(metadata, evidence, self.now)
        self.pull_policies = PullPolicies(metadata, self.permissions, self.pull_verdicts, self.now)
        self.exemptions = Exemptions(metadata, self.permissions, self.pull_verdicts, self.now)
        self.artifact_views = ArtifactViews(
            metadata, self.artifacts, self.attachments, self.findings
        )
        self.used_images = UsedImages(self.permissions, metadata.reader)
        self.comparisons = Comparisons(
            self.permissions, self.artifact_views, self.attachments, self.findings
        )
        self.repository_views = RepositoryViews(metadata, self.artifacts, self.readmes)
        self.badges = Badges(self.repository_views)
        self.summaries = Summaries(metadata, self.readmes)
        self.search = Search(metadata.reader, self.permissions)
        self.repository_lists = RepositoryLists(metadata, self.search, self.now)
        self.charts = Charts(metadata, self.permissions, self.search, self.artifacts)
        self.vulnerabilities = Vulnerabilities(metadata.reader, self.search, self.now)
        self.indexing = Indexing(
            metadata,
            storage,
            self.artifacts,
            self.attachments,
            self.reader,
            self.readmes,
            self.matching,
            self.now,
        )


async def build_app(settings: Settings) -> App:
    """The hub of these settings, over its database and its storage; raise `Unavailable`."""
    metadata = await open_metadata(settings)
    clock = await open_clock(settings, metadata)
    return App(settings, metadata, open_storage(settings), clock)


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """The hub of these settings for the command line; it may be running elsewhere meanwhile."""
    prepare(settings)
    app = await build_app(settings)
    try:
        yield app
    finally:
        await app.close()
