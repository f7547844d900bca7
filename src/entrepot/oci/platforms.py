"""Platforms that an index says its children are for (image-spec 1.1, "Image Index")."""

from dataclasses import dataclass
from typing import Self

_LONGEST = 128


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and an architecture; the rest may be empty."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    @property
    def is_unknown(self) -> bool:
        """Whether it is BuildKit's way to say "no platform at all"."""
        return self.os in ("", "unknown") and self.architecture in ("", "unknown")

    def __str__(self) -> str:
        """`os/architecture[/variant]`, as clients take it."""
        return "/".join(each for each in (self.os, self.architecture, self.variant) if each)

    @property
    def whole(self) -> str:
        """The same with the system's version, by which images of Windows differ: `os/arch:10.0`."""
        return f"{self}:{self.os_version}" if self.os_version else str(self)

    @classmethod
    def read(cls, value: object) -> Self | None:
        """The platform that a JSON value describes, `None` where it describes none.

        Registries take what they do not understand: a platform that is malformed is no error.
        """
        if not isinstance(value, dict):
            return None
        features = value.get("os.features")
        return cls(
            os=_text(value.get("os")),
            architecture=_text(value.get("architecture")),
            variant=_text(value.get("variant")),
            os_version=_text(value.get("os.version")),
            os_features=tuple(_text(each) for each in features[:32])
            if isinstance(features, list)
            else (),
        )


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
