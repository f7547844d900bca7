"""Commands as pages show them: grouped by client, the visitor's own client first."""

from dataclasses import dataclass

from entrepot.hub.artifacts import Described
from entrepot.kinds.commands import Command, Place
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from entrepot.web.visits import Visit


@dataclass(frozen=True, slots=True)
class CommandGroup:
    """What one client can do."""

    tool: str
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Snippets:
    """Every client's commands, and which client is shown first."""

    groups: tuple[CommandGroup, ...]
    picked: str


def place_of(visit: Visit, digest: str, tag: str | None) -> Place:
    """Where an artifact is, as this visitor reaches it."""
    return Place(
        host=visit.host,
        is_https=visit.is_https,
        repository=visit.repository.name,
        digest=Digest.parse(digest),
        tag=Tag(tag) if tag else None,
    )


def snippets_of(visit: Visit, described: Described, tag: str | None) -> Snippets:
    """All commands for an artifact."""
    place = place_of(visit, described.stored.digest, tag)
    commands = described.kind.commands(place, described.evidence)
    return grouped(commands, visit.query("tool") or visit.tool)


def grouped(commands: tuple[Command, ...], wanted: str) -> Snippets:
    """Commands by client, in the order in which the clients come first."""
    tools = dict.fromkeys(each.tool for each in commands)
    groups = tuple(
        CommandGroup(tool, tuple(each for each in commands if each.tool == tool)) for tool in tools
    )
    first = next(iter(tools), "")
    return Snippets(groups, wanted if wanted in tools else first)


def push_snippets(visit: Visit, name: str) -> Snippets:
    """How to push something of each kind into a repository of this name."""
    host, plain = visit.host, "" if visit.is_https else " --plain-http"
    parent, _, base = name.rpartition("/")
    known = visit.is_https or host.partition(":")[0] == "localhost"
    oras = "" if known else " --plain-http"
    tls = "" if visit.is_https else " --tls-verify=false"
    account = visit.account.name if visit.account else "NAME"
    commands = (
        Command("docker", "Sign in", f"docker login {host} -u {account}"),
        Command(
            "docker",
            "Push an image",
            f"docker tag IMAGE {host}/{name}:1.0\ndocker push {host}/{name}:1.0",
        ),
        Command("podman", "Sign in", f"podman login{tls} {host} -u {account}"),
        Command("podman", "Push an image", f"podman push{tls} IMAGE {host}/{name}:1.0"),
        Command("helm", "Sign in", f"helm registry login {host} -u {account}{plain}"),
        Command(
            "helm",
            "Push a chart",
            f"helm push {base}-1.0.0.tgz oci://{host}/{parent}{plain}",
            note="The chart's name is the last part of the repository's.",
        ),
        Command("oras", "Sign in", f"oras login{oras} {host} -u {account}"),
        Command("oras", "Push a file", f"oras push{oras} {host}/{name}:1.0 notes.txt:text/plain"),
        Command(
            "oras",
            "Push a volume",
            f"oras push{oras} {host}/{name}:1.0 \\\n"
            "  --artifact-type application/vnd.docker.volume.v1+tar.gz volume.tar.gz",
        ),
        Command(
            "oras",
            "Attach an SBOM",
            f"oras attach{oras} --artifact-type application/spdx+json \\\n"
            f"  {host}/{name}:1.0 sbom.spdx.json",
        ),
        Command("cosign", "Sign", f"cosign sign --key cosign.key {host}/{name}@DIGEST"),
    )
    return grouped(commands, visit.query("tool") or visit.tool)
