"""The data directory: nobody else's to read, from the first start and after an upgrade."""

import stat
from pathlib import Path

import pytest

from entrepot.bootstrap import prepare
from entrepot.settings import Settings
from entrepot.storage.private_files import make_private
from tests.wire.hubs import serving


def mode_of(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(data: Path) -> list[str]:
    """Everything below that others can read or write, and the directory itself."""
    found = [data, *data.rglob("*")]
    return [str(path.relative_to(data)) for path in found if mode_of(path) & 0o077]


def test_what_a_hub_makes_is_nobody_elses(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as hub:
        owner = hub.newcomer("anna")
        hub.make("anna/things", "private", owner)
        hub.cli("backup", str(tmp_path / "backup"))
        assert (hub.data / "entrepot.db").exists()
        assert open_to_others(hub.data) == []
        assert open_to_others(tmp_path / "backup") == []


def test_a_directory_from_before_is_mended_at_the_start(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    prepare(settings)
    keys = settings.tls_directory
    keys.mkdir()
    for path in (keys / "server.key", settings.sqlite_file, settings.data):
        path.touch()
        path.chmod(0o755 if path.is_dir() else 0o644)
    prepare(settings)
    assert mode_of(settings.data) == 0o700
    assert mode_of(settings.sqlite_file) == mode_of(keys / "server.key") == 0o600


def test_what_is_somebody_elses_and_open_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    settings = Settings(data=tmp_path / "data")
    settings.data.mkdir(mode=0o755)
    settings.data.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", refuse)
    prepare(settings)
    assert "is open to other users (mode 755)" in capsys.readouterr().err


def test_a_volume_that_a_group_of_our_own_shares_is_no_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    tmp_path.chmod(0o770)
    monkeypatch.setattr(Path, "chmod", refuse)
    assert make_private(tmp_path) == []
