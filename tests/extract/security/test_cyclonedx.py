"""CycloneDX says the same in XML and in JSON, its BOMs of models included."""

import json
from pathlib import Path
from typing import Any

import pytest

from entrepot.extract.findings import ExtractionState
from tests.extract.tasks import found_in, names

LOG4J = "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"
XML_SAME = """<?xml version="1.0"?><!-- made by hand -->
<bom xmlns="http://cyclonedx.org/schema/bom/{version}" version="1" serialNumber="urn:uuid:1">
 <metadata><timestamp>2026-01-01T00:00:00Z</timestamp>
  <tools><tool><vendor>acme</vendor><name>maker</name><version>9</version></tool></tools>
  <component type="application" bom-ref="app"><group>com.acme</group><name>shop</name>
   <version>2.0</version></component></metadata>
 <components>
  <component type="library" bom-ref="log">
   <group>org.apache.logging.log4j</group><name><![CDATA[log4j-core]]></name>
   <version>2.14.1</version>
   <licenses><license><id>Apache-2.0</id></license></licenses>
   <purl>pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1</purl>
   <pedigree><ancestors><component type="library"><name>upstream-only</name></component>
   </ancestors><variants><component type="library"><name>variant</name></component></variants>
   </pedigree>
   <components><component type="library"><name>shaded</name><version>1</version>
    <licenses><expression>MIT OR BSD-3-Clause</expression></licenses></component></components>
  </component>
 </components>
 <dependencies><dependency ref="app"><dependency ref="log"/></dependency></dependencies>
 <vulnerabilities><vulnerability bom-ref="v"><id>CVE-2021-44228</id>
  <source><name>NVD</name><url>https://nvd.example/CVE-2021-44228</url></source>
  <ratings><rating><score>10.0</score><severity>critical</severity></rating></ratings>
  <description>a shell in a log</description>
  <analysis><state>exploitable</state><detail>it is used</detail></analysis>
  <affects><target><ref>log</ref></target></affects></vulnerability></vulnerabilities>
</bom>"""
JSON_SAME = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "metadata": {
        "timestamp": "2026-01-01T00:00:00Z",
        "tools": [{"vendor": "acme", "name": "maker", "version": "9"}],
        "component": {
            "type": "application",
            "bom-ref": "app",
            "group": "com.acme",
            "name": "shop",
            "version": "2.0",
        },
    },
    "components": [
        {
            "type": "library",
            "bom-ref": "log",
            "group": "org.apache.logging.log4j",
            "name": "log4j-core",
            "version": "2.14.1",
            "licenses": [{"license": {"id": "Apache-2.0"}}],
            "purl": LOG4J,
            "pedigree": {"ancestors": [{"type": "library", "name": "upstream-only"}]},
            "components": [
                {
                    "type": "library",
                    "name": "shaded",
                    "version": "1",
                    "licenses": [{"expression": "MIT OR BSD-3-Clause"}],
                }
            ],
        }
    ],
    "dependencies": [{"ref": "app", "dependsOn": ["log"]}],
    "vulnerabilities": [
        {
            "bom-ref": "v",
            "id": "CVE-2021-44228",
            "source": {"name": "NVD", "url": "https://nvd.example/CVE-2021-44228"},
            "ratings": [{"score": 10.0, "severity": "critical"}],
            "description": "a shell in a log",
            "analysis": {"state": "exploitable", "detail": "it is used"},
            "affects": [{"ref": "log"}],
        }
    ],
}


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"])
def test_cyclonedx_says_the_same_in_xml_and_in_json(tmp_path: Path, version: str) -> None:
    one = found_in(
        tmp_path, XML_SAME.replace("{version}", version), "application/vnd.cyclonedx+xml"
    )
    other = found_in(tmp_path, json.dumps(JSON_SAME), "application/vnd.cyclonedx+json")
    assert (one.state, one.title) == (ExtractionState.DONE, "shop")
    assert one.packages == other.packages
    assert names(one) == ["org.apache.logging.log4j:log4j-core", "shaded"]
    assert one.vulnerabilities == other.vulnerabilities
    assert one.vulnerabilities[0].severity == "critical"
    assert one.relations == other.relations != []
    assert one.facts == {**other.facts, "Format": f"CycloneDX {version} XML"}
    assert one.facts["Describes"] == "com.acme:shop 2.0"
    assert one.facts["Tools"] == "maker 9"


def test_prefixes_and_foreign_elements_make_no_difference(tmp_path: Path) -> None:
    text = """<b:bom xmlns:b="http://cyclonedx.org/schema/bom/1.4" xmlns:x="urn:x"><x:components>
    <x:component><x:name>foreign</x:name></x:component></x:components><b:components>
    <b:component type="library"><b:name>own</b:name><x:name>foreign</x:name></b:component>
    </b:components></b:bom>"""
    assert names(found_in(tmp_path, text)) == ["own"]
    plain = "<bom><components><component><name>plain</name></component></components></bom>"
    assert names(found_in(tmp_path, plain)) == ["plain"]


