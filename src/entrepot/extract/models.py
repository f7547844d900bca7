"""AI models: the headers of GGUF and safetensors, model cards, licences, Kitfiles."""

import json
import struct
from typing import IO, Any, Final

from entrepot.extract import limits
from entrepot.extract.files import CollectedFiles, open_blob, read_blob
from entrepot.extract.findings import Blob, ExtractionState, Findings, Task
from entrepot.extract.limits import InputTooLarge, Unreadable
from entrepot.extract.texts import as_text

_KEYS: Final = {
    "general.architecture": "Architecture",
    "general.name": "Name",
    "general.size_label": "Parameters",
    "general.license": "Licence",
    "general.file_type": "Quantisation",
    "general.quantization_version": "Quantisation version",
    "tokenizer.ggml.model": "Tokenizer",
}
_SIZES: Final = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_STRING: Final = 8
_ARRAY: Final = 9
_HEADER: Final = 8 * 1024 * 1024
_SMALL: Final = 16 * 1024 * 1024
"""Layers up to here are looked into as files; weights are only looked at."""


def read_model(task: Task) -> Findings:
    """Facts from headers, and the texts that come with the weights."""
    collected = CollectedFiles()
    facts: dict[str, str] = {}
    for blob in task.blobs:
        if blob.index < 0 or not blob.path:
            continue
        try:
            facts |= _header(blob)
        except (InputTooLarge, Unreadable, struct.error) as error:
            collected.problem = str(error)
        if blob.size <= _SMALL:
            read_blob(_named(blob), collected)
    found = collected.findings()
    values = {name: getattr(found, name) for name in Findings.__struct_fields__}
    return Findings(**{**values, "state": ExtractionState.DONE, "facts": facts})


def _named(blob: Blob) -> Blob:
    """The layer with a name by which its text is found: ModelPack and Docker call it otherwise."""
    title = (
        blob.title
        or blob.annotations.get("org.cncf.model.filepath", "")
        or {"license": "LICENSE", "template": "template.txt", "system": "system.txt"}.get(
            blob.media_type.rpartition(".")[2], ""
        )
    )
    return Blob(blob.index, blob.media_type, blob.size, blob.path, title, blob.annotations)


def _header(blob: Blob) -> dict[str, str]:
    with open_blob(blob) as file:
        start = file.read(8)
        if start[:4] == b"GGUF":
            file.seek(0)
            return _gguf(file)
        length = int.from_bytes(start, "little")
        if len(start) == 8 and 2 <= length <= _HEADER and file.read(1) == b"{":
            return _safetensors(b"{" + file.read(length - 1))
    return {}


def _safetensors(content: bytes) -> dict[str, str]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(said, dict):
        return {}
    metadata = said.pop("__metadata__", {})
    kinds = sorted(
        {as_text(each.get("dtype"), 20) for each in said.values() if isinstance(each, dict)}
    )
    facts = {"Format": "safetensors", "Tensors": str(len(said)), "Precision": ", ".join(kinds[:8])}
    if isinstance(metadata, dict):
        facts |= {str(key)[:60]: as_text(value, 300) for key, value in list(metadata.items())[:10]}
    return facts


def _gguf(file: IO[bytes]) -> dict[str, str]:
    """Key-value pairs of a GGUF header (gguf.md), the few that people ask for."""
    _, version, tensors, count = struct.unpack("<IIQQ", file.read(24))
    facts = {"Format": f"GGUF {version}", "Tensors": str(tensors)}
    for _ in range(min(count, 500)):
        if file.tell() > _HEADER:
            break
        key = _string(file)
        value = _value(file, *struct.unpack("<I", file.read(4)))
        if key in _KEYS:
            facts[_KEYS[key]] = as_text(value, 200)
        elif key.endswith(".context_length"):
            facts["Context length"] = as_text(value, 40)
    return facts


def _string(file: IO[bytes]) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > limits.TEXT:
        raise Unreadable("the model's header is damaged")
    return file.read(length).decode(errors="replace")


def _value(file: IO[bytes], kind: int) -> Any:
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        inner, count = struct.unpack("<IQ", file.read(12))
        for _ in range(min(count, 2_000_000)):
            if file.tell() > _HEADER:
                raise InputTooLarge("the model's header is larger than what is read")
            _value(file, inner)
        return None
    if kind not in _SIZES:
        raise Unreadable("the model's header is damaged")
    code = _SIZES[kind]
    return struct.unpack(f"<{code}", file.read(struct.calcsize(code)))[0]
