"""An SBOM is read in whatever it is wrapped, and one that is not read is said to be none."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from entrepot.extract.findings import ExtractionState
from entrepot.extract.security.forms import read_report
from tests.extract.security.test_cyclonedx import JSON_SAME, MODEL, XML_SAME
from tests.extract.security.test_spdx import SPDX_3, TEXT
from tests.extract.tasks import blob, found_in, names, read

SPDX = {"spdxVersion": "SPDX-2.3", "name": "demo", "packages": [{"name": "openssl"}]}
YAML = "SPDXID: SPDXRef-DOCUMENT\nspdxVersion: SPDX-2.3\nname: demo\npackages:\n- name: openssl\n"
READ: dict[str, bytes] = {
    "UTF-8 with a mark": b"\xef\xbb\xbf" + json.dumps(SPDX).encode(),
    "UTF-16": json.dumps(SPDX).encode("utf-16"),
    "UTF-16 BE with a mark": b"\xfe\xff" + json.dumps(SPDX).encode("utf-16-be"),
    "UTF-16 LE without a mark": json.dumps(SPDX).encode("utf-16-le"),
    "UTF-32": json.dumps(SPDX).encode("utf-32"),
    "an array": json.dumps([SPDX]).encode(),
    "an array with others": json.dumps([{"hello": "world"}, 7, SPDX]).encode(),
    "lines": f"{json.dumps(SPDX)}\n{json.dumps({'hello': 'world'})}\n".encode(),
    "YAML": YAML.encode(),
    "YAML with quotes": b'---\n"spdxVersion": "SPDX-2.3"\npackages: [{name: openssl}]\n',
    "YAML with a mark": b"\xef\xbb\xbf" + YAML.encode(),
    "tags with a mark": b"\xef\xbb\xbfSPDXVersion: SPDX-2.3\nPackageName: openssl\n",
    "tags of Windows": b"SPDXVersion: SPDX-2.2\r\nPackageName: openssl\r\nPackageVersion: 1\r\n",
    "wrapped": json.dumps({"sbom": SPDX}).encode(),
    "one package without a list": json.dumps(
        {"spdxVersion": "SPDX-2.3", "packages": {"name": "openssl"}}
    ).encode(),
    "XML in UTF-16": (
        '<?xml version="1.0" encoding="UTF-16"?><bom><components><component>'
        "<name>openssl</name></component></components></bom>"
    ).encode("utf-16"),
    "XML with a mark": b"\xef\xbb\xbf<?xml version='1.0'?><bom><components><component>"
    b"<name>openssl</name></component></components></bom>",
}


@pytest.mark.parametrize("name", READ)
def test_whatever_it_is_wrapped_in_it_is_read(tmp_path: Path, name: str) -> None:
    found = found_in(tmp_path, READ[name])
    assert (found.state, names(found)) == (ExtractionState.DONE, ["openssl"])
    assert found.documents


RDF = (
    '<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns="http://spdx.org/rdf/terms#"><SpdxDocument><name>demo</name></SpdxDocument></rdf:RDF>'
)
UNSUPPORTED = {
    "unknown JSON": ('{"hello": "world"}', "a JSON document of a form not known here"),
    "an empty object": ("{}", "not known here"),
    "RDF": (RDF, "RDF/XML"),
    "other XML": ("<project/>", "project"),
    "an empty array": ("[]", "empty"),
    "an array of numbers": ("[1, 2]", "not known here"),
    "an array of others": ('[{"hello": "world"}]', "not known here"),
    "text": ("plain", "no document"),
    "nothing": ("", "no document"),
    "bytes": ("\0\1\2", "no document"),
    "YAML of something else": ("a: 1\n", "no document"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_read_is_said_to_be_unsupported_and_why(tmp_path: Path, name: str) -> None:
    content, reason = UNSUPPORTED[name]
    found = found_in(tmp_path, content)
    assert (found.state, found.packages) == (ExtractionState.UNSUPPORTED, [])
    assert reason in found.reason


def test_protocol_buffers_are_unsupported(tmp_path: Path) -> None:
    found = found_in(tmp_path, b"\n\x031.5", "application/x.vnd.cyclonedx+protobuf")
    assert found.state is ExtractionState.UNSUPPORTED
    assert "Protocol Buffers" in found.reason


def test_one_layer_that_is_not_read_hides_no_other(tmp_path: Path) -> None:
    layers = [blob(tmp_path, json.dumps(each).encode(), "application/json") for each in (SPDX, {})]
    found = read("documents", *layers)
    assert (found.state, names(found)) == (ExtractionState.DONE, ["openssl"])
    assert "not known here" in found.reason


PREDICATES: dict[str, tuple[str, object]] = {
    "SPDX as text": ("https://spdx.dev/Document", TEXT),
    "SPDX in Data": ("https://spdx.dev/Document", {"Data": TEXT}),
    "SPDX 3": ("https://spdx.dev/Document/v3", json.loads(SPDX_3)),
    "CycloneDX in XML": ("https://cyclonedx.org/bom", XML_SAME.replace("{version}", "1.5")),
    "CycloneDX": ("https://cyclonedx.org/bom/v1.5", JSON_SAME),
}


@pytest.mark.parametrize("name", PREDICATES)
def test_an_attested_sbom_is_read_in_every_form(tmp_path: Path, name: str) -> None:
    kind, predicate = PREDICATES[name]
    statement = {"_type": "https://in-toto.io/Statement/v1", "predicateType": kind}
    payload = json.dumps({**statement, "predicate": predicate}).encode()
    encoded = base64.b64encode(payload).decode()
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": encoded, "signatures": []}
    found = found_in(tmp_path, json.dumps(envelope))
    assert "org.apache.logging.log4j:log4j-core" in names(found)


ODD: list[Any] = [None, 7, "", "text", [], {}, [None], [7], ["x"], {"a": None}, True, 1.5, [[]]]
BASES: dict[str, dict[str, Any]] = {
    "CycloneDX": JSON_SAME,
    "a model": MODEL,
    "SPDX 3": json.loads(SPDX_3),
    "SPDX 2": {
        "spdxVersion": "SPDX-2.3",
        "creationInfo": {"creators": ["Tool: x"]},
        "packages": [{"name": "a", "externalRefs": [{"referenceType": "purl"}]}],
        "relationships": [{"spdxElementId": "a"}],
        "files": [],
    },
}


def changed(value: Any, odd: Any) -> list[Any]:
    """The value with each of its parts in turn replaced by something odd."""
    if isinstance(value, dict):
        return [
            {**value, key: other} for key in value for other in [odd, *changed(value[key], odd)]
        ]
    if isinstance(value, list):
        return [
            [*value[:place], other, *value[place + 1 :]]
            for place, each in enumerate(value)
            for other in [odd, *changed(each, odd)]
        ]
    return []


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("name", BASES)
def test_odd_values_anywhere_raise_nothing(tmp_path: Path, name: str, odd: Any) -> None:
    for each in changed(BASES[name], odd):
        assert read_report(each).state in (ExtractionState.DONE, ExtractionState.UNSUPPORTED)


@pytest.mark.parametrize(
    ("title", "content", "expected"),
    [
        ("bom.xml", XML_SAME.replace("{version}", "1.5"), 2),
        ("sbom.yaml", YAML, 1),
        ("sbom.spdx", TEXT, 2),
        ("values.yaml", "a: 1", 0),
        ("pom.xml", "<project>" + "<a/>" * 100_000 + "</project>", 0),
        ("broken.xml", "<bom", 0),
    ],
)
def test_a_plain_file_is_an_sbom_where_it_says_so(
    tmp_path: Path, title: str, content: str, expected: int
) -> None:
    found = read("files", blob(tmp_path, content.encode(), "application/octet-stream", title))
    assert (found.state, len(found.packages)) == (ExtractionState.DONE, expected)
