"""How the process that reads gets at blobs: it asks for one by its number, and is handed it open.

It can open no file itself, so it sees the blobs of its task and nothing else that is stored.
"""

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Sequence
from typing import IO, Final

from msgspec import structs

from entrepot.extract.findings import Task

_NUMBER: Final = struct.Struct(">I")
_HERE: Final = b"1"
_MISSING: Final = b"0"


def open_regular(path: str) -> int:
    """A descriptor of a plain file, for reading; raise `OSError` for anything else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise FileNotFoundError(path)


class Hander:
    """The side that has files: opens those of one task when the other side asks."""

    def __init__(self) -> None:
        self._here, self._there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._here.setblocking(False)
        self._paths: Sequence[str] = ()
        asyncio.get_running_loop().add_reader(self._here.fileno(), self._answer)

    @property
    def other_side(self) -> int:
        """The descriptor that the reading process inherits."""
        return self._there.fileno()

    def hand_out(self, task: Task) -> Task:
        """The task with numbers in place of paths; only its blobs are handed from now on."""
        self._paths = [each.path for each in task.blobs]
        blobs = [
            structs.replace(each, path=str(number) if each.path else "")
            for number, each in enumerate(task.blobs)
        ]
        return structs.replace(task, blobs=blobs)

    def close_other_side(self) -> None:
        """Close this process' copy of what the other one has inherited."""
        self._there.close()

    def close(self) -> None:
        """Hand nothing more."""
        if self._here.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._here.fileno())
        self._here.close()
        self._there.close()

    def _answer(self) -> None:
        try:
            asked = self._here.recv(_NUMBER.size)
            if len(asked) == _NUMBER.size:
                self._hand(_NUMBER.unpack(asked)[0])
                return
        except OSError:
            pass
        # The other side has gone, or does not keep to the rules.
        self.close()

    def _hand(self, number: int) -> None:
        path = self._paths[number] if number < len(self._paths) else ""
        try:
            descriptor = open_regular(path)
        except OSError:
            self._here.send(_MISSING)
            return
        try:
            socket.send_fds(self._here, [_HERE], [descriptor])
        finally:
            os.close(descriptor)


class Handed:
    """The side that reads: gets files by their numbers."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=descriptor)

    def open(self, number: str) -> IO[bytes]:
        """The blob of that number; raise `OSError` if it is not to be had."""
        self._socket.send(_NUMBER.pack(int(number)))
        _, descriptors, _, _ = socket.recv_fds(self._socket, 1, 1)
        if not descriptors:
            raise FileNotFoundError(number)
        return os.fdopen(descriptors[0], "rb")
