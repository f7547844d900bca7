"""Clocks of single servers that can be set to any time: `faketime` stands before the system's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from faults.servers import ServerFailed

# The machine's, or what `scripts/packages.sh` unpacked for a user.
_ROOTS: Final = (Path("/"), Path(__file__).parents[1] / ".tools/debian/root")
_PLACES: Final = (
    "usr/lib/*/faketime/libfaketimeMT.so.1",
    "usr/lib*/faketime/libfaketimeMT.so.1",
)


@dataclass(frozen=True, slots=True)
class FaultClock:
    """What some processes take for the time of day: the right time and an offset.

    The clocks that only go forward are left alone, as they are where somebody sets the real one.
    """

    file: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process has to be given to go by this clock."""
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            # A file keeps the time that the clock showed when it was written.
            "NO_FAKE_STAT": "1",
        }

    def set(self, offset: timedelta) -> None:
        """Let it be that far ahead of the right time, or behind."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{offset.total_seconds():+.0f}s")
        new.replace(self.file)


def _library() -> Path:
    found: Iterable[Path] = (
        path for root in _ROOTS for place in _PLACES for path in root.glob(place)
    )
    library = next(iter(found), None)
    if library is None:
        raise ServerFailed("faketime is not installed")
    return library
