"""Waiting without sleeping blindly, and asking many things at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.support.http import Answer

T = TypeVar("T")


def until(probe: Callable[[], T | None], patience: float = 20.0) -> T:
    """The first answer of `probe` that is something; fails when none comes in time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = probe()
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def at_once(count: int, ask: Callable[[int], Answer]) -> list[Answer]:
    """The answers to requests sent together from many connections."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))
