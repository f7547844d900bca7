"""Plain files, volumes of files, and artifacts of unknown kind."""

from typing import Final

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, CommandTarget
from entrepot.kinds.descriptions import describe
from entrepot.kinds.recognition.kind import Fact, Family, Kind, Tab
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.predicates import (
    IMAGE_CONFIGS,
    any_of,
    is_index,
    layered,
    normal,
    type_key,
    typed,
)
from entrepot.kinds.recognition.simple import simple
from entrepot.oci.media_types import OCI_EMPTY

_TABS: Final = (
    Tab.README,
    Tab.FILES,
    Tab.PACKAGES,
    Tab.VULNERABILITIES,
    Tab.SIGNATURES,
    Tab.PROVENANCE,
    Tab.CONFIG,
)


def types_of(view: ManifestView) -> tuple[Fact, ...]:
    """The media types, as they stand in the manifest: the honest answer to "what is this?"."""
    manifest = view.manifest
    facts = []
    if manifest.artifact_type:
        facts.append(Fact("Artifact type", manifest.artifact_type[:300]))
    if manifest.config is not None and normal(manifest.config.media_type) != OCI_EMPTY:
        facts.append(Fact("Config type", manifest.config.media_type[:300]))
    layers = dict.fromkeys(each.media_type[:300] for each in manifest.layers)
    if layers:
        facts.append(Fact("Layer types", ", ".join(list(layers)[:20])))
    return tuple(facts)


_ARCHIVES: Final = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2")


def _volume_commands(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    titles = [shell.title_of(each) for each in view.manifest.layers]
    archives = [each for each in titles if each.endswith(_ARCHIVES)]
    restored = _from_archive(target, archives[0]) if archives else _from_files(target)
    return (
        shell.pull_files(target, "Pull the volume's files"),
        *restored,
        *shell.generic(target, view)[1:],
    )


def _from_archive(target: CommandTarget, archive: str) -> tuple[Command, ...]:
    volume = target.repository.text.rpartition("/")[2]
    pull = shell.pull_files(target).text
    flags = "xzf" if archive.endswith(("gz", "tgz")) else "xf"
    inside = shell.quoted(f"/backup/{archive}")
    return (
        Command("oras", "Unpack here", f"{pull}\ntar {flags} {shell.file_of(archive)}"),
        Command(
            "docker",
            "Restore into a Docker volume",
            f'{pull}\ndocker run --rm -v {volume}:/volume -v "$PWD":/backup:ro alpine \\\n'
            f"  tar {flags} {inside} -C /volume",
            note="Makes the volume where there is none.",
        ),
        Command(
            "podman",
            "Restore into a new volume",
            f"{pull}\npodman volume create {volume}\n"
            f"podman volume import {volume} {shell.file_of(archive)}",
        ),
    )


def _from_files(target: CommandTarget) -> tuple[Command, ...]:
    """The files themselves, from a directory that holds nothing else."""
    volume = target.repository.text.rpartition("/")[2]
    pull = f"mkdir -p ./{volume} && cd ./{volume}\n{shell.pull_files(target).text}"
    return (
        Command(
            "docker",
            "Restore into a Docker volume",
            f'{pull}\ndocker run --rm -v {volume}:/volume -v "$PWD":/backup:ro alpine \\\n'
            "  cp -a /backup/. /volume/",
            note="Makes the volume where there is none.",
        ),
        Command(
            "podman",
            "Restore into a new volume",
            f"{pull}\npodman volume create {volume}\ntar c . | podman volume import {volume} -",
        ),
    )


VOLUME: Final = Kind(
    id="volume",
    name="Volume",
    plural="Volumes",
    family=Family.VOLUME,
    icon="volume",
    recognizes=typed("application/vnd.docker.volume.*"),
    commands=_volume_commands,
    describe=describe,
    facts=types_of,
    tabs=_TABS,
    hub_type="volume",
)

ARTIFACT_HUB: Final = simple(
    "artifacthub-repository",
    "Artifact Hub repository metadata",
    "Artifact Hub repository metadata",
    Family.CONFIGURATION,
    "configuration",
    any_of(
        typed("application/vnd.cncf.artifacthub.config.*"),
        layered("application/vnd.cncf.artifacthub.repository-metadata.*"),
    ),
    is_attachment=True,
)


def _is_files(view: ManifestView) -> bool:
    """Nothing but files: no type of its own, no image's config, and layers with names or none."""
    manifest = view.manifest
    config = manifest.config
    return (
        not is_index(view)
        and not type_key(view)
        and (config is None or normal(config.media_type) not in IMAGE_CONFIGS)
    )


def _generic(id_: str, name: str, plural: str, family: Family, icon: str) -> Kind:
    return Kind(
        id=id_,
        name=name,
        plural=plural,
        family=family,
        icon=icon,
        recognizes=_is_files if id_ == "files" else lambda view: True,
        commands=lambda target, view: (
            shell.inspect_only(target, view) if view.children else shell.generic(target, view)
        ),
        describe=describe,
        facts=types_of,
        tabs=_TABS,
    )


FILES: Final = _generic("files", "Generic files", "Generic files", Family.FILES, "files")
UNKNOWN: Final = _generic(
    "unknown", "Unrecognized artifact", "Unrecognized artifacts", Family.UNKNOWN, "unknown"
)
INDEX: Final = Kind(
    id="index",
    name="Index",
    plural="Indexes",
    family=Family.UNKNOWN,
    icon="layers",
    recognizes=lambda view: is_index(view) and not view.manifest.artifact_type,
    commands=shell.inspect_only,
    describe=describe,
    facts=types_of,
    tabs=(Tab.PLATFORMS,),
)
