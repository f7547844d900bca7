"""Commands of clients that know any artifact, right for the host and the scheme.

Over plain HTTP each client has its own way to be told; some know by themselves that `localhost`
is no place for certificates. Pushed texts are quoted.
"""

import json
import shlex
from collections.abc import Iterable
from itertools import islice
from typing import Final

from entrepot.kinds.commands import Command, CommandTarget, Language
from entrepot.kinds.layer_names import TITLE, layer_name
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.oci.descriptors import Descriptor

_MOST_FILES: Final = 5


def is_local(target: CommandTarget) -> bool:
    """Say whether clients take the host for their own machine, where plain HTTP is no surprise."""
    name = target.host.rpartition(":")[0] or target.host
    return name in ("localhost", "127.0.0.1", "[::1]")


def oras(target: CommandTarget) -> str:
    """Return the flags of `oras`: it uses plain HTTP for `localhost` only."""
    is_taken_for_http = target.host.partition(":")[0] == "localhost"
    if is_taken_for_http == (not target.is_https):
        return ""
    return " --plain-http=false" if target.is_https else " --plain-http"


def helm(target: CommandTarget) -> str:
    """Return the flags of `helm`: it expects a certificate from every host."""
    return "" if target.is_https else " --plain-http"


def tls(target: CommandTarget, prefix: str = "") -> str:
    """Return the TLS flags of skopeo, podman and buildah."""
    return "" if target.is_https else f" --{prefix}tls-verify=false"


def crane(target: CommandTarget) -> str:
    """Return the flags of `crane`: it knows local names and addresses."""
    return "" if target.is_https or is_local(target) else " --insecure"


def nerdctl(target: CommandTarget) -> str:
    """Return the flags of `nerdctl`."""
    return "" if target.is_https or is_local(target) else " --insecure-registry"


def cosign(target: CommandTarget) -> str:
    """Return the flags of `cosign`."""
    return "" if target.is_https else " --allow-http-registry"


def docker_note(target: CommandTarget) -> str:
    """Return the note about `docker` and hosts over plain HTTP."""
    if target.is_https or is_local(target):
        return ""
    return "Over plain HTTP, this hub must be among the engine's insecure-registries."


def quoted(*words: str) -> str:
    """Words for a shell, each as it is."""
    return " ".join(shlex.quote(each) for each in words)


def title_of(layer: Descriptor) -> str:
    """The file name that a layer is restored as; empty where it has none that is safe."""
    title = layer.annotations.get(TITLE)
    if not title:
        return ""
    # `echo` and `sha256sum` read backslashes, each in its own way.
    is_odd = "\\" in title or not title.isprintable() or len(title) > 255
    parts = title.split("/")
    is_elsewhere = title.startswith("/") or ".." in parts or parts[-1] in ("", ".")
    return "" if is_odd or is_elsewhere else title


def file_of(title: str) -> str:
    """A file's name for a shell and for any option before it: never an option itself."""
    return quoted(f"./{title}" if title.startswith("-") else title)


def pull_files(target: CommandTarget, title: str = "Pull the files") -> Command:
    """`oras pull`."""
    return Command("oras", title, f"oras pull{oras(target)} {target.reference}")


def with_oras(target: CommandTarget) -> tuple[Command, ...]:
    """Return the commands of `oras` for any artifact."""
    flags = oras(target)
    from_flags = flags.replace("--plain", "--from-plain")
    return (
        Command(
            "oras", "Show the manifest", f"oras manifest fetch{flags} --pretty {target.reference}"
        ),
        Command("oras", "Show the referrers", f"oras discover{flags} {target.reference}"),
        Command(
            "oras",
            "Copy with all referrers",
            f"oras copy -r{from_flags} {target.reference} --to-oci-layout ./layout:copy",
        ),
    )


def with_regctl(target: CommandTarget) -> tuple[Command, ...]:
    """Return the commands of `regctl` for any artifact."""
    commands = (
        Command("regctl", "Show the manifest", f"regctl manifest get {target.reference}"),
        Command(
            "regctl", "Download the files", f"regctl artifact get --output . {target.reference}"
        ),
    )
    if target.is_https:
        return commands
    set_up = f"regctl registry set --tls disabled {target.host}"
    return (Command("regctl", "Once, for plain HTTP", set_up), *commands)


def with_crane(target: CommandTarget) -> tuple[Command, ...]:
    """Return the commands of `crane` for any artifact."""
    flags = crane(target)
    return (
        Command("crane", "Show the manifest", f"crane manifest{flags} {target.reference}"),
        Command("crane", "Show the digest", f"crane digest{flags} {target.reference}"),
    )


def with_skopeo(target: CommandTarget, *, is_image: bool) -> tuple[Command, ...]:
    """Return the commands of `skopeo`."""
    flags = tls(target)
    raw = "" if is_image else " --raw"
    return (
        Command("skopeo", "Inspect", f"skopeo inspect{flags}{raw} docker://{target.reference}"),
        Command(
            "skopeo",
            "Copy into a directory",
            f"skopeo copy{tls(target, 'src-')} docker://{target.reference} dir:./copy",
        ),
    )


