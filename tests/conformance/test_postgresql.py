"""The conformance suite passes whole with the facts in PostgreSQL."""

from pathlib import Path

import pytest

from tests.conformance.conftest import PUBLIC
from tests.conformance.suites import examine
from tests.conformance.test_suite import TESTS_OF_DEV, account, nothing_was_left_out
from tests.metadata.postgres import serving as serving_postgres
from tests.support.server import serving

pytestmark = [pytest.mark.conformance, pytest.mark.postgresql]


def test_the_development_version_passes_whole_on_postgresql(tmp_path: Path) -> None:
    with serving_postgres() as url:
        settings = {**PUBLIC, "ENTREPOT_DATABASE": url}
        with serving(tmp_path / "data", tls=False, **settings) as hub:
            report = examine(hub, "dev", account(hub), tmp_path)
    nothing_was_left_out(report)
    assert report.tests >= TESTS_OF_DEV
