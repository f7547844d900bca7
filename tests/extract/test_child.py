"""The child that reads: it answers, it is held, and what becomes of it harms nobody."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from entrepot.extract.findings import State, Task
from entrepot.extract.reader import Reader
from tests.extract.evil import one
from tests.extract.tasks import blob

PROBE = """
import entrepot.extract.child as child
from entrepot.extract.findings import Findings
import errno, socket, sys
def probe(task):
    facts = {}
    try:
        with open(sys.argv[1] + "/written", "wb") as file:
            file.write(b"x")
            file.flush()
        facts["file"] = "written"
    except OSError as error:
        facts["file"] = errno.errorcode[error.errno]
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=2).close()
        facts["network"] = "reached"
    except OSError:
        facts["network"] = "none"
    return Findings(facts=facts)
child.read_task = probe
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
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
    reader = Reader()
    task = Task("files", "files", [blob(tmp_path, one("a.txt", b"hello"))])
    for _ in range(3):
        found = await reader.read(task)
        assert (found.state, [each.path for each in found.files]) == (State.DONE, ["a.txt"])
    assert await reader.render("**bold**") == "<p><strong>bold</strong></p>\n"
    await reader.close()
    await reader.close()


async def test_the_child_writes_nothing_and_as_root_reaches_nobody(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = str(server.sockets[0].getsockname()[1])
    reader = Reader((sys.executable, "-c", PROBE, str(tmp_path), port))
    found = await reader.read(Task("files", "files", []))
    await reader.close()
    server.close()
    assert found.facts["file"] == "EFBIG"
    assert (tmp_path / "written").stat().st_size == 0
    if os.getuid() == 0:
        assert found.facts["network"] == "none"


@pytest.mark.parametrize("program", [DIES, LIES, BABBLES], ids=["dies", "lies", "babbles"])
async def test_a_child_that_fails_is_a_finding(program: str) -> None:
    reader = Reader((sys.executable, "-c", program))
    for _ in range(2):
        found = await reader.read(Task("files", "files", []))
        assert (found.state, found.reason) == (
            State.FAILED,
            "it brought down the process that read it",
        )
    await reader.close()


async def test_a_child_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entrepot.extract.reader._GRACE", 0.2)
    reader = Reader((sys.executable, "-c", HANGS))
    found = await reader.read(Task("files", "files", [], seconds=0.1))
    assert (found.state, found.reason) == (State.FAILED, "reading it took longer than it may")
    await reader.close()


async def test_whoever_gives_up_leaves_no_answer_for_the_next(tmp_path: Path) -> None:
    reader = Reader()
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
