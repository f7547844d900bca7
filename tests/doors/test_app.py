"""The value that every door is handed."""

import pytest

from entrepot.hub.permissions import Permissions
from tests.doors.doors import Doors


def test_a_rule_of_an_app_is_never_replaced(doors: Doors) -> None:
    before = doors.app.permissions
    with pytest.raises(AttributeError, match="permissions"):
        doors.app.permissions = Permissions(doors.app.metadata.reader, is_open=True)
    assert doors.app.permissions is before
