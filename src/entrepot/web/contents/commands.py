"""Commands as pages show them: grouped by client, the visitor's own client first."""

from dataclasses import dataclass

from entrepot.hub.contents.artifacts import Described
from entrepot.kinds import shell
from entrepot.kinds.charts import version_of
from entrepot.kinds.commands import Command, CommandTarget
from entrepot.oci.digests import EMPTY_JSON_DIGEST, Digest
from entrepot.oci.names import RepositoryName, Tag
from entrepot.web.requests import PageRequest


@dataclass(frozen=True, slots=True)
class CommandGroup:
    """The commands of one client."""

    tool: str
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Snippets:
    """Every client's commands, and which client is shown first."""

    groups: tuple[CommandGroup, ...]
    picked: str


def command_target(request: PageRequest, digest: str, tag: str | None) -> CommandTarget:
    """Where an artifact is, as this visitor reaches it."""
    return CommandTarget(
        host=request.host,
        is_https=request.is_https,
        repository=request.repository.name,
        digest=Digest.parse(digest),
        tag=Tag(tag) if tag else None,
    )


def pull_command(target: CommandTarget, family: str) -> str:
    """The shortest command that pulls a tag, known from its kind's family alone."""
    if family == "chart" and (version := version_of(target)):
        place = f"oci://{target.repository_reference} --version {version}"
        return f"helm pull {place}{shell.helm(target)}"
    if family == "image":
        return f"docker pull {target.reference}"
    return shell.pull_files(target).text


def snippets_of(request: PageRequest, described: Described, tag: str | None) -> Snippets:
    """All commands for an artifact."""
    target = command_target(request, described.stored.digest, tag)
    commands = described.kind.commands(target, described.view)
    return grouped(commands, request.query("tool") or request.tool)


def grouped(commands: tuple[Command, ...], wanted: str) -> Snippets:
    """Commands by client, in the order in which the clients come first."""
    tools = dict.fromkeys(each.tool for each in commands)
    groups = tuple(
        CommandGroup(tool, tuple(each for each in commands if each.tool == tool)) for tool in tools
    )
    first = next(iter(tools), "")
    return Snippets(groups, wanted if wanted in tools else first)


def push_snippets(request: PageRequest, name: str) -> Snippets:
    """How to push something of each kind into a repository of this name."""
    target = CommandTarget(request.host, request.is_https, RepositoryName(name), EMPTY_JSON_DIGEST)
    account = request.account.name if request.account else "NAME"
    commands = (
        *_with_engines(target, account),
        *_with_helm(target, account),
        *_with_oras(target, account),
        Command(
            "cosign",
            "Sign",
            f"cosign sign{shell.cosign(target)} --key cosign.key {_home(target)}@DIGEST",
        ),
    )
    return grouped(commands, request.query("tool") or request.tool)


def _home(target: CommandTarget) -> str:
    return f"{target.host}/{target.repository}"


def _with_engines(target: CommandTarget, account: str) -> tuple[Command, ...]:
    host, home, tls = target.host, _home(target), shell.tls(target)
    return (
        Command("docker", "Sign in", f"docker login {host} -u {account}"),
        Command("docker", "Push an image", f"docker tag IMAGE {home}:1.0\ndocker push {home}:1.0"),
        Command("podman", "Sign in", f"podman login{tls} {host} -u {account}"),
        Command("podman", "Push an image", f"podman push{tls} IMAGE {home}:1.0"),
    )


def _with_helm(target: CommandTarget, account: str) -> tuple[Command, ...]:
    parent, _, base = target.repository.text.rpartition("/")
    plain = shell.helm(target)
    return (
        Command("helm", "Sign in", f"helm registry login {target.host} -u {account}{plain}"),
        Command(
            "helm",
            "Push a chart",
            f"helm push {base}-1.0.0.tgz oci://{target.host}/{parent}{plain}",
            note="The chart's name is the last part of the repository's.",
        ),
    )


def _with_oras(target: CommandTarget, account: str) -> tuple[Command, ...]:
    home, flags = _home(target), shell.oras(target)
    volume = "application/vnd.docker.volume.v1+tar.gz"
    sbom = "application/spdx+json"
    return (
        Command("oras", "Sign in", f"oras login{flags} {target.host} -u {account}"),
        Command("oras", "Push a file", f"oras push{flags} {home}:1.0 notes.txt:text/plain"),
        Command(
            "oras",
            "Push a volume",
            f"oras push{flags} {home}:1.0 \\\n  --artifact-type {volume} volume.tar.gz",
        ),
        Command(
            "oras",
            "Attach an SBOM",
            f"oras attach{flags} --artifact-type {sbom} \\\n  {home}:1.0 sbom.spdx.json",
        ),
    )
