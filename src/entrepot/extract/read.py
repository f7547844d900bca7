"""Reads one artifact: from a task to findings, whatever the blobs hold."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from entrepot.extract import limits
from entrepot.extract.charts import read_chart
from entrepot.extract.documents import read_document, read_documents
from entrepot.extract.files import read_files, read_whole
from entrepot.extract.findings import Document, Findings, State, Task
from entrepot.extract.forms import joined
from entrepot.extract.highlight import highlight
from entrepot.extract.images import read_image
from entrepot.extract.limits import JSON, TooLarge, Unreadable
from entrepot.extract.markdown import render
from entrepot.extract.models import read_model

_DOCUMENTS: Final = (".json", ".jsonl", ".spdx", ".sarif", ".xml", ".yaml", ".yml")
MARKDOWN: Final = "markdown"
"""The extractor of a task that holds a text itself, and wants its HTML back."""


def read_task(task: Task) -> Findings:
    """What was found; never raises for anything that the blobs hold."""
    if task.extractor == MARKDOWN:
        html = render(task.annotations.get("text", ""))
        return Findings(documents=[Document("readme.html", "text/html", html)])
    read = _READERS.get(task.extractor)
    if read is None:
        return Findings()
    try:
        return _with_html(bounded(read(task)))
    except TooLarge as error:
        return Findings(state=State.TOO_LARGE, reason=str(error))
    except Unreadable as error:
        return Findings(state=State.FAILED, reason=str(error))
    except (MemoryError, RecursionError):
        return Findings(state=State.TOO_LARGE, reason="it takes more memory than it may")


def _read_files(task: Task) -> Findings:
    """Files, and what a file of a vague media type turns out to be."""
    found = read_files(task)
    reports = []
    for blob in task.blobs:
        if blob.index < 0 or not blob.path or not blob.title.lower().endswith(_DOCUMENTS):
            continue
        try:
            report = read_document(blob, read_whole(blob, JSON), task)
        except (TooLarge, Unreadable):
            continue
        if report.state is not State.UNSUPPORTED:
            reports.append(report)
    if not reports:
        return found
    whole = joined([found, *reports])
    values = {name: getattr(whole, name) for name in Findings.__struct_fields__}
    return Findings(
        **{**values, "files": found.files, "files_cut": found.files_cut, "state": found.state}
    )


def bounded(findings: Findings) -> Findings:
    """The findings with lists that are no longer than they may be; how much went is in them.

    This is the one place that cuts lists: readers keep all that a document says, and a document
    is at most `limits.JSON` bytes long.
    """
    kept, left_out = {}, {}
    for name, most in _LONGEST.items():
        everything = getattr(findings, name)
        if len(everything) > most:
            kept[name] = everything[:most]
            left_out[name] = len(everything) - most
    return replace(findings, **kept, left_out=left_out) if kept else findings


def _with_html(findings: Findings) -> Findings:
    """Each document with its HTML beside it: whatever drawing it costs, it costs here."""
    drawn = [each for document in findings.documents for each in _drawn(document)]
    values = {name: getattr(findings, name) for name in Findings.__struct_fields__}
    return Findings(**{**values, "documents": drawn})


def _drawn(document: Document) -> list[Document]:
    name = f"{document.name}.html"
    if document.media_type == "text/markdown" and document.name in ("readme", "changelog"):
        return [document, Document(name, "text/html", render(document.text))]
    if document.name == "readme":
        text = f"```\n{document.text}\n```"
        return [document, Document(name, "text/html", render(text))]
    return [document, Document(name, "text/html", highlight(document.text, document.media_type))]


_LONGEST: Final = {
    "packages": limits.PACKAGES,
    "relations": limits.RELATIONS,
    "vulnerabilities": limits.VULNERABILITIES,
}
_READERS: Final[dict[str, Callable[[Task], Findings]]] = {
    "chart": read_chart,
    "files": _read_files,
    "image": read_image,
    "documents": read_documents,
    "model": read_model,
}
