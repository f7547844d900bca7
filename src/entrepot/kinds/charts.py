"""Helm: charts and plugins."""

import re
from typing import Final

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, CommandTarget, Language
from entrepot.kinds.descriptions import config_facts, describe, describe_chart
from entrepot.kinds.recognition.kind import Extractor, Family, Kind, Tab
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.predicates import any_of, layered, normal, typed

# SemVer 2.0, with the `v` that Helm allows.
_SEMVER: Final = re.compile(
    r"v?(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)"
    r"(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
PROVENANCE: Final = "application/vnd.cncf.helm.chart.provenance.v1.prov"


def version_of(target: CommandTarget) -> str:
    """The version that Helm finds the chart by; empty where it can only be had by its digest.

    Helm takes nothing but SemVer, which stands in the tag with `_` for `+`. What the chart itself
    says is of no help: that version may have no tag, or be the tag of another chart.
    """
    version = target.tag.text.replace("_", "+") if target.tag else ""
    return version if _SEMVER.fullmatch(version) else ""


def _commands(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    version = version_of(target)
    plain = shell.helm(target)
    found = f"{target.repository_reference} --version {version}" if version else target.pinned
    chart = f"oci://{found}{plain}"
    name = target.repository.text.rpartition("/")[2]
    release = shell.resource_name(name)
    # A library has nothing to install: Helm refuses, and so do tools that deploy charts.
    is_library = view.config.get("type") == "library"
    installing = (
        Command("helm", "Install", f"helm install {release} {chart}"),
        Command("helm", "Install or upgrade", f"helm upgrade --install {release} {chart}"),
        Command("helm", "Upgrade", f"helm upgrade {release} {chart}"),
        Command("helm", "Render the templates", f"helm template {release} {chart}"),
    )
    return (
        Command("helm", "Pull", f"helm pull {chart}"),
        *(() if is_library else installing),
        Command("helm", "Show the default values", f"helm show values {chart}"),
        Command("helm", "Show the README", f"helm show readme {chart}"),
        Command("helm", "Show Chart.yaml", f"helm show chart {chart}"),
        Command("helm", "Unpack the chart", f"helm pull {chart} --untar"),
        *_verification(chart, view),
        *_from_repository(target),
        *(_as_dependency(target, name, version) if version else ()),
        *(_in_files(target, name, version) if version and not is_library else ()),
        *(() if is_library else _deployed(target, name, version)),
        shell.pull_files(target, "Pull the archive"),
        *shell.with_oras(target),
        *shell.with_crane(target),
    )


def _verification(chart: str, view: ManifestView) -> tuple[Command, ...]:
    if not any(normal(each.media_type) == PROVENANCE for each in view.manifest.layers):
        return ()
    return (
        Command(
            "helm",
            "Verify the packager",
            f"helm pull {chart} --verify --keyring ./keyring.gpg",
            note="The keyring holds the public key of whoever you expect.",
        ),
    )


def _from_repository(target: CommandTarget) -> tuple[Command, ...]:
    """The Helm repository of the namespace, for tools that want a list of charts."""
    namespace = target.repository.namespace
    if namespace is None:
        return ()
    name = shell.resource_name(namespace)
    return (
        Command(
            "helm",
            "Add as a Helm repository",
            f"helm repo add {name} {target.url}/helm/{namespace} --force-update\n"
            f"helm search repo {name}/ -l",
            note="Charts that are not public need --username and a password or token.",
        ),
    )


def _as_dependency(target: CommandTarget, name: str, version: str) -> tuple[Command, ...]:
    parent = target.repository_reference.rpartition("/")[0]
    lines = (
        "dependencies:",
        f"  - name: {shell.yaml_text(name)}",
        f"    version: {shell.yaml_text(version)}",
        f"    repository: oci://{parent}",
    )
    return (shell.yaml("helm", "Add as a dependency in Chart.yaml", lines),)


def _in_files(target: CommandTarget, name: str, version: str) -> tuple[Command, ...]:
    """Lines that name a chart by the repository above it and a version."""
    parent = target.repository_reference.rpartition("/")[0]
    exact = shell.yaml_text(version)
    release = (
        f'resource "helm_release" "{shell.resource_name(name)}" {{',
        f'  name       = "{shell.resource_name(name)}"',
        f'  repository = "oci://{parent}"',
        f'  chart      = "{name}"',
        f"  version    = {exact}",
        "}",
    )
    argo = (
        "source:",
        f"  repoURL: {parent}",
        f"  chart: {shell.yaml_text(name)}",
        f"  targetRevision: {exact}",
    )
    return (
        Command("terraform", "As a release", "\n".join(release), Language.HCL),
        shell.yaml("argocd", "Application source", argo),
    )


def _deployed(target: CommandTarget, name: str, version: str) -> tuple[Command, ...]:
    """Flux: the chart itself as a source, or the repository above it."""
    tagged = f"    semver: {shell.yaml_text(version)}"
    insecure = () if target.is_https else ("  insecure: true",)
    source = (
        *_flux("OCIRepository", shell.resource_name(name)),
        f"  url: oci://{target.repository_reference}",
        "  ref:",
        tagged if version else f"    digest: {target.digest}",
        *insecure,
    )
    parent = target.repository_reference.rpartition("/")[0]
    above = target.repository.namespace or "charts"
    repository = (
        *_flux("HelmRepository", shell.resource_name(above)),
        "  type: oci",
        f"  url: oci://{parent}",
        *insecure,
    )
    return (
        shell.yaml("flux", "OCIRepository", source),
        shell.yaml("flux", "HelmRepository", repository),
    )


def _flux(kind: str, name: str) -> tuple[str, ...]:
    return (
        "apiVersion: source.toolkit.fluxcd.io/v1",
        f"kind: {kind}",
        "metadata:",
        f"  name: {shell.yaml_text(name)}",
        "spec:",
        "  interval: 10m",
    )


CHART: Final = Kind(
    id="helm-chart",
    name="Helm chart",
    plural="Helm charts",
    family=Family.CHART,
    icon="helm",
    recognizes=any_of(
        typed("application/vnd.cncf.helm.config.v1+json"),
        layered("application/vnd.cncf.helm.chart.content.*"),
    ),
    commands=_commands,
    describe=describe_chart,
    facts=config_facts(
        ("App version", "appVersion"),
        ("Type", "type"),
        ("Kubernetes", "kubeVersion"),
        ("Deprecated", "deprecated"),
        ("Keywords", "keywords"),
        ("Dependencies", "dependencies"),
        ("Maintainers", "maintainers"),
        ("Home", "home"),
        ("API version", "apiVersion"),
    ),
    tabs=(
        Tab.README,
        Tab.VALUES,
        Tab.SCHEMA,
        Tab.TEMPLATES,
        Tab.FILES,
        Tab.SIGNATURES,
        Tab.PACKAGES,
        Tab.VULNERABILITIES,
        Tab.PROVENANCE,
        Tab.CONFIG,
    ),
    extractor=Extractor.CHART,
    hub_type="helm",
)

PLUGIN: Final = Kind(
    id="helm-plugin",
    name="Helm plugin",
    plural="Helm plugins",
    family=Family.PACKAGE,
    icon="plug",
    recognizes=typed("application/vnd.helm.plugin.v*"),
    commands=lambda target, view: (
        Command(
            "helm", "Install", f"helm plugin install oci://{target.reference}{shell.helm(target)}"
        ),
        *shell.generic(target, view),
    ),
    describe=describe,
    facts=config_facts(("Version", "version")),
    tabs=(Tab.README, Tab.FILES, Tab.CONFIG),
)
