"""A process that answers requests: every door over one app, and the work beside them."""

import asyncio
import gc
import logging
import os
import random
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from entrepot.app import App, build_app
from entrepot.bootstrap import greet
from entrepot.errors import NameTaken
from entrepot.front import REFUSALS, Front, failed, refused
from entrepot.http.messages import Request, Response
from entrepot.http.pipes import make_pipes_directory
from entrepot.http.server import Server
from entrepot.hub.events.audit import audit_and_notify
from entrepot.hub.identity import keyring
from entrepot.hub.people.actors import OPERATOR
from entrepot.jobs.clock_guard import ClockJumpGuard
from entrepot.jobs.handlers import job_handlers
from entrepot.jobs.replication import ReplicationLane
from entrepot.jobs.scheduler import (
    DRAW,
    EXPIRE,
    JUDGE,
    MATCH,
    PRUNE,
    PULL,
    REPLICATE,
    REST,
    SET_CLOCK,
    WATCH_CLOCK,
    PeriodicTask,
    Scheduler,
    collect_task,
    periodic_tasks,
    scrub_task,
)
from entrepot.jobs.webhook_client import WebhookClient
from entrepot.jobs.webhook_delivery import WebhookDelivery
from entrepot.jobs.worker import JobWorker
from entrepot.metadata.engines.clocks import SharedClock
from entrepot.metadata.engines.engine import Clock
from entrepot.ops.door import OperatorDoor
from entrepot.ops.log import RequestLog, configure_logging
from entrepot.ops.memory import keep_memory_flat
from entrepot.ops.metrics import Metrics, share_between_workers
from entrepot.ops.readiness import DrainFlag, Readiness
from entrepot.ops.signals import ended_later
from entrepot.settings import LogFormat, Settings
from entrepot.v2.door import DistributionDoor
from entrepot.v2.tokens import TOKEN_PATHS
from entrepot.web.contents.docker_search import DockerSearch

_log = logging.getLogger(__name__)
_JUST_NOW = 0.2
"""Seconds after an answer in which a worker counts as busy."""
_WRITE_METRICS = timedelta(seconds=1)
_OPERATOR_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class Door(Protocol):
    """Answers requests of one kind."""

    async def answer(self, request: Request) -> Response:
        """Answer a request."""


OpenDoor = Callable[[App], Door]


# Late: many a worker of a registry never sees a browser, and templates take memory.
def _open_pages(app: App) -> Door:
    from entrepot.web.door import PageDoor

    return PageDoor(app)


def _open_api(app: App) -> Door:
    from entrepot.api.door import ApiDoor

    return ApiDoor(app)


def _open_harbor(app: App) -> Door:
    from entrepot.api.harbor import HarborDoor

    return HarborDoor(app)


def _open_helm(app: App) -> Door:
    from entrepot.helm.door import HelmDoor

    return HelmDoor(app)


def _open_docker_hub(app: App) -> Door:
    from entrepot.dockerhub.door import DockerHubDoor

    return DockerHubDoor(app)


def _open_models(app: App) -> Door:
    from entrepot.hf.door import ModelDoor

    return ModelDoor(app)


def _open_mcp(app: App) -> Door:
    from entrepot.mcp.door import McpDoor

    return McpDoor(app)


_LATE: tuple[tuple[tuple[str, ...], OpenDoor], ...] = (
    (("/helm/", "/api/chartsvc/"), _open_helm),
    (("/api/v2.0/",), _open_harbor),
    (("/api/",), _open_api),
    (("/hf/",), _open_models),
    (("/hub/",), _open_docker_hub),
    (("/mcp",), _open_mcp),
)


class Hub:
    """Every door over one app: answers any request and never raises."""

    def __init__(self, settings: Settings, app: App, metrics: Metrics) -> None:
        self._app = app
        self._front = Front(
            app.origins, settings.cors_origins, is_local_ca=settings.tls is not None
        )
        self._distribution = DistributionDoor(app)
        ending = DrainFlag(settings.data, os.getppid())
        self._operator = OperatorDoor(
            metrics, Readiness(self._ask_all, ending), app.replication.list_lags
        )
        self._docker_search = DockerSearch(app)
        self._late_doors: dict[OpenDoor, Door] = {}

    async def answer(self, request: Request) -> Response:
        """Answer a request by the door its path belongs to."""
        request.address = self._app.origins.address(request)
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
        self._app.rates.request(request.address)
        if path.startswith("/v2/") or path == "/v2":
            return await self._distribution.answer(request)
        if path in TOKEN_PATHS:
            return await self._distribution.answer_token(request)
        if path.startswith("/v1/"):
            return await self._docker_search.answer(request)
        return await (await self._open_late(path)).answer(request)

    async def _open_late(self, path: str) -> Door:
        """The door of the path, opened with its first request."""
        found = (open_door for prefixes, open_door in _LATE if path.startswith(prefixes))
        open_door = next(found, _open_pages)
        if open_door not in self._late_doors:
            # In a thread: a worker's first page keeps no pull waiting for its imports.
            door = await asyncio.to_thread(open_door, self._app)
            self._late_doors.setdefault(open_door, door)
        return self._late_doors[open_door]

    async def _ask_all(self) -> None:
        """Raise unless all that the hub stands on answers."""
        # One row, however large the hub is: load balancers ask every second.
        await self._app.accounts.has_any()
        await self._app.storage.check()


