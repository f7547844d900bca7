"""Policies and rules: OPA, Conftest, Kyverno, Kubewarden, Falco, eBPF gadgets."""

from typing import Final

from entrepot.kinds import shell
from entrepot.kinds.commands import Command, CommandTarget
from entrepot.kinds.descriptions import annotation_facts, config_facts, described
from entrepot.kinds.images import has_image_config
from entrepot.kinds.recognition.kind import Family, Kind
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.predicates import any_of, layered, normal, typed
from entrepot.kinds.recognition.simple import simple

_POLICY: Final = Family.POLICY


def _is_opa_bundle(view: ManifestView) -> bool:
    """An image's config type around any JSON but an image's, and exactly one gzipped layer."""
    layers, config = view.manifest.layers, view.manifest.config
    # A config that could not be read is empty here, and may well be an image's.
    is_read = bool(view.config) or (config is not None and config.size <= len("{}\n"))
    return (
        has_image_config(view)
        and is_read
        and len(layers) == 1
        and normal(layers[0].media_type) == "application/vnd.oci.image.layer.v1.tar+gzip"
        and not {"rootfs", "architecture", "os", "history"} & set(view.config)
    )


def _opa(target: CommandTarget, view: ManifestView) -> tuple[Command, ...]:
    layers = view.manifest.layers
    if not layers:
        return ()
    blob = f"{target.repository_reference}@{layers[0].digest}"
    fetch = f"oras blob fetch{shell.oras(target)} --output bundle.tar.gz {blob}"
    return (
        Command("opa", "Evaluate", f"{fetch}\nopa eval --bundle bundle.tar.gz data"),
        Command("opa", "Serve", f"{fetch}\nopa run --server --bundle bundle.tar.gz"),
    )


OPA: Final = simple(
    "opa-bundle",
    "OPA bundle",
    "OPA bundles",
    _POLICY,
    "policy",
    any_of(
        typed("application/vnd.openpolicyagent.bundle.*", "application/vnd.opa.*"), _is_opa_bundle
    ),
    made=_opa,
)
CONFTEST: Final = simple(
    "conftest",
    "Conftest policies",
    "Conftest policies",
    _POLICY,
    "policy",
    layered(
        "application/vnd.cncf.openpolicyagent.policy.layer.*",
        "application/vnd.cncf.openpolicyagent.data.layer.*",
    ),
    [
        ("conftest", "Pull", "conftest pull{plain} oci://{reference}"),
        ("conftest", "Test with them", "conftest test{plain} --update oci://{reference} ."),
    ],
)
TRIVY_CHECKS: Final = simple(
    "trivy-checks",
    "Trivy checks bundle",
    "Trivy checks bundles",
    _POLICY,
    "policy",
    layered("application/vnd.cncf.openpolicyagent.layer.*"),
    [("trivy", "Check with it", "trivy config{plain} --checks-bundle-repository {reference} .")],
)
KYVERNO: Final = simple(
    "kyverno",
    "Kyverno policies",
    "Kyverno policies",
    _POLICY,
    "policy",
    any_of(
        typed("application/vnd.cncf.kyverno.config.v*"), layered("application/vnd.cncf.kyverno.*")
    ),
    [
        (
            "kyverno",
            "Pull",
            "mkdir -p ./policies\n"
            "KYVERNO_EXPERIMENTAL=true kyverno oci pull -i {reference} -d ./policies",
        )
    ],
)
_FALCO = "application/vnd.cncf.falco."
FALCO_RULES: Final = simple(
    "falco-rules",
    "Falco rules",
    "Falco rules",
    _POLICY,
    "policy",
    typed(f"{_FALCO}rulesfile.*"),
    [
        ("falcoctl", "Install", "falcoctl artifact install{plain} {reference}"),
        ("falcoctl", "Follow updates", "falcoctl artifact follow{plain} {reference}"),
    ],
    config_facts(("Name", "name"), ("Version", "version")),
    describes=described(title="name", version="version"),
)
FALCO_PLUGIN: Final = simple(
    "falco-plugin",
    "Falco plugin",
    "Falco plugins",
    _POLICY,
    "plug",
    typed(f"{_FALCO}plugin.*"),
    [("falcoctl", "Install", "falcoctl artifact install{plain} {reference}")],
    config_facts(("Name", "name"), ("Version", "version")),
    describes=described(title="name", version="version"),
)
FALCO_ASSET: Final = simple(
    "falco-asset",
    "Falco asset",
    "Falco assets",
    _POLICY,
    "files",
    typed(f"{_FALCO}asset.*"),
    [("falcoctl", "Install", "falcoctl artifact install{plain} {reference}")],
    config_facts(("Name", "name"), ("Version", "version")),
    describes=described(title="name", version="version"),
)
GADGET: Final = simple(
    "gadget",
    "Inspektor Gadget",
    "Inspektor Gadgets",
    _POLICY,
    "terminal",
    any_of(
        typed("application/vnd.gadget.*"),
        layered("application/vnd.gadget.*"),
    ),
    [
        ("ig", "Run", "sudo ig run{plain} {reference}"),
        ("kubectl", "Run in a cluster", "kubectl gadget run{plain} {reference}"),
    ],
    annotation_facts(("Builder", "io.inspektor-gadget.builder.version")),
)

BY_TYPE: Final[tuple[Kind, ...]] = (
    CONFTEST,
    TRIVY_CHECKS,
    KYVERNO,
    FALCO_RULES,
    FALCO_PLUGIN,
    FALCO_ASSET,
    GADGET,
)
BY_CONTENT: Final[tuple[Kind, ...]] = (OPA,)
