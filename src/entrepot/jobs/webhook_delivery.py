"""Delivers what webhooks are told: at least once, and in order for each webhook and repository.

A job is a stream: one webhook and one repository, which one worker at a time has. Streams run side
by side, a few at a time, and a webhook has only some of them: who answers slowly keeps nobody else.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

from entrepot.errors import EntrepotError
from entrepot.hub.events.webhook_formats import render
from entrepot.hub.events.webhook_urls import WebhookUrl, WebhookUrls
from entrepot.hub.identity.keyring import WEBHOOK, WEBHOOK_HEADER, Keyring
from entrepot.hub.identity.signing import signed_headers
from entrepot.jobs.webhook_client import Answer, PostFailed
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.events import deliveries, jobs, webhooks
from entrepot.metadata.events.deliveries import DEAD, DELIVERED, WAITING
from entrepot.model.jobs import Job
from entrepot.model.webhooks import Delivery, Outcome, Webhook

_log = logging.getLogger(__name__)

ATTEMPTS: Final = 8
"""After this many failed attempts a delivery is dead: about eight hours after the first."""
LEASE: Final = timedelta(minutes=1)
"""How long a stream is one worker's; another takes it after that."""
SOON: Final = timedelta(seconds=1)
_TURN: Final = timedelta(seconds=20)
_FIRST_WAIT: Final = 5.0
_LONGEST_WAIT: Final = timedelta(hours=24)
_LOOK_EVERY: Final = 0.5
_STREAMS: Final = 16
_STREAMS_OF_ONE: Final = 2
_GONE: Final = 410
_ASKED_TO_WAIT: Final = (429, 503)

Note = Callable[[str], None]
"""Counts an attempt by its outcome."""