class Worker:
    """One of the processes that answer requests, as Granian runs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._server: Server | None = None
        self._scheduler: Scheduler | None = None
        self._jobs: JobWorker | None = None
        self._webhook_client: WebhookClient | None = None
        self._deliverer: WebhookDelivery | None = None
        self._replication: ReplicationLane | None = None
        self._log: RequestLog | None = None
        self._app: App | None = None

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
        app = self._app = await build_app(settings)
        metadata = app.metadata
        await keyring.check(metadata, app.keyring)
        await keyring.wrap_all(metadata, app.keyring)
        # An end in between would leave an account whose password nobody was told.
        with ended_later():
            password = await ensure_admin(app, settings.admin_password)
            if password is not None:
                greet(settings, password, await first_link(app))
        hub = Hub(settings, app, metrics)
        watchers = _Watchers(self._log, metrics)
        self._server = Server(
            hub.answer,
            watchers,
            make_pipes_directory(settings.data),
            DrainFlag(settings.data, os.getppid()).is_announced,
        )
        self._start_scheduler(app, metrics)
        self._start_work(app, metrics, watchers)
        # What is here now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)

    def _start_scheduler(self, app: App, metrics: Metrics) -> None:
        settings, metadata = self._settings, app.metadata
        tasks = periodic_tasks(metadata, app.pulls, app.uploads, settings.upload_expiry, app.now)
        tasks += _upkeep_tasks(app)
        expire_fetches = partial(app.fetches.expire, settings.upload_expiry)
        tasks.append(PeriodicTask("expire-fetches", PRUNE, expire_fetches, is_shared=False))
        if app.directory_people is not None:
            check_all = app.directory_people.check_all
            tasks.append(PeriodicTask("check-directory", settings.ldap_recheck, check_all))
        clock_guard = ClockJumpGuard(app.now, time.monotonic, settings.grace)
        tasks += _clock_tasks(app.now, clock_guard)

        async def retain() -> int:
            return await app.retention.run_all(audit_and_notify(OPERATOR, app.now))

        tasks.append(
            collect_task(
                retain,
                app.collector,
                app.quotas.measure_all,
                settings.collect_every,
                metrics.note_collection,
                clock_guard,
            )
        )
        tasks += scrub_task(
            app.scrub,
            settings.scrub_every,
            settings.scrub_rate,
            metrics.note_scrubbed,
            metrics.note_pass,
        )
        tasks.append(PeriodicTask("write-metrics", _WRITE_METRICS, metrics.flush, is_shared=False))
        self._scheduler = Scheduler(metadata, tasks, app.now)
        self._scheduler.start()

    def _start_work(self, app: App, metrics: Metrics, watchers: "_Watchers") -> None:
        metadata = app.metadata
        self._jobs = JobWorker(metadata, job_handlers(app), app.now, watchers.is_busy)
        self._jobs.start()
        self._webhook_client = WebhookClient(app.targets)
        self._deliverer = WebhookDelivery(
            metadata,
            app.targets,
            self._webhook_client,
            app.now,
            random.random,
            metrics.note_delivery,
            app.keyring,
            app.origins.public,
        )
        self._deliverer.start()
        self._replication = ReplicationLane(metadata, app.replication_tasks, app.now, random.random)
        self._replication.start()

    async def _stop(self) -> None:
        if self._deliverer is not None:
            await self._deliverer.stop()
        if self._webhook_client is not None:
            self._webhook_client.close()
        if self._replication is not None:
            await self._replication.stop()
        if self._jobs is not None:
            await self._jobs.stop()
        if self._scheduler is not None:
            await self._scheduler.stop()
        if self._app is not None:
            await self._app.close()
        if self._log is not None:
            self._log.close()


def _upkeep_tasks(app: App) -> list[PeriodicTask]:
    """What is done now and then, whatever the settings are."""
    return [
        PeriodicTask("prune-webhooks", PRUNE, app.webhooks.prune),
        PeriodicTask("forget-pulls", PRUNE, app.pull_counts.forget),
        PeriodicTask("rest", REST, app.reader.rest, is_shared=False),
        PeriodicTask("rest-renderer", REST, app.renderer.rest, is_shared=False),
        PeriodicTask("evict", EXPIRE, app.evictions.run),
        PeriodicTask("match-packages", MATCH, app.matching.match_waiting),
        PeriodicTask("judge-pulls", JUDGE, app.pull_verdicts.judge_due),
        PeriodicTask("pull-rules", PULL, app.rule_runs.run_due),
        PeriodicTask("queue-replication", REPLICATE, app.replication.queue_due),
        PeriodicTask("draw-readmes", DRAW, app.readmes.ask_for_missing),
    ]


def _clock_tasks(now: Clock, clock_guard: ClockJumpGuard) -> list[PeriodicTask]:
    """What each worker does about its clock: it is watched, and set where it can be."""
    tasks = [PeriodicTask("watch-clock", WATCH_CLOCK, clock_guard.look, is_shared=False)]
    if isinstance(now, SharedClock):
        tasks.append(PeriodicTask("set-clock", SET_CLOCK, now.set, is_shared=False))
    return tasks


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


async def ensure_admin(app: App, given: str | None) -> str | None:
    """Make `admin` where there is no account yet; return the password if it was generated.

    Of several workers that try at once, one makes the account.
    """
    if await app.accounts.has_any():
        return None
    password = given or secrets.token_urlsafe(12)
    try:
        await app.accounts.add("admin", password, is_admin=True)
    except NameTaken:
        return None
    return None if given else password


async def first_link(app: App) -> str:
    """The secret of a link that lets whoever started the hub choose the password of `admin`."""
    return await app.password_links.begin(await app.accounts.get("admin"))
