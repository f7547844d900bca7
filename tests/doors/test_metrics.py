"""What a hub counts is told at `/metrics`."""

from datetime import UTC, datetime

from entrepot.http.messages import content, empty
from entrepot.model.integrity import Pass
from entrepot.ops.metrics import Metrics
from entrepot.registry.maintenance.collector import CollectionResult
from entrepot.registry.maintenance.scrub import ScrubResult
from tests.doors.conftest import Open
from tests.doors.doors import request_of


async def test_what_was_freed_and_compared_is_told(open_doors: Open, metrics: Metrics) -> None:
    metrics.note_collection(CollectionResult(blobs=2, size=9))
    metrics.note_scrubbed(ScrubResult("sha256:a", 5))
    metrics.note_scrubbed(ScrubResult("sha256:b", 7, "the bytes are missing"))
    began, ended = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    metrics.note_pass(Pass("sha256:b", 2, 12, began, ended))
    metrics.note_pass(Pass("", 0, 0, ended, None))
    found = (await open_doors().ask("GET", "/metrics")).body.decode()
    told = dict(line.rsplit(" ", 1) for line in found.splitlines() if not line.startswith("#"))
    assert told['entrepot_collected_total{what="blobs"}'] == "2.0"
    assert told["entrepot_scrubbed_bytes_total"] == "12.0"
    assert told["entrepot_damaged_blobs_total"] == "1.0"
    assert float(told["entrepot_last_scrub_seconds"]) == ended.timestamp()


async def test_requests_are_told_as_they_were_counted(open_doors: Open) -> None:
    doors, metrics = open_doors(), Metrics()
    request = request_of("GET", "/v2/")
    request.facts["endpoint"] = "counted"
    for seconds in (0.001, 0.0011, 2.0, 60.0):
        metrics.note(request, content(200, "text/plain", b"four"), seconds)
    # Another worker of the same hub tells them once they were written down.
    await metrics.flush()
    metrics.note(request_of("TRACE", "/v2/"), empty(405), 0.5)
    told = (await doors.ask("GET", "/metrics")).body.decode().splitlines()
    assert 'entrepot_requests_total{endpoint="counted",method="GET",status="200"} 4.0' in told
    assert 'entrepot_sent_bytes_total{endpoint="counted"} 16.0' in told
    buckets = {
        line.partition('le="')[2].partition('"')[0]: float(line.rpartition(" ")[2])
        for line in told
        if line.startswith('entrepot_request_seconds_bucket{endpoint="counted"')
    }
    assert (buckets["0.001"], buckets["0.0025"], buckets["5.0"]) == (1, 2, 3)
    assert (buckets["30.0"], buckets["+Inf"]) == (3, 4)
