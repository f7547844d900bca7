"""How an image's layers are kept, in a word or two each."""

from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.predicates import is_image_layer, normal


def badges(view: ManifestView) -> tuple[str, ...]:
    """Return the special formats of an image's layers: eStargz, zstd:chunked, encrypted, zstd."""
    layers = view.manifest.layers
    names = {name for layer in layers for name in layer.annotations}
    types = [normal(layer.media_type) for layer in layers if is_image_layer(layer.media_type)]
    found = {
        "eStargz": "containerd.io/snapshot/stargz/toc.digest" in names,
        "zstd:chunked": "io.github.containers.zstd-chunked.manifest-checksum" in names,
        "OverlayBD": any(name.startswith("containerd.io/snapshot/overlaybd/") for name in names),
        "encrypted": any(each.endswith("+encrypted") for each in types),
        "zstd": any(each.endswith(("+zstd", ".zstd")) for each in types),
        "foreign layers": any(
            ".nondistributable." in each or ".foreign." in each for each in types
        ),
    }
    return tuple(name for name, is_so in found.items() if is_so)
