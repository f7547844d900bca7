"""Work on large documents, done where nobody waits for it."""

import asyncio
import gc
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

R = TypeVar("R")

QUICK: Final = 64 * 1024
"""Bytes of a document that is worked on at once: it takes a millisecond or two."""
_SWITCH_INTERVAL: Final = 0.0005
# One thread of its own: large documents wait for one another, and never keep the threads that
# commit; the event loop gets its turn at once.
_THREAD: Final = ThreadPoolExecutor(1, thread_name_prefix="documents")


async def aside(size: int, work: Callable[[], R]) -> R:
    """Return the work's result or raise its error; work larger than `QUICK` runs in a thread."""
    if size <= QUICK:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_THREAD, _considerately, work)


def _considerately(work: Callable[[], R]) -> R:
    """Do the work while others hardly notice.

    A look into SQLite lets go of the interpreter, and this thread gives it back only after the
    switch interval: a page looks twenty times. And nobody looks for cycles: documents have none,
    and all threads would wait for each look at the hundred thousand values of one.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    gc.disable()
    try:
        return work()
    finally:
        gc.enable()
        sys.setswitchinterval(interval)
