"""The conformance suite of the distribution specification passes whole, in every version."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.conftest import Hubs, Manner
from tests.conformance.suites import Login, Report, examine
from tests.support.server import Hub

pytestmark = pytest.mark.conformance

EVERYTHING_BUT_SPARSE = {"Sparse Manifests": "Disabled"}
NOT_IN_1_1 = {
    "Blob upload cancel": "Disabled",
    "Manifest put with tag params": "Disabled",
    "Tag Param": "Disabled",
    "Tag Param sha512": "Disabled",
    "Sparse Manifests": "Disabled",
}
# What the suite held when it was pinned: a smaller number means that it left something out.
TESTS_OF_1_1 = 862
TESTS_OF_DEV = 986


def account(hub: Hub) -> Login:
    """Somebody with a password."""
    return Login(hub.username, hub.password)


def access_token(hub: Hub) -> Login:
    """Somebody who gives an access token for a password."""
    words = ("token", "add", hub.username, "--label", "suite", "--scope", "repo:admin", "--json")
    return Login(hub.username, str(json.loads(hub.cli(*words))["token"]))


def nobody(hub: Hub) -> Login:
    """Somebody without a name."""
    return Login()


WHO = pytest.mark.parametrize(
    ("manner", "who"),
    [
        pytest.param(Manner(), account, id="account"),
        pytest.param(Manner(), access_token, id="access-token"),
        pytest.param(Manner(open=True), nobody, id="nobody"),
        pytest.param(Manner(tls=True), account, id="tls"),
        pytest.param(Manner(tls=True, open=True), nobody, id="tls-nobody"),
    ],
)


def nothing_was_left_out(report: Report, *, disabled: int = 0) -> None:
    """Every test ran and passed, except for so many that this version does not know."""
    wanted = {"failures": 0, "errors": 0, "skipped": 0, "disabled": disabled}
    assert report.counters == wanted
    assert report.not_passed == disabled


@WHO
def test_the_development_version_passes_whole(
    hubs: Hubs, manner: Manner, who: Callable[[Hub], Login], tmp_path: Path
) -> None:
    hub = hubs.get(manner)
    report = examine(hub, "dev", who(hub), tmp_path)
    nothing_was_left_out(report)
    assert report.exceptions == EVERYTHING_BUT_SPARSE
    assert report.tests >= TESTS_OF_DEV


@WHO
def test_version_1_1_passes_whole(
    hubs: Hubs, manner: Manner, who: Callable[[Hub], Login], tmp_path: Path
) -> None:
    hub = hubs.get(manner)
    report = examine(hub, "1.1", who(hub), tmp_path)
    nothing_was_left_out(report, disabled=2)
    assert report.exceptions == NOT_IN_1_1
    assert report.tests >= TESTS_OF_1_1


@pytest.mark.parametrize(
    ("manner", "who"),
    [
        pytest.param(Manner(sparse=True), account, id="account"),
        pytest.param(Manner(sparse=True, open=True), nobody, id="nobody"),
    ],
)
def test_sparse_manifests_pass_where_they_are_accepted(
    hubs: Hubs, manner: Manner, who: Callable[[Hub], Login], tmp_path: Path
) -> None:
    hub = hubs.get(manner)
    report = examine(hub, "dev", who(hub), tmp_path, sparse=True)
    nothing_was_left_out(report)
    assert report.exceptions == {}
    assert report.tests > TESTS_OF_DEV
