"""A packaged chart as the artifact that `helm push` makes of it, byte for byte.

Helm writes Go's JSON: fields in the order of its types, without those that are empty, maps by key,
and the characters of HTML escaped. What YAML takes for a number is a text where Helm has a text.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from entrepot.extract.archives import open_stream, read_tar
from entrepot.extract.limits import TEXT, InputTooLarge, Unreadable
from entrepot.extract.texts import as_list, as_mapping, parse_yaml
from entrepot.hub.contents.chart_entries import is_chart_name
from entrepot.kinds.charts import PROVENANCE
from entrepot.oci.digests import Digest
from entrepot.versions import semver
from entrepot.versions.keys import Unordered

CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
CONTENT: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
MOST_TEXT: Final = 8 * 1024 * 1024
"""Bytes of values and templates that are read of one chart."""
_IMAGE: Final = "org.opencontainers.image."
_KEPT: Final = (f"{_IMAGE}title", f"{_IMAGE}version")
"""Annotations that a chart's own do not replace."""
_HTML: Final = str.maketrans({each: f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"})
_ALWAYS: Final = ("name", "repository")
"""Fields of a dependency that are written even where they are empty."""


@dataclass(frozen=True, slots=True)
class ChartPackage:
    """A packaged chart: its name and version, and the config and annotations of its manifest."""

    name: str
    version: str
    config: bytes
    annotations: dict[str, str]

    @property
    def tag(self) -> str:
        """The version as a tag, which cannot hold a plus."""
        return self.version.replace("+", "_")


def read_chart_file(archive: bytes) -> tuple[Mapping[str, Any], int] | None:
    """Read Chart.yaml and when it was written; `None` where the archive is not a chart's."""
    if not archive.startswith(b"\x1f\x8b"):
        return None
    try:
        for member in read_tar(open_stream(io.BytesIO(archive), len(archive))):
            # Helm packs `demo/Chart.yaml`, other tools `./demo/Chart.yaml`.
            directory, slash, name = member.path.removeprefix("./").partition("/")
            if directory and slash and name == "Chart.yaml" and member.type == "file":
                return as_mapping(parse_yaml(member.read(TEXT))), member.modified
    except (InputTooLarge, Unreadable):
        return None
    return None


def read_texts(archive: bytes) -> dict[str, bytes]:
    """Return values.yaml and the templates of a packaged chart by their paths in it.

    Of more than `MOST_TEXT` bytes the last ones are left out; what cannot be read has none.
    """
    found: dict[str, bytes] = {}
    room = MOST_TEXT
    try:
        for member in read_tar(open_stream(io.BytesIO(archive), len(archive))):
            _, _, path = member.path.removeprefix("./").partition("/")
            is_wanted = path == "values.yaml" or path.startswith("templates/")
            if is_wanted and member.type == "file" and member.size <= room:
                found[path] = member.read(member.size)
                room -= member.size
    except (InputTooLarge, Unreadable):
        return found
    return found


def read_package(archive: bytes) -> ChartPackage | None:
    """Read a packaged chart; `None` where it is not a chart, or one that Helm could not push."""
    try:
        found = read_chart_file(archive)
        if found is None:
            return None
        said, modified = found
        return _package(said, datetime.fromtimestamp(modified, UTC))
    except (ValueError, OverflowError, RecursionError):
        return None


def manifest_of(package: ChartPackage, archive: bytes, provenance: bytes | None) -> bytes:
    """Return the manifest that `helm push` makes, of an archive and its provenance file."""
    layers = [descriptor(CONTENT, archive)]
    if provenance is not None:
        layers.append(descriptor(PROVENANCE, provenance))
    return write_manifest(descriptor(CONFIG, package.config), layers, package.annotations)


def write_manifest(
    config: Mapping[str, object],
    layers: Sequence[Mapping[str, object]],
    annotations: Mapping[str, str],
) -> bytes:
    """Return a chart's manifest as Helm writes it: layers by digest, annotations by key."""
    return _go_json(
        {
            "schemaVersion": 2,
            "config": config,
            "layers": sorted(layers, key=lambda layer: str(layer["digest"])),
            "annotations": dict(sorted(annotations.items())),
        }
    )


def descriptor(media_type: str, content: bytes) -> dict[str, object]:
    """Return the descriptor of a blob, in Go's order of fields."""
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


def _package(said: Mapping[str, Any], created: datetime) -> ChartPackage | None:
    config = _config(said)
    name, version = config.get("name", ""), config.get("version", "")
    try:
        semver.key(version)
    except Unordered:
        return None
    if not is_chart_name(name):
        return None
    annotations = _annotations(config, created.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return ChartPackage(name, version, _go_json(config), annotations)


def _config(said: Mapping[str, Any]) -> dict[str, Any]:
    """Chart.yaml in the order of Helm's own type."""
    texts = {key: _text(said.get(key)) for key in said}
    annotations = as_mapping(said.get("annotations"))
    people = [as_mapping(each) for each in as_list(said.get("maintainers"))]
    needed = [as_mapping(each) for each in as_list(said.get("dependencies"))]
    whole = {
        "name": texts.get("name"),
        "home": texts.get("home"),
        "sources": _texts(said.get("sources")),
        "version": texts.get("version"),
        "description": texts.get("description"),
        "keywords": _texts(said.get("keywords")),
        "maintainers": [_person(each) for each in people],
        "icon": texts.get("icon"),
        "apiVersion": texts.get("apiVersion"),
        "condition": texts.get("condition"),
        "tags": texts.get("tags"),
        "appVersion": texts.get("appVersion"),
        "deprecated": said.get("deprecated") is True,
        "annotations": dict(sorted((_text(key), _text(annotations[key])) for key in annotations)),
        "kubeVersion": texts.get("kubeVersion"),
        "dependencies": [_dependency(each) for each in needed],
        "type": texts.get("type"),
    }
    return {key: value for key, value in whole.items() if value}


def _person(said: Mapping[str, Any]) -> dict[str, str]:
    found = {key: _text(said.get(key)) for key in ("name", "email", "url")}
    return {key: text for key, text in found.items() if text}


def _dependency(said: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": _text(said.get("name")),
        "version": _text(said.get("version")),
        "repository": _text(said.get("repository")),
        "condition": _text(said.get("condition")),
        "tags": _texts(said.get("tags")),
        "enabled": said.get("enabled") is True,
        "import-values": [_sorted(each) for each in as_list(said.get("import-values"))],
        "alias": _text(said.get("alias")),
    }
    return {key: value for key, value in found.items() if value or key in _ALWAYS}


def _annotations(config: Mapping[str, Any], created: str) -> dict[str, str]:
    own = {
        f"{_IMAGE}title": config["name"],
        f"{_IMAGE}version": config["version"],
        f"{_IMAGE}description": config.get("description", ""),
        f"{_IMAGE}url": config.get("home", ""),
        f"{_IMAGE}source": config.get("sources", [""])[0],
        f"{_IMAGE}created": created,
        f"{_IMAGE}authors": ", ".join(_author(each) for each in config.get("maintainers", ())),
    }
    # Helm leaves out what is nothing but space.
    own = {key: text for key, text in own.items() if text.strip()}
    given = config.get("annotations", {})
    return own | {key: text for key, text in given.items() if key not in _KEPT}


def _author(person: Mapping[str, str]) -> str:
    email = f" ({person['email']})" if person.get("email") else ""
    return f"{person.get('name', '')}{email}"


def _text(value: object) -> str:
    """A scalar as Go's YAML reads it into a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return "" if value is None else str(value)


def _texts(value: object) -> list[str]:
    return [_text(each) for each in as_list(value)]


def _sorted(value: object) -> object:
    """Maps by key, as Go writes them."""
    if isinstance(value, Mapping):
        return {key: _sorted(each) for key, each in sorted((str(k), v) for k, v in value.items())}
    if isinstance(value, list):
        return [_sorted(each) for each in value]
    return value


def _go_json(value: object) -> bytes:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.translate(_HTML).encode()
