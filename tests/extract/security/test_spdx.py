"""SPDX says who ships what under which licence, as tags and values and as a graph."""

import json
from pathlib import Path
from typing import Any

from entrepot.extract.findings import ExtractionState
from tests.extract.tasks import found_in, names

LOG4J = "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"
TEXT = """SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: demo
DocumentNamespace: https://example.org/demo
Creator: Tool: maker-1
Creator: Organization: Acme
Created: 2026-01-01T00:00:00Z
CreatorComment: <text>PackageName: not a package
PackageName: nor this one</text>

## a package
PackageName: log4j-core
SPDXID: SPDXRef-log
PackageVersion: 2.14.1
PackageSupplier: Organization: Apache
PackageLicenseConcluded: NOASSERTION
PackageLicenseDeclared: Apache-2.0
PackageDescription: <text>a
PackageVersion: 9</text>
ExternalRef: PACKAGE-MANAGER purl pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1
FileName: ./lib.jar
SPDXID: SPDXRef-file
PackageName: zlib
SPDXID: SPDXRef-z
PackageSupplier: NOASSERTION
Relationship: SPDXRef-log DEPENDS_ON SPDXRef-z
Relationship: SPDXRef-z CONTAINED_BY SPDXRef-log
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-log
"""


def test_tags_and_values_are_read_whole(tmp_path: Path) -> None:
    found = found_in(tmp_path, TEXT, "text/spdx")
    assert found.title == "demo"
    assert found.facts == {
        "Name": "demo",
        "Format": "SPDX-2.3",
        "Namespace": "https://example.org/demo",
        "Creators": "Tool: maker-1, Organization: Acme",
        "Created": "2026-01-01T00:00:00Z",
        "Files": "1",
    }
    first, second = found.packages
    assert (first.name, first.version) == ("org.apache.logging.log4j:log4j-core", "2.14.1")
    assert (first.licenses, first.reference) == ("Apache-2.0", "SPDXRef-log")
    assert (second.name, second.reference, second.supplier) == ("zlib", "SPDXRef-z", "")
    pairs = [(each.source, each.target) for each in found.relations]
    assert pairs == [("SPDXRef-log", "SPDXRef-z")] * 2


def graph(*elements: dict[str, Any]) -> str:
    """An SPDX 3 document."""
    context = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
    return json.dumps({"@context": context, "@graph": list(elements)})


def relation(kind: str, source: str, *targets: object, **more: object) -> dict[str, Any]:
    """A relationship."""
    to: object = list(targets)
    said = {"type": "Relationship", "relationshipType": kind, "from": source, "to": to}
    return {"spdxId": f"urn:r:{kind}:{source}", **said, **more}


SPDX_3 = graph(
    {
        "type": "CreationInfo",
        "@id": "_:c",
        "specVersion": "3.0.1",
        "created": "2026-01-01T00:00:00Z",
        "createdBy": ["urn:acme"],
        "createdUsing": ["urn:tool"],
    },
    {"type": "Organization", "spdxId": "urn:acme", "name": "Acme"},
    {"type": "Tool", "spdxId": "urn:tool", "name": "maker"},
    {
        "type": "SpdxDocument",
        "spdxId": "urn:d",
        "name": "My document",
        "creationInfo": "_:c",
        "rootElement": ["urn:log"],
    },
    {
        "type": "software_Package",
        "spdxId": "urn:log",
        "name": "log4j-core",
        "software_packageVersion": "2.14.1",
        "suppliedBy": "urn:acme",
        "externalIdentifier": [
            {"type": "ExternalIdentifier", "externalIdentifierType": "cpe23", "identifier": "cpe"},
            {
                "type": "ExternalIdentifier",
                "externalIdentifierType": "packageUrl",
                "identifier": LOG4J,
            },
        ],
    },
    {"type": "ai_AIPackage", "spdxId": "urn:m", "name": "bert", "software_packageVersion": "1"},
    {"type": "dataset_DatasetPackage", "spdxId": "urn:s", "name": "wiki"},
    {"type": "software_Package", "spdxId": "urn:z", "name": "zlib"},
    {
        "type": "simplelicensing_LicenseExpression",
        "spdxId": "urn:l",
        "simplelicensing_licenseExpression": "Apache-2.0",
    },
    {
        "type": "expandedlicensing_DisjunctiveLicenseSet",
        "spdxId": "urn:or",
        "expandedlicensing_member": ["https://spdx.org/licenses/MIT", "urn:own"],
    },
    {"type": "expandedlicensing_CustomLicense", "spdxId": "urn:own", "name": "Acme-1.0"},
    relation("hasDeclaredLicense", "urn:log", "urn:l"),
    relation("hasDeclaredLicense", "urn:m", "urn:l"),
    relation("hasConcludedLicense", "urn:m", "urn:or"),
    relation("hasConcludedLicense", "urn:s", "https://spdx.org/licenses/CC-BY-4.0"),
    relation(
        "hasConcludedLicense", "urn:z", "https://spdx.org/rdf/3.0.1/terms/Licensing/NoAssertion"
    ),
    relation("dependsOn", "urn:log", "urn:z"),
    relation("dependsOn", "urn:z", "urn:m", type="LifecycleScopedRelationship"),
)


def test_spdx_3_has_licences_urls_models_and_data_sets(tmp_path: Path) -> None:
    found = found_in(tmp_path, SPDX_3, "application/spdx+json")
    assert (found.state, found.title) == (ExtractionState.DONE, "My document")
    said = [(each.name, each.version, each.licenses) for each in found.packages]
    assert said == [
        ("org.apache.logging.log4j:log4j-core", "2.14.1", "Apache-2.0"),
        ("bert", "1", "(MIT OR Acme-1.0)"),
        ("wiki", "", "CC-BY-4.0"),
        ("zlib", "", ""),
    ]
    assert (found.packages[0].purl, found.packages[0].supplier) == (LOG4J, "Acme")
    assert [(each.source, each.target) for each in found.relations] == [
        ("urn:log", "urn:z"),
        ("urn:z", "urn:m"),
    ]
    assert found.facts == {
        "Name": "My document",
        "Format": "SPDX 3.0.1",
        "Created": "2026-01-01T00:00:00Z",
        "Creators": "Acme",
        "Tools": "maker",
        "Describes": "log4j-core",
        "AI packages": "bert",
        "Data sets": "wiki",
    }


def test_spdx_3_may_write_one_thing_without_a_list_and_elements_in_place(tmp_path: Path) -> None:
    package = {
        "type": ["https://spdx.org/rdf/3.0.1/terms/Software/Package"],
        "@id": "urn:p",
        "name": "bash",
        "externalIdentifier": {
            "externalIdentifierType": "packageUrl",
            "identifier": "pkg:deb/debian/bash@5",
        },
    }
    license_ = {
        "type": "simplelicensing_LicenseExpression",
        "simplelicensing_licenseExpression": "GPL-3.0-or-later",
    }
    said = relation("hasConcludedLicense", "urn:p")
    found = found_in(tmp_path, graph(package, {**said, "to": license_}))
    first = found.packages[0]
    assert (first.name, first.purl, first.licenses) == (
        "bash",
        "pkg:deb/debian/bash@5",
        "GPL-3.0-or-later",
    )
    context = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
    alone = {"@context": context, "type": "software_Package", "name": "alone"}
    assert names(found_in(tmp_path, json.dumps(alone))) == ["alone"]
