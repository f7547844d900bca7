"""Virtual machines, HPC containers, and what speeds up pulling or building."""

from typing import Final

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, CommandTarget
from entrepot.kinds.descriptions import annotation_facts, describe, no_facts
from entrepot.kinds.images import has_image_config
from entrepot.kinds.recognition.kind import Extractor, Family, Kind, Tab
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.predicates import (
    all_layers,
    all_of,
    annotated,
    any_of,
    is_index,
    layered,
    normal,
    noted,
    typed,
)
from entrepot.kinds.recognition.simple import simple
from entrepot.oci.media_types import BUILDKIT_CACHE_CONFIG, is_blob_type

_MACHINE: Final = Family.MACHINE

SIF: Final = simple(
    "sif",
    "Apptainer/Singularity image",
    "Apptainer/Singularity images",
    _MACHINE,
    "machine",
    any_of(
        typed("application/vnd.sylabs.sif.*"),
        layered("application/vnd.sylabs.sif.*", "appliciation/vnd.sylabs.sif.*"),
    ),
    [
        ("apptainer", "Pull", "apptainer pull{plain} {name}.sif oras://{reference}"),
        ("singularity", "Run", "singularity run{plain} oras://{reference}"),
    ],
)
OCI_SIF: Final = simple(
    "oci-sif",
    "OCI-SIF image",
    "OCI-SIF images",
    _MACHINE,
    "machine",
    any_of(
        typed("application/vnd.sylabs.data-container.*"),
        layered("application/vnd.sylabs.image.layer.*"),
    ),
    [("singularity", "Pull", "singularity pull{plain} --oci docker://{reference}")],
)
TART: Final = simple(
    "tart",
    "Tart virtual machine",
    "Tart virtual machines",
    _MACHINE,
    "machine",
    layered("application/vnd.cirruslabs.tart.*"),
    [("tart", "Clone and run", "tart clone{plain} {reference} {name} && tart run {name}")],
    annotation_facts(
        ("Disk, uncompressed", "org.cirruslabs.tart.uncompressed-disk-size"),
        ("Uploaded", "org.cirruslabs.tart.upload-time"),
    ),
)


def _has_disks(view: ManifestView) -> bool:
    return is_index(view) and any(
        "disktype" in each.descriptor.annotations for each in view.children
    )


PODMAN_MACHINE: Final = simple(
    "podman-machine",
    "Podman machine image",
    "Podman machine images",
    _MACHINE,
    "machine",
    any_of(_has_disks, noted("disktype")),
    [("podman", "Start a machine", "podman machine init --image docker://{reference}")],
)
VM_DISK: Final = simple(
    "vm-disk",
    "Virtual machine disk",
    "Virtual machine disks",
    _MACHINE,
    "machine",
    any_of(
        typed(
            "application/x-qemu-disk",
        ),
        all_layers("application/x-qemu-disk"),
    ),
)
UNIKRAFT: Final = simple(
    "unikraft",
    "Unikraft unikernel",
    "Unikraft unikernels",
    _MACHINE,
    "machine",
    any_of(
        annotated("org.unikraft.*"),
        layered("application/vnd.unikraft.*"),
    ),
    [("kraft", "Run", "kraft run {reference}")],
    annotation_facts(
        ("Kernel", "org.unikraft.kernel.image"),
        ("Version", "org.unikraft.kernel.version"),
        ("Architecture", "org.unikraft.kernel.arch"),
        ("Platform", "org.unikraft.kernel.plat"),
    ),
)
SOCI: Final = simple(
    "soci-index",
    "SOCI index",
    "SOCI indexes",
    Family.CACHE,
    "cache",
    typed("application/vnd.amazon.soci.*"),
    is_attachment=True,
    extractor=Extractor.NOTHING,
    tabs=(Tab.FILES,),
)
NYDUS: Final = simple(
    "nydus-image",
    "Nydus image",
    "Nydus images",
    Family.CACHE,
    "cache",
    any_of(
        typed("application/vnd.nydus.*"),
        all_of(has_image_config, layered("application/vnd.oci.image.layer.nydus.*")),
    ),
    [("nerdctl", "Pull lazily", "nerdctl --snapshotter nydus pull {reference}")],
    extractor=Extractor.NOTHING,
    tabs=(Tab.LAYERS, Tab.CONFIG),
)
OVERLAYBD: Final = simple(
    "overlaybd",
    "OverlayBD conversion",
    "OverlayBD conversions",
    Family.CACHE,
    "cache",
    typed("application/vnd.containerd.overlaybd.*"),
    is_attachment=True,
    extractor=Extractor.NOTHING,
    tabs=(Tab.FILES,),
)


def _is_buildkit_cache(view: ManifestView) -> bool:
    config = view.manifest.config
    if config is not None and normal(config.media_type) == BUILDKIT_CACHE_CONFIG:
        return True
    return bool(view.children) and all(
        is_blob_type(each.descriptor.media_type) for each in view.children
    )


def _cache_commands(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    text = f"docker buildx build --cache-from type=registry,ref={target.reference} ."
    return (Command("docker", "Build with the cache", text), *shell.inspect_only(target, view))


BUILDKIT_CACHE: Final = Kind(
    id="buildkit-cache",
    name="BuildKit cache",
    plural="BuildKit caches",
    family=Family.CACHE,
    icon="cache",
    recognizes=_is_buildkit_cache,
    commands=_cache_commands,
    describe=describe,
    facts=no_facts,
    tabs=(Tab.LAYERS,),
    extractor=Extractor.NOTHING,
)

KINDS: Final[tuple[Kind, ...]] = (
    SIF,
    OCI_SIF,
    TART,
    PODMAN_MACHINE,
    VM_DISK,
    UNIKRAFT,
    SOCI,
    NYDUS,
    OVERLAYBD,
    BUILDKIT_CACHE,
)
