"""Advisories in the format of OSV, small ones."""

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Event = dict[str, str]


def document(
    identifier: str,
    ecosystem: str,
    name: str,
    *events: Event,
    versions: Iterable[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """An advisory about one package: what happened to it, or which versions are affected."""
    affected: dict[str, Any] = {"package": {"ecosystem": ecosystem, "name": name}}
    if events:
        affected["ranges"] = [{"type": "ECOSYSTEM", "events": list(events)}]
    affected["versions"] = list(versions)
    return {
        "id": identifier,
        "modified": "2026-11-01T00:00:00Z",
        "summary": f"A fault in {name}",
        "affected": [affected],
        **more,
    }


def since(introduced: str = "0") -> Event:
    """The fault came with that version."""
    return {"introduced": introduced}


def fixed(version: str) -> Event:
    """That version mends it."""
    return {"fixed": version}


def write_zip(path: Path, *documents: dict[str, Any]) -> Path:
    """A file as OSV publishes it for an ecosystem."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in documents:
            archive.writestr(f"{each['id']}.json", json.dumps(each))
    return path
