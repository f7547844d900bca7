"""References of a manifest, and the form in which they are stored."""

import json
from collections.abc import Mapping

from entrepot.errors import InvalidManifest
from entrepot.model.manifests import NewManifest
from entrepot.oci import media_types
from entrepot.oci.digests import EMPTY_JSON_DIGEST, Digest
from entrepot.oci.manifests import Manifest


def needed_blobs(manifest: Manifest, *, accept_sparse: bool = False) -> list[Digest]:
    """Blobs that must be in the repository, each once.

    Children of an index are not asked for: mirrors push indexes before, or without, some of them.
    """
    described = [*manifest.layers, *([manifest.config] if manifest.config else [])]
    if accept_sparse:
        described = [each for each in described if each.digest == EMPTY_JSON_DIGEST]
    needed = [
        each.digest
        for each in described
        if not (each.has_urls and media_types.is_nondistributable(each.media_type))
    ]
    # BuildKit's registry cache is an index whose children are blobs.
    needed += [
        each.digest for each in manifest.children if media_types.is_blob_type(each.media_type)
    ]
    return list(dict.fromkeys(needed))


def check_sizes(manifest: Manifest, sizes: Mapping[Digest, int]) -> None:
    """Raise `InvalidManifest` where a descriptor's size is not that of what is there.

    Clients take the descriptor's word and fail at every pull. A subject is not pulled with what
    names it, and is named by some clients without having been looked at: its size is not compared.
    """
    config = [("config", manifest.config)] if manifest.config else []
    layers = ((f"layers[{i}]", layer) for i, layer in enumerate(manifest.layers))
    children = ((f"manifests[{i}]", child) for i, child in enumerate(manifest.children))
    for where, described in (*config, *layers, *children):
        size = sizes.get(described.digest, described.size)
        if size != described.size:
            raise InvalidManifest(
                f"{where} declares {described.size} bytes, but {described.digest} has {size}",
                {"digest": str(described.digest), "size": described.size, "stored": size},
            )


def new_manifest(manifest: Manifest, digest: Digest) -> NewManifest:
    """A manifest as it is stored, with all that it needs kept."""
    children = manifest.children
    blob_children = {each.digest for each in children if media_types.is_blob_type(each.media_type)}
    described = (*manifest.layers, *([manifest.config] if manifest.config else []))
    return NewManifest(
        digest=digest,
        media_type=manifest.media_type,
        content=manifest.content,
        artifact_type=manifest.referrer_type,
        subject=manifest.subject.digest if manifest.subject else None,
        descriptor=_descriptor(manifest, digest) if manifest.subject else None,
        blobs=frozenset({each.digest for each in described} | blob_children),
        children=frozenset({each.digest for each in children} - blob_children),
    )


def _descriptor(manifest: Manifest, digest: Digest) -> str:
    """The descriptor that a referrers list shows (distribution-spec 1.1, "Listing Referrers")."""
    descriptor: dict[str, object] = {
        "mediaType": manifest.media_type,
        "digest": str(digest),
        "size": len(manifest.content),
    }
    if manifest.referrer_type:
        descriptor["artifactType"] = manifest.referrer_type
    if manifest.annotations:
        descriptor["annotations"] = manifest.annotations
    return json.dumps(descriptor, separators=(",", ":"))
