"""Commands for container images, of every engine and of what looks into them."""

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, CommandTarget, Language
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.platforms import attestations_of


def commands(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    """How images are pulled and run, by each engine."""
    reference, note = target.reference, shell.docker_note(target)
    return (
        Command("docker", "Pull", f"docker pull {reference}", note=note),
        Command("docker", "Run", f"docker run --rm -it {reference}"),
        Command(
            "docker",
            "Use in a Dockerfile",
            f"FROM {target.pinned}",
            Language.DOCKERFILE,
            "The digest keeps the build the same when the tag moves.",
        ),
        Command("docker", "Inspect", f"docker buildx imagetools inspect {reference}"),
        Command("podman", "Pull", f"podman pull{shell.tls(target)} {reference}"),
        Command("podman", "Run", f"podman run{shell.tls(target)} --rm -it {reference}"),
        Command("nerdctl", "Pull", f"nerdctl{shell.nerdctl(target)} pull {reference}"),
        *shell.with_skopeo(target, is_image=True),
        *shell.with_crane(target),
        Command(
            "crane", "Save as a tarball", f"crane pull{shell.crane(target)} {reference} image.tar"
        ),
        *_attested(target, view),
        *_scanners(target),
        *shell.with_oras(target),
        *shell.with_regctl(target)[:-1],
        *_kubernetes(target),
    )


def _attested(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    if not attestations_of(view):
        return ()
    inspect = f"docker buildx imagetools inspect {target.reference} --format"
    return (
        Command("docker", "Show the SBOM", f"{inspect} '{{{{json .SBOM}}}}'"),
        Command("docker", "Show the build provenance", f"{inspect} '{{{{json .Provenance}}}}'"),
    )


def _scanners(target: CommandTarget) -> tuple[Command, ...]:
    http = "" if target.is_https else "GRYPE_REGISTRY_INSECURE_USE_HTTP=true "
    plain = shell.plain_http("trivy", target)
    return (
        Command("trivy", "Scan for vulnerabilities", f"trivy image{plain} {target.reference}"),
        Command("grype", "Scan for vulnerabilities", f"{http}grype registry:{target.reference}"),
        Command(
            "cosign",
            "Show all referrers",
            f"cosign tree{shell.cosign(target)} {target.pinned}",
        ),
        Command(
            "cosign",
            "Verify with a key",
            f"cosign verify{shell.cosign(target)} --key cosign.pub {target.pinned}",
            note="Where it is signed, and you have the signer's public key.",
        ),
    )


def _kubernetes(target: CommandTarget) -> tuple[Command, ...]:
    lines = (
        "containers:",
        "  - name: app",
        f"    image: {target.pinned}",
    )
    volume = (
        "volumes:",
        "  - name: files",
        "    image:",
        f"      reference: {target.pinned}",
        "      pullPolicy: IfNotPresent",
    )
    return (
        shell.yaml("kubernetes", "Run as a container", lines),
        shell.yaml(
            "kubernetes", "Mount as a volume", volume, "Read-only; on by default since 1.35."
        ),
    )
