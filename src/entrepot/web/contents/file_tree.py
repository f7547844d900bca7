"""The files of an artifact as folders, one folder at a time."""

from collections.abc import Iterable
from dataclasses import dataclass

from entrepot.extract.findings import File


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file, or a folder with the number and the bytes of all files below it."""

    name: str
    path: str
    is_folder: bool
    size: int
    files: int
    type: str
    target: str
    layer: int


def entries_in(files: Iterable[File], folder: str) -> list[TreeEntry]:
    """Return what lies in a folder ("" for the top): folders first, each by name.

    Of a path that several layers have, the last one counts, as in a container.
    """
    last = {each.path.strip("/"): each for each in files}
    prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
    folders: dict[str, tuple[int, int]] = {}
    found: list[TreeEntry] = []
    for path, each in last.items():
        if not path.startswith(prefix) or path == prefix.rstrip("/"):
            continue
        name, separator, _ = path[len(prefix) :].partition("/")
        if separator or each.type == "directory":
            count, size = folders.get(name, (0, 0))
            is_file = each.type == "file"
            folders[name] = (count + is_file, size + (each.size if is_file else 0))
        else:
            found.append(
                TreeEntry(name, path, False, each.size, 1, each.type, each.target, each.layer)
            )
    inner = [
        TreeEntry(name, prefix + name, True, size, count, "directory", "", 0)
        for name, (count, size) in folders.items()
    ]
    return sorted(inner, key=_name) + sorted(found, key=_name)


def _name(entry: TreeEntry) -> str:
    return entry.name
