"""in-toto statements and what their predicates say (SLSA, SBOMs, tests, summaries)."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from msgspec import json

from entrepot.extract.findings import ExtractionState, Findings, InTotoStatement
from entrepot.extract.limits import Unreadable
from entrepot.extract.security import reports, sboms, spdx, spdx3, vex
from entrepot.extract.security.forms import read_report, read_text_predicate
from entrepot.extract.texts import as_list, as_mapping, as_text, parse_json

_PROVENANCE: Final = ("https://slsa.dev/provenance/", "https://in-toto.io/Provenance/")
_SPDX: Final = "https://spdx.dev/Document"
_CYCLONEDX: Final = "https://cyclonedx.org/bom"
_MOST: Final = 500


def read_envelope(said: Mapping[str, Any]) -> Findings:
    """The statement in a DSSE envelope; who signed it is another matter."""
    try:
        payload = base64.b64decode(as_text(said.get("payload"), 2**26), validate=False)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("the envelope's payload is not base64") from error
    return read_statement(as_mapping(parse_json(payload)))


def read_statement(said: Mapping[str, Any]) -> Findings:
    """A statement, with the packages or findings that its predicate lists."""
    kind = as_text(said.get("predicateType"), 300)
    predicate = said.get("predicate")
    subjects = [
        f"{algorithm}:{as_text(digest, 200)}"
        for subject in as_list(said.get("subject"))[:_MOST]
        for algorithm, digest in as_mapping(as_mapping(subject).get("digest")).items()
    ]
    inner = _inner(kind, predicate)
    statement = _statement(kind, subjects, as_mapping(predicate))
    values = {name: getattr(inner, name) for name in Findings.__struct_fields__}
    return Findings(**{**values, "statements": [statement]})


def _inner(kind: str, predicate: object) -> Findings:
    """The document in an SBOM's or a report's predicate; some old tools wrote it as a text."""
    said = as_mapping(predicate)
    text = predicate if isinstance(predicate, str) else said.get("Data")
    is_sbom = kind.startswith((_SPDX, _CYCLONEDX))
    if isinstance(text, str) and (is_sbom or isinstance(predicate, str)):
        return read_text_predicate(text)
    if kind.startswith(_SPDX) and ("@graph" in said or "packages" in said):
        return spdx3.read_spdx_3(said) if "@graph" in said else spdx.read_spdx(said)
    if kind.startswith(_CYCLONEDX) and "components" in said:
        return sboms.read_cyclonedx(said)
    if is_sbom:
        return read_report(said)
    if kind.startswith("https://openvex.dev/ns"):
        return vex.read_openvex(said)
    if kind.startswith("https://cosign.sigstore.dev/attestation/vuln/"):
        # The scanner's own report, in any form that it writes.
        return read_report(as_mapping(as_mapping(said.get("scanner")).get("result")))
    if kind.startswith("https://in-toto.io/attestation/vulns/"):
        return reports.read_intoto_vulns(said)
    found = read_report(said)
    return found if found.state is ExtractionState.DONE else Findings()


def _statement(kind: str, subjects: list[str], said: Mapping[str, Any]) -> InTotoStatement:
    if kind.startswith("https://slsa.dev/provenance/v1"):
        return _provenance_1(kind, subjects, said)
    if kind.startswith(_PROVENANCE):
        return _provenance_0(kind, subjects, said)
    result = said.get("verificationResult") or said.get("result")
    simple = {key: _line(value) for key, value in list(said.items())[:40]}
    is_large = bool(kind.startswith((_SPDX, _CYCLONEDX)))
    return InTotoStatement(
        kind,
        subjects,
        result=as_text(result, 60) if isinstance(result, str) else "",
        details={} if is_large else {key: value for key, value in simple.items() if value},
    )


def _provenance_1(kind: str, subjects: list[str], said: Mapping[str, Any]) -> InTotoStatement:
    build, run = as_mapping(said.get("buildDefinition")), as_mapping(said.get("runDetails"))
    metadata = as_mapping(run.get("metadata"))
    parameters = as_mapping(build.get("externalParameters"))
    workflow = as_mapping(parameters.get("workflow"))
    config = as_mapping(parameters.get("configSource"))
    resolved = [as_mapping(each) for each in as_list(build.get("resolvedDependencies"))[:_MOST]]
    vcs = as_mapping(as_mapping(metadata.get("buildkit_metadata")).get("vcs"))
    first = resolved[0] if resolved else {}
    return InTotoStatement(
        kind,
        subjects,
        builder=as_text(as_mapping(run.get("builder")).get("id")),
        build_type=as_text(build.get("buildType")),
        source=as_text(
            vcs.get("source") or workflow.get("repository") or config.get("uri") or first.get("uri")
        ),
        revision=as_text(vcs.get("revision") or as_mapping(first.get("digest")).get("gitCommit")),
        entry_point=as_text(workflow.get("path") or config.get("path")),
        invocation=as_text(metadata.get("invocationId") or metadata.get("invocationID")),
        started=as_text(metadata.get("startedOn")),
        finished=as_text(metadata.get("finishedOn")),
        parameters=_parameters(parameters),
        materials=[_material(each) for each in resolved],
    )


def _provenance_0(kind: str, subjects: list[str], said: Mapping[str, Any]) -> InTotoStatement:
    invocation, metadata = (as_mapping(said.get(key)) for key in ("invocation", "metadata"))
    config = as_mapping(invocation.get("configSource"))
    vcs = as_mapping(
        as_mapping(metadata.get("https://mobyproject.org/buildkit@v1#metadata")).get("vcs")
    )
    completeness = as_mapping(metadata.get("completeness"))
    return InTotoStatement(
        kind,
        subjects,
        builder=as_text(as_mapping(said.get("builder")).get("id")),
        build_type=as_text(said.get("buildType")),
        source=as_text(vcs.get("source") or config.get("uri")),
        revision=as_text(vcs.get("revision") or as_mapping(config.get("digest")).get("sha1")),
        entry_point=as_text(config.get("entryPoint")),
        invocation=as_text(metadata.get("buildInvocationID") or metadata.get("buildInvocationId")),
        started=as_text(metadata.get("buildStartedOn")),
        finished=as_text(metadata.get("buildFinishedOn")),
        parameters=_parameters(as_mapping(invocation.get("parameters"))),
        materials=[_material(as_mapping(each)) for each in as_list(said.get("materials"))[:_MOST]],
        details={
            f"complete: {key}": as_text(value) for key, value in list(completeness.items())[:10]
        },
    )


def _parameters(said: Mapping[str, Any]) -> dict[str, str]:
    return {str(key)[:100]: _line(value) for key, value in list(said.items())[:100]}


def _material(said: Mapping[str, Any]) -> str:
    digests = as_mapping(said.get("digest")).items()
    tail = " ".join(f"{name}:{as_text(value, 130)}" for name, value in list(digests)[:3])
    return f"{as_text(said.get('uri') or said.get('name'), 500)} {tail}".strip()


def _line(value: object) -> str:
    """A value in one line, short."""
    if isinstance(value, str | int | float | bool):
        return as_text(value, 1000)
    return json.encode(value).decode(errors="replace")[:1000] if value else ""
