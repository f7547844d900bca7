"""What a hub counts is told at `/metrics`."""

from datetime import UTC, datetime

from entrepot.metadata.scrubs import Pass
from entrepot.ops.metrics import Metrics
from entrepot.registry.collector import Collected
from entrepot.registry.scrub import Found
from tests.doors.conftest import Open


async def test_what_was_freed_and_compared_is_told(open_doors: Open, metrics: Metrics) -> None:
    metrics.note_collection(Collected(blobs=2, size=9))
    metrics.note_scrubbed(Found("sha256:a", 5))
    metrics.note_scrubbed(Found("sha256:b", 7, "the bytes are missing"))
    began, ended = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    metrics.note_pass(Pass("sha256:b", 2, 12, began, ended))
    metrics.note_pass(Pass("", 0, 0, ended, None))
    found = (await open_doors().ask("GET", "/metrics")).body.decode()
    told = dict(line.rsplit(" ", 1) for line in found.splitlines() if not line.startswith("#"))
    assert told['entrepot_collected_total{what="blobs"}'] == "2.0"
    assert told["entrepot_scrubbed_bytes_total"] == "12.0"
    assert told["entrepot_damaged_blobs_total"] == "1.0"
    assert float(told["entrepot_last_scrub_seconds"]) == ended.timestamp()
