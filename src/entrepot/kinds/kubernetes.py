"""Packages and configuration for Kubernetes: Flux, Timoni, Crossplane, Tekton, CNAB, Zarf."""

from typing import Final

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, CommandTarget
from entrepot.kinds.descriptions import annotation_facts, config_facts, described
from entrepot.kinds.images import has_image_config
from entrepot.kinds.recognition.kind import Fact, Family, Kind
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.predicates import (
    all_of,
    annotated,
    annotated_as,
    any_of,
    layer_annotated,
    layered,
    noted,
    typed,
)
from entrepot.kinds.recognition.simple import simple

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
_PACKAGES: Final = {
    "provider": "Install as a provider",
    "function": "Install as a function",
    "configuration": "Install as a configuration",
}


def _crossplane(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    """The kind of package is in no manifest: by custom its name begins with it."""
    name = target.repository.text.rpartition("/")[2]
    known = [each for each in _PACKAGES if name.startswith((f"{each}-", f"crossplane-{each}-"))]
    return tuple(
        Command(
            "crossplane",
            "Install" if known else title,
            f"crossplane xpkg install {each} {target.reference}",
        )
        for each, title in _PACKAGES.items()
        if not known or each in known
    )


CROSSPLANE: Final = simple(
    "crossplane",
    "Crossplane package",
    "Crossplane packages",
    _PACKAGE,
    "package",
    all_of(has_image_config, layer_annotated("io.crossplane.xpkg")),
    made=_crossplane,
)
_TEKTON: Final = "dev.tekton.image."
_REFERENCES: Final = {"task": "taskRef", "pipeline": "pipelineRef"}
_MOST_RUNS: Final = 5


def _in_bundle(view: ManifestView) -> list[tuple[str, str]]:
    """Kind and name of everything in a bundle, as its layers say."""
    said = [each.annotations for each in view.manifest.layers]
    found = [(each.get(f"{_TEKTON}kind", ""), each.get(f"{_TEKTON}name", "")) for each in said]
    return [(kind.lower(), name) for kind, name in found if kind and name]


def _contents_of_bundle(view: ManifestView) -> tuple[Fact, ...]:
    names: dict[str, list[str]] = {}
    for kind, name in _in_bundle(view):
        names.setdefault(f"{kind.capitalize()}s", []).append(name)
    return tuple(Fact(kind[:60], ", ".join(each)[:1000]) for kind, each in names.items())


def _in_runs(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    found = [(kind, name) for kind, name in _in_bundle(view) if kind in _REFERENCES]
    return tuple(_in_run(target, kind, name) for kind, name in found[:_MOST_RUNS])


def _in_run(target: CommandTarget, kind: str, name: str) -> Command:
    lines = (
        f"{_REFERENCES[kind]}:",
        "  resolver: bundles",
        "  params:",
        "    - name: bundle",
        f"      value: {shell.yaml_text(target.reference)}",
        "    - name: name",
        f"      value: {shell.yaml_text(name)}",
        "    - name: kind",
        f"      value: {kind}",
    )
    return shell.yaml("tkn", f"In a run of the {kind} {name[:60]}", lines)


TEKTON: Final = simple(
    "tekton",
    "Tekton bundle",
    "Tekton bundles",
    _CONFIGURATION,
    "flux",
    layer_annotated("dev.tekton.image.*"),
    [
        ("tkn", "List", "tkn bundle list{plain} {reference}"),
    ],
    _contents_of_bundle,
    made=_in_runs,
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


def _cue(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    """The module's path begins with a domain; what comes before it is the registry's prefix."""
    parts = target.repository.text.split("/")
    at = next((number for number, each in enumerate(parts) if "." in each), None)
    if at is None or target.tag is None:
        return ()
    module, registry = "/".join(parts[at:]), "/".join([target.host, *parts[:at]])
    insecure = "" if target.is_https or shell.is_local(target) else "+insecure"
    mapped = shell.quoted(f"{module}={registry}{insecure},registry.cue.works")
    text = f"CUE_REGISTRY={mapped} cue mod get {module}@{target.tag}"
    note = "In the directory of your module; `cue mod init` makes one."
    return (Command("cue", "Get", text, note=note),)


CUE: Final = simple(
    "cue",
    "CUE module",
    "CUE modules",
    _CONFIGURATION,
    "cue",
    any_of(typed("application/vnd.cue.module.v*"), layered("application/vnd.cue.modulefile.v*")),
    facts=annotation_facts(
        ("Commit", "org.cuelang.vcs-commit"), ("Committed", "org.cuelang.vcs-commit-time")
    ),
    made=_cue,
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
