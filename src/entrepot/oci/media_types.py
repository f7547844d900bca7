"""Media types of manifests, and what each one is."""

import re
from typing import Final

OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_ARTIFACT: Final = "application/vnd.oci.artifact.manifest.v1+json"
OCI_EMPTY: Final = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
BUILDKIT_CACHE_CONFIG: Final = "application/vnd.buildkit.cacheconfig.v0"

MANIFESTS: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
ACCEPTED: Final = MANIFESTS | INDEXES | {OCI_ARTIFACT}

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_ARTIFACT_TYPE: Final = re.compile(f"{_NAME}(?:/{_NAME})?")
_MAX_ARTIFACT_TYPE: Final = 1024


def without_parameters(content_type: str) -> str:
    """The media type of a `Content-Type` value, lower-cased and without `; charset=…`."""
    return content_type.partition(";")[0].strip().lower()


def is_artifact_type(text: str) -> bool:
    """Say whether clients may call an artifact's type so.

    A media type with or without parameters, as the image-spec wants, or its part before the slash
    alone: clients push names such as `dev.toolhive.skills.v1`, and nobody is helped by a refusal.
    """
    base, semicolon, parameters = text.partition(";")
    if len(text) > _MAX_ARTIFACT_TYPE or not (parameters.isascii() and text.isprintable()):
        return False
    return _ARTIFACT_TYPE.fullmatch(base.strip() if semicolon else base) is not None


def is_blob_type(media_type: str) -> bool:
    """Say whether an index child of this type is a blob, as in BuildKit's registry cache."""
    return (
        media_type == BUILDKIT_CACHE_CONFIG or ".layer." in media_type or ".rootfs." in media_type
    )


def is_nondistributable(media_type: str) -> bool:
    """Say whether a layer of this type may legally be absent (its `urls` say where it lives)."""
    return ".nondistributable." in media_type or ".foreign." in media_type
