"""SBOMs of CycloneDX and Syft; walked tolerantly, for people to look at."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from entrepot.extract.findings import Findings, Package, Relation
from entrepot.extract.limits import cut
from entrepot.extract.security import model_cards
from entrepot.extract.security.packages import canonical_name, completed_purl
from entrepot.extract.security.spdx import present
from entrepot.extract.security.vex import CycloneDxVulnerabilities
from entrepot.extract.texts import as_items, as_mapping, as_text

_NESTED: Final = 8
_TRIVY: Final = "aquasecurity:trivy:"
_SOURCE: Final = ("SrcName", "SrcVersion", "SrcRelease", "SrcEpoch")
"""Trivy's properties of a package of a distribution: what it was built from."""


def read_cyclonedx(said: Mapping[str, Any]) -> Findings:
    """CycloneDX in JSON, 1.2 to 1.7, with its vulnerabilities and its model's card."""
    metadata = as_mapping(said.get("metadata"))
    main = as_mapping(metadata.get("component"))
    components = list(_components(said.get("components")))
    # A BOM of a model describes it where others have the product that they list the parts of.
    is_model = main.get("type") == model_cards.MODEL
    listed = [main, *components] if is_model else components
    system = _system([main, *components])
    said_of = CycloneDxVulnerabilities(said, components)
    return Findings(
        title=as_text(main.get("name")),
        facts=present({**_facts(said, metadata, main), **_card([main, *components])}),
        packages=_named([_component(each, system) for each in listed]),
        relations=[
            Relation(as_text(each.get("ref")), as_text(target))
            for each in (as_mapping(one) for one in as_items(said.get("dependencies")))
            for target in as_items(each.get("dependsOn"))
        ],
        vulnerabilities=said_of.found,
        assessments=said_of.assessments,
    )


def _facts(
    said: Mapping[str, Any], metadata: Mapping[str, Any], main: Mapping[str, Any]
) -> dict[str, str]:
    tools = metadata.get("tools")
    has_components = isinstance(tools, dict) and "components" in tools
    listed = as_mapping(tools).get("components") if has_components else tools
    authors = [as_mapping(each) for each in as_items(metadata.get("authors"))[:10]]
    return {
        "Format": f"CycloneDX {as_text(said.get('specVersion'))}".strip(),
        "Created": as_text(metadata.get("timestamp")),
        "Creators": ", ".join(as_text(each.get("name") or each.get("email")) for each in authors),
        "Tools": ", ".join(
            " ".join(as_text(as_mapping(each).get(key), 100) for key in ("name", "version")).strip()
            for each in as_items(listed)[:10]
        ),
        "Describes": f"{_package_name(main)} {as_text(main.get('version'))}".strip(),
        "Licence": _licenses(main.get("licenses")),
        "Supplier": _supplier(metadata) or _supplier(main),
        "Package URL": as_text(main.get("purl")),
    }


def _card(models: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The first model's card."""
    card = next((each for each in models if each.get("modelCard")), {})
    return model_cards.facts_of(card) if card else {}


def _components(value: object, depth: int = 0) -> Iterable[Mapping[str, Any]]:
    for each in as_items(value):
        component = as_mapping(each)
        yield component
        if depth < _NESTED:
            yield from _components(component.get("components"), depth + 1)


def _package_name(said: Mapping[str, Any]) -> str:
    name, purl, group = (as_text(said.get(key)) for key in ("name", "purl", "group"))
    return canonical_name(name, purl, group)


def _system(components: Iterable[Mapping[str, Any]]) -> str:
    """The distribution as package URLs name it, such as `debian-12`; empty where none is said."""
    found = (each for each in components if each.get("type") == "operating-system")
    system = next(found, {})
    name, version = (as_text(system.get(key), 100).lower() for key in ("name", "version"))
    return f"{name}-{version}" if name and version else ""


def _component(said: Mapping[str, Any], system: str) -> Package:
    properties = map(as_mapping, as_items(said.get("properties"))[:100])
    source = {as_text(each.get("name")): as_text(each.get("value")) for each in properties}
    name, version, release, epoch = (source.get(f"{_TRIVY}{part}", "") for part in _SOURCE)
    version = f"{version}-{release}" if version and release else version
    version = f"{epoch}:{version}" if version and epoch.strip("0") else version
    return Package(
        name=_package_name(said),
        version=as_text(said.get("version")),
        purl=completed_purl(as_text(said.get("purl")), system, name, version),
        licenses=_licenses(said.get("licenses")),
        supplier=_supplier(said),
        reference=as_text(said.get("bom-ref")),
    )


def _supplier(said: Mapping[str, Any]) -> str:
    """An organization with a name, or a text; what each version calls it."""
    for key in ("supplier", "manufacturer", "manufacture", "publisher"):
        value = said.get(key)
        name = as_text(as_mapping(value).get("name") if isinstance(value, dict) else value, 200)
        if name:
            return name
    return ""


def _licenses(value: object) -> str:
    """The concluded licences (1.6 and later tell them apart), else all, as one expression."""
    found: dict[str, list[str]] = {}
    for each in as_items(value)[:20]:
        said = as_mapping(each)
        license_ = as_mapping(said.get("license"))
        text = said.get("expression") or license_.get("id") or license_.get("name")
        how = as_text(said.get("acknowledgement") or license_.get("acknowledgement"), 20)
        found.setdefault(how, []).append(as_text(text, 200))
    listed = found.get("concluded") or [each for texts in found.values() for each in texts]
    texts = [each for each in dict.fromkeys(listed) if each]
    if len(texts) > 1:
        texts = [_within(each) for each in texts]
    return cut(" AND ".join(texts))


def _within(expression: str) -> str:
    """An expression as a part of another one: `OR` binds less than the `AND` around it."""
    is_choice = " OR " in expression and not expression.startswith("(")
    return f"({expression})" if is_choice else expression


def read_syft(said: Mapping[str, Any]) -> Findings:
    """Syft's own JSON."""
    distro = as_mapping(said.get("distro"))
    packages = [
        Package(
            name=_package_name(each),
            version=as_text(each.get("version")),
            purl=as_text(each.get("purl")),
            licenses=" AND ".join(
                as_text(as_mapping(one).get("value") if isinstance(one, dict) else one, 200)
                for one in as_items(each.get("licenses"))[:20]
            ),
            reference=as_text(each.get("id")),
        )
        for each in (as_mapping(one) for one in as_items(said.get("artifacts")))
    ]
    return Findings(
        facts=present({"Format": "Syft", "System": as_text(distro.get("prettyName"))}),
        packages=_named(packages),
    )


def _named(packages: Iterable[Package]) -> list[Package]:
    return [each for each in packages if each.name]
