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


def _volume_commands(place: Place, evidence: Evidence) -> tuple[Command, ...]:
    names = [shell.title_of(each) for each in evidence.manifest.layers]
    names = [each for each in names if each]
    pull = f"oras pull{shell.oras(place)} {place.reference}"
    volume = place.repository.text.rpartition("/")[2]
    archive = next((each for each in names if each.endswith((".tar.gz", ".tgz", ".tar"))), "")
    commands = [shell.pull_files(place, "Pull the volume's files")]
    if archive:
        unpack = f"tar xf {shell.quoted(f'/backup/{archive}')} -C /volume"
        commands.append(Command("oras", "Unpack here", f"{pull}\ntar xf {shell.quoted(archive)}"))
        commands.append(
            Command(
                "podman",
                "Into a new volume",
                f"{pull}\npodman volume create {volume}\n"
                f"podman volume import {volume} {shell.quoted(archive)}",
            )
        )
    else:
        unpack = "cp -a /backup/. /volume/"
    commands.append(
        Command(
            "docker",
            "Into a Docker volume",
            f"mkdir -p ./{volume} && cd ./{volume} && {pull}\n"
            f'docker run --rm -v {volume}:/volume -v "$PWD":/backup:ro alpine \\\n'
            f"  sh -c {shell.quoted(unpack)}",
            note=f"Makes the volume {volume} where there is none.",
        )
    )
    return (*commands, *shell.generic(place, evidence)[1:])


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
