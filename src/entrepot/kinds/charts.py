"""Helm: charts and plugins."""

from typing import Final

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, Place
from entrepot.kinds.evidence import Evidence
from entrepot.kinds.kind import Extractor, Family, Kind, Tab
from entrepot.kinds.marks import any_of, layered, typed
from entrepot.kinds.words import config_facts, describe, describe_chart, text

PROVENANCE: Final = "application/vnd.cncf.helm.chart.provenance.v1.prov"


def version_of(place: Place, evidence: Evidence) -> str:
    """The chart's version: Helm writes `_` in tags for SemVer's `+`."""
    tag = place.tag.text.replace("_", "+") if place.tag else ""
    return text(evidence.config, "version") or tag


def _commands(place: Place, evidence: Evidence) -> tuple[Command, ...]:
    version = version_of(place, evidence)
    name = place.repository.text.rpartition("/")[2]
    plain = shell.helm(place)
    chart = f"oci://{place.repository_reference} --version {shell.quoted(version)}{plain}"
    signed = any(each.media_type == PROVENANCE for each in evidence.manifest.layers)
    verify = (
        Command(
            "helm",
            "Verify who packaged it",
            f"helm pull {chart} --verify --keyring ./keyring.gpg",
            note="The keyring holds the public key of whoever you expect.",
        ),
    )
    return (
        Command("helm", "Pull", f"helm pull {chart}"),
        Command("helm", "Install", f"helm install {name} {chart}"),
        Command("helm", "Install or upgrade", f"helm upgrade --install {name} {chart}"),
        Command("helm", "Upgrade", f"helm upgrade {name} {chart}"),
        Command("helm", "Show the default values", f"helm show values {chart}"),
        Command("helm", "Render the templates", f"helm template {name} {chart}"),
        Command("helm", "Show everything", f"helm show all {chart}"),
        Command("helm", "Unpack the chart", f"helm pull {chart} --untar"),
        *(verify if signed else ()),
        *_in_files(place, name, version),
        shell.pull_files(place, "Pull the archive"),
        *shell.with_oras(place),
        *shell.with_crane(place),
    )


def _in_files(place: Place, name: str, version: str) -> tuple[Command, ...]:
    parent = place.repository_reference.rpartition("/")[0]
    insecure = () if place.is_https else ("  insecure: true",)
    dependency = (
        "dependencies:",
        f"  - name: {name}",
        f'    version: "{version}"',
        f"    repository: oci://{parent}",
    )
    flux = (
        "apiVersion: source.toolkit.fluxcd.io/v1",
        "kind: OCIRepository",
        "metadata:",
        f"  name: {name.replace('.', '-').replace('_', '-')}",
        "spec:",
        "  interval: 10m",
        f"  url: oci://{place.repository_reference}",
        "  ref:",
        f'    semver: "{version}"',
        *insecure,
    )
    argo = (
        "source:",
        f"  repoURL: {parent}",
        f"  chart: {name}",
        f'  targetRevision: "{version}"',
    )
    return (
        shell.yaml("helm", "As a dependency, in Chart.yaml", dependency),
        shell.yaml("flux", "OCIRepository", flux),
        shell.yaml("argocd", "Application source", argo),
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
        ("Home", "home"),
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
    commands=lambda place, evidence: (
        Command("helm", "Install", f"helm plugin install oci://{place.reference}"),
        *shell.generic(place, evidence),
    ),
    describe=describe,
    facts=config_facts(("Version", "version")),
    tabs=(Tab.README, Tab.FILES, Tab.CONFIG),
)
