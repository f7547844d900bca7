"""Page-aligned buffers, lent and taken back: what direct I/O writes from."""

import mmap
from typing import Final

SIZE: Final = 2 * 1024 * 1024
"""Bytes of one buffer: enough for a disk to be busy with, few enough to have many."""
_KEPT: Final = 8


class Buffer:
    """Bytes on their way to a file."""

    def __init__(self) -> None:
        self._pages = mmap.mmap(-1, SIZE)
        self.size = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more fits."""
        return self.size == SIZE

    def take(self, chunk: memoryview) -> int:
        """Copy as much of the chunk as fits; say how many bytes that was."""
        count = min(len(chunk), SIZE - self.size)
        self._pages[self.size : self.size + count] = chunk[:count]
        self.size += count
        return count

    def view(self) -> memoryview:
        """The bytes taken; release it before the buffer is given back."""
        return memoryview(self._pages)[: self.size]

    def close(self) -> None:
        """Give the memory back to the system."""
        self._pages.close()


class Buffers:
    """Lends buffers, and keeps a few for the next upload."""

    def __init__(self) -> None:
        self._free: list[Buffer] = []

    def lend(self) -> Buffer:
        """An empty buffer."""
        return self._free.pop() if self._free else Buffer()

    def give_back(self, buffer: Buffer) -> None:
        """Take back a buffer that is no longer in use."""
        buffer.size = 0
        if len(self._free) < _KEPT:
            self._free.append(buffer)
        else:
            buffer.close()
