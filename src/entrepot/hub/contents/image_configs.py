"""Configs of images, as values to compare."""

from collections.abc import Mapping
from typing import Final

from entrepot.kinds.build_steps import instruction_of

_LISTS: Final = {"Entrypoint": "Entrypoint", "Cmd": "Command"}
_TEXTS: Final = {"User": "User", "WorkingDir": "Working directory", "StopSignal": "Stop signal"}
_NAMES: Final = {"ExposedPorts": "Port", "Volumes": "Volume"}
_MOST: Final = 1000
_LONGEST: Final = 4000


def config_values(config: Mapping[str, object]) -> dict[str, str]:
    """Return the command, user, ports, volumes, environment and labels that a config sets."""
    said = _mapping(config, "config")
    found = {name: " ".join(_texts(said, key)) for key, name in _LISTS.items()}
    found |= {name: str(said.get(key) or "") for key, name in _TEXTS.items()}
    for key, name in _NAMES.items():
        found |= {f"{name} {each}": each for each in list(_mapping(said, key))[:_MOST]}
    for line in _texts(said, "Env"):
        name, _, value = line.partition("=")
        found[f"${name}"] = value
    labels = list(_mapping(said, "Labels").items())[:_MOST]
    found |= {f"Label {name}": str(value) for name, value in labels}
    return {name: value[:_LONGEST] for name, value in found.items() if value}


def steps_of(config: Mapping[str, object]) -> list[str]:
    """The build step that made each layer, in order; empty steps made none (image-spec 1.1)."""
    history = config.get("history")
    entries = history[:_MOST] if isinstance(history, list) else []
    return [
        instruction_of(entry.get("created_by"))
        for entry in entries
        if isinstance(entry, dict) and entry.get("empty_layer") is not True
    ]


def _texts(said: Mapping[str, object], key: str) -> list[str]:
    value = said.get(key)
    return [str(each) for each in value[:_MOST]] if isinstance(value, list) else []


def _mapping(said: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = said.get(key)
    return {str(name): each for name, each in value.items()} if isinstance(value, dict) else {}
