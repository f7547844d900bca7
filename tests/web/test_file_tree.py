"""Files as folders."""

from hypothesis import given
from hypothesis import strategies as st

from entrepot.extract.findings import File
from entrepot.web.contents.file_tree import entries_in

FILES = [
    File("usr/bin/sh", 10),
    File("usr/bin", type="directory"),
    File("usr/lib/libc.so", 30),
    File("etc", type="directory"),
    File("README.md", 5),
    File("usr/bin/sh", 12, layer=1),
    File("usr/bin/ash", type="symlink", target="sh", layer=1),
]


def test_a_folder_has_folders_first_with_all_that_is_below() -> None:
    top = [(each.name, each.is_folder, each.files, each.size) for each in entries_in(FILES, "")]
    assert top == [("etc", True, 0, 0), ("usr", True, 2, 42), ("README.md", False, 1, 5)]
    inner = entries_in(FILES, "usr/")
    assert [(each.path, each.size) for each in inner] == [("usr/bin", 12), ("usr/lib", 30)]


def test_of_a_path_in_several_layers_the_last_one_counts() -> None:
    found = entries_in(FILES, "usr/bin")
    assert [(each.name, each.size, each.layer, each.target) for each in found] == [
        ("ash", 0, 1, "sh"),
        ("sh", 12, 1, ""),
    ]
    assert entries_in(FILES, "nowhere") == []


@given(st.lists(st.text("ab/", max_size=8)), st.text("ab/", max_size=4))
def test_entries_lie_in_their_folder(paths: list[str], folder: str) -> None:
    files = [File(path, 1) for path in paths if path.strip("/")]
    prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
    for entry in entries_in(files, folder):
        assert entry.path == prefix + entry.name
        assert "/" not in entry.name