class Posts(Protocol):
    """Sends a request to a webhook's URL."""

    async def post(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the receiver's answer; raise `PostFailed` if none arrives."""


class WebhookDelivery:
    """Takes streams that wait until it is stopped."""

    def __init__(
        self,
        metadata: Metadata,
        targets: WebhookUrls,
        client: Posts,
        now: Clock,
        jitter: Callable[[], float],
        note: Note = lambda _: None,
        keyring: Keyring | None = None,
        url: str = "",
    ) -> None:
        self._metadata = metadata
        self._targets = targets
        self._client = client
        self._now = now
        self._jitter = jitter
        self._note = note
        self._keyring = keyring or Keyring()
        self._url = url
        self._loop: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._busy: Counter[int] = Counter()

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; what is being sent is sent again by whoever comes next."""
        tasks = [*self._running, *([self._loop] if self._loop else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self) -> None:
        """Send everything that is due now, on the caller's time."""
        while await self._begin_some():
            await asyncio.gather(*self._running)

    async def _run(self) -> None:
        while True:
            try:
                begun = len(self._running) < _STREAMS and await self._begin_some()
            except Exception as error:  # the loop outlives a database that is away
                _log.warning("looking for deliveries failed", extra={"error": str(error)})
                begun = False
            if not begun:
                await asyncio.sleep(_LOOK_EVERY)

    async def _begin_some(self) -> bool:
        """Take some streams that are due; say whether there were any."""
        now = self._now()
        if not await jobs.is_delivery_due(self._metadata.reader, now):
            return False
        until, free = now + LEASE, _STREAMS - len(self._running)
        async with self._metadata.begin() as tx:
            taken = await jobs.take_deliveries(tx, until, now, free)
            mine = []
            for job in taken:
                webhook_id = int(job.subject.partition(" ")[0])
                if self._busy[webhook_id] < _STREAMS_OF_ONE:
                    self._busy[webhook_id] += 1
                    mine.append((webhook_id, job))
                else:
                    await jobs.put_back(tx, job, until, now + SOON, "")
        for webhook_id, job in mine:
            task = asyncio.create_task(self._work(webhook_id, job, until))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return bool(taken)

    async def _work(self, webhook_id: int, job: Job, until: datetime) -> None:
        again: datetime | None = self._now()
        try:
            again = await self._send_some(webhook_id, int(job.subject.partition(" ")[2]))
        except Exception:  # what is not written down is sent again
            _log.exception("a delivery failed", extra={"job": job.kind, "subject": job.subject})
            again = self._now() + timedelta(seconds=_FIRST_WAIT)
        finally:
            self._busy[webhook_id] -= 1
            if not self._busy[webhook_id]:
                del self._busy[webhook_id]
            await self._settle(job, until, again)

    async def _settle(self, job: Job, until: datetime, again: datetime | None) -> None:
        try:
            async with self._metadata.begin() as tx:
                if again is None:
                    await jobs.finish_job(tx, job, until)
                else:
                    await jobs.put_back(tx, job, until, again, "")
        except EntrepotError as error:  # the lease ends by itself
            _log.warning("a stream was not given back", extra={"error": error.message})

    async def _send_some(self, webhook_id: int, repository_id: int) -> datetime | None:
        """Send what is due in a stream, the oldest first; say when it goes on, `None`: never."""
        began = self._now()
        while True:
            reader = self._metadata.reader
            delivery = await deliveries.find_next(reader, webhook_id, repository_id)
            if delivery is None:
                return None
            now = self._now()
            if delivery.run_at > now:
                return delivery.run_at
            if now - began > _TURN:
                return now
            webhook = await webhooks.find_webhook(reader, webhook_id)
            outcome = await self._attempt(webhook, delivery)
            async with self._metadata.begin() as tx:
                await deliveries.note_outcome(tx, delivery.id, outcome)
                if outcome.status == _GONE and webhook is not None:
                    await webhooks.switch_off(tx, webhook.id)

    async def _attempt(self, webhook: Webhook | None, delivery: Delivery) -> Outcome:
        now = self._now()
        if webhook is None or not (webhook.is_active or delivery.event == "ping"):
            self._note("dead")
            why = "the webhook was deactivated"
            return Outcome(DEAD, delivery.attempts, now, now, error=why)
        outcome = await self._post(webhook, delivery, now)
        self._note("failed" if outcome.state == WAITING else outcome.state)
        return outcome

    async def _post(self, webhook: Webhook, delivery: Delivery, now: datetime) -> Outcome:
        message = render(webhook.format, delivery.body, self._url)
        body = message.body.encode()
        secret = self._keyring.unwrap(WEBHOOK, webhook.secret)
        headers = {
            "Content-Type": message.media_type,
            "User-Agent": "Entrepot",
            **signed_headers(secret, delivery.message, body, now),
        }
        name, _, value = self._keyring.unwrap(WEBHOOK_HEADER, webhook.header).partition(": ")
        if name:
            headers[name] = value
        attempts = delivery.attempts + 1
        try:
            answer = await self._client.post(self._targets.parse(webhook.url), headers, body)
        except (PostFailed, EntrepotError) as error:
            return self._failed(attempts, None, str(error))
        if 200 <= answer.status < 300:
            at = self._now()
            return Outcome(
                DELIVERED, attempts, at, at, answer.status, answer.milliseconds, answer.text
            )
        return self._failed(attempts, answer, _explained(answer.status))

    def _failed(self, attempts: int, answer: Answer | None, error: str) -> Outcome:
        now = self._now()
        is_over = attempts >= ATTEMPTS or (answer is not None and answer.status == _GONE)
        wait = self._wait(attempts)
        if answer is not None and answer.status in _ASKED_TO_WAIT:
            wait = max(wait, _asked_wait(answer.headers.get("retry-after", ""), now))
        return Outcome(
            DEAD if is_over else WAITING,
            attempts,
            now,
            now + min(wait, _LONGEST_WAIT),
            status=answer.status if answer else None,
            milliseconds=answer.milliseconds if answer else 0,
            response=answer.text if answer else "",
            error=error,
        )

    def _wait(self, attempts: int) -> timedelta:
        """5 seconds, 20, 80 and so on, each a fifth more or less."""
        exact: float = _FIRST_WAIT * 4 ** (attempts - 1)
        return timedelta(seconds=exact * (0.8 + 0.4 * self._jitter()))


def _explained(status: int) -> str:
    if 300 <= status < 400:
        return f"answered {status}: redirects are not followed"
    if status == _GONE:
        return "answered 410: the webhook was deactivated"
    return f"answered {status}"


def _asked_wait(text: str, now: datetime) -> timedelta:
    """`Retry-After` (RFC 9110 section 10.2.3): seconds, or a date."""
    if text.isascii() and text.isdigit():
        return timedelta(seconds=int(text[:9]))
    try:
        return max(parsedate_to_datetime(text) - now, timedelta())
    except (ValueError, TypeError):
        return timedelta()
