"""`make demo`: a hub with something of everything, the same each time."""

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.server import free_port, operate, serving_again

pytestmark = pytest.mark.wire

DEMO = Path(__file__).parents[2] / "scripts" / "demo.py"


def fill(data: Path) -> None:
    """Fill a hub by the small form of the demo; repeating it changes nothing."""
    command = [sys.executable, str(DEMO), "--data", str(data), "--port", str(free_port())]
    done = subprocess.run(
        [*command, "--small", "--stop"], capture_output=True, text=True, timeout=300, check=False
    )
    log = data.with_name(f"{data.name}.log")
    assert done.returncode == 0, done.stdout + done.stderr + log.read_text()[-3000:]
    assert "30 repositories" in done.stdout


def test_the_demo_fills_a_hub_with_something_of_everything(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    fill(data)
    found = json.loads(operate(data, "repo", "list", "--json"))
    assert len(found) == 30
    assert len({each["name"].partition("/")[0] for each in found}) == 3
    auth = ("admin", "demo-password")
    with serving_again(data) as hub, httpx.Client(base_url=hub.url, auth=auth) as client:

        def get(path: str) -> dict[str, object]:
            answer = client.get(f"/api/v1{path}")
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert isinstance(told, dict)
            return told

        assert get("/admin/jobs/failed")["items"] == []
        kinds = Counter(str(get(f"/repositories/{each['name']}")["kind"]) for each in found)
        assert len(kinds) >= 20, kinds
        storefront = get("/repositories/acme/storefront")
        assert storefront["recommended"] == "2.1.2"
        pulls = get("/repositories/acme/storefront/-/pulls?days=90")
        assert isinstance(pulls["total"], int)
        assert pulls["total"] > 10_000
        artifact = get("/repositories/acme/storefront/-/manifests/2.1.2")["artifact"]
        assert isinstance(artifact, dict)
        marks = artifact["marks"]
        assert (marks["verified"], marks["sboms"], marks["attestations"]) == (1, 1, 1)
        assert marks["vulnerabilities"]["high"] > 0
        compared = get("/repositories/acme/storefront/-/compare?from=2.1.0&to=2.1.2")
        assert compared["package_counts"]
        old = get("/repositories/acme/storefront/-/tags/1.0.0")
        moved = datetime.fromisoformat(str(old["moved_at"]))
        assert datetime.now(UTC) - moved > timedelta(days=100)
