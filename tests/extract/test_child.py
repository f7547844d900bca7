"""The child that reads: it answers, it is held, and what becomes of it harms nobody."""

import asyncio
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec import structs

from entrepot.extract.findings import Blob, ExtractionState, Task
from entrepot.extract.sandbox import seccomp
from entrepot.extract.sandbox.confinement import (
    LANDLOCK,
    LIMITS,
    NETWORK,
    PRIVILEGES,
    SECCOMP,
    describe,
    parse_probe,
)
from entrepot.extract.sandbox.confinement import PROBE as PROBE_COMMAND
from entrepot.extract.sandbox.reader import SandboxedReader
from tests.extract.evil import one
from tests.extract.tasks import blob

WALLS = (LIMITS, NETWORK, PRIVILEGES, LANDLOCK, SECCOMP)
PROBE = """
import errno, os, socket, sys
import entrepot.extract.sandbox.child as child
from entrepot.extract import files
from entrepot.extract.sandbox import confinement
from entrepot.extract.findings import Findings
for name in sys.argv[1].split():
    getattr(confinement, name).apply = lambda libc: "left out"

def tried(act):
    try:
        return str(act() or "done")
    except OSError as error:
        return errno.errorcode.get(error.errno, "refused")

def probe(task):
    acts = task.annotations
    facts = {name: tried(lambda: eval(act)) for name, act in acts.items()}
    return Findings(facts=facts)

child.read_task = probe
child.main()
"""
HANGS = "import sys, time; sys.stdin.buffer.read(4); time.sleep(60)"
DIES = "import sys; sys.stdin.buffer.read(4); sys.exit(3)"
LIES = "import sys; sys.stdin.buffer.read(4); sys.stdout.buffer.write(b'\\xff\\xff\\xff\\xff')"
BABBLES = (
    "import sys; sys.stdin.buffer.read(4); "
    "sys.stdout.buffer.write(b'\\0\\0\\0\\4oops'); sys.stdout.flush()"
)


async def test_one_child_answers_task_after_task(tmp_path: Path) -> None:
    reader = SandboxedReader()
    task = Task("files", "files", [blob(tmp_path, one("a.txt", b"hello"))])
    for _ in range(3):
        found = await reader.read(task)
        assert (found.state, [each.path for each in found.files]) == (
            ExtractionState.DONE,
            ["a.txt"],
        )
    await reader.close()
    await reader.close()


async def _tried(
    acts: dict[str, str], *, without: str = "", blobs: list[Blob] | None = None
) -> dict[str, str]:
    """What became of each expression in a child, perhaps one that lacks some of the walls."""
    reader = SandboxedReader((sys.executable, "-c", PROBE, without))
    found = await reader.read(Task("files", "files", blobs or [], annotations=acts))
    await reader.close()
    assert found.state is ExtractionState.DONE, found.reason
    return found.facts


def expected_walls(*, is_privileged: bool = os.geteuid() == 0) -> dict[str, str]:
    """Every wall; in a chroot, and where kernels forbid it, only root leaves the network."""
    walls = dict.fromkeys(WALLS, "")
    if not is_privileged and subprocess.run(["unshare", "--user", "true"], check=False).returncode:
        walls["network namespace"] = "the kernel allows none"
    return walls


async def test_all_walls_stand_on_this_machine() -> None:
    reader = SandboxedReader()
    confinement = await reader.confinement()
    assert confinement == expected_walls()
    assert all(wall in describe(confinement) for wall in WALLS)


async def test_the_child_reads_no_file_but_its_programs(tmp_path: Path) -> None:
    database, link = tmp_path / "entrepot.db", tmp_path / "link"
    database.write_text("secret")
    link.symlink_to(database)
    places = {
        "database": str(database),
        "link": str(link),
        "passwords": "/etc/passwd",
        "parent": f"/proc/{os.getpid()}/environ",
        "itself": "/proc/self/environ",
        "device": "/dev/mem",
    }
    acts = {name: f"open({place!r}, 'rb').read()" for name, place in places.items()}
    acts["module"] = "open(os.__file__).read()[:3]"
    acts["list"] = f"os.listdir({str(tmp_path)!r})"
    facts = await _tried(acts)
    assert facts.pop("module") == 'r"""'[:3]
    assert set(facts.values()) <= {"EACCES", "EPERM", "ENOENT"}, facts


async def test_the_child_sees_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTREPOT_ADMIN_PASSWORD", "the password of the operator")
    # Before it is shut in, so that the kernel's own word can be read.
    program = PROBE.replace("def tried", "seen = open('/proc/self/environ').read()\ndef tried")
    reader = SandboxedReader((sys.executable, "-c", program, ""))
    acts = {"kernel": "repr(seen)", "python": "sorted(os.environ)"}
    found = await reader.read(Task("files", "files", [], annotations=acts))
    await reader.close()
    # Python itself chooses UTF-8 where no locale is set.
    assert found.facts == {"kernel": "''", "python": "['LC_CTYPE']"}