LICENSES = [
    ("<license><id>MIT</id></license><license><name>Own</name></license>", "MIT AND Own"),
    (
        "<license acknowledgement='declared'><id>MIT</id></license>"
        "<expression acknowledgement='concluded'>MIT OR GPL-2.0</expression>",
        "MIT OR GPL-2.0",
    ),
    ("<expression>A OR B</expression><license><id>MIT</id></license>", "(A OR B) AND MIT"),
    ("<expression-detailed expression='MIT AND X'><details/></expression-detailed>", "MIT AND X"),
    ("", ""),
]


@pytest.mark.parametrize(("licenses", "expected"), LICENSES)
def test_licences_are_one_expression(tmp_path: Path, licenses: str, expected: str) -> None:
    text = f"""<bom xmlns="http://cyclonedx.org/schema/bom/1.7"><components><component>
    <name>a</name><licenses>{licenses}</licenses></component></components></bom>"""
    assert found_in(tmp_path, text).packages[0].licenses == expected


def test_tools_of_newer_versions_are_components(tmp_path: Path) -> None:
    text = """<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><metadata><tools><components>
    <component type="application"><name>syft</name><version>1.0</version></component></components>
    </tools></metadata></bom>"""
    found = found_in(tmp_path, text)
    assert (found.facts["Tools"], names(found)) == ("syft 1.0", [])


MODEL: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {
        "component": {
            "type": "machine-learning-model",
            "name": "bert",
            "version": "1",
            "purl": "pkg:huggingface/google/bert@1",
            "licenses": [{"license": {"id": "Apache-2.0"}}],
            "modelCard": {
                "modelParameters": {
                    "task": "fill-mask",
                    "architectureFamily": "transformer",
                    "modelArchitecture": "BertForMaskedLM",
                    "approach": {"type": "self-supervised"},
                    "datasets": [{"type": "dataset", "name": "wiki"}, {"ref": "books"}],
                    "inputs": [{"format": "text"}],
                },
                "quantitativeAnalysis": {
                    "performanceMetrics": [{"type": "accuracy", "value": "0.9", "slice": "en"}]
                },
                "considerations": {
                    "useCases": ["search"],
                    "technicalLimitations": ["512 tokens"],
                    "ethicalConsiderations": [{"name": "bias", "mitigationStrategy": "none"}],
                },
            },
        }
    },
}
MODEL_XML = """<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><metadata>
<component type="machine-learning-model"><name>bert</name><version>1</version>
<licenses><license><id>Apache-2.0</id></license></licenses>
<purl>pkg:huggingface/google/bert@1</purl><modelCard><modelParameters>
<approach><type>self-supervised</type></approach><task>fill-mask</task>
<architectureFamily>transformer</architectureFamily>
<modelArchitecture>BertForMaskedLM</modelArchitecture>
<datasets><dataset><type>dataset</type><name>wiki</name></dataset><dataset><ref>books</ref></dataset>
</datasets><inputs><input><format>text</format></input></inputs></modelParameters>
<quantitativeAnalysis><performanceMetrics><performanceMetric><type>accuracy</type>
<value>0.9</value><slice>en</slice></performanceMetric></performanceMetrics></quantitativeAnalysis>
<considerations><useCases><useCase>search</useCase></useCases>
<technicalLimitations><technicalLimitation>512 tokens</technicalLimitation></technicalLimitations>
<ethicalConsiderations><ethicalConsideration><name>bias</name></ethicalConsideration>
</ethicalConsiderations></considerations></modelCard></component></metadata></bom>"""


@pytest.mark.parametrize("content", [json.dumps(MODEL), MODEL_XML], ids=["json", "xml"])
def test_a_bom_of_a_model_tells_of_the_model(tmp_path: Path, content: str) -> None:
    found = found_in(tmp_path, content)
    assert (found.title, names(found)) == ("bert", ["google/bert"])
    assert found.packages[0].licenses == "Apache-2.0"
    expected = {
        "Task": "fill-mask",
        "Architecture": "transformer BertForMaskedLM",
        "Learning": "self-supervised",
        "Data sets": "wiki; books",
        "Inputs": "text",
        "Metrics": "accuracy 0.9 (en)",
        "Use cases": "search",
        "Limitations": "512 tokens",
        "Ethical considerations": "bias",
    }
    assert {key: found.facts.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("rating", "severity"),
    [
        ({"severity": "low", "score": 9.8, "method": "CVSSv31"}, "low"),
        ({"score": 9.8, "method": "CVSSv31"}, "critical"),
        ({"severity": "unknown", "score": 9.8, "method": "CVSSv31"}, "critical"),
        ({"severity": "high"}, "high"),
        ({}, "unknown"),
    ],
)
def test_a_word_for_a_severity_counts_before_the_score(
    tmp_path: Path, rating: dict[str, object], severity: str
) -> None:
    said = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [{"type": "library", "bom-ref": "log", "name": "log4j", "purl": LOG4J}],
        "vulnerabilities": [
            {"id": "CVE-2024-1", "ratings": [rating], "affects": [{"ref": "log"}]},
        ],
    }
    (found,) = found_in(tmp_path, json.dumps(said)).vulnerabilities
    assert found.severity == severity
