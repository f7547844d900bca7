"""Where the machine, the database or the storage fails, each command ends with one line."""

import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from entrepot.cli.common.output import explain
from entrepot.cli.main import app
from entrepot.metadata.engines.sqlite_driver import dbapi2
from entrepot.metadata.migrate import HEAD
from tests.cli.test_mistakes import one_line
from tests.support.server import PROGRAM, free_port

COMMANDS: list[tuple[str, ...]] = [
    ("serve", "--port", "25993"),
    ("check",),
    ("collect",),
    ("quota", "docker"),
    ("retain",),
    ("backup", "backups"),
    ("scrub",),
    ("export", "docker/app:1", "layout"),
    ("reindex",),
    ("migrate", "--cancel"),
    ("invite", "--url", "https://hub.example.org"),
    ("user", "list"),
    ("org", "list"),
    ("token", "list"),
    ("repo", "list"),
    ("audit", "list"),
    ("webhook", "list"),
]
URL = "postgresql://entrepot:quite-secret@127.0.0.1:{}/hub"


def told(words: tuple[str, ...], data: Path, **settings: str) -> str:
    """The one line that the command ended with; no secret is in it."""
    environment = {f"ENTREPOT_{name.upper()}": value for name, value in settings.items()}
    # Whoever runs the tests may have a hub on the usual one.
    environment["ENTREPOT_PORT"] = str(free_port())
    if words[0] == "serve":
        # A program that listens where a hub does by default is none of the failures here.
        environment.setdefault("ENTREPOT_PORT", str(free_port()))
        done = subprocess.run(
            [PROGRAM, *words, "--data", str(data)],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        (line,) = done.stderr.splitlines()
        assert (done.returncode, done.stdout) == (1, "")
    else:
        result = CliRunner().invoke(app, [*words, "--data", str(data)], env=environment)
        line = one_line(result)
        assert result.exit_code == 1
    assert "secret" not in line
    return line


@contextmanager
def refusing(reason: str) -> Iterator[int]:
    """The port of a PostgreSQL server that lets nobody in."""
    fields = f"SFATAL\0VFATAL\0C28P01\0M{reason}\0\0".encode()
    answer = b"E" + struct.pack(">I", len(fields) + 4) + fields

    def serve(server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                # It may first ask for TLS, or for GSS.
                while (start := client.recv(1024))[4:8] in (
                    b"\x04\xd2\x16\x2f",
                    b"\x04\xd2\x16\x30",
                ):
                    client.sendall(b"N")
                if start:
                    client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_database_that_is_not_there_is_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    line = told(words, tmp_path, database=URL.format(1))
    assert "cannot use the database postgresql://entrepot:…@127.0.0.1:1/hub: " in line
    assert "refused" in line


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_wrong_password_is_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    with refusing('password authentication failed for user "entrepot"') as port:
        assert "password authentication failed" in told(words, tmp_path, database=URL.format(port))


@pytest.mark.parametrize("words", [each for each in COMMANDS if each[0] != "serve"], ids=" ".join)
def test_a_missing_driver_is_one_line(
    tmp_path: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "psycopg"]:
        monkeypatch.setitem(sys.modules, name, None)
    assert "psycopg, which is not installed" in told(words, tmp_path, database=URL.format(1))


@pytest.mark.parametrize(
    "url", ["postgresql://a:quite-secret#@[::1/x", "postgresql://u:secret@h:port/x"]
)
def test_a_url_that_cannot_be_read_is_one_line(tmp_path: Path, url: str) -> None:
    assert "the URL of the database cannot be read" in told(
        ("user", "list"), tmp_path, database=url
    )


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("damage", ["noise", "torn", "other", "directory"])
def test_a_damaged_database_is_one_line(
    tmp_path: Path, empty_database: Path, words: tuple[str, ...], damage: str
) -> None:
    path = tmp_path / "entrepot.db"
    if damage == "noise":
        path.write_bytes(b"this is no database" * 1000)
    elif damage == "torn":
        whole = empty_database.read_bytes()
        path.write_bytes(whole[:100] + b"\xff" * 8000)
    elif damage == "other":
        dbapi2.connect(path).execute("CREATE TABLE other (x)")
    else:
        path.mkdir()
    assert str(path) in told(words, tmp_path)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_data_directory_that_cannot_be_one_is_one_line(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    assert told(words, tmp_path / "file" / "data")


@pytest.mark.parametrize("words", [("serve",), ("user", "list"), ("check",)], ids=" ".join)
def test_a_storage_that_is_not_there_is_one_line(
    tmp_path: Path,
    empty_database: Path,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "entrepot.db").write_bytes(empty_database.read_bytes())
    endpoint = f"http://127.0.0.1:{free_port()}"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "a key")
    line = told(words, tmp_path, storage="s3://bucket", s3_endpoint=endpoint)
    assert f"cannot use s3://bucket at {endpoint}: " in line


@pytest.mark.parametrize("words", [each for each in COMMANDS if each[0] != "migrate"], ids=" ".join)
def test_a_schema_of_a_later_version_is_one_line(
    tmp_path: Path, empty_database: Path, words: tuple[str, ...]
) -> None:
    _as_of_version(tmp_path, empty_database, "9998", since="9997")
    line = told(words, tmp_path)
    assert "schema 9998 of a later version" in line
    assert f"up to {HEAD}" in line


def test_a_later_schema_that_was_only_added_to_is_used(
    tmp_path: Path, empty_database: Path
) -> None:
    path = _as_of_version(tmp_path, empty_database, "9998", since=HEAD)
    result = CliRunner().invoke(app, ["user", "list", "--data", str(tmp_path)])
    assert result.exit_code == 0, result.stderr
    # It is not taken back to what this version knows.
    row = dbapi2.connect(path).execute("SELECT version_num, compatible_since FROM alembic_version")
    assert row.fetchone() == ("9998", HEAD)


def _as_of_version(directory: Path, database: Path, revision: str, since: str) -> Path:
    path = directory / "entrepot.db"
    path.write_bytes(database.read_bytes())
    connection = dbapi2.connect(path)
    with connection:
        connection.execute("CREATE TABLE of_later_versions (id INTEGER)")
        values = (revision, since)
        connection.execute("UPDATE alembic_version SET version_num=?, compatible_since=?", values)
    connection.close()
    return path


def test_what_the_machine_refuses_names_the_file() -> None:
    error = PermissionError(13, "Permission denied", "/srv/hub")
    assert explain(error) == "/srv/hub: Permission denied"
    assert explain(OSError("the disk is gone")) == "the disk is gone"
    assert explain(BrokenPipeError()) == "BrokenPipeError"
