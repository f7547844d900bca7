"""Builds a hub from its settings: the only module that chooses what is made of what."""

import asyncio
import gc
import logging
import os
import random
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from typing import Any, Protocol

from entrepot.errors import NameTaken
from entrepot.front import REFUSALS, Front, failed, refused
from entrepot.http.gate import Gate
from entrepot.http.messages import Request, Response
from entrepot.http.origin import Origins
from entrepot.http.pipes import make_pipes_directory
from entrepot.http.server import Server
from entrepot.hub import keyring
from entrepot.hub.actors import OPERATOR
from entrepot.hub.audit import witness_of
from entrepot.jobs.deliverer import Deliverer
from entrepot.jobs.leaps import Brake
from entrepot.jobs.posting import Poster
from entrepot.jobs.upkeep import (
    DRAW,
    PRUNE,
    REST,
    SET_CLOCK,
    WATCH_CLOCK,
    Chore,
    Upkeep,
    chores_of,
    collect_chore,
    scrub_chore,
)
from entrepot.jobs.worker import JobWorker, Work
from entrepot.metadata import jobs
from entrepot.metadata.clocks import SharedClock
from entrepot.metadata.engine import Clock
from entrepot.ops.door import OperatorDoor
from entrepot.ops.log import RequestLog, configure_logging
from entrepot.ops.memory import keep_memory_flat
from entrepot.ops.metrics import Metrics, share_between_workers
from entrepot.ops.readiness import Ending, Readiness
from entrepot.ops.signals import ended_later
from entrepot.services import Services
from entrepot.settings import LogFormat, Settings
from entrepot.start import greet, open_clock, open_metadata, open_storage, prepare
from entrepot.v2.blobs import BlobDoor
from entrepot.v2.door import DistributionDoor
from entrepot.v2.lists import ListDoor
from entrepot.v2.manifests import ManifestDoor
from entrepot.v2.tokens import TokenDoor
from entrepot.v2.uploads import UploadDoor
from entrepot.web.docker_search import DockerSearch

_log = logging.getLogger(__name__)
_JUST_NOW = 0.2
"""Seconds after an answer in which a worker counts as busy."""
_OPERATOR_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class Door(Protocol):
    """Answers requests of one kind."""

    async def answer(self, request: Request) -> Response:
        """Answer a request."""


def works_of(services: Services) -> dict[str, Work]:
    """What to do for each kind of job."""

    async def index(subject: str) -> None:
        await services.indexing.index(int(subject))

    async def summarize(subject: str) -> None:
        await services.summaries.summarize(int(subject))

    async def recount(subject: str) -> None:
        repository_id, _, digest = subject.partition(" ")
        await services.indexing.count_marks(int(repository_id), digest)

    async def measure(subject: str) -> None:
        await services.quotas.measure(int(subject))

    return {
        jobs.INDEX: index,
        jobs.SUMMARIZE: summarize,
        jobs.RECOUNT: recount,
        jobs.MEASURE: measure,
    }


