"""WebAssembly: components, modules, filters, Spin applications, policies."""

from typing import Final

from entrepot.kinds.commands import Language
from entrepot.kinds.descriptions import annotation_facts, config_facts, described
from entrepot.kinds.recognition.kind import Family, Kind, Tab
from entrepot.kinds.recognition.predicates import annotated, any_of, layered, typed
from entrepot.kinds.recognition.simple import simple

_WASM: Final = Family.WASM
_TABS: Final = (Tab.FILES, Tab.SIGNATURES, Tab.PACKAGES, Tab.PROVENANCE, Tab.CONFIG)

SPIN: Final = simple(
    "spin-app",
    "Spin application",
    "Spin applications",
    _WASM,
    "wasm",
    any_of(layered("application/vnd.fermyon.spin.*"), annotated("com.fermyon.spin.*")),
    [
        ("spin", "Run", "spin up{plain} --from {reference}"),
        ("spin", "Pull", "spin registry pull{plain} {reference}"),
    ],
    annotation_facts(("App digest", "com.fermyon.spin.lockedAppDigest")),
    tabs=_TABS,
    hub_type="wasm",
)
KUBEWARDEN: Final = simple(
    "kubewarden",
    "Kubewarden policy",
    "Kubewarden policies",
    Family.POLICY,
    "policy",
    annotated("io.kubewarden.*"),
    [
        ("kwctl", "Pull", "kwctl pull registry://{reference}"),
        ("kwctl", "Inspect", "kwctl inspect registry://{reference}"),
        ("kwctl", "Run", "kwctl run registry://{reference} --request-path request.json"),
    ],
    annotation_facts(
        ("Title", "io.kubewarden.policy.title"),
        ("Author", "io.kubewarden.policy.author"),
        ("Mutates", "io.kubewarden.policy.mutating"),
    ),
    tabs=_TABS,
    hub_type="wasm",
    describes=described(
        title="@io.kubewarden.policy.title",
        description="@io.kubewarden.policy.description",
        authors="@io.kubewarden.policy.author",
        source="@io.kubewarden.policy.source",
        licenses="@io.kubewarden.policy.license",
        url="@io.kubewarden.policy.url",
    ),
)
FILTER: Final = simple(
    "wasm-filter",
    "WebAssembly filter",
    "WebAssembly filters",
    _WASM,
    "wasm",
    any_of(
        typed("application/vnd.module.wasm.config.v*"),
        layered("application/vnd.module.wasm.content.layer.*"),
    ),
    [("istio", "In a WasmPlugin", "url: oci://{reference}", Language.YAML)],
    tabs=_TABS,
    hub_type="wasm",
)
COMPONENT: Final = simple(
    "wasm",
    "WebAssembly component",
    "WebAssembly components",
    _WASM,
    "wasm",
    any_of(
        typed("application/vnd.wasm.config.v0+json", "application/vnd.bytecodealliance.*"),
        layered("application/wasm"),
    ),
    [
        ("wkg", "Pull", "wkg oci pull{plain} {reference} -o {name}.wasm"),
        (
            "wasmtime",
            "Run",
            "wkg oci pull{plain} {reference} -o {name}.wasm\nwasmtime run {name}.wasm",
        ),
    ],
    config_facts(
        ("Author", "author"),
        ("System", "os"),
        ("Architecture", "architecture"),
        ("Exports", "component.exports"),
        ("Imports", "component.imports"),
        ("Target", "component.target"),
    ),
    tabs=_TABS,
    hub_type="wasm",
)
MODULE: Final = simple(
    "wasm-module",
    "WebAssembly module",
    "WebAssembly modules",
    _WASM,
    "wasm",
    any_of(
        typed("application/vnd.wasm.config.v1+json", "application/vnd.wasm.config.*"),
        layered("application/vnd.wasm.content.layer.*"),
    ),
    [
        ("wkg", "Pull", "wkg oci pull{plain} {reference} -o {name}.wasm"),
        ("kwctl", "As a policy", "kwctl pull registry://{reference}"),
    ],
    tabs=_TABS,
    hub_type="wasm",
)

KINDS: Final[tuple[Kind, ...]] = (SPIN, KUBEWARDEN, FILTER, COMPONENT, MODULE)
