"""Packages and configuration for Kubernetes: Flux, Timoni, Crossplane, Tekton, CNAB, Zarf."""

from typing import Final

from entrepot.kinds.commands import Language
from entrepot.kinds.images import has_image_config
from entrepot.kinds.kind import Family, Kind
from entrepot.kinds.marks import (
    all_of,
    annotated,
    annotated_as,
    any_of,
    layer_annotated,
    layered,
    noted,
    typed,
)
from entrepot.kinds.simple import simple
from entrepot.kinds.words import annotation_facts, config_facts, described

_CONFIGURATION: Final = Family.CONFIGURATION
_PACKAGE: Final = Family.PACKAGE

FLUX: Final = simple(
    "flux",
    "Flux artifact",
    "Flux artifacts",
    _CONFIGURATION,
    "flux",
    any_of(
        typed("application/vnd.cncf.flux.config.v*"), layered("application/vnd.cncf.flux.content.*")
    ),
    [
        (
            "flux",
            "Pull",
            "mkdir -p ./flux\nflux pull artifact{plain} oci://{reference} --output ./flux",
        ),
        (
            "flux",
            "As a source",
            "flux create source oci {resource} --url oci://{repository} --tag {tag}{insecurely}",
        ),
    ],
    annotation_facts(
        ("Source", "org.opencontainers.image.source"),
        ("Revision", "org.opencontainers.image.revision"),
    ),
)
TIMONI: Final = simple(
    "timoni",
    "Timoni module",
    "Timoni modules",
    _CONFIGURATION,
    "configuration",
    any_of(typed("application/vnd.timoni.config.v*"), layered("application/vnd.timoni.content.*")),
    [
        ("timoni", "Apply", "timoni apply{plain} {resource} oci://{repository} --version {tag}"),
        (
            "timoni",
            "Pull",
            "timoni mod pull{plain} oci://{repository} --version {tag} --output ./module",
        ),
    ],
    annotation_facts(("Images", "sh.timoni.images")),
)
CROSSPLANE: Final = simple(
    "crossplane",
    "Crossplane package",
    "Crossplane packages",
    _PACKAGE,
    "package",
    all_of(has_image_config, layer_annotated("io.crossplane.xpkg")),
    [
        ("crossplane", "Install a provider", "crossplane xpkg install provider {reference}"),
        (
            "crossplane",
            "Install a configuration",
            "crossplane xpkg install configuration {reference}",
        ),
    ],
)
TEKTON: Final = simple(
    "tekton",
    "Tekton bundle",
    "Tekton bundles",
    _CONFIGURATION,
    "flux",
    layer_annotated("dev.tekton.image.*"),
    [
        ("tkn", "List", "tkn bundle list{plain} {reference}"),
        (
            "tkn",
            "In a run",
            "taskRef:\n  resolver: bundles\n  params:\n    - {{name: bundle, value: {reference}}}\n"
            "    - {{name: name, value: TASK}}\n    - {{name: kind, value: task}}",
            Language.YAML,
        ),
    ],
)
CNAB: Final = simple(
    "cnab",
    "CNAB bundle",
    "CNAB bundles",
    _PACKAGE,
    "package",
    any_of(
        typed("application/vnd.cnab.*"),
        annotated("io.cnab.runtime_version", "io.cnab.manifest.type"),
        annotated_as("org.opencontainers.artifactType", "application/vnd.cnab.manifest.v1"),
    ),
    [
        ("porter", "Explain", "porter explain{plain} --reference {reference}"),
        ("porter", "Install", "porter install {name}{plain} --reference {reference}"),
    ],
    config_facts(("Version", "version"), ("Schema", "schemaVersion"), ("Actions", "actions")),
    describes=described(
        title="name", version="version", description="description", licenses="license"
    ),
)
ZARF: Final = simple(
    "zarf",
    "Zarf package",
    "Zarf packages",
    _PACKAGE,
    "package",
    typed("application/vnd.zarf.config.v*"),
    [
        ("zarf", "Deploy", "zarf package deploy{plain} oci://{reference}"),
        ("zarf", "Inspect", "zarf package inspect definition{plain} oci://{reference}"),
    ],
    config_facts(("Architecture", "architecture"), ("Version", "ociVersion")),
)
UDS: Final = simple(
    "uds",
    "UDS bundle",
    "UDS bundles",
    _PACKAGE,
    "package",
    any_of(
        typed("application/vnd.defenseunicorns.uds.bundle.*"),
        noted("uds.dev/*"),
        layered("application/vnd.defenseunicorns.*"),
    ),
    [("uds", "Deploy", "uds deploy{plain} oci://{reference}")],
    annotation_facts(("Architecture", "uds.dev/architecture"), ("Package", "uds.dev/package.name")),
)
OCM: Final = simple(
    "ocm",
    "OCM component",
    "OCM components",
    _PACKAGE,
    "package",
    any_of(
        typed(
            "application/vnd.ocm.software.component.*",
            "application/vnd.gardener.cloud.cnudie.component.*",
        ),
        layered("application/vnd.ocm.software.component-descriptor.*"),
    ),
    [("ocm", "Get", "ocm get componentversions {scheme}://{component}:{tag}")],
)
HAULER: Final = simple(
    "hauler",
    "Hauler content",
    "Hauler content",
    Family.FILES,
    "files",
    any_of(typed("application/vnd.content.hauler.*"), layered("application/vnd.content.hauler.*")),
)
FLEET: Final = simple(
    "fleet",
    "Rancher Fleet bundle",
    "Rancher Fleet bundles",
    _CONFIGURATION,
    "flux",
    any_of(typed("application/fleet.manifest"), layered("application/fleet.file")),
)
KCL: Final = simple(
    "kcl",
    "KCL module",
    "KCL modules",
    _CONFIGURATION,
    "configuration",
    annotated("org.kcllang.package.*"),
    [
        ("kcl", "Pull", "kcl mod pull oci://{repository} --tag {tag}"),
        ("kcl", "Add", "kcl mod add oci://{repository} --tag {tag}"),
    ],
    annotation_facts(
        ("Package", "org.kcllang.package.name"),
        ("Version", "org.kcllang.package.version"),
        ("Description", "org.kcllang.package.description"),
    ),
    describes=described(
        title="@org.kcllang.package.name",
        version="@org.kcllang.package.version",
        description="@org.kcllang.package.description",
    ),
)
CUE: Final = simple(
    "cue",
    "CUE module",
    "CUE modules",
    _CONFIGURATION,
    "cue",
    any_of(typed("application/vnd.cue.module.v*"), layered("application/vnd.cue.modulefile.v*")),
    [("cue", "Get", "CUE_REGISTRY={host}{insecure} cue mod get {module}@{tag}")],
    annotation_facts(
        ("Commit", "org.cuelang.vcs-commit"), ("Committed", "org.cuelang.vcs-commit-time")
    ),
    describes=described(revision="@org.cuelang.vcs-commit"),
)
BY_TYPE: Final[tuple[Kind, ...]] = (
    FLUX,
    TIMONI,
    CNAB,
    ZARF,
    UDS,
    OCM,
    HAULER,
    FLEET,
    CUE,
)
BY_MARK: Final[tuple[Kind, ...]] = (KCL, CROSSPLANE, TEKTON)