class Hub:
    """Every door over one set of services: answers any request and never raises."""

    def __init__(self, settings: Settings, services: Services, metrics: Metrics) -> None:
        self._services = services
        self._settings = settings
        gate = Gate(services.metadata, services.identities, services.permissions, services.now)
        origins = self._origins = Origins(
            settings.url, settings.trusted_proxies, settings.other_urls
        )
        is_local_ca = settings.tls is not None
        self._front = Front(origins, settings.cors_origins, is_local_ca=is_local_ca)
        self._distribution = DistributionDoor(
            gate,
            origins,
            manifests=ManifestDoor(gate, services.manifests, services.pulls, services.rates),
            blobs=BlobDoor(gate, services.blobs, origins),
            uploads=UploadDoor(gate, services.blobs, services.uploads, services.quotas),
            lists=ListDoor(gate, services.metadata.reader, services.manifests, services.referrers),
            tokens=TokenDoor(gate, services.identities, services.tokens, origins),
        )
        ending = Ending(settings.data, os.getppid())
        self._operator = OperatorDoor(metrics, Readiness(self._ask_all, ending))
        self._docker_search = DockerSearch(gate, services.search)
        self._gate = gate
        self._pages: Door | None = None
        self._api: Door | None = None

    async def answer(self, request: Request) -> Response:
        """Answer a request by the door its path belongs to."""
        request.address = self._origins.address(request)
        try:
            response = self._front.receive(request) or await self._route(request)
        except REFUSALS as error:
            response = refused(request, error)
        except Exception:
            _log.exception("request failed", extra={"request": request.id, "path": request.path})
            response = failed(request)
        return self._front.finish(request, response)

    async def _route(self, request: Request) -> Response:
        path = request.path
        if path in _OPERATOR_PATHS:
            return await self._operator.answer(request)
        self._services.rates.request(request.address)
        if path.startswith("/v2/") or path == "/v2":
            return await self._distribution.answer(request)
        if path == "/token":
            return await self._distribution.answer_token(request)
        if path.startswith("/v1/"):
            return await self._docker_search.answer(request)
        if path.startswith("/api/"):
            if self._api is None:
                self._api = self._open_api()
            return await self._api.answer(request)
        if self._pages is None:
            self._pages = self._open_pages()
        return await self._pages.answer(request)

    def _open_pages(self) -> Door:
        # Late: many a worker of a registry never sees a browser, and templates take memory.
        from importlib.metadata import version

        from entrepot.web.desk import Desk
        from entrepot.web.door import PageDoor

        names = {each.name for each in fields(Desk)}
        shared = {name: rule for name, rule in vars(self._services).items() if name in names}
        return PageDoor(
            Desk(
                **shared,
                gate=self._gate,
                origins=self._origins,
                markdown=self._services.renderer.preview,
                count_pull=self._services.pulls.count,
                settings=self._settings.described(),
                version=version("entrepot"),
            )
        )

    def _open_api(self) -> Door:
        from importlib.metadata import version

        from entrepot.api.desk import Desk
        from entrepot.api.door import ApiDoor

        names = {each.name for each in fields(Desk)}
        shared = {name: rule for name, rule in vars(self._services).items() if name in names}
        return ApiDoor(
            Desk(
                **shared,
                gate=self._gate,
                origins=self._origins,
                settings=self._settings.described(),
                version=version("entrepot"),
            )
        )

    async def _ask_all(self) -> None:
        """Raise unless all that the hub stands on answers."""
        # One row, however large the hub is: load balancers ask every second.
        await self._services.accounts.has_any()
        await self._services.storage.check()


