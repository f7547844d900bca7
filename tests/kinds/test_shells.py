"""Commands in a real shell: what somebody pushed reaches tools as one word, and nothing else."""

import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kinds import layer_names, shell
from entrepot.kinds.commands import Language
from entrepot.kinds.recognition.catalogue import recognize
from entrepot.kinds.recognition.manifest_view import ManifestView
from tests.kinds import places
from tests.kinds.corpus import view
from tests.kinds.hostile import WORDS

_SPECIMENS = ["files-oras", "volume", "volume-of-plain-file", "spdx-referrer", "files-none"]
_TOOLS = ["oras", "docker", "podman", "curl", "tar", "sha256sum", "grype", "trivy", "crane"]
_TOOLS += ["regctl", "cosign", "kubectl"]
_RECORDS = '#!/bin/sh\nprintf \'%s\\n\' "$@" >> "$RECORD"\ncat > /dev/null\n'
_OWNED = Path("/tmp/owned")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A directory of programs that write down what they are told, and nothing else."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in _TOOLS:
        program = directory / name
        program.write_text(_RECORDS.replace("cat >", f"{shutil.which('cat')} >"))
        program.chmod(0o755)
    (directory / "mkdir").symlink_to(str(shutil.which("mkdir")))
    return directory


def _titled(name: str, title: str) -> ManifestView:
    found = view(name)
    layers = tuple(
        replace(each, annotations={**each.annotations, layer_names.TITLE: title})
        for each in found.manifest.layers
    )
    return replace(found, manifest=replace(found.manifest, layers=layers))


def _ran(text: str, program: str, directory: Path, tools: Path) -> list[str]:
    record = directory / "record"
    record.write_text("")
    work = directory / "work"
    work.mkdir(exist_ok=True)
    subprocess.run(
        [program, "-c", text],
        cwd=work,
        env={"PATH": str(tools), "RECORD": str(record), "HOME": str(directory)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )
    return record.read_text().splitlines()


@pytest.mark.parametrize("program", ["/bin/sh", "/bin/bash"])
@pytest.mark.parametrize("word", [*WORDS, "$(touch /tmp/owned).tar.gz", "-x.tar.gz", "a b.tar"])
def test_a_file_s_name_is_one_word_of_a_command(
    word: str, program: str, tmp_path: Path, tools: Path
) -> None:
    _OWNED.unlink(missing_ok=True)
    safe = shell.title_of(_titled("files-oras", word).manifest.layers[0])
    for name in _SPECIMENS[:3]:
        found = _titled(name, word)
        commands = recognize(found).commands(places.PUBLIC, found)
        named = [each for each in commands if each.tool == "curl" or "import" in each.text]
        assert bool(safe) is any(each.tool == "curl" for each in named)
        for each in named:
            assert each.language is Language.SHELL
            told = _ran(each.text, program, tmp_path, tools)
            assert {safe.rpartition("/")[2], f"./{safe}", safe, "-"} & set(told), each.text
    assert not _OWNED.exists()


@pytest.mark.parametrize("name", _SPECIMENS)
def test_a_benign_name_reaches_the_tools_as_it_is(name: str, tmp_path: Path, tools: Path) -> None:
    found = _titled(name, "notes of today.txt")
    for each in recognize(found).commands(places.LOCALHOST, found):
        if each.language is Language.SHELL:
            assert _ran(each.text, "/bin/sh", tmp_path, tools), each.text


@pytest.mark.parametrize(
    "title",
    ["notes.txt", "docs/notes.txt", "./notes.txt", "a b", "-x", "$(id)", "日本語.txt", "..a"],
)
def test_a_title_that_stays_below_the_directory_is_a_file_s_name(title: str) -> None:
    assert shell.title_of(_titled("files-oras", title).manifest.layers[0]) == title


@pytest.mark.parametrize(
    "title",
    ["", ".", "..", "/etc/passwd", "../a", "a/../b", "docs/", "a\nb", "a\\b", "\u202ea", "x" * 256],
)
def test_a_title_that_leads_elsewhere_or_hides_something_is_none(title: str) -> None:
    assert shell.title_of(_titled("files-oras", title).manifest.layers[0]) == ""


@given(st.one_of(st.sampled_from(WORDS), st.text(max_size=60)))
def test_any_title_is_one_word_and_changes_no_other(title: str) -> None:
    found = _titled("files-oras", title)
    commands = recognize(found).commands(places.PUBLIC, found)
    downloads = [each for each in commands if each.tool == "curl"]
    assert bool(downloads) is bool(shell.title_of(found.manifest.layers[0]))
    for each in downloads:
        local = title.rpartition("/")[2]
        digest = found.manifest.layers[0].digest
        words = shlex.split(each.text)
        assert words[:3] == ["curl", "-fsSL", "-o"]
        assert words[3] in (local, f"./{local}")
        assert words[5:] == ["echo", f"{digest.hex}  {local}", "|", "sha256sum", "-c", "-"]
