"""Work on large documents, done where nobody waits for it."""

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

R = TypeVar("R")

QUICK: Final = 64 * 1024
"""Bytes of a document that is worked on at once: it takes a millisecond or two."""
# One thread of its own: large documents wait for one another, and never keep the threads that
# commit; the event loop gets its turn every few milliseconds.
_THREAD: Final = ThreadPoolExecutor(1, thread_name_prefix="documents")


async def aside(size: int, work: Callable[[], R]) -> R:
    """Return the work's result or raise its error; work larger than `QUICK` runs in a thread."""
    if size <= QUICK:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_THREAD, _without_collecting, work)


def _without_collecting(work: Callable[[], R]) -> R:
    """Do the work while nobody looks for cycles: documents have none, and all threads would wait
    for each look at the hundred thousand values of one."""
    gc.disable()
    try:
        return work()
    finally:
        gc.enable()
