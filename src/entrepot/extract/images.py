"""Container images: the files of each layer, what later ones delete, and which system it is."""

from typing import Final

from entrepot.extract import limits
from entrepot.extract.archives import ArchiveMember
from entrepot.extract.files import CollectedFiles, members_of, open_blob
from entrepot.extract.findings import ExtractionState, Findings, Task
from entrepot.extract.limits import InputTooLarge, Unreadable

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_RELEASE: Final = ("etc/os-release", "usr/lib/os-release")
_LOOKED_INTO: Final = 64 * 1024 * 1024
"""Bytes of layers that are opened for one image; the rest is told to be too large."""


def read_image(task: Task) -> Findings:
    """File lists of layers, the first ones of an image that is too large for all."""
    collected = CollectedFiles()
    facts: dict[str, str] = {}
    left = _LOOKED_INTO
    for blob in task.blobs:
        if blob.index < 0 or not blob.path or "+encrypted" in blob.media_type:
            continue
        if blob.size > left:
            collected.problem = "layers larger than 64 MiB in all are not looked into"
            break
        left -= blob.size
        try:
            with open_blob(blob) as file:
                for member in members_of(file, blob.size):
                    _take(member, blob.index, collected, facts)
        except (InputTooLarge, Unreadable) as error:
            collected.problem = str(error)
    found = collected.findings()
    state = (
        ExtractionState.TOO_LARGE if collected.problem and not found.files else ExtractionState.DONE
    )
    return Findings(
        state=state,
        reason=collected.problem,
        facts=facts,
        files=found.files,
        files_cut=found.files_cut,
    )


def _take(
    member: ArchiveMember, layer: int, collected: CollectedFiles, facts: dict[str, str]
) -> None:
    directory, _, name = member.path.removeprefix("./").rpartition("/")
    if name == _OPAQUE:
        member.path, member.type = directory, "opaque"
    elif name.startswith(_WHITEOUT):
        member.path = f"{directory}/{name[len(_WHITEOUT) :]}".lstrip("/")
        member.type = "deleted"
    elif member.path.removeprefix("./") in _RELEASE and member.type == "file":
        facts.update(_release(member.read(limits.PATH * 4)))
    member.read = lambda most: b""
    collected.add(member, layer)


def _release(content: bytes) -> dict[str, str]:
    """The system's name, from os-release(5)."""
    for line in content.decode(errors="replace").splitlines():
        key, equals, value = line.partition("=")
        if equals and key == "PRETTY_NAME":
            return {"System": limits.cut(value.strip("\"'"), 200)}
    return {}
