"""A disk of its own for a server: a file with a file system, whose power can be cut.

`FS_IOC_SHUTDOWN` without a flush of the log is what a power cut is to a file system: whatever it
has not written by then is lost, and the history tells the rest when it is mounted again.
"""

import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FS_IOC_SHUTDOWN: Final = 0x8004587D
"""`_IOR('X', 125, __u32)`."""
_WITHOUT_LOG: Final = 2
_SIZE: Final = 1024**3
_MAKE: Final = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}
KINDS: Final = tuple(_MAKE)
_TRIES: Final = 100


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted file system in a file."""

    image: Path
    mount: Path

    def cut(self) -> None:
        """Cut the power: from here on nothing is written, and everybody gets an error."""
        descriptor = os.open(self.mount, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, FS_IOC_SHUTDOWN, struct.pack("I", _WITHOUT_LOG))
        finally:
            os.close(descriptor)

    def mount_again(self) -> None:
        """Bring it back as it is after the cut; whoever had files open there must be gone."""
        self._unmount()
        subprocess.run(["mount", "-o", "loop", self.image, self.mount], check=True)

    def _unmount(self) -> None:
        for attempt in range(_TRIES):
            done = subprocess.run(["umount", self.mount], capture_output=True, check=False)
            if done.returncode == 0:
                return
            if attempt + 1 == _TRIES:
                raise OSError(done.stderr.decode())
            time.sleep(0.05)


@contextmanager
def disk_of(kind: str, place: Path) -> Iterator[Disk]:
    """A fresh disk; only root may mount one."""
    disk = Disk(place / f"{kind}.img", place / kind)
    disk.mount.mkdir()
    with disk.image.open("wb") as file:
        file.truncate(_SIZE)
    subprocess.run([*_MAKE[kind], disk.image], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", disk.image, disk.mount], check=True)
    try:
        yield disk
    finally:
        disk._unmount()
        disk.image.unlink()
