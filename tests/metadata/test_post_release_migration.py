"""Tags that follow a release sort behind it after the upgrade, and are no pre-releases."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from entrepot.kinds.versions import version_key
from entrepot.metadata.engines import databases
from entrepot.metadata.migrate import upgrade_sqlite

_INSERT = (
    "INSERT INTO tags (repository_id, name, manifest_id, moved_at, version_key)"
    " VALUES (1, ?, 1, 0, ?)"
)
MENDED = {
    "1.0.post1": "1011000000!1post011",
    "9.8P1": "10190180000!1p011",
    "1.0.rev": "1011000000!1rev",
    "1.0.r2.b": "1011000000!1r012 1b",
}
KEPT = {
    "1.0.0-r1": "1011000000!1r011",
    "1.0rc1": "1011000000!1rc011",
    "1.0.pre1": "1011000000!1pre011",
    "latest": "0latest",
}


def test_what_is_there_already_gets_its_new_place(tmp_path: Path) -> None:
    place = tmp_path / "older.db"
    databases.upgrade_to(place, "0020")
    # Foreign keys are off in this connection: the tags need no repository.
    with closing(sqlite3.connect(place)) as connection:
        connection.executemany(_INSERT, [*(MENDED | KEPT).items()])
        connection.commit()
    upgrade_sqlite(place)
    with databases.reading(place) as reader:
        rows = reader.execute(text("SELECT name, version_key FROM tags"))
        found = {str(row[0]): str(row[1]) for row in rows}
    assert found == {name: version_key(name) for name in MENDED | KEPT}
    assert {name: found[name] for name in KEPT} == KEPT
