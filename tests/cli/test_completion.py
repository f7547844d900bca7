"""Completion, in real shells: what a person gets at Tab."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.server import PROGRAM

# As bash calls the function: with the words of the line, the last of them being typed.
_IN_BASH = """
source {script}
COMP_WORDS=({words} "$1")
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_entrepot
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def script_of(shell: str, tmp_path: Path) -> Path:
    """The script for a shell, in a file."""
    done = subprocess.run(
        [PROGRAM, "completion", shell], check=True, capture_output=True, text=True, timeout=60
    )
    path = tmp_path / "completion"
    path.write_text(done.stdout)
    return path


def in_bash(script: Path, words: str, current: str) -> list[str]:
    """What bash offers for the word `current` behind the words."""
    code = _IN_BASH.format(script=script, words=words)
    done = subprocess.run(
        ["bash", "--norc", "-c", code, "bash", current],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_values(tmp_path: Path) -> None:
    script = script_of("bash", tmp_path)
    assert in_bash(script, "entrepot", "lo") == ["login", "logout"]
    assert in_bash(script, "entrepot repo", "s") == ["show"]
    assert in_bash(script, "entrepot ci trust", "") == [
        "add",
        "disable",
        "enable",
        "list",
        "remove",
        "try",
    ]
    assert in_bash(script, "entrepot tag delete acme/app v1", "--") == [
        "--help",
        "--manifest",
        "--yes",
        "--hub",
        "--data",
        "--json",
    ]
    assert in_bash(script, "entrepot tag list --sort", "n") == ["newest", "name"]
    assert in_bash(script, "entrepot completion", "") == ["bash", "zsh", "fish"]
    assert in_bash(script, "entrepot repo list --data", "s") == []


def test_bash_completes_a_line_that_is_typed(tmp_path: Path) -> None:
    script = script_of("bash", tmp_path)
    typed = f'source {script}\nentrepot() {{ echo "ran: $*"; }}\nentrepot repo vis\t a public\n'
    done = subprocess.run(
        ["bash", "--norc", "-i"],
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"TERM": "dumb", "PS1": ""},
    )
    assert "ran: repo visibility a public" in done.stdout


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_read_their_script(tmp_path: Path, shell: str) -> None:
    program = shutil.which(shell)
    script = script_of(shell, tmp_path)
    assert "entrepot" in script.read_text()
    if program is None:
        pytest.skip(f"there is no {shell} here")
    subprocess.run([program, "-n", str(script)], check=True, timeout=60)