@pytest.mark.parametrize("without", ["", "landlock"], ids=["all walls", "seccomp alone"])
async def test_the_child_makes_no_file_socket_or_process(tmp_path: Path, without: str) -> None:
    acts = {
        "write": f"open({str(tmp_path / 'written')!r}, 'wb')",
        "internet": "socket.socket(socket.AF_INET)",
        "unix": "socket.socket(socket.AF_UNIX)",
        "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "pair": "socket.socketpair()",
        "fork": "os.fork()",
        "program": "os.execv(sys.executable, [sys.executable])",
        "signal": "os.kill(os.getppid(), 0)",
        "remove": f"os.unlink({str(tmp_path / 'kept')!r})",
        "mode": f"os.chmod({str(tmp_path / 'kept')!r}, 0o777)",
        "rename": f"os.rename({str(tmp_path / 'kept')!r}, {str(tmp_path / 'other')!r})",
    }
    (tmp_path / "kept").touch()
    facts = await _tried(acts, without=without)
    assert set(facts.values()) <= {"EPERM", "EACCES"}, facts
    assert os.listdir(tmp_path) == ["kept"]  # noqa: PTH208


async def test_without_seccomp_the_child_still_reaches_nobody(tmp_path: Path) -> None:
    # A connection that stays open would be a warning in whatever test comes next.
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    acts = {
        "network": f"socket.create_connection(('127.0.0.1', {port}), timeout=2)",
        "write": f"open({str(tmp_path / 'written')!r}, 'wb')",
    }
    # Without a network of its own Landlock is what is left.
    both = expected_walls()["network namespace"] == ""
    for without in ("seccomp", "seccomp landlock") if both else ("seccomp",):
        facts = await _tried(acts, without=without)
        assert facts["network"] in ("ENETUNREACH", "EACCES", "refused"), without
    server.close()
    written = tmp_path / "written"
    # The limits hold where nothing else does: not one byte was written. Landlock makes no file.
    assert written.stat().st_size == 0 if both else not written.exists()


async def test_the_child_is_handed_the_blobs_of_its_task_and_no_others(tmp_path: Path) -> None:
    ours, link = blob(tmp_path, b"ours"), tmp_path / "link"
    link.symlink_to(ours.path)
    linked = structs.replace(ours, path=str(link))
    acts = {
        "ours": "files._open('0').read()",
        "link": "files._open('1').read()",
        "next": "files._open('2').read()",
        "path": f"open({ours.path!r}).read()",
    }
    facts = await _tried(acts, blobs=[ours, linked])
    assert facts == {"ours": "b'ours'", "link": "refused", "next": "refused", "path": "EACCES"}


async def test_without_privileges_the_network_is_left_in_a_user_namespace() -> None:
    dropped = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    command = [*dropped, *PROBE_COMMAND]
    probe = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await probe.communicate()
    assert parse_probe(output) == expected_walls(is_privileged=False)


async def test_operators_are_told_why_a_wall_is_missing() -> None:
    assert describe({"seccomp": "", "Landlock": "the kernel has none"}) == (
        "seccomp (not active: Landlock: the kernel has none)"
    )
    assert set(parse_probe(b"").values()) == {"the probe failed"}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_refuses_what_it_does_not_list(machine: str) -> None:
    architecture, column = seccomp._ARCHITECTURES[machine]
    instructions = list(struct.iter_unpack("=HBBI", seccomp.program(architecture, column)))
    assert instructions[-1] == (6, 0, 0, 0x00050001)
    compared = {value for code, _, _, value in instructions if code == 0x15}
    refused = {"x86_64": {41, 42, 49, 56, 57, 59, 101, 435}, "aarch64": {198, 200, 203, 220, 221}}
    assert not compared & refused[machine]


@pytest.mark.parametrize("program", [DIES, LIES, BABBLES], ids=["dies", "lies", "babbles"])
async def test_a_child_that_fails_is_a_finding(program: str) -> None:
    reader = SandboxedReader((sys.executable, "-c", program))
    for _ in range(2):
        found = await reader.read(Task("files", "files", []))
        assert (found.state, found.reason) == (
            ExtractionState.FAILED,
            "it brought down the process that read it",
        )
    await reader.close()


async def test_a_child_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entrepot.extract.sandbox.reader._GRACE", 0.2)
    reader = SandboxedReader((sys.executable, "-c", HANGS))
    found = await reader.read(Task("files", "files", [], seconds=0.1))
    assert (found.state, found.reason) == (
        ExtractionState.FAILED,
        "reading it took longer than it may",
    )
    await reader.close()


async def test_whoever_gives_up_leaves_no_answer_for_the_next(tmp_path: Path) -> None:
    reader = SandboxedReader()
    layer = blob(tmp_path, one("a.txt", b"hello"))
    asked = asyncio.create_task(reader.read(Task("files", "files", [layer])))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    other = blob(tmp_path, one("b.txt", b"hello"))
    found = await reader.read(Task("files", "files", [other]))
    assert [each.path for each in found.files] == ["b.txt"]
    await reader.close()


def test_the_child_ends_with_the_process_that_started_it() -> None:
    # Busy, and so deaf to the end of its input.
    busy = (
        "import entrepot.extract.sandbox.child as c, time; c.read_task = lambda _: time.sleep(60); "
    )
    parent = (
        "import asyncio, sys; from entrepot.extract.sandbox.reader import SandboxedReader; "
        "from entrepot.extract.findings import Task\n"
        "async def main():\n"
        f"    reader = SandboxedReader((sys.executable, '-c', {busy + 'c.main()'!r}))\n"
        "    task = asyncio.create_task(reader.read(Task('files', 'files', [])))\n"
        "    while reader._child is None: await asyncio.sleep(0.01)\n"
        "    await asyncio.sleep(1)\n"
        "    print(reader._child.pid, flush=True)\n"
        "    await task\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = Path(f"/proc/{int(process.stdout.readline())}")
    assert child.exists()
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while child.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
