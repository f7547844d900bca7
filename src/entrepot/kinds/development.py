"""Developers' tools: infrastructure modules, Compose, Dev Containers, package managers."""

import json
from typing import Final

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, CommandTarget, Language
from entrepot.kinds.descriptions import annotation_facts, described
from entrepot.kinds.recognition.kind import Extractor, Family, Kind, Tab
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.predicates import (
    all_of,
    annotated,
    annotated_as,
    any_of,
    is_index,
    layered,
    noted,
    typed,
)
from entrepot.kinds.recognition.simple import simple

_PACKAGE: Final = Family.PACKAGE
_CONFIGURATION: Final = Family.CONFIGURATION

_OVER_HTTPS: Final = "OpenTofu takes registries over HTTPS only."


def _tofu_module(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    name = shell.resource_name(target.repository.text.rpartition("/")[2])
    which = f"tag={target.tag}" if target.tag else f"digest={target.digest}"
    lines = (
        f'module "{name}" {{',
        f'  source = "oci://{target.repository_reference}?{which}"',
        "}",
    )
    return (_hcl(target, "Use the module", lines),)


def _tofu_provider(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    """A mirror: its template must have a place for each star (`oci_mirror`, OpenTofu 1.10)."""
    parts = [target.host, *target.repository.text.split("/")]
    # A provider's address ends in its namespace and its type: so does its repository's name.
    is_whole = len(parts) > 2
    above, include = (parts[:-2], "*/*") if is_whole else (parts[:-1], "hashicorp/*")
    places = ["${namespace}", "${type}"] if is_whole else ["${type}"]
    template = "/".join([*above, *places])
    lines = (
        "provider_installation {",
        "  oci_mirror {",
        f'    repository_template = "{template}"',
        f'    include             = ["registry.opentofu.org/{include}"]',
        "  }",
        "}",
    )
    return (_hcl(target, "Mirror, in the CLI configuration", lines),)


def _hcl(target: CommandTarget, title: str, lines: tuple[str, ...]) -> Command:
    note = "" if target.is_https else _OVER_HTTPS
    return Command("tofu", title, "\n".join(lines), Language.HCL, note)


TOFU_MODULE: Final = simple(
    "opentofu-module",
    "OpenTofu module",
    "OpenTofu modules",
    _CONFIGURATION,
    "terraform",
    typed("application/vnd.opentofu.modulepkg"),
    made=_tofu_module,
)
TOFU_PROVIDER: Final = simple(
    "opentofu-provider",
    "OpenTofu provider",
    "OpenTofu providers",
    _CONFIGURATION,
    "terraform",
    typed("application/vnd.opentofu.provider*"),
    made=_tofu_provider,
)
BICEP_MODULE: Final = simple(
    "bicep-module",
    "Bicep module",
    "Bicep modules",
    _CONFIGURATION,
    "terraform",
    any_of(
        typed("application/vnd.ms.bicep.module.*"), layered("application/vnd.ms.bicep.module.*")
    ),
    [
        (
            "bicep",
            "Use the module",
            "module m 'br:{reference}' = {{\n  name: '{name}'\n}}",
            Language.HCL,
        )
    ],
    annotation_facts(("Documentation", "org.opencontainers.image.documentation")),
)
BICEP_EXTENSION: Final = simple(
    "bicep-extension",
    "Bicep extension",
    "Bicep extensions",
    _CONFIGURATION,
    "plug",
    any_of(
        typed("application/vnd.ms.bicep.provider.*"), layered("application/vnd.ms.bicep.provider.*")
    ),
    [("bicep", "Use the extension", "extension 'br:{reference}'", Language.HCL)],
)
COMPOSE_IMAGES: Final = simple(
    "compose-images",
    "Images of a Compose application",
    "Images of Compose applications",
    Family.COMPOSE,
    "compose",
    all_of(is_index, noted("com.docker.compose.version")),
    is_attachment=True,
    extractor=Extractor.NOTHING,
    tabs=(Tab.PLATFORMS,),
)
COMPOSE: Final = simple(
    "compose",
    "Compose application",
    "Compose applications",
    Family.COMPOSE,
    "compose",
    any_of(
        typed("application/vnd.docker.compose.*"),
        layered("application/vnd.docker.compose.*"),
        noted("com.docker.compose.version"),
    ),
    [
        ("docker", "Start", "docker compose -f oci://{reference} up -d"),
        ("docker", "Show the configuration", "docker compose -f oci://{reference} config"),
        ("docker", "Stop", "docker compose -f oci://{reference} down"),
    ],
    annotation_facts(("Compose", "com.docker.compose.version")),
    hub_type="compose",
)
DEVCONTAINER_COLLECTION: Final = simple(
    "devcontainer-collection",
    "Dev Container collection",
    "Dev Container collections",
    _CONFIGURATION,
    "layers",
    layered("application/vnd.devcontainers.collection.layer.*"),
)


def _devcontainer(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    """Features and templates share their types; their archives are called what they are."""
    titles = [shell.title_of(each) for each in view.manifest.layers]
    if any(each.startswith("devcontainer-template-") for each in titles):
        text = f"devcontainer templates apply --workspace-folder . --template-id {target.reference}"
        return (Command("devcontainer", "Apply the template", text),)
    feature = f'"features": {{\n  {json.dumps(target.reference)}: {{}}\n}}'
    return (Command("devcontainer", "In devcontainer.json", feature, Language.JSON),)


DEVCONTAINER: Final = simple(
    "devcontainer",
    "Dev Container feature or template",
    "Dev Container features and templates",
    _CONFIGURATION,
    "terminal",
    # The type alone does not decide: a collection has the same.
    all_of(typed("application/vnd.devcontainers*")),
    facts=annotation_facts(
        ("Id", "dev.containers.metadata#id"),
        ("Version", "dev.containers.metadata#version"),
        ("Options", "dev.containers.metadata#options"),
        ("Installs after", "dev.containers.metadata#installsAfter"),
        ("Keywords", "dev.containers.metadata#keywords"),
    ),
    describes=described(
        title="@dev.containers.metadata#name",
        version="@dev.containers.metadata#version",
        description="@dev.containers.metadata#description",
        documentation="@dev.containers.metadata#documentationURL",
    ),
    made=_devcontainer,
)
GITHUB_ACTION: Final = simple(
    "github-action",
    "GitHub Action",
    "GitHub Actions",
    _PACKAGE,
    "terminal",
    typed("application/vnd.github.actions.package.v*"),
    facts=annotation_facts(
        ("Package type", "com.github.package.type"), ("Commit", "com.github.source.commit")
    ),
)
HOMEBREW: Final = simple(
    "homebrew-bottle",
    "Homebrew bottle",
    "Homebrew bottles",
    _PACKAGE,
    "homebrew",
    any_of(annotated_as("com.github.package.type", "homebrew_bottle"), annotated("sh.brew.*")),
    [("brew", "Install", "HOMEBREW_ARTIFACT_DOMAIN={url} brew install {name}")],
    annotation_facts(
        ("Version", "org.opencontainers.image.version"),
        ("Licence", "sh.brew.license"),
        ("Installed size", "sh.brew.bottle.installed_size"),
    ),
    describes=described(licenses="@sh.brew.license"),
)
CONDA: Final = simple(
    "conda",
    "Conda package",
    "Conda packages",
    _PACKAGE,
    "package",
    layered("application/vnd.conda.*"),
    [("mamba", "Install", "mamba install -c oci://{parent} {name}")],
)
TRIVY_DB: Final = simple(
    "trivy-db",
    "Trivy vulnerability database",
    "Trivy vulnerability databases",
    Family.REPORT,
    "database",
    layered("application/vnd.aquasec.trivy.db.*"),
    [("trivy", "Scan with it", "trivy image{plain} --db-repository {reference} alpine")],
)
TRIVY_JAVA_DB: Final = simple(
    "trivy-java-db",
    "Trivy Java database",
    "Trivy Java databases",
    Family.REPORT,
    "database",
    layered("application/vnd.aquasec.trivy.javadb.*"),
    [("trivy", "Scan with it", "trivy image{plain} --java-db-repository {reference} alpine")],
)
BY_TYPE: Final[tuple[Kind, ...]] = (
    TOFU_MODULE,
    TOFU_PROVIDER,
    BICEP_MODULE,
    BICEP_EXTENSION,
    COMPOSE_IMAGES,
    COMPOSE,
    DEVCONTAINER_COLLECTION,
    DEVCONTAINER,
    GITHUB_ACTION,
    CONDA,
    TRIVY_DB,
    TRIVY_JAVA_DB,
)
BY_MARK: Final[tuple[Kind, ...]] = (HOMEBREW,)
