"""Content descriptors (image-spec 1.1, "OCI Content Descriptors")."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

from entrepot.errors import InvalidDigest, InvalidManifest
from entrepot.oci.digests import Digest
from entrepot.oci.platforms import Platform
from entrepot.oci.strict_json import refuse_look_alikes

_KEYS: Final = frozenset(
    {"mediaType", "digest", "size", "urls", "annotations", "data", "artifactType", "platform"}
)
_MAX_SIZE: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A manifest's descriptor of a piece of content; `size` is in bytes."""

    media_type: str
    digest: Digest
    size: int
    artifact_type: str | None = None
    annotations: dict[str, str] = field(default_factory=dict)
    has_urls: bool = False
    platform: Platform | None = None


def parse_descriptor(value: object, where: str) -> Descriptor:
    """Read one descriptor; raise `InvalidManifest` that names `where` it stood."""
    if not isinstance(value, dict):
        raise InvalidManifest(f"{where} is not a descriptor")
    refuse_look_alikes(tuple(value), _KEYS)
    descriptor = Descriptor(
        media_type=_text(value, "mediaType", where),
        digest=_digest(value, where),
        size=_size(value, where),
        artifact_type=optional_text(value, "artifactType", where),
        annotations=parse_annotations(value.get("annotations"), where),
        has_urls=bool(value.get("urls")),
        platform=Platform.read(value.get("platform")),
    )
    _check_data(value.get("data"), descriptor, where)
    return descriptor


def parse_descriptors(value: object, where: str) -> tuple[Descriptor, ...]:
    """Read a list of descriptors; `null` is what Go writes for an empty one."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidManifest(f"{where} is not a list")
    return tuple(parse_descriptor(item, f"{where}[{i}]") for i, item in enumerate(value))


def parse_annotations(value: object, where: str) -> dict[str, str]:
    """Read annotations: strings by strings (image-spec 1.1, "Annotations")."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise InvalidManifest(f"annotations of {where} are not strings")
    return value


def optional_text(value: dict[str, object], key: str, where: str) -> str | None:
    """A string or nothing; an empty one counts as nothing, as Go writes it."""
    text = value.get(key)
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise InvalidManifest(f"{key} of {where} is not a string")
    return text


def _text(value: dict[str, object], key: str, where: str) -> str:
    text = optional_text(value, key, where)
    if text is None:
        raise InvalidManifest(f"{where} lacks {key}")
    return text


def _digest(value: dict[str, object], where: str) -> Digest:
    try:
        return Digest.parse(_text(value, "digest", where))
    except InvalidDigest as error:
        raise InvalidManifest(f"{where} has an invalid digest", error.detail) from error


def _size(value: dict[str, object], where: str) -> int:
    size = value.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _MAX_SIZE:
        raise InvalidManifest(f"{where} lacks a valid size")
    return size


def _check_data(data: object, descriptor: Descriptor, where: str) -> None:
    if data is None:
        return
    try:
        content = base64.b64decode(data if isinstance(data, str) else "!", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidManifest(f"data of {where} is not base64") from error
    digest = descriptor.digest
    if len(content) != descriptor.size or Digest.of(content, digest.algorithm) != digest:
        raise InvalidManifest(f"data of {where} does not match its digest")
