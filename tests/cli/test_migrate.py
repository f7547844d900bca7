"""What `entrepot migrate` refuses before it changes anything, and what goes on under a seal."""

import json
from pathlib import Path

import pytest

from entrepot.metadata.engines import database_migration
from entrepot.metadata.engines.sentinels import SEAL
from tests.cli.conftest import Run
from tests.cli.test_commands import said


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "pass one of"),
        (("--to-storage", "files", "--cancel"), "pass one of"),
        (("--to-storage", "s3://hub-blobs"), 'storage_from = "files"'),
        (("--to-database", "mysql://hub"), "postgresql://USER@HOST/NAME"),
        (("--to-database", "sqlite"), "already uses this database"),
    ],
)
def test_a_move_that_makes_no_sense_is_refused(
    run: Run, words: tuple[str, ...], reason: str
) -> None:
    refused = run("migrate", *words)
    assert refused.exit_code == 2
    assert reason in refused.stderr


def test_a_database_that_cannot_be_reached_is_told_on_one_line(run: Run, alice: str) -> None:
    refused = run("migrate", "--to-database", "postgresql://hub@/hub?host=/nowhere")
    assert refused.exit_code == 1
    assert refused.stderr.count("\n") == 1
    assert "entrepot migrate --cancel" in refused.stderr
    # Nothing was sealed for that.
    said(run("user", "disable", alice))


@pytest.mark.parametrize("words", [("--to-database", "postgresql://hub@/hub"), ("--cancel",)])
def test_where_there_is_no_hub_none_is_made(run: Run, data: Path, words: tuple[str, ...]) -> None:
    (data / "entrepot.db").unlink()
    assert "there is no hub" in run("migrate", *words).stderr
    assert not (data / "entrepot.db").exists()


def test_a_sealed_hub_is_read_and_not_written_until_that_is_cancelled(
    run: Run, data: Path, alice: str
) -> None:
    database_migration._seal(data / "entrepot.db")
    assert alice in said(run("user", "list"))
    assert SEAL in run("user", "disable", alice).stderr
    assert json.loads(said(run("migrate", "--cancel", "--json"))) == {"sealed": False}
    said(run("migrate", "--cancel"))
    said(run("user", "disable", alice))


@pytest.mark.parametrize(("new", "old"), [("files", "files"), ("s3://hub-blobs", "s3://hub-blobs")])
def test_bytes_do_not_move_to_where_they_are(
    run: Run, monkeypatch: pytest.MonkeyPatch, new: str, old: str
) -> None:
    monkeypatch.setenv("ENTREPOT_STORAGE", new)
    monkeypatch.setenv("ENTREPOT_STORAGE_FROM", old)
    refused = run("migrate", "--to-storage", new)
    assert refused.exit_code == 2
    assert "storage_from must name the previous storage" in refused.stderr
