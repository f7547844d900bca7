"""Disks that are too small: a file system in memory, filled to the last byte or the last file."""

import errno
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_RUN = 64 * 1024


class NoMount(Exception):
    """This machine, or this user, may not mount."""


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A mounted file system, and what is put there to fill it."""

    path: Path

    @property
    def _ballast(self) -> Path:
        return self.path / "ballast"

    def fill_bytes(self) -> None:
        """Leave not one byte."""
        with self._ballast.open("wb", buffering=0) as ballast:
            size = _RUN
            while size:
                try:
                    ballast.write(bytes(size))
                except OSError as error:
                    _expect_full(error)
                    size //= 2

    def fill_files(self) -> None:
        """Leave room for no file."""
        self._ballast.mkdir()
        number = 0
        while True:
            try:
                (self._ballast / str(number)).touch()
            except OSError as error:
                _expect_full(error)
                return
            number += 1

    def make_room(self) -> None:
        """Take away what fills it."""
        if self._ballast.is_dir():
            shutil.rmtree(self._ballast)
        else:
            self._ballast.unlink()


@contextmanager
def mounted(path: Path, *options: str) -> Iterator[SmallDisk]:
    """A file system in memory with these options (`tmpfs(5)`), until this ends."""
    path.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(path))
    try:
        yield SmallDisk(path)
    finally:
        with suppress(subprocess.CalledProcessError):
            _call("umount", "--lazy", str(path))


def _mount(*words: str) -> None:
    try:
        _call("mount", *words)
    except subprocess.CalledProcessError as error:
        raise NoMount(error.stderr) from error


def _call(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)


def _expect_full(error: OSError) -> None:
    if error.errno != errno.ENOSPC:
        raise error