class Worker:
    """One of the processes that answer requests, as Granian runs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._server: Server | None = None
        self._upkeep: Upkeep | None = None
        self._jobs: JobWorker | None = None
        self._poster: Poster | None = None
        self._deliverer: Deliverer | None = None
        self._log: RequestLog | None = None
        self._services: Services | None = None

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop, after the last one."""
        loop.run_until_complete(self._stop())

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        if self._server is not None and scope.proto == "http":
            await self._server(scope, protocol)

    async def start(self) -> None:
        """Be ready for the first request."""
        settings = self._settings
        keep_memory_flat()
        configure_logging(as_text=settings.log_format is LogFormat.TEXT)
        share_between_workers(settings.data / "metrics")
        metrics = Metrics()
        self._log = RequestLog(as_text=settings.log_format is LogFormat.TEXT)
        metadata = await open_metadata(settings)
        clock = await open_clock(settings, metadata)
        services = self._services = Services(settings, metadata, open_storage(settings), clock)
        await keyring.check(metadata, services.keyring)
        await keyring.wrap_all(metadata, services.keyring)
        # An end in between would leave an account whose password nobody was told.
        with ended_later():
            password = await ensure_admin(services, settings.admin_password)
            if password is not None:
                greet(settings, password, await first_link(services))
        hub = Hub(settings, services, metrics)
        watchers = _Watchers(self._log, metrics)
        self._server = Server(
            hub.answer,
            watchers,
            make_pipes_directory(settings.data),
            Ending(settings.data, os.getppid()).is_announced,
        )
        self._start_upkeep(services, metrics)
        self._start_work(services, metrics, watchers)
        # What is here now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)

    def _start_upkeep(self, services: Services, metrics: Metrics) -> None:
        settings, metadata = self._settings, services.metadata
        chores = chores_of(
            metadata, services.pulls, services.uploads, settings.upload_expiry, services.now
        )
        chores.append(Chore("prune-webhooks", PRUNE, services.webhooks.prune))
        chores.append(Chore("rest", REST, services.reader.rest, is_shared=False))
        chores.append(Chore("rest-renderer", REST, services.renderer.rest, is_shared=False))
        chores.append(Chore("draw-readmes", DRAW, services.readmes.ask_for_missing))

        brake = Brake(services.now, time.monotonic, settings.grace)
        chores += _clock_chores(services.now, brake)

        async def retain() -> int:
            return await services.retention.run_all(witness_of(OPERATOR, services.now))

        chores.append(
            collect_chore(
                retain,
                services.collector,
                services.quotas.measure_all,
                settings.collect_every,
                metrics.note_collection,
                brake,
            )
        )
        chores += scrub_chore(
            services.scrub,
            settings.scrub_every,
            settings.scrub_rate,
            metrics.note_scrubbed,
            metrics.note_pass,
        )
        self._upkeep = Upkeep(metadata, chores, services.now)
        self._upkeep.start()

    def _start_work(self, services: Services, metrics: Metrics, watchers: "_Watchers") -> None:
        metadata = services.metadata
        self._jobs = JobWorker(metadata, works_of(services), services.now, watchers.is_busy)
        self._jobs.start()
        self._poster = Poster(services.targets)
        self._deliverer = Deliverer(
            metadata,
            services.targets,
            self._poster,
            services.now,
            random.random,
            metrics.note_delivery,
            services.keyring,
        )
        self._deliverer.start()

    async def _stop(self) -> None:
        if self._deliverer is not None:
            await self._deliverer.stop()
        if self._poster is not None:
            self._poster.close()
        if self._jobs is not None:
            await self._jobs.stop()
        if self._upkeep is not None:
            await self._upkeep.stop()
        if self._services is not None:
            await self._services.close()
        if self._log is not None:
            self._log.close()


def _clock_chores(now: Clock, brake: Brake) -> list[Chore]:
    """What each worker does about its clock: it is watched, and set where it can be."""
    chores = [Chore("watch-clock", WATCH_CLOCK, brake.look, is_shared=False)]
    if isinstance(now, SharedClock):
        chores.append(Chore("set-clock", SET_CLOCK, now.set, is_shared=False))
    return chores


class _Watchers:
    """Tells the log and the metrics of each request."""

    def __init__(self, log: RequestLog, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics
        self._last = 0.0

    def is_busy(self) -> bool:
        """Whether somebody was answered just now."""
        return time.monotonic() - self._last < _JUST_NOW

    def __call__(self, request: Request, response: Response, seconds: float) -> None:
        self._last = time.monotonic()
        self._metrics.note(request, response, seconds)
        self._log.note(request, response, seconds)


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """The services over the data directory, for the command line; a hub may be running on it."""
    prepare(settings)
    metadata = await open_metadata(settings)
    clock = await open_clock(settings, metadata)
    services = Services(settings, metadata, open_storage(settings), clock)
    try:
        yield services
    finally:
        await services.close()


async def ensure_admin(services: Services, given: str | None) -> str | None:
    """Make `admin` where there is no account yet; return the password if it was generated.

    Of several workers that try at once, one makes the account.
    """
    if await services.accounts.has_any():
        return None
    password = given or secrets.token_urlsafe(12)
    try:
        await services.accounts.add("admin", password, is_admin=True)
    except NameTaken:
        return None
    return None if given else password


async def first_link(services: Services) -> str:
    """The secret of a link that lets whoever started the hub choose the password of `admin`."""
    return await services.welcomes.begin(await services.accounts.get("admin"))
