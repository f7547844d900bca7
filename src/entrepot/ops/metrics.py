"""Metrics in Prometheus' format, added up over all workers.

Labels take values from short lists of ours only: nobody outside can make series.
"""

import os
from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from entrepot.http.messages import Request, Response
from entrepot.model.integrity import Pass
from entrepot.registry.maintenance.collector import CollectionResult
from entrepot.registry.maintenance.scrub import ScrubResult

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)


_SHARED_IN: Final = "PROMETHEUS_MULTIPROC_DIR"
_FILES: Final = {"counter": 256 * 1024, "histogram": 256 * 1024, "gauge_max": 64 * 1024}
"""Bytes for the numbers of each type: several times what all our labels can need."""


def share_between_workers(directory: Path) -> None:
    """Have this process keep its numbers in files there; call before `Metrics` is made.

    The files are mapped into memory: a write to a page for which the disk has no room kills the
    process (SIGBUS). So they get all their room now; where there is none, numbers are not shared.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, size in _FILES.items():
            _make_room(directory / f"{name}_{os.getpid()}.db", size)
    except OSError:
        os.environ.pop(_SHARED_IN, None)
        return
    os.environ[_SHARED_IN] = str(directory)


def _make_room(path: Path, size: int) -> None:
    with path.open("ab") as file:
        os.posix_fallocate(file.fileno(), 0, size)


class _Tally:
    """Requests of one endpoint, method and status since numbers were written down last."""

    __slots__ = ("buckets", "bytes", "count", "seconds")

    def __init__(self) -> None:
        self.count = 0
        self.bytes = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(_BUCKETS) + 1)

    def note(self, seconds: float, size: int) -> None:
        """Count one request."""
        self.count += 1
        self.bytes += size
        self.seconds += seconds
        self.buckets[bisect_left(_BUCKETS, seconds)] += 1


class Metrics:
    """Counters of requests.

    Requests are counted in memory, and written where other workers see them by `flush`: a crash
    loses what was counted since.
    """

    def __init__(self) -> None:
        # Late: where the numbers live is decided when the module is first imported.
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        own = self._own = CollectorRegistry()

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(name, meaning, labels, registry=own)

        def moment(name: str, meaning: str) -> Gauge:
            return Gauge(name, meaning, registry=own, multiprocess_mode="max")

        labels = ("endpoint", "method", "status")
        self._requests = counter("entrepot_requests_total", "Requests answered.", *labels)
        self._seconds = Histogram(
            "entrepot_request_seconds",
            "Time from a request's headers to its response, in seconds.",
            ("endpoint",),
            buckets=_BUCKETS,
            registry=own,
        )
        meaning = "Bytes of response bodies."
        self._sent = counter("entrepot_sent_bytes_total", meaning, "endpoint")
        meaning = "Objects that garbage collection deleted."
        self._collected = counter("entrepot_collected_total", meaning, "what")
        meaning = "Bytes that garbage collection freed."
        self._freed = counter("entrepot_collected_bytes_total", meaning)
        meaning = "When garbage collection last ended, as a Unix timestamp."
        self._last_collection = moment("entrepot_last_collection_seconds", meaning)
        meaning = "Bytes of blobs that were compared with their digests."
        self._scrubbed = counter("entrepot_scrubbed_bytes_total", meaning)
        meaning = "Blobs that were found damaged."
        self._damaged = counter("entrepot_damaged_blobs_total", meaning)
        meaning = "When the last integrity check of all blobs ended, as a Unix timestamp."
        self._last_scrub = moment("entrepot_last_scrub_seconds", meaning)
        meaning = "Attempts to deliver to a webhook."
        self._deliveries = counter("entrepot_webhook_attempts_total", meaning, "outcome")
        self._tallies: dict[tuple[str, str, int], _Tally] = {}

    def note(self, request: Request, response: Response, seconds: float) -> None:
        """Count one request."""
        method = request.method if request.method in _METHODS else "OTHER"
        key = (request.facts.get("endpoint", "other"), method, response.status)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally()
        tally.note(seconds, response.size)

    async def flush(self) -> None:
        """Write down what was counted since the last time."""
        self._write_down()

    def _write_down(self) -> None:
        tallies, self._tallies = self._tallies, {}
        for (endpoint, method, status), tally in tallies.items():
            self._requests.labels(endpoint, method, str(status)).inc(tally.count)
            histogram = self._seconds.labels(endpoint)
            # The library observes one value at a time; these two are all that it adds to.
            histogram._sum.inc(tally.seconds)
            for bucket, count in zip(histogram._buckets, tally.buckets, strict=True):
                if count:
                    bucket.inc(count)
            # Made also where there is nothing to add: an endpoint has all its series.
            self._sent.labels(endpoint).inc(tally.bytes)

    def note_collection(self, found: CollectionResult) -> None:
        """Count what one run of the collector freed."""
        for what in ("manifests", "deleted", "links", "blobs", "strays"):
            self._collected.labels(what).inc(getattr(found, what))
        self._freed.inc(found.size)
        self._last_collection.set_to_current_time()

    def note_scrubbed(self, found: ScrubResult) -> None:
        """Count a blob that was compared with its digest."""
        self._scrubbed.inc(found.size)
        self._damaged.inc(found.problem is not None)

    def note_pass(self, found: Pass) -> None:
        """Remember when every blob had been compared, once that is over."""
        if found.ended_at is not None:
            self._last_scrub.set(found.ended_at.timestamp())

    def note_delivery(self, outcome: str) -> None:
        """Count one attempt to tell a webhook something."""
        self._deliveries.labels(outcome).inc()

    def text(self, lags: Mapping[str, float] = MappingProxyType({})) -> bytes:
        """The numbers of all workers; of this one where they are not shared.

        `lags` are those of destinations of replication, which the database knows.
        """
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        self._write_down()
        if _SHARED_IN not in os.environ:
            return generate_latest(self._own) + _text_of(lags)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry) + _text_of(lags)


def _text_of(lags: Mapping[str, float]) -> bytes:
    """The lag of each destination; a rule that was removed leaves no series behind."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    if not lags:
        return b""
    registry = CollectorRegistry()
    meaning = "Time for which the oldest tag has waited to be replicated, in seconds."
    gauge = Gauge("entrepot_replication_lag_seconds", meaning, ("destination",), registry=registry)
    for name, seconds in lags.items():
        gauge.labels(name).set(seconds)
    return generate_latest(registry)
