"""Who owns an upload, and for how long."""

import time

import pytest

from entrepot.errors import UploadBusy
from entrepot.storage.upload_states import LEASE, UploadState, _taken


@pytest.mark.parametrize("left", [LEASE, 1.0])
def test_an_upload_is_its_owners_while_the_lease_lasts(left: float) -> None:
    with pytest.raises(UploadBusy):
        _taken(UploadState("r", owner="somebody", until=time.time() + left))


@pytest.mark.parametrize("left", [-1.0, 3 * LEASE, 86_400.0])
def test_a_lease_that_is_over_or_of_a_clock_that_was_ahead_is_free(left: float) -> None:
    taken = _taken(UploadState("r", owner="somebody", until=time.time() + left))
    assert taken.owner not in ("", "somebody")
