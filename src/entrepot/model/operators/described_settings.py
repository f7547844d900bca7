"""Settings as operators see them: the value, its meaning and where it came from."""

from dataclasses import dataclass
from enum import StrEnum


class SettingSource(StrEnum):
    """Where the value of a setting came from, the last of these that gave one."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    OPTION = "option"


@dataclass(frozen=True, slots=True)
class DescribedSetting:
    """A setting as operators see it: the value as in `entrepot.toml`, a secret masked."""

    name: str
    value: str
    meaning: str
    source: SettingSource
