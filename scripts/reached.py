"""A pytest plugin for `scripts/mutate.py`: which tests come by a place, and only those tests.

Where `REACHED_PLACES` names a file, calls of `_reached(place)` that were put into the code are
noted, and in the end that file says in JSON which tests made them, and how long each test took.
Other processes note nothing. With `NAMED_TESTS` (a file of JSON: names) all other tests are
left out.
"""

import builtins
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ONLY: Final = "NAMED_TESTS"
REACHED: Final = "REACHED_PLACES"
NOTE: Final = "getattr(__import__('builtins'), '_reached', str)"
"""What code is to call with the name of a place."""


class Recorder:
    """Takes down the tests that come by a place."""

    def __init__(self) -> None:
        self._test = ""
        self._reached: dict[str, set[str]] = defaultdict(set)
        self._seconds: dict[str, float] = {}

    def note(self, place: str) -> None:
        """Somebody comes by, perhaps in a thread."""
        self._reached[place].add(self._test)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Know which test it is, and take its time, with what it stands on."""
        self._test, began = item.nodeid, time.monotonic()
        try:
            return (yield)
        finally:
            self._seconds[item.nodeid] = time.monotonic() - began

    def pytest_sessionfinish(self) -> None:
        """Write what was reached."""
        found = {place: sorted(tests) for place, tests in self._reached.items()}
        said = json.dumps({"reached": found, "seconds": self._seconds})
        Path(os.environ[REACHED]).write_text(said)


def pytest_configure(config: pytest.Config) -> None:
    """Record, where it is asked for."""
    if REACHED in os.environ:
        recorder = Recorder()
        config.pluginmanager.register(recorder, "reached-places")
        vars(builtins)["_reached"] = recorder.note


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out every test that is not named, where any are."""
    if ONLY not in os.environ:
        return
    named = set(json.loads(Path(os.environ[ONLY]).read_text()))
    left_out = [item for item in items if item.nodeid not in named]
    items[:] = [item for item in items if item.nodeid in named]
    config.hook.pytest_deselected(items=left_out)
