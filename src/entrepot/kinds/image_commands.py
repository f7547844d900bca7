"""Commands for container images, of every engine and of what looks into them."""

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, Language, Place
from entrepot.kinds.evidence import Evidence
from entrepot.kinds.platforms import attestations_of


def commands(place: Place, evidence: Evidence) -> tuple[Command, ...]:
    """How images are pulled and run, by each engine."""
    reference, note = place.reference, shell.docker_note(place)
    return (
        Command("docker", "Pull", f"docker pull {reference}", note=note),
        Command("docker", "Run", f"docker run --rm -it {reference}"),
        Command(
            "docker",
            "Use in a Dockerfile",
            f"FROM {place.pinned}",
            Language.DOCKERFILE,
            "The digest keeps the build the same when the tag moves.",
        ),
        Command("docker", "Inspect", f"docker buildx imagetools inspect {reference}"),
        Command("podman", "Pull", f"podman pull{shell.tls(place)} {reference}"),
        Command("podman", "Run", f"podman run{shell.tls(place)} --rm -it {reference}"),
        Command("nerdctl", "Pull", f"nerdctl{shell.nerdctl(place)} pull {reference}"),
        *shell.with_skopeo(place, is_image=True),
        *shell.with_crane(place),
        Command(
            "crane", "Save as a tarball", f"crane pull{shell.crane(place)} {reference} image.tar"
        ),
        *_attested(place, evidence),
        *_scanners(place),
        *shell.with_oras(place),
        *shell.with_regctl(place)[:-1],
        *_kubernetes(place),
    )


def _attested(place: Place, evidence: Evidence) -> tuple[Command, ...]:
    if not attestations_of(evidence):
        return ()
    inspect = f"docker buildx imagetools inspect {place.reference} --format"
    return (
        Command("docker", "Show the SBOM", f"{inspect} '{{{{json .SBOM}}}}'"),
        Command("docker", "Show the build provenance", f"{inspect} '{{{{json .Provenance}}}}'"),
    )


def _scanners(place: Place) -> tuple[Command, ...]:
    http = "" if place.is_https else "GRYPE_REGISTRY_INSECURE_USE_HTTP=true "
    plain = shell.plain_http("trivy", place)
    return (
        Command("trivy", "Scan for vulnerabilities", f"trivy image{plain} {place.reference}"),
        Command("grype", "Scan for vulnerabilities", f"{http}grype registry:{place.reference}"),
        Command(
            "cosign",
            "Show all referrers",
            f"cosign tree{shell.cosign(place)} {place.pinned}",
        ),
        Command(
            "cosign",
            "Verify with a key",
            f"cosign verify{shell.cosign(place)} --key cosign.pub {place.pinned}",
            note="Where it is signed, and you have the signer's public key.",
        ),
    )


def _kubernetes(place: Place) -> tuple[Command, ...]:
    lines = (
        "containers:",
        "  - name: app",
        f"    image: {place.pinned}",
    )
    volume = (
        "volumes:",
        "  - name: files",
        "    image:",
        f"      reference: {place.pinned}",
        "      pullPolicy: IfNotPresent",
    )
    return (
        shell.yaml("kubernetes", "Run as a container", lines),
        shell.yaml(
            "kubernetes", "Mount as a volume", volume, "Read-only; on by default since 1.35."
        ),
    )
