"""Reads one artifact: from a task to findings; blobs of any content are safe to read."""

import re
from collections.abc import Callable
from typing import Final

from msgspec import json
from msgspec.structs import replace

from entrepot.extract import limits
from entrepot.extract.charts import read_chart
from entrepot.extract.contents import contents_of
from entrepot.extract.documents import read_document, read_documents
from entrepot.extract.files import read_files, read_whole
from entrepot.extract.findings import PICTURE, PROSE, ExtractionState, Findings, FoundDocument, Task
from entrepot.extract.images import read_image
from entrepot.extract.limits import JSON, InputTooLarge, Unreadable
from entrepot.extract.models import read_model
from entrepot.extract.readmes.front_matter import facts_of, license_of, split_front_matter, tags_of
from entrepot.extract.readmes.highlight import highlight
from entrepot.extract.readmes.links import Surroundings
from entrepot.extract.readmes.markdown import render
from entrepot.extract.sandbox.renderer import MARKDOWN
from entrepot.extract.security.forms import joined
from entrepot.extract.security.merging import merged
from entrepot.extract.texts import as_text

_BOM: Final = re.compile(rb"<(?:[\w.-]+:)?bom[\s/>]")
_DOCUMENTS: Final = (".json", ".jsonl", ".spdx", ".sarif", ".xml", ".yaml", ".yml")


def read_task(task: Task) -> Findings:
    """Return the findings; never raises because of a blob's content."""
    read = _READERS.get(task.extractor)
    try:
        if task.extractor == MARKDOWN:
            return _render(task)
        return _with_html(_with_front_matter(bounded(read(task)))) if read else Findings()
    except InputTooLarge as error:
        return Findings(state=ExtractionState.TOO_LARGE, reason=str(error))
    except Unreadable as error:
        return Findings(state=ExtractionState.FAILED, reason=str(error))
    except (MemoryError, RecursionError):
        return Findings(state=ExtractionState.TOO_LARGE, reason="it takes more memory than it may")


def _read_files(task: Task) -> Findings:
    """Files, and what a file of a vague media type turns out to be."""
    files = read_files(task)
    facts, images = contents_of(files.documents)
    found = replace(files, facts={**files.facts, **facts}, images=[*files.images, *images])
    reports = []
    for blob in task.blobs:
        if blob.index < 0 or not blob.path or not blob.title.lower().endswith(_DOCUMENTS):
            continue
        try:
            content = read_whole(blob, JSON)
            report = read_document(blob, content, task) if _may_be_one(content) else None
        except (InputTooLarge, Unreadable, MemoryError, RecursionError):
            # It is a file all the same, and the others are listed.
            continue
        if report is not None and report.state is not ExtractionState.UNSUPPORTED:
            reports.append(report)
    if not reports:
        return found
    whole = joined([found, *reports])
    return replace(
        whole,
        files=found.files,
        files_cut=found.files_cut,
        state=found.state,
        images=found.images,
    )


def _may_be_one(content: bytes) -> bool:
    """Whether a file is worth parsing: XML only where it begins as CycloneDX does."""
    return content.lstrip()[:1] != b"<" or _BOM.search(content, 0, 65_536) is not None


def bounded(findings: Findings) -> Findings:
    """The findings with lists that are no longer than they may be; how much went is in them.

    This is the one place that cuts lists: readers keep all that a document says, and a document
    is at most `limits.JSON` bytes long.
    """
    findings = _once(findings)
    kept, left_out = {}, {}
    for name, most in _LONGEST.items():
        everything = getattr(findings, name)
        if len(everything) > most:
            kept[name] = everything[:most]
            left_out[name] = len(everything) - most
    return replace(findings, **kept, left_out=left_out) if kept else findings


def _render(task: Task) -> Findings:
    """The HTML of a text that the task holds itself."""
    said = task.annotations
    around = json.decode(said.get("around", "{}"), type=Surroundings)
    html = render(said.get("text", ""), around)
    return Findings(documents=[FoundDocument("html", "text/html", html)])


def _with_front_matter(findings: Findings) -> Findings:
    """Add a README's front matter to the findings; other sources come first."""
    readme = next((each for each in findings.documents if each.name == "readme"), None)
    if readme is None or readme.media_type != "text/markdown":
        return findings
    said, _ = split_front_matter(readme.text)
    values = {name: getattr(findings, name) for name in Findings.__struct_fields__}
    named = as_text(said.get("title") or said.get("name"), 200)
    summary = as_text(said.get("description") or said.get("summary"))
    more = {
        "title": findings.title or named,
        "description": findings.description or summary,
        "licenses": findings.licenses or license_of(said),
        "facts": {**facts_of(said), **findings.facts},
        "keywords": [*findings.keywords, *tags_of(said)],
    }
    return Findings(**{**values, **more})


def _once(findings: Findings) -> Findings:
    """The findings with each vulnerability of each package once, the worst first."""
    if not findings.vulnerabilities:
        return findings
    return replace(findings, vulnerabilities=merged(findings.vulnerabilities))


def _with_html(findings: Findings) -> Findings:
    """Each document with its HTML beside it, in colours until there was enough of them."""
    drawn: list[FoundDocument] = []
    left = _COLOURED
    for each in findings.documents:
        drawn.append(each)
        if each.name in PROSE or each.name.startswith(PICTURE):
            # Markdown is drawn by a process of its own, which may die of it.
            continue
        is_coloured = len(each.text) <= left
        left -= len(each.text) if is_coloured else 0
        html = highlight(each.text, each.media_type if is_coloured else "text/plain")
        drawn.append(FoundDocument(f"{each.name}.html", "text/html", html))
    return replace(findings, documents=drawn)


_COLOURED: Final = 1_500_000
"""Characters of an artifact that are coloured: a megabyte takes about two seconds."""
_LONGEST: Final = {
    "packages": limits.PACKAGES,
    "relations": limits.RELATIONS,
    "vulnerabilities": limits.VULNERABILITIES,
    "assessments": limits.VULNERABILITIES,
    "issues": limits.VULNERABILITIES,
}
_READERS: Final[dict[str, Callable[[Task], Findings]]] = {
    "chart": read_chart,
    "files": _read_files,
    "image": read_image,
    "documents": read_documents,
    "model": read_model,
}