def with_curl(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    """Each file by its digest, and the proof that it came whole."""
    named = ((title_of(each), each) for each in view.manifest.layers)
    files = islice(((name, each) for name, each in named if name), _MOST_FILES)
    return tuple(_download(target, name, layer) for name, layer in files)


def _download(target: CommandTarget, name: str, layer: Descriptor) -> Command:
    local = name.rpartition("/")[2]
    algorithm, _, encoded = str(layer.digest).partition(":")
    url = f"{target.url}/v2/{target.repository}/blobs/{layer.digest}"
    line = quoted(f"{encoded}  {local}")
    text = f"curl -fsSL -o {file_of(local)} {quoted(url)}\necho {line} | {algorithm}sum -c -"
    note = "Of a private repository: add -u NAME, and give an access token as the password."
    return Command("curl", f"Download {local}", text, note=note)


_PLAIN_HTTP: Final = {
    "apptainer": " --no-https",
    "conftest": " --tls=false",
    "falcoctl": " --plain-http",
    "flux": " --insecure-registry",
    "helm": " --plain-http",
    "imgpkg": " --registry-insecure",
    "kit": " --plain-http",
    "modctl": " --plain-http",
    "ollama": " --insecure",
    "operator-sdk": " --use-http",
    "opm": " --use-http",
    "oras": " --plain-http",
    "porter": " --insecure-registry",
    "ramalama": " --tls-verify=false",
    "singularity": " --no-https",
    "spin": " --insecure",
    "tart": " --insecure",
    "timoni": " --registry-insecure",
    "tkn": " --remote-skip-tls",
    "trivy": " --insecure",
    "uds": " --insecure",
    "zarf": " --plain-http",
}
_PLAIN_HTTP_HOST: Final = {
    "ig": " --insecure-registries {host}",
    "kubectl": " --insecure-registries {host}",
    "pack": " --insecure-registry {host}",
    "wkg": " --insecure {host}",
}


def plain_http(tool: str, target: CommandTarget) -> str:
    """Return a tool's flags for plain HTTP; empty where none are needed."""
    if tool == "oras":
        return oras(target)
    if target.is_https:
        return ""
    return _PLAIN_HTTP.get(tool) or _PLAIN_HTTP_HOST.get(tool, "").format(host=target.host)


def filled(template: str, target: CommandTarget, tool: str) -> str:
    """A template with this place's words; `{plain}` is what the tool needs over plain HTTP."""
    name = target.repository.text.rpartition("/")[2]
    repository = target.repository_reference
    return template.format(
        reference=target.reference,
        pinned=target.pinned,
        repository=repository,
        parent=repository.rpartition("/")[0],
        # The Open Component Model puts this between a repository and a component.
        component=repository.replace("/component-descriptors/", "//", 1),
        url=target.url,
        scheme="https" if target.is_https else "http",
        host=target.host,
        insecurely="" if target.is_https else " --insecure",
        insecure="" if target.is_https or is_local(target) else "+insecure",
        name=name,
        module=target.repository.text,
        resource=resource_name(name),
        tag=target.tag or "",
        plain=plain_http(tool, target),
    )


def resource_name(name: str) -> str:
    """A repository's last component as Kubernetes takes names."""
    return name.replace(".", "-").replace("_", "-")


def yaml_text(text: str) -> str:
    """Return any text as a YAML string: JSON's strings are YAML's too."""
    return json.dumps(text)


def generic(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    """Every way to get files out of a registry."""
    has_names = any(title_of(each) for each in view.manifest.layers)
    pull = (pull_files(target),) if has_names else (_pull_blobs(target, view),)
    return (
        *(each for each in pull if each is not None),
        *with_oras(target),
        *with_curl(target, view),
        *with_regctl(target),
        *with_podman_artifact(target),
        *with_crane(target),
    )


def _pull_blobs(target: CommandTarget, view: ManifestView) -> Command | None:
    layers = view.manifest.layers
    if not layers:
        return None
    blob = f"{target.repository_reference}@{layers[0].digest}"
    name = layer_name(layers[0].media_type, layers[0].annotations, 0) or "blob"
    text = f"oras blob fetch{oras(target)} --output {quoted(f'./{name}')} {blob}"
    return Command("oras", "Download the first layer", text)


def with_podman_artifact(target: CommandTarget) -> tuple[Command, ...]:
    """Return the artifact commands of Podman 5.4 and later."""
    text = (
        f"podman artifact pull{tls(target)} {target.reference}\n"
        f"podman artifact extract {target.reference} ./files/"
    )
    return (Command("podman", "Pull and extract", text, note="Podman 5.5 or newer."),)


def inspect_only(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    """For what has no files: an index, a cache."""
    return (*with_oras(target), *with_crane(target), *with_regctl(target)[:-1])


def yaml(tool: str, title: str, lines: Iterable[str], note: str = "") -> Command:
    """A piece of YAML."""
    return Command(tool, title, "\n".join(lines), Language.YAML, note)
