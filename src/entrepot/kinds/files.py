"""Files that are nothing more than files, volumes of them, and what nobody knows."""

from typing import Final

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, Place
from entrepot.kinds.evidence import Evidence
from entrepot.kinds.kind import Fact, Family, Kind, Tab
from entrepot.kinds.marks import IMAGE_CONFIGS, any_of, is_index, layered, normal, type_key, typed
from entrepot.kinds.simple import simple
from entrepot.kinds.words import describe
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


def types_of(evidence: Evidence) -> tuple[Fact, ...]:
    """The media types, as they stand in the manifest: the honest answer to "what is this?"."""
    manifest = evidence.manifest
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


def _volume_commands(place: Place, evidence: Evidence) -> tuple[Command, ...]:
    titles = [shell.title_of(each) for each in evidence.manifest.layers]
    archives = [each for each in titles if each.endswith(_ARCHIVES)]
    restored = _from_archive(place, archives[0]) if archives else _from_files(place)
    return (
        shell.pull_files(place, "Pull the volume's files"),
        *restored,
        *shell.generic(place, evidence)[1:],
    )


def _from_archive(place: Place, archive: str) -> tuple[Command, ...]:
    volume = place.repository.text.rpartition("/")[2]
    pull = shell.pull_files(place).text
    flags = "xzf" if archive.endswith(("gz", "tgz")) else "xf"
    inside = shell.quoted(f"/backup/{archive}")
    return (
        Command("oras", "Unpack here", f"{pull}\ntar {flags} {shell.file_of(archive)}"),
        Command(
            "docker",
            "Restore into a Docker volume",
            f'{pull}\ndocker run --rm -v {volume}:/volume -v "$PWD":/backup:ro alpine \\\n'
            f"  tar {flags} {inside} -C /volume",
            note=f"Makes the volume {volume} where there is none.",
        ),
        Command(
            "podman",
            "Restore into a new volume",
            f"{pull}\npodman volume create {volume}\n"
            f"podman volume import {volume} {shell.file_of(archive)}",
        ),
    )


def _from_files(place: Place) -> tuple[Command, ...]:
    """The files themselves, from a directory that holds nothing else."""
    volume = place.repository.text.rpartition("/")[2]
    pull = f"mkdir -p ./{volume} && cd ./{volume}\n{shell.pull_files(place).text}"
    return (
        Command(
            "docker",
            "Restore into a Docker volume",
            f'{pull}\ndocker run --rm -v {volume}:/volume -v "$PWD":/backup:ro alpine \\\n'
            "  cp -a /backup/. /volume/",
            note=f"Makes the volume {volume} where there is none.",
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


def _is_files(evidence: Evidence) -> bool:
    """Nothing but files: no type of its own, no image's config, and layers with names or none."""
    manifest = evidence.manifest
    config = manifest.config
    return (
        not is_index(evidence)
        and not type_key(evidence)
        and (config is None or normal(config.media_type) not in IMAGE_CONFIGS)
    )


def _generic(id_: str, name: str, plural: str, family: Family, icon: str) -> Kind:
    return Kind(
        id=id_,
        name=name,
        plural=plural,
        family=family,
        icon=icon,
        recognizes=_is_files if id_ == "files" else lambda evidence: True,
        commands=lambda place, evidence: (
            shell.inspect_only(place, evidence)
            if evidence.children
            else shell.generic(place, evidence)
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
    recognizes=lambda evidence: is_index(evidence) and not evidence.manifest.artifact_type,
    commands=shell.inspect_only,
    describe=describe,
    facts=types_of,
    tabs=(Tab.PLATFORMS,),
)
